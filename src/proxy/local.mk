# The files of this floor.
proxy_sources = \
	src/proxy/accept.c src/proxy/accept.h \
	src/proxy/access_log.c src/proxy/access_log.h \
	src/proxy/access_line.c src/proxy/access_line.h \
	src/proxy/announced.c src/proxy/announced.h \
	src/proxy/client.c src/proxy/client.h \
	src/proxy/connection_log.c src/proxy/connection_log.h \
	src/proxy/connection_line.c src/proxy/connection_line.h \
	src/proxy/conns.c src/proxy/conns.h \
	src/proxy/core.h \
	src/proxy/dispatch.c src/proxy/edits.c src/proxy/edits.h \
	src/proxy/error_ring.c src/proxy/error_ring.h \
	src/proxy/errors.c src/proxy/errors.h \
	src/proxy/exchange.c src/proxy/exchange.h \
	src/proxy/finish.c \
	src/proxy/gate.c src/proxy/gate.h \
	src/proxy/h1_front.c src/proxy/h1_front.h \
	src/proxy/h2_front.c src/proxy/h2_front.h \
	src/proxy/kept.c src/proxy/kept.h \
	src/proxy/limits.c src/proxy/limits.h \
	src/proxy/pages.c src/proxy/pages.h \
	src/proxy/peek.c src/proxy/peek.h \
	src/proxy/pump.c src/proxy/pump.h \
	src/proxy/record.h \
	src/proxy/relay.c \
	src/proxy/reply.c src/proxy/reply.h \
	src/proxy/request.c \
	src/proxy/response.c \
	src/proxy/rewrite.c src/proxy/rewrite.h \
	src/proxy/scratch.h \
	src/proxy/steps.h \
	src/proxy/tunnel.c src/proxy/tunnel.h \
	src/proxy/upstream.c src/proxy/upstream.h \
	src/proxy/upstream_h2.c \
	src/proxy/view.c src/proxy/view.h \
	src/proxy/worker.c src/proxy/worker.h
src_libweir_a_SOURCES += $(proxy_sources)
