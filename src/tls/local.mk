# TLS, and the ciphers of cookies: all that needs OpenSSL.
src_libweir_a_SOURCES += \
	src/tls/chain_bio.c src/tls/chain_bio.h \
	src/tls/client.c src/tls/client.h \
	src/tls/client_auth.c src/tls/client_auth.h \
	src/tls/client_fields.c src/tls/client_fields.h \
	src/tls/digest.c src/tls/digest.h \
	src/tls/identity.c src/tls/identity.h \
	src/tls/library.c src/tls/library.h \
	src/tls/object_id.c src/tls/object_id.h \
	src/tls/pem.c src/tls/pem.h \
	src/tls/policy.c src/tls/policy.h \
	src/tls/seal.c src/tls/seal.h \
	src/tls/server.c src/tls/server.h \
	src/tls/sni.c src/tls/sni.h \
	src/tls/ticket.c src/tls/ticket.h \
	src/tls/sources.h \
	src/tls/tls_filter.c src/tls/tls_filter.h \
	src/tls/trust.c src/tls/trust.h
