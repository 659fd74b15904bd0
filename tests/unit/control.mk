# Unit tests of src/control.
if HAVE_CMOCKA
control_tests = tests/unit/test_roster
check_PROGRAMS += $(control_tests)
TESTS += $(control_tests)
tests_unit_test_roster_SOURCES = tests/unit/test_roster.c tests/unit/worlds.h
tests_unit_test_roster_LDADD = $(UNIT_LIBS)
endif
