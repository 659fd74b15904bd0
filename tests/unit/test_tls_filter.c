/* test_tls_filter.c - octets through TLS, whatever pieces they come in. */
#include "tls/tls_filter.h"

#include <errno.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "certs.h"
#include "tls_pair.h"
#include "unit.h"

#define TLS12_ONLY "ELBSecurityPolicy-FS-1-2-Res-2020-10"
#define WITH_TLS10 "ELBSecurityPolicy-TLS13-1-0-2021-06"

static struct tls_server *server;
static struct tls_client *client;

static int set_up(void **state)
{
	if (certs_enter(state))
		return -1;
	clock_fake(0, time(NULL));
	pair_write_certs();
	server = pair_server(WITH_TLS10, NULL, "test:443");
	client = pair_client(WITH_TLS10);
	return 0;
}

static int tear_down(void **state)
{
	tls_server_unref(server);
	tls_client_unref(client);
	/* Nothing may have kept a chunk. */
	assert_int_equal(chunk_pool_in_use(), 0);
	chunk_pool_release();
	return certs_leave(state);
}

static void start(struct end *s, struct end *c)
{
	end_init(s, tls_filter_accept(server, 0));
	end_init(c, tls_filter_connect(client, 0, SLICE("rsa.example"),
				       SLICE(""), SLICE("")));
}

static void finish(struct end *s, struct end *c)
{
	end_free(s);
	end_free(c);
}

static void test_a_handshake_in_single_octets(void **state)
{
	struct end s, c;

	(void)state;
	start(&s, &c);
	assert_false(s.f->established);
	assert_string_equal(tls_filter_version(s.f), "");
	assert_true(c.f->raw_out.n > 0);
	assert_int_equal(c.f->ops->encode(c.f, &c.out), IO_AGAIN);

	pair_run(&s, &c, 1);
	assert_true(s.f->established && c.f->established);
	assert_int_equal(s.last, IO_AGAIN);
	assert_string_equal(tls_filter_version(s.f), "TLSv1.3");
	assert_string_equal(tls_filter_cipher(s.f), "TLS_AES_128_GCM_SHA256");
	assert_string_equal(tls_filter_cipher(c.f), "TLS_AES_128_GCM_SHA256");
	assert_slice(tls_filter_alpn(s.f), "http/1.1");
	assert_slice(tls_filter_alpn(c.f), "http/1.1");
	assert_slice(tls_filter_server_name(s.f), "rsa.example");
	assert_true(tls_filter_sni_matched(s.f));
	assert_false(tls_filter_resumed(s.f));
	assert_int_equal(tls_filter_failure(s.f), TLS_OK);
	assert_string_equal(tls_filter_reason(s.f), "");
	/* An idle connection holds no chunk. */
	assert_int_equal(chunk_pool_in_use(), 0);
	finish(&s, &c);
}

static unsigned char octet_at(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* Appends up to `n` octets of the pattern, in slices of odd sizes. */
static size_t feed(struct chain *out, size_t at, size_t n)
{
	size_t before = at;

	while (n > 0 && chain_room(out) > 0) {
		size_t part = 1 + (at * 31) % 20000;
		char *p;

		if (part > n)
			part = n;
		if (part > CHUNK_OCTETS)
			part = CHUNK_OCTETS;
		p = chain_claim(out, part);
		assert_non_null(p);
		for (size_t i = 0; i < part; i++)
			p[i] = (char)octet_at(at + i);
		chain_claimed(out, part);
		at += part;
		n -= part;
	}
	return at - before;
}

static size_t eat(struct chain *in, size_t at)
{
	size_t n = 0;

	while (in->n) {
		struct slice front = chain_front(in);

		for (size_t i = 0; i < front.n; i++)
			if ((unsigned char)front.p[i] != octet_at(at + n + i))
				fail_msg("octet %zu differs", at + n + i);
		n += front.n;
		chain_drain(in, front.n);
	}
	return n;
}

static void transfer(struct end *s, struct end *c, size_t step)
{
	enum { ALL = 3 * 1024 * 1024 + 17 };
	size_t down = 0, up = 0, got_down = 0, got_up = 0;

	while (got_down < ALL || got_up < ALL) {
		size_t before = got_down + got_up + down + up;

		down += feed(&s->out, down, ALL - down);
		up += feed(&c->out, up, ALL - up);
		pair_run(s, c, step);
		assert_true(s->f->raw_out.n <= s->f->raw_out.limit + 20000);
		assert_true(c->in.n <= c->in.limit);
		got_down += eat(&c->in, got_down);
		got_up += eat(&s->in, got_up);
		assert_int_not_equal(s->last, IO_FAILED);
		assert_int_not_equal(c->last, IO_FAILED);
		/* What was held back for want of room comes now. */
		s->last = s->f->ops->decode(s->f, &s->in);
		c->last = c->f->ops->decode(c->f, &c->in);
		assert_true(got_down + got_up + down + up > before || s->in.n ||
			    c->in.n);
	}
	assert_int_equal(got_down, ALL);
	assert_int_equal(got_up, ALL);
}

static void test_bodies_both_ways_at_once(void **state)
{
	static const size_t steps[] = {997, 16384, 65536};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct end s, c;

		start(&s, &c);
		pair_run(&s, &c, 65536);
		transfer(&s, &c, steps[i]);
		finish(&s, &c);
	}
}

