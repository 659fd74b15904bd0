# Unit tests of src/base.
if HAVE_CMOCKA
base_tests = tests/unit/test_cidr tests/unit/test_slice tests/unit/test_file tests/unit/test_map tests/unit/test_diag tests/unit/test_outbox \
	tests/unit/test_line tests/unit/test_journal tests/unit/test_histogram
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_unit_test_cidr_SOURCES = tests/unit/test_cidr.c
tests_unit_test_cidr_LDADD = $(UNIT_LIBS)
tests_unit_test_slice_SOURCES = tests/unit/test_slice.c
tests_unit_test_slice_LDADD = $(UNIT_LIBS)
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_LDADD = $(UNIT_LIBS)
tests_unit_test_map_SOURCES = tests/unit/test_map.c
tests_unit_test_map_LDADD = $(UNIT_LIBS)
tests_unit_test_diag_SOURCES = tests/unit/test_diag.c
tests_unit_test_diag_LDADD = $(UNIT_LIBS)
tests_unit_test_outbox_SOURCES = tests/unit/test_outbox.c
tests_unit_test_outbox_LDADD = $(UNIT_LIBS)
tests_unit_test_line_SOURCES = tests/unit/test_line.c
tests_unit_test_line_LDADD = $(UNIT_LIBS)
tests_unit_test_journal_SOURCES = tests/unit/test_journal.c
tests_unit_test_journal_LDADD = $(UNIT_LIBS)
tests_unit_test_histogram_SOURCES = tests/unit/test_histogram.c
tests_unit_test_histogram_LDADD = $(UNIT_LIBS)
endif
