# Manual pages.
dist_man_MANS += man/weir.8 man/weir.yaml.5 man/weir-sg.8 man/weir-logs.5
