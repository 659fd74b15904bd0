# Unit tests of src/model.
if HAVE_CMOCKA
secgroup_tests = tests/unit/test_secgroup
check_PROGRAMS += $(secgroup_tests)
TESTS += $(secgroup_tests)
tests_unit_test_secgroup_SOURCES = tests/unit/test_secgroup.c
tests_unit_test_secgroup_LDADD = $(UNIT_LIBS)
endif
