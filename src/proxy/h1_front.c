#include "h1_front.h"

#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

static void wait_for_request(struct client *c)
{
	struct conn *conn = &c->conn;

	if (c->hurried)
		conn_deadline(conn, CLIENT_LAST_REQUEST_MS);
	else
		conn_idle_deadline(conn, client_idle_ms(c));
	/* What came meanwhile, the end too, was announced meanwhile. */
	if (conn->readable || conn->in.n || conn->held || conn->peer_closed)
		loop_again(conn->loop, conn);
}

/* The exchange has finished. */
static void on_over(struct h1_stream *h, enum h1_over how)
{
	static const enum client_end ends[] = {
		[H1_CLOSE] = CLIENT_READ,
		[H1_DROP] = CLIENT_UNREAD,
		[H1_ABORT] = CLIENT_ABORT,
		[H1_RESET] = CLIENT_RESET,
	};
	struct client *c = list_entry(h, struct client, h1.stream);

	c->h1.exchange = NULL;
	if (how != H1_KEEP)
		client_leave(c, ends[how]);
	else
		wait_for_request(c);
}

static void begin_exchange(struct client *c)
{
	struct worker *w = c->acceptor->worker;
	const struct listener *l;
	struct h1_client facts;

	c->h1.exchange = exch_new(w, c, &c->h1.stream.stream);
	if (!c->h1.exchange) {
		count(w, COUNT_POOL_EMPTY);
		client_leave(c, CLIENT_AT_ONCE);
		return;
	}
	c->n_requests++;
	l = c->h1.exchange->listener;
	facts = (struct h1_client){
		.desync = l->balancer->desync,
		.refusal = (enum reason)c->refusal,
	};
	/* From here on the exchange keeps the time. */
	conn_deadline(&c->conn, 0);
	h1_front_begin(&c->h1.stream, &c->conn, &facts, on_over);
	exch_run(c->h1.exchange);
}

/* Octets came, or the end. */
static void on_idle(struct client *c)
{
	/* Who does not read what it asked for is not asked what else it wants:
	 * answers to requests in a row would pile up. */
	if (chain_room(&c->conn.out) == 0) {
		c->conn.wants_room = true;
		return;
	}
	if (c->conn.in.n == 0) {
		enum io io = conn_fill(&c->conn);

		if (c->conn.in.n == 0) {
			/* Its last answer may not have left yet. */
			if (io == IO_CLOSED && conn_unsent(&c->conn))
				client_leave(c, CLIENT_UNREAD);
			else if (io == IO_CLOSED || io == IO_FAILED)
				client_leave(c, CLIENT_AT_ONCE);
			return;
		}
	}
	begin_exchange(c);
}

static void on_ready(struct client *c)
{
	if (c->h1.exchange)
		exch_run(c->h1.exchange);
	else
		on_idle(c);
}

static void on_expired(struct client *c)
{
	client_leave(c, c->hurried && conn_unsent(&c->conn) ? CLIENT_UNREAD
							    : CLIENT_AT_ONCE);
}

static void on_hurry(struct client *c)
{
	if (c->h1.exchange)
		return;
	c->hurried = true;
	conn_deadline(&c->conn, CLIENT_LAST_REQUEST_MS);
}

static void on_end(struct client *c)
{
	if (c->h1.exchange)
		exch_end(c->h1.exchange);
}

static void on_cut(struct client *c)
{
	if (c->h1.exchange && exch_is_overdue(c->h1.exchange))
		exch_cut(c->h1.exchange, REASON_DRAIN_TIMEOUT);
}

const struct front_ops h1_front = {
	.begin = wait_for_request,
	.ready = on_ready,
	.expired = on_expired,
	.hurry = on_hurry,
	.end = on_end,
	.cut = on_cut,
};
