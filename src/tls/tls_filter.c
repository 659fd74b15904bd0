#include "tls_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/fail.h"
#include "chain_bio.h"
#include "client.h"
#include "client_fields.h"
#include "http/uri.h"
#include "identity.h"
#include "library.h"
#include "server.h"

enum {
	RAW_IN_OCTETS = 64 * 1024,
	RECORD_OCTETS = 16 * 1024, /* of plain text; RFC 8446 5.1 */
	GATHER_MAX = 64,           /* slices that make one record at most */
	SERVER_NAME_MAX = 253,
	METHOD_MAX = 20, /* "UPDATEREDIRECTREF" and a space, of IANA's */
};

struct tls_filter {
	struct filter filter;           /* comes first */
	SSL *ssl;                       /* owned */
	struct tls_server *server;      /* one reference, until the handshake is
					 * over; NULL: we are the client */
	struct tls_client_link link;    /* link.client: one reference; NULL: we
					 * are the server */
	struct client_auth_link client; /* where we are the server */
	struct tls_label *label;        /* of our certificate; one reference;
					 * NULL: it is not known */
	const char *reason;             /* of the failure; of OpenSSL, static */
	enum tls_failure failure;
	/* Octets of a record that is sealed but not yet written: the next
	 * SSL_write must be given the same ones. 0: none. */
	uint32_t owed;
	bool sni_matched;
	bool peer_ended; /* close_notify came */
	bool said_goodbye;
	char target[]; /* what link.target points to */
};

static struct tls_filter *of(const struct filter *f)
{
	return (struct tls_filter *)(uintptr_t)f;
}

/* -- failures -------------------------------------------------------------- */

/* clang-format off */
static const struct {
	int reason;
	enum tls_failure failure;
} classes[] = {
	{SSL_R_UNSUPPORTED_PROTOCOL, TLS_NO_SHARED_VERSION},
	{SSL_R_VERSION_TOO_LOW, TLS_NO_SHARED_VERSION},
	{SSL_R_VERSION_TOO_HIGH, TLS_NO_SHARED_VERSION},
	{SSL_R_NO_PROTOCOLS_AVAILABLE, TLS_NO_SHARED_VERSION},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_NO_SHARED_VERSION},
	{SSL_R_NO_SHARED_CIPHER, TLS_NO_SHARED_CIPHER},
	{SSL_R_NO_SHARED_GROUPS, TLS_NO_SHARED_CIPHER},
	{SSL_R_NO_SUITABLE_KEY_SHARE, TLS_NO_SHARED_CIPHER},
	{SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_NO_SHARED_CIPHER},
	{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_NO_SHARED_CIPHER},
	{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, TLS_NO_SHARED_CIPHER},
	{SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, TLS_NO_SHARED_CIPHER},
	{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_CERTIFICATE_REFUSED},
	{SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, TLS_CERTIFICATE_REFUSED},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, TLS_CERTIFICATE_REFUSED},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, TLS_CERTIFICATE_REFUSED},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLS_CERTIFICATE_REFUSED},
	{SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_CERTIFICATE_REFUSED},
	{SSL_R_CERTIFICATE_VERIFY_FAILED, TLS_PEER_REFUSED},
	{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_PEER_REFUSED},
	{SSL_R_EXCESSIVE_MESSAGE_SIZE, TLS_PEER_REFUSED},
	{SSL_R_WRONG_VERSION_NUMBER, TLS_NOT_TLS},
	{ERR_R_MALLOC_FAILURE, TLS_NO_MEMORY},
};
/* clang-format on */

static enum tls_failure class_of(const struct tls_filter *t, unsigned long code)
{
	int reason = ERR_GET_REASON(code);
	/* OpenSSL counts the alerts of the peer from there. */
	bool is_alert = ERR_GET_LIB(code) == ERR_LIB_SSL &&
			reason >= SSL_AD_REASON_OFFSET;

	/* Later an alert has nothing to do with what was agreed on. */
	if (is_alert && t->filter.established)
		return TLS_PEER_ALERT;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].reason == reason)
			return classes[i].failure;
	return is_alert ? TLS_PEER_ALERT : TLS_OTHER;
}

