# The second process: applies rules, waits for a confirmation, repairs.
src_libweir_a_SOURCES += \
	src/keeper/commands.c \
	src/keeper/counts.c \
	src/keeper/cut.c \
	src/keeper/drift.c \
	src/keeper/ear.c src/keeper/ear.h \
	src/keeper/edits.c \
	src/keeper/files.c \
	src/keeper/hand_over.c \
	src/keeper/keeper.c src/keeper/keeper.h \
	src/keeper/memory.c \
	src/keeper/overlay.c \
	src/keeper/run.c \
	src/keeper/seen.c src/keeper/seen.h \
	src/keeper/start.c \
	src/keeper/state.h \
	src/keeper/status.c \
	src/keeper/suggest.c \
	src/keeper/trouble.c \
	src/keeper/watch.c src/keeper/watch.h
