# The process that serves: start, reload, checks, names, the admin socket.
src_libweir_a_SOURCES += \
	src/control/check.c src/control/check.h \
	src/control/notify.c src/control/notify.h \
	src/control/ports.c src/control/ports.h \
	src/control/ports_owner.c \
	src/control/privilege.c src/control/privilege.h \
	src/control/prober.c src/control/prober.h \
	src/control/resolver.c src/control/resolver.h \
	src/control/roster.c src/control/roster.h