static unsigned records_in(const struct chain *raw)
{
	static char all[256 * 1024];
	struct iovec iov[64];
	int n = chain_gather(raw, iov, 64);
	unsigned records = 0;
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		assert_true(at + iov[i].iov_len <= sizeof(all));
		memcpy(all + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	for (size_t p = 0; p < at; records++)
		p += 5 + (((size_t)(unsigned char)all[p + 3] << 8) |
			  (unsigned char)all[p + 4]);
	return records;
}

static void add_slice(struct chain *out, size_t n)
{
	struct chunk *chunk = chunk_new();

	assert_non_null(chunk);
	memset(chunk->data, 'x', n);
	chunk->used = chunk->room; /* nothing joins it */
	chain_append(out, chunk, chunk->data, n);
	chunk_unref(chunk);
}

static const struct {
	const char *what;
	size_t slices[6];
	unsigned records;
} shapes[] = {
	{"one small slice", {300}, 1},
	{"head and body", {300, 5000}, 1},
	{"many small ones", {9, 100, 9, 200, 9}, 1},
	{"a head before a body that does not fit", {300, 16200}, 2},
	{"a body is not shifted", {300, 16200, 16200}, 3},
	{"just full", {1024, 15360}, 1},
};

static void test_small_slices_become_one_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		size_t all = 0;
		struct end s, c;

		print_message("# %s\n", shapes[i].what);
		start(&s, &c);
		pair_run(&s, &c, 65536);
		for (size_t j = 0; shapes[i].slices[j]; j++) {
			add_slice(&s.out, shapes[i].slices[j]);
			all += shapes[i].slices[j];
		}
		assert_int_equal(s.f->ops->encode(s.f, &s.out), IO_DONE);
		assert_int_equal(records_in(&s.f->raw_out), shapes[i].records);
		pair_run(&s, &c, 65536);
		assert_int_equal(c.in.n, all);
		finish(&s, &c);
	}
}

static void test_a_full_chain_waits(void **state)
{
	struct end s, c;

	(void)state;
	start(&s, &c);
	pair_run(&s, &c, 65536);

	/* raw_out is full: the rest stays where it is. */
	c.out.limit = 1024 * 1024;
	feed(&c.out, 0, 200000);
	assert_int_equal(c.f->ops->encode(c.f, &c.out), IO_AGAIN);
	assert_true(c.out.n > 0);

	/* The plain chain is full: what is left stays in raw_in. */
	s.in.limit = 1000;
	chain_move(&s.f->raw_in, &c.f->raw_out, SIZE_MAX);
	assert_int_equal(s.f->ops->decode(s.f, &s.in), IO_DONE);
	assert_int_equal(s.in.n, 1000);
	assert_int_equal(s.f->ops->decode(s.f, &s.in), IO_DONE);
	assert_int_equal(s.in.n, 1000);
	finish(&s, &c);
}

/* The pool gives no chunk any more, not one that it has kept either. */
static void leave_no_room(void)
{
	chunk_pool_release();
	chunk_pool_init(chunk_pool_in_use());
}

/* The pool runs dry in the middle of a record; what was appended meanwhile
 * must not be sealed into the same one. */
static void test_an_empty_pool_stops_a_record(void **state)
{
	size_t got = 0;
	struct end s, c;
	char small[700];

	(void)state;
	memset(small, 'x', sizeof(small));
	start(&s, &c);
	pair_run(&s, &c, 65536);
	add_slice(&s.out, 12000);
	add_slice(&s.out, 1000);
	assert_true(chain_copy(&s.f->raw_out, SLICE("")));
	assert_int_equal(s.f->ops->encode(s.f, &s.out), IO_DONE);

	/* 13 kB are in the first chunk of raw_out; another has no room. */
	add_slice(&s.out, 12000);
	add_slice(&s.out, 1000);
	leave_no_room();
	assert_int_equal(s.f->ops->encode(s.f, &s.out), IO_AGAIN);
	assert_int_equal(s.out.n, 13000);
	chunk_pool_init(SIZE_MAX);
	for (int i = 0; i < 4; i++)
		add_slice(&s.out, 3000);
	assert_int_equal(s.f->ops->encode(s.f, &s.out), IO_DONE);
	pair_run(&s, &c, 65536);
	got = c.in.n;
	assert_int_equal(got, 2 * 13000 + 12000);
	assert_int_equal(c.last, IO_AGAIN);

	/* With nothing on its way that could come to an end, there is nobody
	 * to wait for. */
	chain_release(&c.in);
	add_slice(&s.out, 100);
	leave_no_room();
	assert_int_equal(s.f->ops->encode(s.f, &s.out), IO_FAILED);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(tls_filter_failure(s.f), TLS_NO_MEMORY);
	chunk_pool_init(SIZE_MAX);
	finish(&s, &c);
}

