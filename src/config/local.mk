# From a file to a snapshot.
src_libweir_a_SOURCES += \
	src/config/build.c src/config/config.h \
	src/config/diff.c src/config/export.c \
	src/config/files.c src/config/files.h \
	src/config/node.c src/config/node.h src/config/node_env.c \
	src/config/node_parse.c \
	src/config/keys.c src/config/names.c src/config/names.h \
	src/config/print.c \
	src/config/parse.c src/config/parse.h \
	src/config/places.c src/config/places.h \
	src/config/read.h src/config/seam.c \
	src/config/check_sense.c \
	src/config/check_versions.c \
	src/config/check_firewall.c src/config/read_firewall.h \
	src/config/read_instance.c src/config/read_network.c \
	src/config/read_secgroup.c src/config/read_traffic.c \
	src/config/read_admin.c src/config/read_action.c \
	src/config/read_balancer.c src/config/read_condition.c \
	src/config/read_edits.c \
	src/config/read_group.c src/config/read_hash_key.c \
	src/config/read_health_check.c \
	src/config/read_limits.c src/config/read_pages.c \
	src/config/read_listener.c src/config/read_mutual.c \
	src/config/read_rule.c \
	src/config/read_settings.c \
	src/config/read_target.c src/config/target.h src/config/read_tests.c \
	src/config/read_transform.c src/config/root.c src/config/template.c \
	src/config/schema.c src/config/schema.h src/config/strict.c \
	src/config/target_tls.c \
	src/config/values.c
