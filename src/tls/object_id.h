/*
 * object_id.h - ids that stand in ARNs, the same on every node.
 *
 * Made from the names in the configuration, so that nothing has to be kept:
 * whoever reads the same file gives the same ids.
 *
 * Floor: tls, because digests are OpenSSL's.  Pure; any thread.
 */
#ifndef WEIR_TLS_OBJECT_ID_H
#define WEIR_TLS_OBJECT_ID_H

#include "base/slice.h"

enum { OBJECT_ID_OCTETS = 16, CERTIFICATE_ID_OCTETS = 36 };

/*
 * Of a load balancer, a target group...: the first digits of SHA-256 over
 * "weir-id-1", NUL, the kind, NUL, the key. `out` gets no zero behind them.
 *
 * kind  "load-balancer", "target-group"
 * key   its name
 */
void object_id(const char *kind, struct slice key, char *out);

/* A UUID: the first 128 bits of SHA-256 over the path of the file, as the
 * configuration writes it. */
void certificate_id(struct slice path, char *out);

#endif
