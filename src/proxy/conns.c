#include "conns.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "stream/h2_session.h"

struct asking {
	struct worker *worker;
	struct conns_question *question;
};

static void put_text(char *to, size_t size, struct slice text)
{
	snprintf(to, size, "%.*s", SLICE_ARG(text));
}

/* -- a connection ---------------------------------------------------------- */

static bool has_target(const struct exchange *x, const char *target)
{
	const struct target_state *t = x->attempt.target;

	return t && (!target || strcmp(t->name, target) == 0);
}

static bool stream_has_target(struct stream *s, const void *target)
{
	return has_target(h2_stream_user(s), target);
}

/* A request of it that some target has, or this one; NULL: none. */
static const struct exchange *find_request(const struct client *c,
					   const char *target)
{
	struct stream *s;

	if (!c->h2)
		return c->h1.exchange && has_target(c->h1.exchange, target)
			       ? c->h1.exchange
			       : NULL;
	s = h2_session_find(c->h2, stream_has_target, target);
	return s ? h2_stream_user(s) : NULL;
}

static void tell_protocol(const struct client *c, const struct exchange *x,
			  struct conns_row *row)
{
	row->state = client_state_name((enum client_state)c->state);
	row->protocol = c->h2 ? "h2" : "http/1.1";
	row->requests = c->h2 ? h2_session_begun(c->h2) : c->n_requests;
	row->under_way = c->h2 ? h2_session_users(c->h2)
			       : c->h1.exchange != NULL;
	if (!x && !c->h2)
		x = c->h1.exchange;
	if (x && x->tunnel)
		row->protocol = "websocket";
	if (c->state != CLIENT_OPEN)
		return;
	row->state = row->under_way ? "busy" : "idle";
	if (x)
		row->state = exch_state_name((enum exch_state)x->state);
}

/* That a request has which comes now; a tunnel has none any more. */
static uint64_t generation_of(const struct client *c, const struct exchange *x)
{
	const struct view *view = c->acceptor->last ? c->acceptor->last
						    : c->acceptor->worker->view;

	if (x)
		view = x->view;
	return view ? view->snap->generation : 0;
}

static void tell(struct client *c, const struct exchange *x,
		 struct conns_row *row)
{
	uint64_t now = clock_now_ms(), moved = c->conn.moved_ms;
	struct addr peer = client_peer(c);
	char text[ADDR_TEXT_MAX];

	*row = (struct conns_row){
		.listener = c->counted,
		.open_ms = now - c->opened_ms,
		.idle_ms = now - (moved > c->opened_ms ? moved : c->opened_ms),
		.octets_in = c->conn.n_read,
		.octets_out = c->conn.n_written,
		.generation = generation_of(c, x),
	};
	tell_protocol(c, x, row);
	put_text(row->id, sizeof(row->id), client_told(c)->id);
	put_text(row->client, sizeof(row->client),
		 slice_make(text, addr_format(&peer, text)));
	if (c->conn.filter && c->conn.filter->established)
		put_text(row->tls, sizeof(row->tls),
			 slice_of(client_tls_version(c)));
	if (x)
		put_text(row->target, sizeof(row->target),
			 slice_of(x->attempt.target->name));
}

/* -- all of a worker's ----------------------------------------------------- */

static void look_at(struct client *c, struct conns_question *q)
{
	const struct exchange *x = find_request(c, q->target);
	unsigned place;

	if ((q->listener && c->counted != q->listener) || (q->target && !x))
		return;
	atomic_fetch_add_explicit(&q->total, 1, memory_order_relaxed);
	if (atomic_load_explicit(&q->n_taken, memory_order_relaxed) >=
	    q->n_rows)
		return;
	place = atomic_fetch_add_explicit(&q->n_taken, 1, memory_order_relaxed);
	if (place < q->n_rows)
		tell(c, x, &q->rows[place]);
}

static void answer(void *arg)
{
	struct asking *a = arg;
	struct worker *w = a->worker;
	struct conns_question *q = a->question;
	unsigned looked = 0;

	list_foreach (node, &w->clients) {
		if (looked++ == CONNS_LOOK)
			break;
		look_at(list_entry(node, struct client, node), q);
	}
	if (w->n_clients > CONNS_LOOK)
		atomic_fetch_add_explicit(&q->unlooked,
					  w->n_clients - CONNS_LOOK,
					  memory_order_relaxed);
	free(a);
	atomic_fetch_sub_explicit(&q->n_left, 1, memory_order_acq_rel);
}

void worker_ask_conns(struct worker *w, struct conns_question *q)
{
	struct asking *a = xmalloc(sizeof(*a));

	*a = (struct asking){w, q};
	loop_post(&w->loop, answer, a);
}