static void test_goodbye_closes_one_side(void **state)
{
	struct end s, c;

	(void)state;
	start(&s, &c);
	pair_run(&s, &c, 65536);
	feed(&c.out, 0, 1000);
	assert_int_equal(c.f->ops->encode(c.f, &c.out), IO_DONE);
	c.f->ops->goodbye(c.f);
	c.f->ops->goodbye(c.f);
	pair_run(&s, &c, 65536);
	assert_int_equal(s.last, IO_CLOSED);
	assert_int_equal(eat(&s.in, 0), 1000);
	assert_int_equal(s.f->ops->decode(s.f, &s.in), IO_CLOSED);

	/* The other side may go on. */
	feed(&s.out, 0, 70000);
	pair_run(&s, &c, 65536);
	eat(&c.in, 0);
	s.f->ops->goodbye(s.f);
	pair_run(&s, &c, 65536);
	assert_int_equal(c.last, IO_CLOSED);
	assert_int_equal(tls_filter_failure(s.f), TLS_OK);
	finish(&s, &c);
}

static void test_goodbye_before_the_handshake_says_nothing(void **state)
{
	struct filter *f = tls_filter_accept(server, 1);

	(void)state;
	f->ops->goodbye(f);
	assert_int_equal(f->raw_out.n, 0);
	f->ops->free(f);
}

static const struct {
	const char *what, *text;
	enum tls_failure failure;
} openings[] = {
	{"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", TLS_PLAIN_HTTP},
	{"HTTP, another method", "POST /a HTTP/1.1\r\n\r\n", TLS_PLAIN_HTTP},
	{"a proxy's client", "CONNECT a:443 HTTP/1.1\r\n\r\n", TLS_PLAIN_HTTP},
	{"HTTP, a method OpenSSL does not know", "OPTIONS * HTTP/1.1\r\n\r\n",
	 TLS_PLAIN_HTTP},
	{"SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", TLS_NOT_TLS},
	{"no ClientHello", "\x16\x03\x01\x00\x04\x05\x00\x00\x00x", TLS_OTHER},
};

static void test_what_is_not_tls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++) {
		struct end s;

		print_message("# %s\n", openings[i].what);
		end_init(&s, tls_filter_accept(server, 0));
		chain_copy(&s.f->raw_in, slice_make(openings[i].text, 10));
		assert_int_equal(s.f->ops->decode(s.f, &s.in), IO_FAILED);
		assert_int_equal(tls_filter_failure(s.f), openings[i].failure);
		print_message("# %s\n", tls_filter_reason(s.f));
		assert_string_not_equal(tls_filter_reason(s.f), "");
		assert_false(s.f->established);
		/* It stays broken, and leaves nothing in OpenSSL's queue. */
		assert_int_equal(s.f->ops->decode(s.f, &s.in), IO_FAILED);
		assert_int_equal(s.f->ops->encode(s.f, &s.out), IO_FAILED);
		assert_int_equal(ERR_peek_error(), 0);
		end_free(&s);
	}
}

static void test_no_version_in_common(void **state)
{
	struct tls_server *strict =
		pair_server("ELBSecurityPolicy-TLS13-1-3-2021-06", NULL, "a");
	SSL *ssl = stranger_new(TLS1_2_VERSION);
	struct end s;

	(void)state;
	end_init(&s, tls_filter_accept(strict, 0));
	assert_false(stranger_shake(ssl, &s));
	assert_int_equal(tls_filter_failure(s.f), TLS_NO_SHARED_VERSION);
	/* The alert told the other side, too. */
	assert_int_equal(stranger_reason(), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	SSL_free(ssl);
	end_free(&s);
	tls_server_unref(strict);
}

static void test_no_cipher_in_common(void **state)
{
	SSL *ssl = stranger_new(TLS1_2_VERSION);
	struct end s;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	SSL_set_cipher_list(ssl, "DHE-RSA-AES128-SHA");
	assert_false(stranger_shake(ssl, &s));
	assert_int_equal(tls_filter_failure(s.f), TLS_NO_SHARED_CIPHER);
	assert_string_equal(tls_filter_reason(s.f), "no shared cipher");
	SSL_free(ssl);
	end_free(&s);
}

static void test_a_client_that_dislikes_our_certificate(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		SSL *ssl = stranger_new(versions[i]);
		struct end s;

		end_init(&s, tls_filter_accept(server, 0));
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		assert_false(stranger_shake(ssl, &s));
		assert_int_equal(tls_filter_failure(s.f),
				 TLS_CERTIFICATE_REFUSED);
		SSL_free(ssl);
		end_free(&s);
	}
}

