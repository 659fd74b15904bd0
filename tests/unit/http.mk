# Unit tests of src/http.
if HAVE_CMOCKA
http_tests = tests/unit/test_chunked tests/unit/test_cookie \
	tests/unit/test_desync tests/unit/test_field_edits \
	tests/unit/test_framing \
	tests/unit/test_h1_parse tests/unit/test_h1_write \
	tests/unit/test_head tests/unit/test_hops tests/unit/test_pattern \
	tests/unit/test_transform tests/unit/test_uri
check_PROGRAMS += $(http_tests)
TESTS += $(http_tests)
tests_unit_test_chunked_SOURCES = tests/unit/test_chunked.c
tests_unit_test_chunked_LDADD = $(UNIT_LIBS)
tests_unit_test_cookie_SOURCES = tests/unit/test_cookie.c
tests_unit_test_cookie_LDADD = $(UNIT_LIBS)
tests_unit_test_desync_SOURCES = tests/unit/test_desync.c
tests_unit_test_desync_LDADD = $(UNIT_LIBS)
tests_unit_test_field_edits_SOURCES = tests/unit/test_field_edits.c
tests_unit_test_field_edits_LDADD = $(UNIT_LIBS)
tests_unit_test_framing_SOURCES = tests/unit/test_framing.c
tests_unit_test_framing_LDADD = $(UNIT_LIBS)
tests_unit_test_h1_parse_SOURCES = tests/unit/test_h1_parse.c
tests_unit_test_h1_parse_LDADD = $(UNIT_LIBS)
tests_unit_test_h1_write_SOURCES = tests/unit/test_h1_write.c
tests_unit_test_h1_write_LDADD = $(UNIT_LIBS)
tests_unit_test_head_SOURCES = tests/unit/test_head.c
tests_unit_test_head_LDADD = $(UNIT_LIBS)
tests_unit_test_hops_SOURCES = tests/unit/test_hops.c
tests_unit_test_hops_LDADD = $(UNIT_LIBS)
tests_unit_test_pattern_SOURCES = tests/unit/test_pattern.c
tests_unit_test_pattern_LDADD = $(UNIT_LIBS)
tests_unit_test_transform_SOURCES = tests/unit/test_transform.c
tests_unit_test_transform_LDADD = $(UNIT_LIBS)
tests_unit_test_uri_SOURCES = tests/unit/test_uri.c
tests_unit_test_uri_LDADD = $(UNIT_LIBS)
endif
