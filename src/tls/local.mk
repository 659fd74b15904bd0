# TLS, and the ciphers of cookies: all that needs OpenSSL.
src_libweir_a_SOURCES += \
	src/tls/seal.c src/tls/seal.h
