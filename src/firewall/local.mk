# The files of this floor.
src_libweir_a_SOURCES += \
	src/firewall/acl.c \
	src/firewall/boxes.c src/firewall/boxes.h \
	src/firewall/bridge.c src/firewall/bridge.h \
	src/firewall/compile.c src/firewall/compile.h src/firewall/compiler.h \
	src/firewall/conntrack.c src/firewall/conntrack.h \
	src/firewall/dispatch.c \
	src/firewall/draft.c src/firewall/draft.h \
	src/firewall/group.c \
	src/firewall/group_sets.c \
	src/firewall/import.c src/firewall/import.h src/firewall/import_rules.h \
	src/firewall/import_firewalld.c \
	src/firewall/import_iptables.c \
	src/firewall/import_ufw.c \
	src/firewall/intent.c src/firewall/intent.h \
	src/firewall/kernel.c src/firewall/kernel.h \
	src/firewall/list_file.c src/firewall/list_file.h \
	src/firewall/machine.c src/firewall/machine.h \
	src/firewall/members.c \
	src/firewall/nft.c src/firewall/nft.h src/firewall/nft_wire.h \
	src/firewall/nft_batch.c src/firewall/nft_batch.h \
	src/firewall/nft_decode.c \
	src/firewall/nft_decode_set.c \
	src/firewall/nft_encode.c \
	src/firewall/nft_inside.h \
	src/firewall/nft_read.c \
	src/firewall/nft_trouble.c src/firewall/nft_trouble.h \
	src/firewall/nft_watch.c src/firewall/nft_watch.h \
	src/firewall/follow.c \
	src/firewall/overlay.c src/firewall/overlay.h \
	src/firewall/overlay_lay.c \
	src/firewall/closed.c src/firewall/closed.h \
	src/firewall/plan.c src/firewall/plan.h \
	src/firewall/profile.c \
	src/firewall/ruleset.c src/firewall/ruleset.h \
	src/firewall/ruleset_text.c \
	src/firewall/session.c src/firewall/session.h \
	src/firewall/set_index.c src/firewall/set_index.h \
	src/firewall/stages.c \
	src/firewall/store.c src/firewall/store.h \
	src/firewall/store_check.c src/firewall/store_check.h \
	src/firewall/times.c \
	src/firewall/verdict.c src/firewall/verdict.h \
	src/firewall/whereabouts.c src/firewall/whereabouts.h
