#include "errors.h"

#include <time.h>

#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/error_ring.h"
#include "proxy/exchange.h"

/* Octets of each text at most; what is longer is cut. */
static const uint16_t text_most[ERROR_TEXTS] = {
	[ERROR_BALANCER] = 32, [ERROR_CLIENT] = 56,   [ERROR_METHOD] = 20,
	[ERROR_HOST] = 128,    [ERROR_PATH] = 256,    [ERROR_GROUP] = 32,
	[ERROR_TARGET] = 116,  [ERROR_TRACE_ID] = 80,
};
_Static_assert(32 + 56 + 20 + 128 + 256 + 32 + 116 + 80 <= ERROR_TEXT_MAX,
	       "all of them fit");

static void put_texts(struct error_note *note,
		      const struct slice texts[ERROR_TEXTS])
{
	size_t at = 0;

	for (size_t i = 0; i < ERROR_TEXTS; i++) {
		struct slice t = slice_first(texts[i], text_most[i]);

		if (t.n)
			memcpy(note->text + at, t.p, t.n);
		note->n[i] = (uint16_t)t.n;
		at += t.n;
	}
}

static struct slice without_query(struct slice target)
{
	return slice_first(target, slice_find(target, '?'));
}

static void tell_head(const struct exchange *x, const struct http_head *head,
		      struct slice texts[ERROR_TEXTS])
{
	const struct field *host;

	if (head->method.n == 0)
		return;
	host = head_find(head, NAME_HOST);
	texts[ERROR_METHOD] = head->method;
	texts[ERROR_PATH] = without_query(head->target);
	if (host)
		texts[ERROR_HOST] = host->value;
	texts[ERROR_TRACE_ID] = x->worker->scratch.trace;
}

/* As the target was sent it; a line is "GET / HTTP/1.1". */
static void tell_sent(const struct exchange *x, struct slice texts[ERROR_TEXTS])
{
	struct slice rest = x->record.line;

	if (!rest.n)
		return;
	texts[ERROR_METHOD] = slice_cut(&rest, ' ');
	texts[ERROR_PATH] = without_query(slice_cut(&rest, ' '));
	texts[ERROR_HOST] = x->asked.request.host;
}

static void tell_noted(const struct noted *noted,
		       struct slice texts[ERROR_TEXTS])
{
	static const uint8_t kept[][2] = {
		{ACCESS_METHOD, ERROR_METHOD},
		{ACCESS_HOST, ERROR_HOST},
		{ACCESS_TARGET_URI, ERROR_PATH},
		{ACCESS_TRACE_ID, ERROR_TRACE_ID},
	};
	const char *at = noted->text.p;

	for (size_t i = 0; at && i < ACCESS_KEPT; i++) {
		struct slice text = slice_make(at, noted->n[i]);

		for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
			if (kept[k][0] == i)
				texts[kept[k][1]] = text;
		at += noted->n[i];
	}
	texts[ERROR_PATH] = without_query(texts[ERROR_PATH]);
}

/* Finer than the clock of a turn: it orders what several workers noted. */
static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void errors_note(struct exchange *x, const struct http_head *head)
{
	struct record *r = &x->record;
	struct addr peer = client_peer(x->client);
	struct slice texts[ERROR_TEXTS] = {
		[ERROR_BALANCER] = r->listener,
		[ERROR_GROUP] = r->group,
	};
	char client[ADDR_TEXT_MAX];
	struct error_note note = {
		.at_us = wall_us(),
		.port = r->port,
		.reason = r->reason,
		.status = r->status ? r->status
				    : (uint16_t)reason_status(
					      (enum reason)r->reason),
		.has_rule = r->rule != NULL,
		.priority = r->rule ? r->rule->priority : 0,
		.is_secure = x->client->conn.filter != NULL,
	};

	if (!r->reason || r->is_noted ||
	    reason_is_action((enum reason)r->reason) || !x->worker->errors)
		return;
	r->is_noted = true;
	texts[ERROR_CLIENT] = slice_make(client, addr_format(&peer, client));
	if (x->attempt.target)
		texts[ERROR_TARGET] = slice_of(x->attempt.target->name);
	if (head)
		tell_head(x, head, texts);
	else if (x->noted.text.n)
		tell_noted(&x->noted, texts);
	else
		tell_sent(x, texts);
	put_texts(&note, texts);
	error_ring_add(x->worker->errors, &note);
}
