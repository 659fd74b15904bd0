# Which target takes a request.
src_libweir_a_SOURCES += \
	src/balance/health.h \
	src/balance/pick.h \
	src/balance/round_robin.h \
	src/balance/sticky.h
