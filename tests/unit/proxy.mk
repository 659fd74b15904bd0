# Unit tests of src/stream and src/proxy.
if HAVE_CMOCKA
proxy_tests = tests/unit/test_rewrite tests/unit/test_stream \
	tests/unit/test_h1_stream tests/unit/test_h2_head \
	tests/unit/test_h2_budget tests/unit/test_h2_session \
	tests/unit/test_access_line \
	tests/unit/test_other_lines \
	tests/unit/test_error_ring
check_PROGRAMS += $(proxy_tests)
TESTS += $(proxy_tests)
tests_unit_test_error_ring_SOURCES = tests/unit/test_error_ring.c
tests_unit_test_error_ring_LDADD = $(UNIT_LIBS)
tests_unit_test_rewrite_SOURCES = tests/unit/test_rewrite.c
tests_unit_test_rewrite_LDADD = $(UNIT_LIBS)
tests_unit_test_h1_stream_SOURCES = tests/unit/test_h1_stream.c
tests_unit_test_h1_stream_LDADD = $(UNIT_LIBS)
tests_unit_test_h2_session_SOURCES = tests/unit/test_h2_session.c
tests_unit_test_h2_session_LDADD = $(UNIT_LIBS)
tests_unit_test_h2_budget_SOURCES = tests/unit/test_h2_budget.c
tests_unit_test_h2_budget_LDADD = $(UNIT_LIBS)
tests_unit_test_h2_head_SOURCES = tests/unit/test_h2_head.c
tests_unit_test_h2_head_LDADD = $(UNIT_LIBS)
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c \
	tests/unit/stream_h2.c tests/unit/stream_world.h \
	tests/unit/tls_pair.c tests/unit/tls_pair.h \
	tests/unit/certs.c tests/unit/certs.h
tests_unit_test_stream_LDADD = $(UNIT_LIBS)
tests_unit_test_access_line_SOURCES = tests/unit/test_access_line.c
tests_unit_test_access_line_LDADD = $(UNIT_LIBS)
tests_unit_test_other_lines_SOURCES = tests/unit/test_other_lines.c
tests_unit_test_other_lines_LDADD = $(UNIT_LIBS)
endif
