#include "connection_log.h"

#include "base/clock.h"
#include "base/journal.h"
#include "proxy/connection_line.h"
#include "proxy/core.h"
#include "tls/tls_filter.h"

static void tell_tls(const struct filter *tls, struct connection_facts *f)
{
	f->certificate = tls_filter_client_fields(tls);
	if (!tls->established)
		return;
	f->tls_protocol = slice_of(tls_filter_version(tls));
	f->tls_cipher = slice_of(tls_filter_cipher(tls));
	f->tls_group = tls_filter_group(tls);
	f->alpn = tls_filter_alpn(tls);
}

static const char *code_of(const struct client *c, enum reason why)
{
	const struct filter *tls = c->conn.filter;

	if (!why)
		return NULL;
	return client_code_text(tls ? tls_filter_client_code(tls)
				    : CLIENT_CODE_UNMAPPED);
}

void connection_log_write(struct client *c, enum reason why)
{
	const struct listener *l = c->acceptor->listener;
	const struct line_log *log = &l->balancer->connection_log;
	const struct client_told *told = client_told(c);
	const struct filter *tls = c->conn.filter;
	struct worker *w = c->acceptor->worker;
	struct addr peer = client_peer(c);
	struct connection_facts f = {
		.at_us = clock_wall_us(),
		.client = told->client,
		.server = told->server,
		.client_port = addr_port(&peer),
		.port = l->port,
		.balancer = l->balancer->name,
		.resource = l->balancer->resource,
		.handshake_ms = -1,
		.is_tls = l->tls != NULL,
		.code = code_of(c, why),
		.reason = slice_of(why ? reason_token(why) : NULL),
		.id = told->id,
	};
	struct writer out = writer_make(journal_room(w->pen), JOURNAL_LINE_MAX);

	if (tls)
		tell_tls(tls, &f);
	if (tls && !why)
		f.handshake_ms = (int64_t)(clock_now_ms() - c->opened_ms);
	if (log->form == LOG_FORM_JSON)
		connection_line_json(&out, &f);
	else
		connection_line_alb(&out, &f);
	worker_put_line(w, log->journal, &out);
}
