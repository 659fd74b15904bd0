# Unit tests of src/config.
if HAVE_CMOCKA
config_tests = tests/unit/test_config tests/unit/test_node \
	tests/unit/test_schema
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests)
tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_LDADD = $(UNIT_LIBS)
tests_unit_test_node_SOURCES = tests/unit/test_node.c
tests_unit_test_node_LDADD = $(UNIT_LIBS)
tests_unit_test_schema_SOURCES = tests/unit/test_schema.c
tests_unit_test_schema_LDADD = $(UNIT_LIBS)
endif

# Whole files against the findings that stand beside them.
TESTS += tests/config/run
EXTRA_DIST += tests/config/run tests/config/good tests/config/bad
