# The files of this floor.
src_libweir_a_SOURCES += \
	src/stream/h1_stream.c src/stream/h1_stream.h \
	src/stream/stream.h
