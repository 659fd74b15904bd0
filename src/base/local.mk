src_libweir_a_SOURCES += \
	src/base/arena.c src/base/arena.h \
	src/base/big_endian.h \
	src/base/cidr.c src/base/cidr.h \
	src/base/cidr_file.c src/base/cidr_file.h \
	src/base/cidr_set.c src/base/cidr_set.h \
	src/base/clock.c src/base/clock.h \
	src/base/counter.h src/base/counters.def src/base/counter.c \
	src/base/diag.c src/base/diag.h \
	src/base/fail.c src/base/fail.h \
	src/base/file.c src/base/file.h \
	src/base/journal.c src/base/journal.h \
	src/base/line.c src/base/line.h \
	src/base/histogram.c src/base/histogram.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/outbox.c src/base/outbox.h \
	src/base/map.c src/base/map.h \
	src/base/near.c src/base/near.h \
	src/base/glitch.c src/base/glitch.h src/base/glitches.def \
	src/base/reason.c src/base/reason.h src/base/reasons.def \
	src/base/slice.c src/base/slice.h \
	src/base/text.c src/base/text.h \
	src/base/writer.c src/base/writer.h
