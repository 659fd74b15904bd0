# TLS, and the ciphers of cookies: all that needs OpenSSL.
src_libweir_a_SOURCES += \
	src/tls/client.h \
	src/tls/identity.h \
	src/tls/policy.h \
	src/tls/seal.h \
	src/tls/server.h \
	src/tls/ticket.h \
	src/tls/tls_filter.h
