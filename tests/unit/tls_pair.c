#include "tls_pair.h"

#include <openssl/err.h>

#include "certs.h"
#include "tls/policy.h"
#include "unit.h"

void pair_write_certs(void)
{
	struct cert_spec ec = {.key = "P-256", .names = "ec.example"};
	struct cert_spec rsa = {.key = "RSA-2048", .names = "rsa.example"};

	cert_write(&ec, "ec.pem", NULL);
	cert_write(&rsa, "rsa.pem", NULL);
}

struct tls_server *pair_server(const char *policy, struct ticket_keys *tickets,
			       const char *context)
{
	static const char *const alpn[] = {"h2", "http/1.1"};
	static const struct tls_certificate_spec certs[] = {
		{.chain = "ec.pem"}, {.chain = "rsa.pem"}};
	struct tls_server_spec spec = {
		.policy = slice_of(policy),
		.certificates = certs,
		.n_certificates = 2,
		.n_workers = 2,
		.alpn = alpn,
		.n_alpn = 2,
		.tickets = tickets,
		.context = slice_of(context),
	};
	struct diag d = {0};
	struct tls_server *s = tls_server_new(&spec, &d);

	assert_int_equal(d.n_errors, 0);
	assert_non_null(s);
	diag_release(&d);
	return s;
}

struct tls_client *pair_client(const char *policy)
{
	static const char *const alpn[] = {"http/1.1"};
	struct tls_client_spec spec = {
		.policy = tls_policy_find(policy ? slice_of(policy)
						 : SLICE(POLICY_DEFAULT)),
		.n_workers = 2,
		.alpn = alpn,
		.n_alpn = 1,
	};
	struct diag d = {0};
	struct tls_client *c = tls_client_new(&spec, &d);

	assert_non_null(c);
	diag_release(&d);
	return c;
}

void end_init(struct end *e, struct filter *f_take)
{
	assert_non_null(f_take);
	*e = (struct end){.f = f_take};
	chain_init(&e->in, 64 * 1024);
	chain_init(&e->out, 64 * 1024);
}

void end_free(struct end *e)
{
	e->f->ops->free(e->f);
	chain_release(&e->in);
	chain_release(&e->out);
}

/* As a connection does it; returns the octets carried over. */
static size_t carry(struct end *from, struct end *to, size_t step)
{
	size_t moved = 0;

	if (from->out.n && from->last != IO_FAILED &&
	    from->f->ops->encode(from->f, &from->out) == IO_FAILED)
		from->last = IO_FAILED;
	if (chain_room(&to->f->raw_in))
		moved = chain_move(&to->f->raw_in, &from->f->raw_out, step);
	to->last = to->f->ops->decode(to->f, &to->in);
	return moved;
}

void pair_run(struct end *a, struct end *b, size_t step)
{
	while (carry(a, b, step) + carry(b, a, step) > 0)
		;
}

SSL *stranger_new(int newest)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, newest);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_non_null(ssl);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	return ssl;
}

static size_t to_end(SSL *ssl, struct end *e)
{
	char buf[4096];
	int n = BIO_read(SSL_get_wbio(ssl), buf, sizeof(buf));

	if (n > 0)
		assert_true(
			chain_copy(&e->f->raw_in, slice_make(buf, (size_t)n)));
	if (e->out.n && e->last != IO_FAILED)
		e->f->ops->encode(e->f, &e->out);
	e->last = e->f->ops->decode(e->f, &e->in);
	return n > 0 ? (size_t)n : 0;
}

static size_t to_stranger(SSL *ssl, struct end *e)
{
	struct slice front = chain_front(&e->f->raw_out);

	if (front.n)
		BIO_write(SSL_get_rbio(ssl), front.p, (int)front.n);
	chain_drain(&e->f->raw_out, front.n);
	return front.n;
}

static int reason;

bool stranger_shake(SSL *ssl, struct end *e)
{
	int result;

	reason = 0;
	do {
		result = SSL_do_handshake(ssl);
		if (ERR_peek_last_error())
			reason = ERR_GET_REASON(ERR_peek_last_error());
		/* The queue is that of the thread, so it is ours as well. */
		ERR_clear_error();
	} while (to_end(ssl, e) + to_stranger(ssl, e) > 0);
	return result == 1 && e->f->established;
}

int stranger_reason(void)
{
	return reason;
}
