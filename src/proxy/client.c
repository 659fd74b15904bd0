#include "client.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/writer.h"
#include "model/trust.h"
#include "proxy/announced.h"
#include "proxy/connection_log.h"
#include "proxy/core.h"
#include "proxy/h2_front.h"
#include "proxy/limits.h"
#include "tls/server.h"
#include "tls/tls_filter.h"

enum {
	LINGER_MS = 5000,
	LINGER_OCTETS = 32 * 1024 * 1024, /* dropped at most */
};

#define TO(state) (1u << CLIENT_##state)

static const struct {
	const char *name;
	unsigned leads_to;
} states[] = {
	[CLIENT_ANNOUNCE] = {"announce", TO(HANDSHAKE) | TO(OPEN) | TO(CLOSED)},
	[CLIENT_HANDSHAKE] = {"handshake", TO(OPEN) | TO(CLOSED)},
	[CLIENT_OPEN] = {"open", TO(CUT) | TO(LINGER) | TO(CLOSED)},
	[CLIENT_CUT] = {"cut", TO(CLOSED)},
	[CLIENT_LINGER] = {"linger", TO(CLOSED)},
	[CLIENT_CLOSED] = {"closed", 0},
};

/* The only function that changes c->state. */
static void enter(struct client *c, enum client_state state)
{
	if (!(states[c->state].leads_to & (1u << state)))
		BUG("client: %s -> %s", states[c->state].name,
		    states[state].name);
	c->state = (uint8_t)state;
}

const char *client_state_name(enum client_state state)
{
	return states[state].name;
}

/* Where memory is out. */
static struct client_told nothing_told;

static struct worker *worker_of(const struct client *c)
{
	return c->acceptor->worker;
}

static void free_client(struct retired *r)
{
	struct client *c = list_entry(r, struct client, retired);

	if (c->told != &nothing_told)
		free(c->told);
	free(c);
}