/* OpenSSL's queue only says that a certificate was refused. */
static const char *reason_of(const struct tls_filter *t, unsigned long code)
{
	long verdict = SSL_get_verify_result(t->ssl);

	if (code && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
	    verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return library_reason();
}

static enum io fail(struct tls_filter *t)
{
	unsigned long code = ERR_peek_error();

	if (t->failure)
		return IO_FAILED;
	/* Without a word from OpenSSL it was our chains that refused. */
	t->failure = code ? class_of(t, code) : TLS_NO_MEMORY;
	t->reason = code ? reason_of(t, code) : "no room for octets to send";
	t->client.code = client_auth_code(&t->client, code);
	errno = code ? EPROTO : ENOBUFS;
	return IO_FAILED;
}

/* What it means that a call into OpenSSL did not do what it was asked. */
static enum io stopped(struct tls_filter *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return IO_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		/* raw_out had no room. Once some of it has left, we are
		 * called again; but nobody would call for an empty one. */
		return t->filter.raw_out.n ? IO_AGAIN : fail(t);
	case SSL_ERROR_ZERO_RETURN:
		t->peer_ended = true;
		return IO_CLOSED;
	}
	return fail(t);
}

/* -- from the peer --------------------------------------------------------- */

/*
 * What follows needs the context of this worker alone, which OpenSSL holds: a
 * connection that lives for weeks is not to keep the certificates, and the
 * contexts of all workers, of each configuration that there was. Nobody calls
 * the server any more, since there is no second handshake
 * (SSL_OP_NO_RENEGOTIATION).
 */
static void let_server_go(struct tls_filter *t)
{
	if (!t->server)
		return;
	t->sni_matched =
		tls_server_knows(t->server, tls_filter_server_name(&t->filter));
	t->label = tls_server_label(t->server, SSL_get_certificate(t->ssl));
	if (t->label)
		tls_label_ref(t->label);
	SSL_set_cert_cb(t->ssl, NULL, NULL);
	tls_server_unref(t->server);
	t->server = NULL;
}

static enum io shake(struct tls_filter *t)
{
	int result = SSL_do_handshake(t->ssl);

	if (result != 1)
		return stopped(t, result);
	t->filter.established = true;
	let_server_go(t);
	return IO_DONE;
}

/*
 * Whether the first octets are a method, capital letters and a space; no
 * record of TLS begins with a letter (RFC 8446 5.1). We look before OpenSSL,
 * which knows four methods and keeps what it has looked at.
 *   IO_DONE  they are;  IO_AGAIN  they may be;  IO_CLOSED  they are not
 */
static enum io is_method(struct tls_filter *t)
{
	struct chain *in = &t->filter.raw_in;
	size_t most = in->n < METHOD_MAX ? in->n : METHOD_MAX, n = 0;
	struct slice front;

	if (!t->server || t->filter.established || !SSL_in_before(t->ssl) ||
	    !chain_linearise(in, most))
		return IO_CLOSED;
	front = slice_first(chain_front(in), most);
	while (n < front.n && front.p[n] >= 'A' && front.p[n] <= 'Z')
		n++;
	if (n == front.n)
		return n < METHOD_MAX ? IO_AGAIN : IO_CLOSED;
	return n > 0 && front.p[n] == ' ' ? IO_DONE : IO_CLOSED;
}

static enum io fail_plain(struct tls_filter *t)
{
	t->failure = TLS_PLAIN_HTTP;
	t->reason = "http request";
	errno = EPROTO;
	return IO_FAILED;
}

static bool may_have_more(const struct tls_filter *t)
{
	return SSL_pending(t->ssl) > 0 || !chain_is_empty(&t->filter.raw_in);
}

/* Fills the room from its beginning. Returns the octets read; *result is
 * OpenSSL's when it stopped, else 1. */
static size_t read_into(struct tls_filter *t, const struct iovec *room,
			int n_room, int *result)
{
	size_t total = 0;

	*result = 1;
	for (int i = 0; i < n_room; i++) {
		size_t at = 0, got;

		while (at < room[i].iov_len) {
			if (!may_have_more(t))
				return total;
			*result = SSL_read_ex(t->ssl,
					      (char *)room[i].iov_base + at,
					      room[i].iov_len - at, &got);
			if (*result != 1)
				return total;
			at += got;
			total += got;
		}
	}
	return total;
}

static enum io on_decode(struct filter *f, struct chain *plain)
{
	struct tls_filter *t = of(f);
	enum io io;

	if (t->failure)
		return IO_FAILED;
	if (t->peer_ended)
		return IO_CLOSED;
	io = is_method(t);
	if (io != IO_CLOSED)
		return io == IO_DONE ? fail_plain(t) : IO_AGAIN;
	library_forget();
	if (!f->established) {
		io = shake(t);
		if (io != IO_DONE)
			return io;
	}
	while (may_have_more(t)) {
		struct iovec room[CHAIN_ROOM_MAX];
		int pieces, n_room, result;
		size_t got;

		/* Plain octets are never more than raw ones. */
		pieces = f->raw_in.n > CHUNK_OCTETS ? CHAIN_ROOM_MAX : 1;
		if (!chain_reserve(plain, pieces, room, &n_room))
			return chain_room(plain) && chain_is_empty(plain)
				       ? fail(t)
				       : IO_DONE;
		got = read_into(t, room, n_room, &result);
		chain_commit(plain, room, n_room, got);
		if (result != 1)
			return stopped(t, result);
	}
	return IO_AGAIN;
}

