#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "tls/tls_filter.h"

enum {
	LINGER_MS = 5000,
	LAST_REQUEST_MS = 1000,
	LINGER_OCTETS = 32 * 1024 * 1024, /* dropped at most */
};

static struct worker *worker_of(const struct client *c)
{
	return c->acceptor->worker;
}

static void free_client(struct retired *r)
{
	free(list_entry(r, struct client, retired));
}

static void close_client(struct client *c)
{
	struct worker *w;

	/* Its acceptor may be gone by now. */
	if (c->state == CLIENT_CLOSED)
		return;
	w = worker_of(c);
	c->state = CLIENT_CLOSED;
	count_n(w, COUNT_OCTETS_IN, c->conn.n_read);
	count_n(w, COUNT_OCTETS_OUT, c->conn.n_written);
	count(w, COUNT_CLIENT_CLOSED);
	conn_close(&c->conn);
	list_remove(&c->node);
	w->n_clients--;
	worker_leave_place(w);
	gauge_set(&w->seen_clients, w->n_clients);
	if (!c->asks_no_more)
		acceptor_asks_no_more(c->acceptor);
	acceptor_leave(c->acceptor);
	loop_retire(&w->loop, &c->retired, free_client);
	accept_resume(w);
	worker_note_refusals(w);
}

struct addr client_peer(const struct client *c)
{
	struct addr a = {.len = sizeof(c->peer)};

	memcpy(&a.in6, &c->peer, sizeof(c->peer));
	return a;
}

bool client_must_close(const struct client *c)
{
	const struct acceptor *a = c->acceptor;

	/* A listener may speak TLS since a reload, or no longer. */
	return worker_of(c)->draining || a->last ||
	       !a->listener->tls != !c->conn.filter ||
	       clock_now_ms() - c->opened_ms >= c->keep_alive_ms;
}

static uint64_t idle_ms(const struct client *c)
{
	return c->asks_no_more
		       ? c->last_idle_ms
		       : c->acceptor->listener->balancer->idle_timeout_ms;
}

static void wait_for_request(struct client *c)
{
	c->state = CLIENT_IDLE;
	if (c->hurried)
		conn_deadline(&c->conn, LAST_REQUEST_MS);
	else
		conn_idle_deadline(&c->conn, idle_ms(c));
	/* What came meanwhile, the end too, was announced meanwhile. */
	if (c->conn.readable || c->conn.in.n || c->conn.held ||
	    c->conn.peer_closed)
		loop_again(c->conn.loop, &c->conn);
}

/* From here on n_read is what is dropped. */
static void begin_to_drop(struct client *c)
{
	chain_drain(&c->conn.in, c->conn.in.n);
	count_n(worker_of(c), COUNT_OCTETS_IN, c->conn.n_read);
	c->conn.n_read = 0;
}

static void begin_linger(struct client *c)
{
	c->state = CLIENT_LINGER;
	conn_shut_after_write(&c->conn);
	/* A slow reader has the time that it would have had if the connection
	 * went on. */
	conn_idle_deadline(&c->conn, idle_ms(c));
	begin_to_drop(c);
	loop_again(c->conn.loop, &c->conn);
}

static void linger(struct client *c)
{
	enum io io = conn_look_for_end(&c->conn);

	chain_drain(&c->conn.in, c->conn.in.n);
	/* Its end was seen and ours was sent: nothing is lost by closing. */
	if (io == IO_FAILED || c->conn.write_error ||
	    (io == IO_CLOSED && c->conn.sent_fin) ||
	    c->conn.n_read > LINGER_OCTETS) {
		close_client(c);
		return;
	}
	if (!c->conn.sent_fin)
		c->conn.wants_room = true; /* wake us when it was sent */
	else if (c->conn.idle_ms)
		conn_deadline(&c->conn, LINGER_MS);
	if (io == IO_DONE)
		loop_again(c->conn.loop, &c->conn);
}

