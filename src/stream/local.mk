# The files of this floor.
stream_sources = \
	src/stream/h1_in.c \
	src/stream/h1_out.c \
	src/stream/h1_stream.c src/stream/h1_stream.h \
	src/stream/h2_block.c \
	src/stream/h2_budget.c src/stream/h2_budget.h \
	src/stream/h2_frames.c \
	src/stream/h2_head.c src/stream/h2_head.h \
	src/stream/h2_inside.h \
	src/stream/h2_out.c \
	src/stream/h2_session.c src/stream/h2_session.h \
	src/stream/h2_stream.c \
	src/stream/stream.h
src_libweir_a_SOURCES += $(stream_sources)
