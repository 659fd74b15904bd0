/*
 * tls_filter.h - OpenSSL between two chains.
 *
 * Implements net/filter.h. OpenSSL never sees a socket: it takes ciphertext
 * from raw_in and leaves it in raw_out, so a TLS connection costs the system
 * calls of a plain one.
 *
 * Functions that take a struct filter want one made here. All of it runs on
 * the thread of the worker that the filter was made for.
 *
 * Floor: tls.
 */
#ifndef WEIR_TLS_TLS_FILTER_H
#define WEIR_TLS_TLS_FILTER_H

#include <stdbool.h>

#include "base/slice.h"
#include "client_auth.h"
#include "net/filter.h"

struct client_fields;
struct tls_client;
struct tls_label;
struct tls_server;

/* Why a handshake or a connection failed, in classes that we act upon. */
enum tls_failure {
	TLS_OK,
	TLS_NO_SHARED_VERSION,   /* no version that both sides want */
	TLS_NO_SHARED_CIPHER,    /* no cipher, group or signature in common */
	TLS_CERTIFICATE_REFUSED, /* the peer does not like our certificate */
	TLS_PEER_REFUSED,        /* we do not like the peer's, or it has none */
	TLS_PLAIN_HTTP,          /* HTTP without TLS came to a TLS port; all of
				  * it is still in raw_in */
	TLS_NOT_TLS,             /* something else did */
	TLS_NO_MEMORY,           /* the chunk pool or malloc refused */
	TLS_PEER_ALERT,          /* the peer gave up for another reason */
	TLS_OTHER,               /* see tls_filter_reason() */
};

/*
 * The server side of a new connection. NULL when memory is out.
 * Takes a reference on the server, until the handshake is over.
 */
struct filter *tls_filter_accept(struct tls_server *server, unsigned worker);

/*
 * The client side of a connection to a target. The first message waits in
 * raw_out when this returns.
 *
 * server_name  for the server name indication: the outgoing host without its
 *              port; left out when it is empty or an address
 * target       names the target for the reuse of sessions, e.g.
 *              "10.0.0.5:443"; empty: none
 * verify_name  the target's host name or address, which its certificate must
 *              have where the client verifies and has no name of its own
 *
 * NULL when memory is out. Takes a reference on the client.
 */
struct filter *tls_filter_connect(struct tls_client *client, unsigned worker,
				  struct slice server_name, struct slice target,
				  struct slice verify_name);

/* Of use once filter->established. Names are OpenSSL's, as in AWS's log:
 * "TLSv1.3", "TLS_AES_128_GCM_SHA256". Never NULL, "" before. */
const char *tls_filter_version(const struct filter *f);
const char *tls_filter_cipher(const struct filter *f);
bool tls_filter_resumed(const struct filter *f);
/* Of our certificate, where we are the server: borrowed for the life of the
 * filter; NULL before, and with a session that was resumed it means nothing. */
const struct tls_label *tls_filter_label(const struct filter *f);
/* How keys were agreed on: "x25519", "secp256r1". Static; empty: by none of the
 * groups, or in the session that was resumed. */
struct slice tls_filter_group(const struct filter *f);
/* What was agreed on, "h2" or "http/1.1"; empty: nothing. Borrowed. */
struct slice tls_filter_alpn(const struct filter *f);

/* The name that the client asked for, as it sent it; empty: none. Borrowed
 * for the life of the filter. */
struct slice tls_filter_server_name(const struct filter *f);
/* Whether one of our certificates is for that name; once the handshake is
 * over. */
bool tls_filter_sni_matched(const struct filter *f);

/* The client's certificate, where one was asked for and came, whether the
 * handshake succeeded or not; NULL: none. Borrowed for the life of the
 * filter. */
const struct client_fields *tls_filter_client_fields(const struct filter *f);
/* Of a handshake with a client that failed, or has not ended: why, as AWS's
 * connection log says it. CLIENT_CODE_NONE once it has succeeded. */
enum client_code tls_filter_client_code(const struct filter *f);

/* What went wrong, after IO_FAILED. */
enum tls_failure tls_filter_failure(const struct filter *f);
/* In OpenSSL's words, for the log; never NULL, "" while all is well. */
const char *tls_filter_reason(const struct filter *f);

#endif
