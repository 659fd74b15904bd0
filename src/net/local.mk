src_libweir_a_SOURCES += \
	src/net/addr.c src/net/addr.h \
	src/net/chain.h src/net/chunk.h src/net/filter.h src/net/io.h
