# Unit tests of src/tls.
if HAVE_CMOCKA
seal_tests = tests/unit/test_seal
check_PROGRAMS += $(seal_tests)
TESTS += $(seal_tests)
tests_unit_test_seal_SOURCES = tests/unit/test_seal.c
tests_unit_test_seal_LDADD = $(UNIT_LIBS)
endif
