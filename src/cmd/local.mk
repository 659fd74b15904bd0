sbin_PROGRAMS += weir
weir_SOURCES = src/cmd/main.c