static void test_no_renegotiation(void **state)
{
	SSL *ssl = stranger_new(TLS1_2_VERSION);
	struct end s;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	assert_true(stranger_shake(ssl, &s));
	assert_int_equal(SSL_renegotiate(ssl), 1);
	assert_false(stranger_shake(ssl, &s));
	/* We said no, which is no failure of ours; OpenSSL's client does not
	 * take it and leaves. */
	assert_int_equal(stranger_reason(), SSL_R_NO_RENEGOTIATION);
	assert_int_equal(tls_filter_failure(s.f), TLS_PEER_ALERT);
	SSL_free(ssl);
	end_free(&s);
}

/* Each asks for an answer, and the peer reads none of them. */
static void test_key_updates_without_end(void **state)
{
	SSL *ssl = stranger_new(TLS1_3_VERSION);
	char buf[4096];
	struct end s;
	int n;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	assert_true(stranger_shake(ssl, &s));
	for (int i = 0; i < 20000 && s.last != IO_FAILED; i++) {
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED),
				 1);
		assert_int_equal(SSL_do_handshake(ssl), 1);
		n = BIO_read(SSL_get_wbio(ssl), buf, sizeof(buf));
		assert_true(n > 0);
		chain_copy(&s.f->raw_in, slice_make(buf, (size_t)n));
		s.last = s.f->ops->decode(s.f, &s.in);
		assert_true(s.f->raw_out.n < 256 * 1024);
	}
	assert_int_equal(s.last, IO_FAILED);
	SSL_free(ssl);
	end_free(&s);
	ERR_clear_error();
}

static void test_a_broken_record_ends_it(void **state)
{
	struct end s, c;

	(void)state;
	start(&s, &c);
	pair_run(&s, &c, 65536);
	feed(&c.out, 0, 1000);
	c.f->ops->encode(c.f, &c.out);
	c.f->raw_out.first->p[500] ^= 1;
	pair_run(&s, &c, 65536);
	assert_int_equal(s.last, IO_FAILED);
	assert_int_equal(tls_filter_failure(s.f), TLS_OTHER);
	assert_int_equal(s.in.n, 0);
	/* Our alert made it to the other side. */
	assert_int_equal(tls_filter_failure(c.f), TLS_PEER_ALERT);
	finish(&s, &c);
}

static void test_tls12_and_its_transfer(void **state)
{
	struct tls_client *old = pair_client(TLS12_ONLY);
	struct end s, c;

	(void)state;
	end_init(&s, tls_filter_accept(server, 0));
	end_init(&c, tls_filter_connect(old, 0, SLICE("127.0.0.1"), SLICE(""),
					SLICE("")));
	pair_run(&s, &c, 7);
	assert_string_equal(tls_filter_version(s.f), "TLSv1.2");
	assert_string_equal(tls_filter_cipher(s.f),
			    "ECDHE-ECDSA-AES128-GCM-SHA256");
	/* An address is no server name. */
	assert_slice(tls_filter_server_name(s.f), "");
	assert_false(tls_filter_sni_matched(s.f));
	transfer(&s, &c, 16384);
	finish(&s, &c);
	tls_client_unref(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_handshake_in_single_octets),
		cmocka_unit_test(test_bodies_both_ways_at_once),
		cmocka_unit_test(test_small_slices_become_one_record),
		cmocka_unit_test(test_a_full_chain_waits),
		cmocka_unit_test(test_an_empty_pool_stops_a_record),
		cmocka_unit_test(test_goodbye_closes_one_side),
		cmocka_unit_test(
			test_goodbye_before_the_handshake_says_nothing),
		cmocka_unit_test(test_what_is_not_tls),
		cmocka_unit_test(test_no_version_in_common),
		cmocka_unit_test(test_no_cipher_in_common),
		cmocka_unit_test(test_a_client_that_dislikes_our_certificate),
		cmocka_unit_test(test_no_renegotiation),
		cmocka_unit_test(test_key_updates_without_end),
		cmocka_unit_test(test_a_broken_record_ends_it),
		cmocka_unit_test(test_tls12_and_its_transfer),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
