# Fuzz targets and their corpora.
