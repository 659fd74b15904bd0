# Unit tests of src/balance.
if HAVE_CMOCKA
balance_tests = tests/unit/test_health tests/unit/test_round_robin \
	tests/unit/test_pick tests/unit/test_share tests/unit/test_sticky \
	tests/unit/test_algorithms tests/unit/test_anomaly \
	tests/unit/test_sticky_app tests/unit/test_maglev
check_PROGRAMS += $(balance_tests)
TESTS += $(balance_tests)
tests_unit_test_health_SOURCES = tests/unit/test_health.c
tests_unit_test_health_LDADD = $(UNIT_LIBS)
tests_unit_test_round_robin_SOURCES = tests/unit/test_round_robin.c
tests_unit_test_round_robin_LDADD = $(UNIT_LIBS)
tests_unit_test_pick_SOURCES = tests/unit/test_pick.c tests/unit/targets.h
tests_unit_test_pick_LDADD = $(UNIT_LIBS)
tests_unit_test_share_SOURCES = tests/unit/test_share.c
tests_unit_test_share_LDADD = $(UNIT_LIBS)
tests_unit_test_sticky_SOURCES = tests/unit/test_sticky.c
tests_unit_test_sticky_LDADD = $(UNIT_LIBS)
tests_unit_test_algorithms_SOURCES = tests/unit/test_algorithms.c \
	tests/unit/targets.h
tests_unit_test_algorithms_LDADD = $(UNIT_LIBS)
tests_unit_test_anomaly_SOURCES = tests/unit/test_anomaly.c tests/unit/targets.h
tests_unit_test_anomaly_LDADD = $(UNIT_LIBS)
tests_unit_test_sticky_app_SOURCES = tests/unit/test_sticky_app.c
tests_unit_test_sticky_app_LDADD = $(UNIT_LIBS)
tests_unit_test_maglev_SOURCES = tests/unit/test_maglev.c tests/unit/targets.h
tests_unit_test_maglev_LDADD = $(UNIT_LIBS)
endif
