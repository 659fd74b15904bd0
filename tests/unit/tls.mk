# Unit tests of src/tls.
if HAVE_CMOCKA
seal_tests = tests/unit/test_seal
check_PROGRAMS += $(seal_tests)
TESTS += $(seal_tests)
tests_unit_test_seal_SOURCES = tests/unit/test_seal.c
tests_unit_test_seal_LDADD = $(UNIT_LIBS)

tls_tests = tests/unit/test_client_auth tests/unit/test_client_tls \
	tests/unit/test_identity tests/unit/test_policy \
	tests/unit/test_sni tests/unit/test_tls_filter \
	tests/unit/test_tls_server
check_PROGRAMS += $(tls_tests)
TESTS += $(tls_tests)
tls_fixture = tests/unit/certs.c tests/unit/certs.h
pki_fixture = tests/unit/pki.c tests/unit/pki.h \
	tests/unit/tls_pair.c tests/unit/tls_pair.h $(tls_fixture)
tests_unit_test_client_auth_SOURCES = tests/unit/test_client_auth.c \
	$(pki_fixture)
tests_unit_test_client_auth_LDADD = $(UNIT_LIBS)
tests_unit_test_client_tls_SOURCES = tests/unit/test_client_tls.c \
	$(pki_fixture)
tests_unit_test_client_tls_LDADD = $(UNIT_LIBS)
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c $(tls_fixture)
tests_unit_test_identity_LDADD = $(UNIT_LIBS)
tests_unit_test_policy_SOURCES = tests/unit/test_policy.c
tests_unit_test_policy_LDADD = $(UNIT_LIBS)
tests_unit_test_sni_SOURCES = tests/unit/test_sni.c
tests_unit_test_sni_LDADD = $(UNIT_LIBS)
tests_unit_test_tls_filter_SOURCES = tests/unit/test_tls_filter.c \
	tests/unit/tls_pair.c tests/unit/tls_pair.h $(tls_fixture)
tests_unit_test_tls_filter_LDADD = $(UNIT_LIBS)
tests_unit_test_tls_server_SOURCES = tests/unit/test_tls_server.c \
	tests/unit/tls_pair.c tests/unit/tls_pair.h $(tls_fixture)
tests_unit_test_tls_server_LDADD = $(UNIT_LIBS)
endif
