#include "h2_front.h"

#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "stream/h2_session.h"

static struct worker *worker_of(const struct client *c)
{
	return c->acceptor->worker;
}

/* -- what the session tells ------------------------------------------------ */

/* Its time is over, or it has had its share: what runs goes on. */
static void end_if_it_must(struct client *c)
{
	const struct load_balancer *lb = c->acceptor->listener->balancer;

	if (client_must_close(c) ||
	    (lb->http2_requests &&
	     h2_session_begun(c->h2) >= lb->http2_requests))
		h2_session_shut(c->h2);
}

static bool on_request(struct h2_session *hs, struct stream *s)
{
	struct client *c = h2_session_owner(hs);
	struct exchange *x = exch_new(worker_of(c), c, s);

	if (!x) {
		count(worker_of(c), COUNT_POOL_EMPTY);
		return false;
	}
	h2_stream_use(s, x);
	exch_run(x);
	end_if_it_must(c);
	return true;
}

static void on_stream(struct h2_session *hs, struct stream *s)
{
	(void)hs;
	exch_run(h2_stream_user(s));
}

static void on_left(struct h2_session *hs)
{
	if (h2_session_end(hs) != H2_GOES_ON) {
		struct client *c = h2_session_owner(hs);

		loop_again(c->conn.loop, &c->conn);
	}
}

static void log_ended(struct client *c, enum glitch g)
{
	struct worker *w = worker_of(c);
	struct addr a = client_peer(c);
	char peer[ADDR_TEXT_MAX];
	struct log_line l;

	if (!worker_log_end(w, &l, LOG_INFO, "ended a connection"))
		return;
	log_str(&l, "reason", reason_token(REASON_HTTP2_ABUSE));
	log_str(&l, "kind", glitch_token(g));
	log_slice(&l, "listener", c->counted->balancer->name);
	log_num(&l, "port", c->counted->port);
	log_slice(&l, "client", slice_make(peer, addr_format(&a, peer)));
	log_num(&l, "requests", (int64_t)h2_session_begun(c->h2));
	log_end(&l);
}

static void log_malformed(struct client *c, const char *text)
{
	struct worker *w = worker_of(c);
	struct addr a = client_peer(c);
	char peer[ADDR_TEXT_MAX];
	struct log_line l;

	if (!worker_log(w, &l, LOG_INFO, "reset a stream"))
		return;
	log_str(&l, "reason", reason_token(REASON_MALFORMED));
	log_slice(&l, "listener", c->counted->balancer->name);
	log_num(&l, "port", c->counted->port);
	log_slice(&l, "client", slice_make(peer, addr_format(&a, peer)));
	log_str(&l, "error", text);
	log_end(&l);
}

static void on_glitch(struct h2_session *hs, enum glitch g, const char *text)
{
	struct client *c = h2_session_owner(hs);
	struct listener_tally *tally = &c->counted->tally[worker_of(c)->number];

	if (text)
		log_malformed(c, text);
	else
		tally_add(&tally->glitches[g], 1);
}

static const struct h2_owner owner = {
	.request = on_request,
	.ready = on_stream,
	.left = on_left,
	.glitch = on_glitch,
};

/* -- the connection -------------------------------------------------------- */

static void begin(struct client *c)
{
	const struct load_balancer *lb = c->acceptor->listener->balancer;
	const struct h2_options options = {
		.ops = &owner,
		.owner = c,
		.is_server = true,
		.streams = lb->http2_streams,
		.window = H2_WINDOW,
		.in_most = H2_IN_MOST,
		.preface_ms = lb->client_tls_handshake_ms,
		.idle_ms = lb->idle_timeout_ms,
	};

	c->h2 = h2_session_new(&c->conn, &options);
	if (!c->h2) {
		count(worker_of(c), COUNT_POOL_EMPTY);
		client_leave(c, CLIENT_AT_ONCE);
		return;
	}
	conn_deadline(&c->conn, 0);
	/* What came with the end of the handshake was announced then. */
	loop_again(c->conn.loop, &c->conn);
}

static void let_go(struct client *c)
{
	h2_session_free(c->h2);
	c->h2 = NULL;
}

/* Whether the client broke a rule that keeps others from harm. */
static void note_fault(struct client *c)
{
	enum glitch fault = h2_session_fault(c->h2);
	struct listener_tally *tally = &c->counted->tally[worker_of(c)->number];

	if (fault == GLITCH_KINDS)
		return;
	tally_add(&tally->reasons[REASON_HTTP2_ABUSE], 1);
	log_ended(c, fault);
}

/* Gives the connection back once the session is over and all its exchanges
 * are. */
static void leave_if_over(struct client *c)
{
	static const enum client_end ends[] = {
		[H2_DONE] = CLIENT_READ,
		[H2_FAILED] = CLIENT_UNREAD,
		[H2_GONE] = CLIENT_AT_ONCE,
	};
	enum h2_end end = h2_session_end(c->h2);

	if (end == H2_GOES_ON || h2_session_users(c->h2))
		return;
	if (end == H2_FAILED)
		note_fault(c);
	let_go(c);
	client_leave(c, ends[end]);
}

static void on_ready(struct client *c)
{
	h2_session_run(c->h2);
	leave_if_over(c);
}

static void on_expired(struct client *c)
{
	(void)c; /* the session keeps the time */
}

static void on_drain(struct client *c)
{
	h2_session_shut(c->h2);
}

static void on_hurry(struct client *c)
{
	c->hurried = true;
	h2_session_shut(c->h2);
}

static void end_exchange(struct stream *s)
{
	exch_end(h2_stream_user(s));
}

static void on_end(struct client *c)
{
	h2_session_break(c->h2);
	h2_session_each(c->h2, end_exchange);
	conn_write_out(&c->conn);
	let_go(c);
}

static void cut_exchange(struct stream *s)
{
	struct exchange *x = h2_stream_user(s);

	if (exch_is_overdue(x))
		exch_cut(x, REASON_DRAIN_TIMEOUT);
}

static void on_cut(struct client *c)
{
	h2_session_each(c->h2, cut_exchange);
	loop_again(c->conn.loop, &c->conn);
}

static void on_gather(struct client *c)
{
	if (c->h2)
		h2_session_gather(c->h2);
}

const struct front_ops h2_front = {
	.begin = begin,
	.ready = on_ready,
	.expired = on_expired,
	.drain = on_drain,
	.hurry = on_hurry,
	.end = on_end,
	.cut = on_cut,
	.gather = on_gather,
};
