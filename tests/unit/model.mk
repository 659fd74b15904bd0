# Unit tests of src/model.
if HAVE_CMOCKA
secgroup_tests = tests/unit/test_secgroup
check_PROGRAMS += $(secgroup_tests)
TESTS += $(secgroup_tests)
tests_unit_test_secgroup_SOURCES = tests/unit/test_secgroup.c
tests_unit_test_secgroup_LDADD = $(UNIT_LIBS)
route_tests = tests/unit/test_rule_index tests/unit/test_route \
	tests/unit/test_condition tests/unit/test_trust
check_PROGRAMS += $(route_tests)
TESTS += $(route_tests)
tests_unit_test_rule_index_SOURCES = tests/unit/test_rule_index.c
tests_unit_test_rule_index_LDADD = $(UNIT_LIBS)
tests_unit_test_condition_SOURCES = tests/unit/test_condition.c
tests_unit_test_condition_LDADD = $(UNIT_LIBS)
tests_unit_test_route_SOURCES = tests/unit/test_route.c
tests_unit_test_route_LDADD = $(UNIT_LIBS)
tests_unit_test_trust_SOURCES = tests/unit/test_trust.c
tests_unit_test_trust_LDADD = $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test_counts tests/unit/test_limit
TESTS += tests/unit/test_counts tests/unit/test_limit
check_PROGRAMS += tests/unit/test_page
TESTS += tests/unit/test_page
tests_unit_test_page_SOURCES = tests/unit/test_page.c
tests_unit_test_page_LDADD = $(UNIT_LIBS)
tests_unit_test_limit_SOURCES = tests/unit/test_limit.c
tests_unit_test_limit_LDADD = $(UNIT_LIBS)
tests_unit_test_counts_SOURCES = tests/unit/test_counts.c
tests_unit_test_counts_LDADD = $(UNIT_LIBS)
endif
