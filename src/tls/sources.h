/*
 * sources.h - what the TLS of a listener was made of, to make it once more
 * when the files have changed.
 *
 * Floor: tls.
 */
#ifndef WEIR_TLS_SOURCES_H
#define WEIR_TLS_SOURCES_H

#include "server.h"
#include "trust.h"

struct tls_sources {
	struct tls_server_spec server; /* without mutual.trust */
	struct trust_spec trust;       /* bundle.path NULL: none is verified */
};

#endif
