# Which target takes a request.
balance_sources = \
	src/balance/health.c src/balance/health.h \
	src/balance/pick.c src/balance/pick.h \
	src/balance/round_robin.c src/balance/round_robin.h \
	src/balance/share.c src/balance/share.h \
	src/balance/sticky.c src/balance/sticky.h
src_libweir_a_SOURCES += $(balance_sources)