/* -- to the peer ----------------------------------------------------------- */

/*
 * The octets of the next record, in one piece. A head and the start of its
 * body are two small slices and become one record; a large slice is not
 * worth copying for the sake of the one before it.
 */
static struct slice next_piece(const struct tls_filter *t,
			       const struct chain *plain)
{
	static _Thread_local char scratch[RECORD_OCTETS];
	struct iovec slices[GATHER_MAX];
	int n = chain_gather(plain, slices, GATHER_MAX);
	size_t want = t->owed, at = 0;

	for (int i = 0; !t->owed && i < n; i++) {
		if (want && want + slices[i].iov_len > RECORD_OCTETS)
			break;
		want += slices[i].iov_len;
	}
	if (want > RECORD_OCTETS)
		want = RECORD_OCTETS;
	if (slices[0].iov_len >= want)
		return slice_make(slices[0].iov_base, want);
	for (int i = 0; at < want; i++) {
		size_t part = slices[i].iov_len < want - at ? slices[i].iov_len
							    : want - at;

		memcpy(scratch + at, slices[i].iov_base, part);
		at += part;
	}
	return slice_make(scratch, want);
}

static enum io on_encode(struct filter *f, struct chain *plain)
{
	struct tls_filter *t = of(f);

	if (t->failure)
		return IO_FAILED;
	if (!f->established)
		return IO_AGAIN;
	library_forget();
	while (plain->n) {
		struct slice piece;
		size_t put;

		if (!chain_room(&f->raw_out))
			return IO_AGAIN;
		piece = next_piece(t, plain);
		if (SSL_write_ex(t->ssl, piece.p, piece.n, &put) != 1) {
			t->owed = (uint32_t)piece.n;
			return stopped(t, 0) == IO_AGAIN ? IO_AGAIN : fail(t);
		}
		t->owed = 0;
		chain_drain(plain, put);
	}
	return IO_DONE;
}

static void on_goodbye(struct filter *f)
{
	struct tls_filter *t = of(f);

	if (t->failure || t->said_goodbye || !f->established)
		return;
	t->said_goodbye = true;
	SSL_shutdown(t->ssl);
	library_forget();
}

/* -- life ------------------------------------------------------------------ */

static void on_free(struct filter *f)
{
	struct tls_filter *t = of(f);

	/* A connection that just ends is no reason to distrust its session,
	 * and to look for it in a cache that does not exist. */
	if (t->ssl && !t->failure)
		SSL_set_shutdown(t->ssl,
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	library_forget();
	chain_release(&f->raw_in);
	chain_release(&f->raw_out);
	tls_server_unref(t->server);
	tls_client_unref(t->link.client);
	free(t->client.fields);
	tls_label_unref(t->label);
	free(t);
}

static const struct filter_ops ops = {
	.decode = on_decode,
	.encode = on_encode,
	.goodbye = on_goodbye,
	.free = on_free,
};

/* `target_octets` of room for what link.target is to point to. */
static struct tls_filter *start(SSL_CTX *ctx, size_t target_octets)
{
	struct tls_filter *t = calloc(1, sizeof(*t) + target_octets);
	BIO *bio;

	if (!t)
		return NULL;
	t->filter.ops = &ops;
	chain_init(&t->filter.raw_in, RAW_IN_OCTETS);
	chain_init(&t->filter.raw_out, RAW_OUT_OCTETS);
	t->ssl = SSL_new(ctx);
	bio = t->ssl ? chain_bio_new(&t->filter) : NULL;
	if (!bio) {
		on_free(&t->filter);
		return NULL;
	}
	SSL_set_bio(t->ssl, bio, bio);
	return t;
}

struct filter *tls_filter_accept(struct tls_server *server, unsigned worker)
{
	struct tls_filter *t = start(tls_server_context(server, worker), 0);

	if (!t)
		return NULL;
	t->server = tls_server_ref(server);
	if (SSL_set_app_data(t->ssl, &t->client) != 1) {
		on_free(&t->filter);
		return NULL;
	}
	SSL_set_accept_state(t->ssl);
	return &t->filter;
}

/* RFC 6066 section 3: names of hosts only, never addresses. */
static bool set_server_name(SSL *ssl, struct slice name)
{
	char text[SERVER_NAME_MAX + 1];
	struct in6_addr any;

	if (!name.n || name.n > SERVER_NAME_MAX || name.p[0] == '[')
		return true;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	if (inet_pton(AF_INET, text, &any) == 1 ||
	    inet_pton(AF_INET6, text, &any) == 1)
		return true;
	return SSL_set_tlsext_host_name(ssl, text) == 1;
}

/* RFC 9525 6: the name that its certificate must have, or the address. */
static bool set_verified_name(SSL *ssl, struct slice name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	char text[SERVER_NAME_MAX + 1];

	if (!name.n || name.n > SERVER_NAME_MAX)
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	if (X509_VERIFY_PARAM_set1_ip_asc(param, text) == 1)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name.p, name.n) == 1;
}

