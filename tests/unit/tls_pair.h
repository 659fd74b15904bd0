/*
 * tls_pair.h - two ends of a TLS connection without a network between them.
 *
 * One end is a filter of ours; the other is a filter, too, or an OpenSSL
 * client as it comes (a stranger), to do what ours never does.
 */
#ifndef WEIR_TESTS_TLS_PAIR_H
#define WEIR_TESTS_TLS_PAIR_H

#include <openssl/ssl.h>

#include "base/diag.h"
#include "net/filter.h"
#include "tls/client.h"
#include "tls/server.h"
#include "tls/tls_filter.h"

/* Writes ec.pem, for ec.example, and rsa.pem, for rsa.example. */
void pair_write_certs(void);

/* With ec.pem as default and rsa.pem beside it. NULL policy: the default. */
struct tls_server *pair_server(const char *policy, struct ticket_keys *tickets,
			       const char *context);
struct tls_client *pair_client(const char *policy);

struct end {
	struct filter *f;
	struct chain in, out;
	enum io last; /* of decode or, if that is worse, of encode */
};

void end_init(struct end *e, struct filter *f_take);
void end_free(struct end *e);

/*
 * Carries at most `step` octets at a time from one to the other and back,
 * until nothing moves any more.
 */
void pair_run(struct end *a, struct end *b, size_t step);

/* A foreign client on memory BIOs. */
SSL *stranger_new(int newest);
/* Until both sides are done; returns whether the handshake was. */
bool stranger_shake(SSL *ssl, struct end *e);
/* Why the stranger gave up in it; of SSL_R_..., 0: it did not. */
int stranger_reason(void);

#endif