static void close_client(struct client *c)
{
	struct worker *w;

	/* Its acceptor may be gone by now. */
	if (c->state == CLIENT_CLOSED)
		return;
	w = worker_of(c);
	enter(c, CLIENT_CLOSED);
	count_listener_n(w, c->counted, COUNT_OCTETS_IN, c->conn.n_read);
	count_listener_n(w, c->counted, COUNT_OCTETS_OUT, c->conn.n_written);
	count_listener(w, c->counted, COUNT_CLIENT_CLOSED);
	conn_close(&c->conn);
	list_remove(&c->node);
	w->n_clients--;
	worker_leave_place(w);
	gauge_set(&w->seen_clients, w->n_clients);
	limits_leave(c->held);
	c->held = NULL;
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

static struct slice write_ip(const struct addr *a, char *room)
{
	char text[ADDR_TEXT_MAX];
	size_t n = addr_format_ip(a, text);

	memcpy(room, text, n);
	return slice_make(room, n);
}

const struct client_told *client_told(struct client *c)
{
	struct worker *w = worker_of(c);
	struct addr peer = client_peer(c), own;
	struct client_told *told;
	struct writer out;

	if (c->told)
		return c->told;
	c->told = &nothing_told;
	told = calloc(1, sizeof(*told));
	if (!told)
		return c->told;
	out = writer_make(told->id_room, CLIENT_ID_OCTETS);
	writer_literal(&out, "TID_");
	for (int i = 0; i < 4; i++)
		writer_hex(&out, (uint32_t)worker_random(w));
	told->id = slice_make(told->id_room, CLIENT_ID_OCTETS);
	told->client = write_ip(&peer, told->room);
	if (acceptor_address(c->acceptor, c->conn.fd, &own))
		told->server = write_ip(&own, told->room + INET6_ADDRSTRLEN);
	c->told = told;
	return told;
}

bool client_must_close(const struct client *c)
{
	const struct acceptor *a = c->acceptor;

	/* A listener may speak TLS since a reload, or no longer. */
	return worker_of(c)->draining || a->last ||
	       !a->listener->tls != !c->conn.filter ||
	       clock_now_ms() - c->opened_ms >= c->keep_alive_ms;
}

uint64_t client_idle_ms(const struct client *c)
{
	return c->asks_no_more
		       ? c->last_idle_ms
		       : c->acceptor->listener->balancer->idle_timeout_ms;
}

const char *client_tls_version(const struct client *c)
{
	return c->conn.filter ? tls_filter_version(c->conn.filter) : NULL;
}

const char *client_tls_cipher(const struct client *c)
{
	return c->conn.filter ? tls_filter_cipher(c->conn.filter) : NULL;
}

const struct client_fields *client_certificate(const struct client *c)
{
	return c->conn.filter ? tls_filter_client_fields(c->conn.filter) : NULL;
}

struct slice client_server_name(const struct client *c)
{
	return c->conn.filter ? tls_filter_server_name(c->conn.filter)
			      : SLICE("");
}

/* -- on its way out -------------------------------------------------------- */

/* From here on n_read is what is dropped. */
static void begin_to_drop(struct client *c)
{
	chain_drain(&c->conn.in, c->conn.in.n);
	count_listener_n(worker_of(c), c->counted, COUNT_OCTETS_IN,
			 c->conn.n_read);
	c->conn.n_read = 0;
}

static void begin_linger(struct client *c)
{
	enter(c, CLIENT_LINGER);
	conn_shut_after_write(&c->conn);
	/* A slow reader has the time that it would have had if the connection
	 * went on. */
	conn_idle_deadline(&c->conn, client_idle_ms(c));
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

static void cut(struct client *c)
{
	if (conn_deliver(&c->conn) == IO_DONE || c->conn.n_read > LINGER_OCTETS)
		close_client(c);
}

static void begin_cut(struct client *c)
{
	enter(c, CLIENT_CUT);
	begin_to_drop(c);
	conn_idle_deadline(&c->conn, client_idle_ms(c));
	cut(c);
}

/* Nothing of what it sent waits in the socket, so closing sends no reset.
 * Returns whether all has left. */
static bool send_the_last(struct client *c)
{
	if (c->conn.readable || c->conn.in.n)
		return false;
	if (c->conn.filter)
		conn_shut_after_write(&c->conn);
	conn_write_out(&c->conn);
	return conn_unsent(&c->conn) == 0;
}

static const struct conn_ops client_ops;

void client_leave(struct client *c, enum client_end end)
{
	bool all_sent = end == CLIENT_AT_ONCE;

	c->conn.ops = &client_ops;
	switch (end) {
	case CLIENT_READ:
		all_sent = send_the_last(c);
		break;
	case CLIENT_ABORT:
	case CLIENT_RESET:
		/* What the target did send is the client's: a head that came
		 * in one read with the end of its body would be lost
		 * otherwise. */
		conn_write_out(&c->conn);
		all_sent = conn_unsent(&c->conn) == 0;
		break;
	case CLIENT_AT_ONCE:
	case CLIENT_UNREAD:
		break;
	}
	if (end == CLIENT_RESET)
		begin_cut(c);
	else if (c->conn.error || c->conn.write_error || all_sent)
		close_client(c);
	else
		begin_linger(c);
}

/* -- on its way in --------------------------------------------------------- */

static void log_handshake(struct client *c, enum reason reason)
{
	struct worker *w = worker_of(c);
	enum tls_failure why = tls_filter_failure(c->conn.filter);
	char peer[ADDR_TEXT_MAX];
	struct addr a = client_peer(c);
	struct log_line l;

	count_listener(w, c->counted, COUNT_CLIENT_TLS_ERRORS);
	connection_log(c, why == TLS_PEER_REFUSED ? REASON_CLIENT_CERTIFICATE
						  : reason);
	/* Who connects and leaves without a word is a port check. */
	if (c->conn.n_read == 0 && why == TLS_OK)
		return;
	if (!worker_log(w, &l, LOG_INFO, "TLS handshake with a client failed"))
		return;
	log_slice(&l, "listener", c->acceptor->listener->balancer->name);
	log_num(&l, "port", c->acceptor->listener->port);
	log_slice(&l, "client", slice_make(peer, addr_format(&a, peer)));
	if (why == TLS_PEER_REFUSED) {
		log_str(&l, "reason", reason_token(REASON_CLIENT_CERTIFICATE));
		log_str(&l, "code",
			client_code_text(
				tls_filter_client_code(c->conn.filter)));
	}
	log_str(&l, "error", tls_filter_reason(c->conn.filter));
	log_end(&l);
}

static const struct conn_ops gathering_ops;

static const struct front_ops *choose_front(const struct client *c)
{
	struct slice alpn = c->conn.filter ? tls_filter_alpn(c->conn.filter)
					   : SLICE("");

	return slice_eq(alpn, SLICE("h2")) ? &h2_front : &h1_front;
}

static void open_front(struct client *c)
{
	enter(c, CLIENT_OPEN);
	c->front = choose_front(c);
	if (c->front->gather)
		c->conn.ops = &gathering_ops;
	c->front->begin(c);
}

/* Its request is read, so that the answer fits it, and answered in plain
 * text: whoever typed the wrong port is told. */
static void go_plain(struct client *c)
{
	count_listener(worker_of(c), c->counted, COUNT_CLIENT_TLS_ERRORS);
	connection_log(c, REASON_HTTP_TO_TLS);
	conn_go_plain(&c->conn);
	c->refusal = REASON_HTTP_TO_TLS;
	open_front(c);
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
		log_handshake(c, io == IO_FAILED ? REASON_CLIENT_TLS
						 : REASON_CLIENT_GONE);
		/* The alert that says why may still be on its way. */
		conn_write_out(&c->conn);
		close_client(c);
		return;
	}
	if (!conn_is_established(&c->conn))
		return;
	connection_log(c, REASON_NONE);
	count_listener(worker_of(c), c->counted, COUNT_CLIENT_TLS_HANDSHAKES);
	count_listener(worker_of(c), c->counted,
		       tls_filter_resumed(c->conn.filter)
			       ? COUNT_CLIENT_TLS_RESUMED
			       : COUNT_CLIENT_TLS_FULL);
	open_front(c);
}

static bool begin_handshake(struct client *c)
{
	const struct listener *l = c->acceptor->listener;
	unsigned worker = worker_of(c)->number;
	struct filter *filter =
		tls_filter_accept(tls_server_now(l->tls, worker), worker);

	if (!filter)
		return false;
	enter(c, CLIENT_HANDSHAKE);
	conn_begin_filter(&c->conn, filter);
	return true;
}

static bool is_let_in(struct client *c)
{
	struct addr peer = client_peer(c);

	return limits_let_in(worker_of(c), c->acceptor->listener, &peer,
			     &c->held);
}

/* Who the client is is known: what it says now is what its listener is for. */
static void begin_serving(struct client *c)
{
	const struct listener *l = c->acceptor->listener;

	if (l->limits_connections && !is_let_in(c)) {
		connection_log(c, REASON_TOO_MANY_CONNECTIONS);
		close_client(c);
		return;
	}
	if (!l->tls) {
		connection_log(c, REASON_NONE);
		open_front(c);
		return;
	}
	if (!begin_handshake(c)) {
		connection_log(c, REASON_OVERLOADED);
		close_client(c);
		return;
	}
	conn_deadline(&c->conn, l->balancer->client_tls_handshake_ms);
}

/* -- behind a proxy -------------------------------------------------------- */

static void refuse_announcement(struct client *c)
{
	struct worker *w = worker_of(c);
	struct addr a = client_peer(c);
	char peer[ADDR_TEXT_MAX];
	struct log_line l;

	count_listener(w, c->counted, COUNT_CLIENT_PROXY_ERRORS);
	tally_add(
		&c->counted->tally[w->number].reasons[REASON_BAD_PROXY_HEADER],
		1);
	if (worker_log(w, &l, LOG_INFO, "connection reset")) {
		log_str(&l, "reason", reason_token(REASON_BAD_PROXY_HEADER));
		log_slice(&l, "listener",
			  c->acceptor->listener->balancer->name);
		log_num(&l, "port", c->acceptor->listener->port);
		log_slice(&l, "client",
			  slice_make(peer, addr_format(&a, peer)));
		log_end(&l);
	}
	connection_log(c, REASON_BAD_PROXY_HEADER);
	/* A reset: an end could be taken for that of an answer. */
	conn_deliver(&c->conn);
	close_client(c);
}

static void set_peer(struct client *c, const struct addr *peer)
{
	memcpy(&c->peer, &peer->sa,
	       peer->len < sizeof(c->peer) ? peer->len : sizeof(c->peer));
}

static void announce(struct client *c)
{
	enum io io = conn_fill(&c->conn);
	struct addr client;

	switch (announced_look(&c->conn, c->is_proxied, &client)) {
	case ANNOUNCED_LATER:
		/* Who connects and leaves without a word is a port check. */
		if (io == IO_FAILED || (io == IO_CLOSED && c->conn.in.n == 0)) {
			connection_log(c, REASON_CLIENT_GONE);
			close_client(c);
		} else if (io == IO_CLOSED)
			refuse_announcement(c);
		return;
	case ANNOUNCED_BADLY:
		refuse_announcement(c);
		return;
	case ANNOUNCED_CLIENT:
		set_peer(c, &client);
		break;
	case ANNOUNCED_NOTHING:
		break;
	}
	begin_serving(c);
	/* What came behind the header came already. */
	if (c->state == CLIENT_HANDSHAKE)
		handshake(c);
}

/* A stranger need not say anything: browsers connect before they ask. */
static void announced_too_late(struct client *c)
{
	if (!c->is_proxied)
		begin_serving(c);
	else
		refuse_announcement(c);
}

/* -- what happens to it ---------------------------------------------------- */

static void on_ready(struct conn *conn)
{
	struct client *c = (struct client *)conn;

	switch ((enum client_state)c->state) {
	case CLIENT_ANNOUNCE:
		announce(c);
		return;
	case CLIENT_HANDSHAKE:
		handshake(c);
		return;
	case CLIENT_OPEN:
		c->front->ready(c);
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

	if (c->state == CLIENT_OPEN) {
		c->front->expired(c);
		return;
	}
	if (c->state == CLIENT_ANNOUNCE) {
		announced_too_late(c);
		return;
	}
	if (c->state == CLIENT_HANDSHAKE)
		log_handshake(c, REASON_CLIENT_TIMEOUT);
	close_client(c);
}

static void on_gather(struct conn *conn)
{
	struct client *c = (struct client *)conn;

	c->front->gather(c);
}

static const struct conn_ops client_ops = {
	.ready = on_ready,
	.expired = on_expired,
};

/* Of one whose front keeps its output in a form of its own. */
static const struct conn_ops gathering_ops = {
	.ready = on_ready,
	.expired = on_expired,
	.gather = on_gather,
};

void client_new(struct worker *w, struct acceptor *a, int fd_take,
		const struct addr *peer)
{
	const struct load_balancer *lb = a->listener->balancer;
	struct client *c = calloc(1, sizeof(*c));

	if (!c ||
	    conn_open(&c->conn, &w->loop, fd_take, &client_ops, CHAIN_LIMIT)) {
		count_listener(w, a->listener->state, COUNT_CLIENT_REJECTED);
		worker_leave_place(w);
		free(c);
		close(fd_take);
		return;
	}
	c->acceptor = a;
	c->counted = a->listener->state;
	a->users++;
	a->n_asking++;
	c->opened_ms = clock_now_ms();
	c->keep_alive_ms = lb->client_keep_alive_ms;
	set_peer(c, peer);
	list_push_back(&w->clients, &c->node);
	w->n_clients++;
	gauge_set(&w->seen_clients, w->n_clients);
	count_listener(w, c->counted, COUNT_CLIENT_CONNECTIONS);
	if (!a->listener->proxy_protocol) {
		begin_serving(c);
		return;
	}
	c->is_proxied = trust_peer(lb, peer);
	conn_deadline(&c->conn, lb->client_tls_handshake_ms);
}

void client_asks_no_more(struct client *c)
{
	c->last_idle_ms = client_idle_ms(c);
	c->asks_no_more = true;
	acceptor_asks_no_more(c->acceptor);
}

void client_drain(struct client *c)
{
	if (c->state == CLIENT_OPEN && c->front->drain)
		c->front->drain(c);
}

void client_hurry(struct client *c)
{
	if (c->hurried)
		return;
	if (c->state == CLIENT_OPEN) {
		c->front->hurry(c);
	} else if (c->state == CLIENT_HANDSHAKE ||
		   c->state == CLIENT_ANNOUNCE) {
		c->hurried = true;
		conn_deadline(&c->conn, CLIENT_LAST_REQUEST_MS);
	}
}

void client_end(struct client *c)
{
	if (c->state == CLIENT_OPEN)
		c->front->end(c);
	/* There is no time left in which to linger. */
	close_client(c);
}

void client_cut(struct client *c)
{
	bool is_old = c->acceptor->last &&
		      view_is_overdue(c->acceptor->worker, c->acceptor->last);

	if (c->state != CLIENT_OPEN)
		return;
	c->front->cut(c);
	if (is_old && c->state == CLIENT_OPEN)
		client_hurry(c);
}
