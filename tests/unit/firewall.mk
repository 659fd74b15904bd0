# Unit tests of src/firewall.
if HAVE_CMOCKA
firewall_tests = tests/unit/test_boxes
check_PROGRAMS += $(firewall_tests)
TESTS += $(firewall_tests)
tests_unit_test_boxes_SOURCES = tests/unit/test_boxes.c
tests_unit_test_boxes_LDADD = $(UNIT_LIBS)
endif
