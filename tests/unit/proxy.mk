# Unit tests of src/proxy.
if HAVE_CMOCKA
proxy_tests = tests/unit/test_rewrite
check_PROGRAMS += $(proxy_tests)
TESTS += $(proxy_tests)
tests_unit_test_rewrite_SOURCES = tests/unit/test_rewrite.c
tests_unit_test_rewrite_LDADD = $(UNIT_LIBS)
endif
