# Manual pages.
dist_man_MANS += man/weir.8
