# The files of this floor: pure, from groups to rules and back.
src_libweir_a_SOURCES += \
	src/firewall/acl.c \
	src/firewall/boxes.c src/firewall/boxes.h \
	src/firewall/closed.c src/firewall/closed.h \
	src/firewall/compile.c src/firewall/compile.h \
	src/firewall/compiler.h \
	src/firewall/dispatch.c \
	src/firewall/draft.c src/firewall/draft.h \
	src/firewall/follow.c \
	src/firewall/group.c \
	src/firewall/group_sets.c \
	src/firewall/import.c src/firewall/import.h \
	src/firewall/import_firewalld.c \
	src/firewall/import_iptables.c \
	src/firewall/import_rules.h \
	src/firewall/import_ufw.c \
	src/firewall/members.c \
	src/firewall/overlay.c src/firewall/overlay.h \
	src/firewall/overlay_lay.c \
	src/firewall/plan.c src/firewall/plan.h \
	src/firewall/profile.c \
	src/firewall/ruleset_hash.c src/firewall/ruleset.c src/firewall/ruleset.h \
	src/firewall/ruleset_text.c \
	src/firewall/session.c src/firewall/session.h \
	src/firewall/set_index.c src/firewall/set_index.h \
	src/firewall/sighting.c src/firewall/sighting.h \
	src/firewall/stages.c \
	src/firewall/store_file.c src/firewall/store_parts.h \
	src/firewall/store.c src/firewall/store.h \
	src/firewall/store_check.c src/firewall/store_check.h \
	src/firewall/tell.c src/firewall/tell.h \
	src/firewall/times.c \
	src/firewall/verdict.c src/firewall/verdict.h \
	src/firewall/whereabouts.c src/firewall/whereabouts.h
