# Unit tests of src/net.
if HAVE_CMOCKA
net_tests = tests/unit/test_addr tests/unit/test_chain tests/unit/test_conn \
	tests/unit/test_wheel tests/unit/test_proxy_header
check_PROGRAMS += $(net_tests)
TESTS += $(net_tests)
tests_unit_test_addr_SOURCES = tests/unit/test_addr.c tests/unit/unit.h
tests_unit_test_addr_LDADD = $(UNIT_LIBS)
tests_unit_test_chain_SOURCES = tests/unit/test_chain.c
tests_unit_test_chain_LDADD = $(UNIT_LIBS)
tests_unit_test_conn_SOURCES = tests/unit/test_conn.c
tests_unit_test_conn_LDADD = $(UNIT_LIBS)
tests_unit_test_wheel_SOURCES = tests/unit/test_wheel.c
tests_unit_test_wheel_LDADD = $(UNIT_LIBS)
tests_unit_test_proxy_header_SOURCES = tests/unit/test_proxy_header.c
tests_unit_test_proxy_header_LDADD = $(UNIT_LIBS)
endif
