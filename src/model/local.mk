# The files of this floor.
model_sources = \
	src/model/counts.c src/model/counts.h \
	src/model/generation.c src/model/generation.h \
	src/model/group.c src/model/group.h \
	src/model/host.c src/model/host.h \
	src/model/inquiry.c src/model/inquiry.h \
	src/model/limit.c src/model/limit.h \
	src/model/listener.h \
	src/model/page.c src/model/page.h \
	src/model/protocol.c src/model/protocol.h \
	src/model/route.c src/model/route.h \
	src/model/rule.c src/model/rule.h \
	src/model/rule_compile.c src/model/rule_tables.h \
	src/model/rule_index.c src/model/rule_index.h \
	src/model/secgroup.c src/model/secgroup.h \
	src/model/sent.c src/model/sent.h \
	src/model/snapshot.c src/model/snapshot.h \
	src/model/state.c src/model/state.h \
	src/model/trust.c src/model/trust.h
src_libweir_a_SOURCES += $(model_sources)