/* A reset takes back what the client has not acknowledged, so that comes
 * first; what it sends meanwhile is dropped. */
static void cut(struct client *c)
{
	enum io io = conn_fill(&c->conn);

	chain_drain(&c->conn.in, c->conn.in.n);
	if (io == IO_FAILED || c->conn.write_error ||
	    c->conn.n_read > LINGER_OCTETS || conn_is_delivered(&c->conn)) {
		close_client(c);
		return;
	}
	if (io == IO_DONE)
		loop_again(c->conn.loop, &c->conn);
	if (conn_unsent(&c->conn))
		c->conn.wants_room = true;
	else
		conn_ask_later(&c->conn);
}

static void begin_cut(struct client *c)
{
	c->state = CLIENT_CUT;
	begin_to_drop(c);
	conn_reset_at_close(&c->conn);
	conn_idle_deadline(&c->conn, idle_ms(c));
	cut(c);
}

static void log_handshake(struct client *c)
{
	struct worker *w = worker_of(c);
	enum tls_failure why = tls_filter_failure(c->conn.filter);
	char peer[ADDR_TEXT_MAX];
	struct addr a = client_peer(c);
	struct log_line l;

	count(w, COUNT_CLIENT_TLS_ERRORS);
	/* Who connects and leaves without a word is a port check. */
	if (c->conn.n_read == 0 && why == TLS_OK)
		return;
	if (!worker_log(w, &l, LOG_INFO, "TLS handshake with a client failed"))
		return;
	log_slice(&l, "listener", c->acceptor->listener->balancer->name);
	log_num(&l, "port", c->acceptor->listener->port);
	log_slice(&l, "client", slice_make(peer, addr_format(&a, peer)));
	log_str(&l, "error", tls_filter_reason(c->conn.filter));
	log_end(&l);
}

/* Its request is read, so that the answer fits it, and answered in plain
 * text: whoever typed the wrong port is told. */
static void go_plain(struct client *c)
{
	count(worker_of(c), COUNT_CLIENT_TLS_ERRORS);
	conn_go_plain(&c->conn);
	c->is_plain = true;
	wait_for_request(c);
}

static void handshake(struct client *c)
{
	enum io io = conn_fill(&c->conn);

	if (io == IO_FAILED &&
	    tls_filter_failure(c->conn.filter) == TLS_PLAIN_HTTP) {
		go_plain(c);
		return;
	}
	if (io == IO_FAILED || (io == IO_CLOSED && c->conn.in.n == 0)) {
		log_handshake(c);
		/* The alert that says why may still be on its way. */
		conn_write_out(&c->conn);
		close_client(c);
		return;
	}
	if (conn_is_established(&c->conn))
		wait_for_request(c);
}

/* Octets came, or the end. */
static void idle(struct client *c)
{
	struct worker *w = worker_of(c);

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
				begin_linger(c);
			else if (io == IO_CLOSED || io == IO_FAILED)
				close_client(c);
			return;
		}
	}
	if (c->hurried)
		conn_idle_deadline(&c->conn, idle_ms(c));
	c->exchange = exch_new(w, c);
	if (!c->exchange) {
		count(w, COUNT_POOL_EMPTY);
		close_client(c);
		return;
	}
	c->state = CLIENT_BUSY;
	exch_run(c->exchange);
}

static void on_ready(struct conn *conn)
{
	struct client *c = (struct client *)conn;

	switch ((enum client_state)c->state) {
	case CLIENT_HANDSHAKE:
		handshake(c);
		return;
	case CLIENT_IDLE:
		idle(c);
		return;
	case CLIENT_BUSY:
		exch_run(c->exchange);
		return;
	case CLIENT_CUT:
		cut(c);
		return;
	case CLIENT_LINGER:
		linger(c);
		return;
	case CLIENT_CLOSED:
		return;
	}
	BUG("client in state %d", c->state);
}

