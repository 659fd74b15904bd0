# The files of this floor.
net_sources = \
	src/net/addr.c src/net/addr.h \
	src/net/chain.c src/net/chain.h \
	src/net/chunk.c src/net/chunk.h \
	src/net/conn.c src/net/conn.h \
	src/net/filter.h \
	src/net/io.h \
	src/net/listening.c src/net/listening.h \
	src/net/loop.c src/net/loop.h \
	src/net/piece.c src/net/piece.h \
	src/net/proxy_header.c src/net/proxy_header.h \
	src/net/sock.c src/net/sock.h \
	src/net/wheel.c src/net/wheel.h
src_libweir_a_SOURCES += $(net_sources)
