# Which target takes a request.
balance_sources = \
	src/balance/anomaly.c src/balance/anomaly.h \
	src/balance/consistent.c src/balance/consistent.h \
	src/balance/hash_key.c src/balance/hash_key.h \
	src/balance/health.c src/balance/health.h \
	src/balance/least.c src/balance/least.h \
	src/balance/maglev.c src/balance/maglev.h \
	src/balance/passive.c src/balance/passive.h \
	src/balance/pick.c src/balance/pick.h \
	src/balance/round_robin.c src/balance/round_robin.h \
	src/balance/share.c src/balance/share.h \
	src/balance/slow_start.c src/balance/slow_start.h \
	src/balance/sticky.c src/balance/sticky.h \
	src/balance/sticky_app.c src/balance/sticky_app.h \
	src/balance/weighted_random.c src/balance/weighted_random.h
src_libweir_a_SOURCES += $(balance_sources)