/* A session was verified for one name, and is not looked at again: it belongs
 * to that name, too. */
static void name_sessions(struct tls_filter *t, struct slice target,
			  struct slice verified)
{
	char *at = t->target;

	if (target.n == 0)
		return;
	memcpy(at, target.p, target.n);
	at += target.n;
	if (verified.n) {
		*at++ = '\n';
		memcpy(at, verified.p, verified.n);
		at += verified.n;
	}
	t->link.target = slice_make(t->target, (size_t)(at - t->target));
}

static bool name_target(struct tls_filter *t, struct slice server_name,
			struct slice target, struct slice verify_name)
{
	struct slice own = tls_client_server_name(t->link.client);
	bool verifies = tls_client_verifies(t->link.client);

	if (own.n)
		server_name = verify_name = own;
	if (!verifies)
		verify_name = slice_make(NULL, 0);
	/* RFC 6066 3: without a dot at its end; certificates neither. */
	server_name = host_without_last_dot(server_name);
	verify_name = host_without_last_dot(verify_name);
	name_sessions(t, target, verify_name);
	return set_server_name(t->ssl, server_name) &&
	       (!verifies || set_verified_name(t->ssl, verify_name));
}

struct filter *tls_filter_connect(struct tls_client *client, unsigned worker,
				  struct slice server_name, struct slice target,
				  struct slice verify_name)
{
	size_t names =
		target.n + 1 + verify_name.n + tls_client_server_name(client).n;
	struct tls_filter *t = start(tls_client_context(client, worker), names);
	SSL_SESSION *session;

	if (!t)
		return NULL;
	t->link.client = tls_client_ref(client);
	t->link.worker = worker;
	if (!name_target(t, server_name, target, verify_name)) {
		on_free(&t->filter);
		return NULL;
	}
	session = tls_client_session(&t->link);
	if (SSL_set_app_data(t->ssl, &t->link) != 1 ||
	    (session && SSL_set_session(t->ssl, session) != 1)) {
		on_free(&t->filter);
		return NULL;
	}
	SSL_set_connect_state(t->ssl);
	library_forget();
	shake(t);
	return &t->filter;
}

/* -- for logs and headers -------------------------------------------------- */

const char *tls_filter_version(const struct filter *f)
{
	return f->established ? SSL_get_version(of(f)->ssl) : "";
}

const char *tls_filter_cipher(const struct filter *f)
{
	return f->established ? SSL_get_cipher_name(of(f)->ssl) : "";
}

bool tls_filter_resumed(const struct filter *f)
{
	return f->established && SSL_session_reused(of(f)->ssl);
}

const struct tls_label *tls_filter_label(const struct filter *f)
{
	return of(f)->label;
}

struct slice tls_filter_group(const struct filter *f)
{
	SSL *ssl = of(f)->ssl;

	if (!f->established)
		return SLICE("");
	return slice_of(
		SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl)));
}

struct slice tls_filter_alpn(const struct filter *f)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(of(f)->ssl, &p, &n);
	return slice_make((const char *)p, n);
}

struct slice tls_filter_server_name(const struct filter *f)
{
	return slice_of(
		SSL_get_servername(of(f)->ssl, TLSEXT_NAMETYPE_host_name));
}

bool tls_filter_sni_matched(const struct filter *f)
{
	return of(f)->sni_matched;
}

const struct client_fields *tls_filter_client_fields(const struct filter *f)
{
	return of(f)->client.fields;
}

enum client_code tls_filter_client_code(const struct filter *f)
{
	if (f->established)
		return CLIENT_CODE_NONE;
	return of(f)->client.code ? of(f)->client.code : CLIENT_CODE_UNMAPPED;
}

enum tls_failure tls_filter_failure(const struct filter *f)
{
	return of(f)->failure;
}

const char *tls_filter_reason(const struct filter *f)
{
	return of(f)->reason ? of(f)->reason : "";
}
