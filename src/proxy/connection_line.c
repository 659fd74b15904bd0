#include "connection_line.h"

#include "base/line.h"
#include "tls/client_fields.h"

/* "Success", "Failed:ClientCertExpired"; empty without TLS. In two parts. */
static void verify_status(const struct connection_facts *f,
			  struct slice parts[2])
{
	parts[0] = parts[1] = SLICE("");
	if (!f->is_tls)
		return;
	parts[0] = f->code ? SLICE("Failed:") : SLICE("Success");
	parts[1] = slice_of(f->code);
}

static void put_word(struct writer *w, struct slice value)
{
	line_word(w, value);
	writer_char(w, ' ');
}

static void put_number(struct writer *w, uint64_t value)
{
	writer_u64(w, value);
	writer_char(w, ' ');
}

/* Fields 8 to 10. */
static void put_certificate(struct writer *w, const struct client_fields *c)
{
	if (!c) {
		writer_literal(w, "\"-\" - - ");
		return;
	}
	line_quoted(w, c->subject);
	writer_char(w, ' ');
	put_word(w, c->validity);
	put_word(w, c->serial);
}

static void put_verify_status(struct writer *w,
			      const struct connection_facts *f)
{
	struct slice parts[2];

	verify_status(f, parts);
	line_word(w, parts[0]);
	writer_put(w, parts[1]);
	writer_char(w, ' ');
}

void connection_line_alb(struct writer *w, const struct connection_facts *f)
{
	line_time(w, f->at_us);
	writer_char(w, ' ');
	put_word(w, f->client);
	put_number(w, f->client_port);
	put_number(w, f->port);
	put_word(w, f->tls_protocol);
	put_word(w, f->tls_cipher);
	if (f->handshake_ms < 0)
		writer_char(w, '-');
	else
		line_seconds(w, f->handshake_ms);
	writer_char(w, ' ');
	put_certificate(w, f->certificate);
	put_verify_status(w, f);
	put_word(w, f->id);
	put_word(w, f->tls_group);
	put_word(w, f->resource);
	line_word(w, f->server);
	writer_char(w, '\n');
}

/* What stands behind `key` in "NotBefore=...;NotAfter=...". */
static struct slice date_of(struct slice validity, struct slice key)
{
	while (validity.p) {
		struct slice part = slice_cut(&validity, ';');

		if (slice_starts(part, key))
			return slice_from(part, key.n);
	}
	return SLICE("");
}

static void add_certificate(struct writer *w, const struct client_fields *c)
{
	if (!c)
		return;
	json_text(w, SLICE("subject"), c->subject);
	json_text(w, SLICE("not_before"),
		  date_of(c->validity, SLICE("NotBefore=")));
	json_text(w, SLICE("not_after"),
		  date_of(c->validity, SLICE("NotAfter=")));
	json_text(w, SLICE("serial"), c->serial);
}

static void add_verify_status(struct writer *w,
			      const struct connection_facts *f)
{
	struct slice parts[2];

	verify_status(f, parts);
	if (parts[0].n == 0)
		return;
	json_name(w, SLICE("verify_status"));
	writer_char(w, '"');
	writer_put(w, parts[0]);
	writer_put(w, parts[1]);
	writer_char(w, '"');
}

void connection_line_json(struct writer *w, const struct connection_facts *f)
{
	char *start = json_open(w);

	json_time(w, SLICE("time"), f->at_us);
	json_text(w, SLICE("client"), f->client);
	json_number(w, SLICE("client_port"), f->client_port);
	json_number(w, SLICE("listener"), f->port);
	json_text(w, SLICE("load_balancer"), f->balancer);
	json_text(w, SLICE("server_address"), f->server);
	json_text(w, SLICE("tls_protocol"), f->tls_protocol);
	json_text(w, SLICE("tls_cipher"), f->tls_cipher);
	json_seconds(w, SLICE("tls_handshake_seconds"), f->handshake_ms);
	json_text(w, SLICE("tls_group"), f->tls_group);
	json_text(w, SLICE("alpn"), f->alpn);
	add_certificate(w, f->certificate);
	add_verify_status(w, f);
	json_text(w, SLICE("id"), f->id);
	json_text(w, SLICE("reason"), f->reason);
	json_close(w, start);
	writer_char(w, '\n');
}