static void on_expired(struct conn *conn)
{
	struct client *c = (struct client *)conn;

	if (c->state == CLIENT_BUSY) {
		exch_expired(c->exchange, conn);
		return;
	}
	if (c->state == CLIENT_HANDSHAKE)
		log_handshake(c);
	if (c->state == CLIENT_IDLE && c->hurried && conn_unsent(conn))
		begin_linger(c);
	else
		close_client(c);
}

static const struct conn_ops client_ops = {on_ready, on_expired};

static bool add_tls(struct client *c, const struct listener *l)
{
	if (!l->tls)
		return true;
	c->conn.filter = tls_filter_accept(l->tls, worker_of(c)->number);
	return c->conn.filter != NULL;
}

void client_new(struct worker *w, struct acceptor *a, int fd_take,
		const struct addr *peer)
{
	const struct load_balancer *lb = a->listener->balancer;
	struct client *c = calloc(1, sizeof(*c));

	if (!c ||
	    conn_open(&c->conn, &w->loop, fd_take, &client_ops, CHAIN_LIMIT)) {
		count(w, COUNT_CLIENT_REJECTED);
		worker_leave_place(w);
		free(c);
		close(fd_take);
		return;
	}
	c->acceptor = a;
	a->users++;
	a->n_asking++;
	c->opened_ms = clock_now_ms();
	c->keep_alive_ms = lb->client_keep_alive_ms;
	memcpy(&c->peer, &peer->sa,
	       peer->len < sizeof(c->peer) ? peer->len : sizeof(c->peer));
	list_push_back(&w->clients, &c->node);
	w->n_clients++;
	gauge_set(&w->seen_clients, w->n_clients);
	count(w, COUNT_CLIENT_CONNECTIONS);
	if (!add_tls(c, a->listener)) {
		close_client(c);
	} else if (c->conn.filter) {
		c->state = CLIENT_HANDSHAKE;
		conn_deadline(&c->conn, lb->client_tls_handshake_ms);
	} else {
		c->state = CLIENT_IDLE;
		conn_idle_deadline(&c->conn, lb->idle_timeout_ms);
	}
}

void client_done(struct client *c, enum client_end end)
{
	bool all_sent = false;

	c->exchange = NULL;
	if (end == CLIENT_KEEP && !c->conn.error && !c->conn.write_error) {
		wait_for_request(c);
		return;
	}
	/* Nothing of it waits in the socket, so closing sends no reset. */
	if (end == CLIENT_CLOSE && !c->conn.readable && c->conn.in.n == 0) {
		if (c->conn.filter)
			conn_shut_after_write(&c->conn);
		conn_write_out(&c->conn);
		all_sent = conn_unsent(&c->conn) == 0;
	}
	if (c->conn.error || c->conn.write_error || all_sent)
		close_client(c);
	else
		begin_linger(c);
}

void client_abort(struct client *c, bool reset)
{
	c->exchange = NULL;
	/* What the target did send is the client's: a head that came in one
	 * read with the end of its body would be lost otherwise. */
	conn_write_out(&c->conn);
	if (reset)
		begin_cut(c);
	else if (c->conn.error || c->conn.write_error ||
		 conn_unsent(&c->conn) == 0)
		close_client(c);
	else
		begin_linger(c);
}

void client_asks_no_more(struct client *c)
{
	c->last_idle_ms = idle_ms(c);
	c->asks_no_more = true;
	acceptor_asks_no_more(c->acceptor);
}

void client_hurry(struct client *c)
{
	if (c->hurried ||
	    (c->state != CLIENT_IDLE && c->state != CLIENT_HANDSHAKE))
		return;
	c->hurried = true;
	conn_deadline(&c->conn, LAST_REQUEST_MS);
}

void client_end(struct client *c)
{
	if (c->state == CLIENT_BUSY)
		exch_end(c->exchange);
	/* There is no time left in which to linger. */
	close_client(c);
}
