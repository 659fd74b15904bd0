# TLS, and the ciphers of cookies: all that needs OpenSSL.
src_libweir_a_SOURCES += \
	src/tls/client.h \
	src/tls/identity.c src/tls/identity.h \
	src/tls/library.c src/tls/library.h \
	src/tls/policy.c src/tls/policy.h \
	src/tls/seal.c src/tls/seal.h \
	src/tls/server.h \
	src/tls/sni.c src/tls/sni.h \
	src/tls/ticket.h \
	src/tls/tls_filter.h
