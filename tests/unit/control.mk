# Unit tests of src/control.
if HAVE_CMOCKA
control_tests = tests/unit/test_admin tests/unit/test_prober \
	tests/unit/test_reload tests/unit/test_resolver tests/unit/test_roster \
	tests/unit/test_keeper tests/unit/test_keeper_restart \
	tests/unit/test_keeper_stay \
	tests/unit/test_overlay tests/unit/test_runtime \
	tests/unit/test_watch tests/unit/test_memory tests/unit/test_privilege \
	tests/unit/test_web \
	tests/unit/test_metrics tests/unit/test_history
check_PROGRAMS += $(control_tests)
TESTS += $(control_tests)
check_PROGRAMS += tests/unit/test_cert_watch
TESTS += tests/unit/test_cert_watch
tests_unit_test_cert_watch_SOURCES = tests/unit/test_cert_watch.c \
	tests/unit/certs.c tests/unit/certs.h
tests_unit_test_cert_watch_LDADD = $(UNIT_LIBS)
tests_unit_test_admin_SOURCES = tests/unit/test_admin.c tests/unit/unit.h
tests_unit_test_admin_LDADD = $(UNIT_LIBS)
tests_unit_test_prober_SOURCES = tests/unit/test_prober.c tests/unit/worlds.h
tests_unit_test_prober_LDADD = $(UNIT_LIBS)
tests_unit_test_reload_SOURCES = tests/unit/test_reload.c tests/unit/worlds.h
tests_unit_test_reload_LDADD = $(UNIT_LIBS)
tests_unit_test_resolver_SOURCES = tests/unit/test_resolver.c
tests_unit_test_resolver_LDADD = $(UNIT_LIBS)
tests_unit_test_roster_SOURCES = tests/unit/test_roster.c tests/unit/worlds.h
tests_unit_test_roster_LDADD = $(UNIT_LIBS)
tests_unit_test_web_SOURCES = tests/unit/test_web.c tests/unit/unit.h
tests_unit_test_web_LDADD = $(UNIT_LIBS)
tests_unit_test_runtime_SOURCES = tests/unit/test_runtime.c tests/unit/worlds.h
tests_unit_test_runtime_LDADD = $(UNIT_LIBS)
tests_unit_test_metrics_SOURCES = tests/unit/test_metrics.c \
	tests/unit/worlds.h
tests_unit_test_metrics_LDADD = $(UNIT_LIBS)
tests_unit_test_history_SOURCES = tests/unit/test_history.c \
	tests/unit/worlds.h
tests_unit_test_history_LDADD = $(UNIT_LIBS)
tests_unit_test_memory_SOURCES = tests/unit/test_memory.c
tests_unit_test_memory_LDADD = $(UNIT_LIBS)
tests_unit_test_privilege_SOURCES = tests/unit/test_privilege.c
tests_unit_test_privilege_LDADD = $(UNIT_LIBS)
keeper_scene = tests/unit/keeper_scene.c tests/unit/keeper_scene.h \
	tests/unit/fake_kernel.c tests/unit/fake_kernel.h
tests_unit_test_keeper_SOURCES = tests/unit/test_keeper.c $(keeper_scene)
tests_unit_test_keeper_LDADD = $(UNIT_LIBS)
tests_unit_test_keeper_stay_SOURCES = tests/unit/test_keeper_stay.c \
	$(keeper_scene)
tests_unit_test_keeper_stay_LDADD = $(UNIT_LIBS)
tests_unit_test_keeper_restart_SOURCES = tests/unit/test_keeper_restart.c \
	$(keeper_scene)
tests_unit_test_keeper_restart_LDADD = $(UNIT_LIBS)
tests_unit_test_watch_SOURCES = tests/unit/test_watch.c $(keeper_scene)
tests_unit_test_watch_LDADD = $(UNIT_LIBS)
tests_unit_test_overlay_SOURCES = tests/unit/test_overlay.c $(keeper_scene)
tests_unit_test_overlay_LDADD = $(UNIT_LIBS)
endif
