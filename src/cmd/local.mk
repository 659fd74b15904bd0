# The program: a table of commands.
sbin_PROGRAMS += weir
weir_SOURCES = \
	src/cmd/cmd.h src/cmd/main.c src/cmd/options.c \
	src/cmd/cmd_check.c src/cmd/cmd_serve.c
