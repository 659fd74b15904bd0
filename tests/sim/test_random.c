/* test_random.c - clients and targets that do anything at any time.
 *
 * Each walk is a few hundred random deeds of a few clients and two targets:
 * good and broken requests and answers in pieces of any size, ends and resets
 * at any moment, readers that stop, time that passes, targets that are cut,
 * buffers that run out. Nothing is expected of a single answer. But whenever
 * nothing moves any more, nobody may have work that he could do: an event was
 * lost, then. And when all have gone and time has passed, the worker must be
 * empty again, and must have counted as many ends as beginnings.
 *
 * The seed of a walk is printed when it fails; WEIR_WALK=SEED walks it alone,
 * WEIR_WALKS=N walks N of them.
 */
#include "sim.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/client.h"
#include "proxy/exchange.h"

enum { ENDS_MAX = 12, DEEDS = 600, WALKS = 300 };

static uint64_t walk_state;

static unsigned any(unsigned n)
{
	walk_state ^= walk_state << 13;
	walk_state ^= walk_state >> 7;
	walk_state ^= walk_state << 17;
	return (unsigned)(walk_state >> 20) % n;
}

/* clang-format off */
static const char *const good_requests[] = {
	"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"fffff\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	"Content-Length: 3\r\n\r\nabc",
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\n\r\n",
};

static const char *const bad_requests[] = {
	"GET /a HTTP/1.0\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\nzz\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"\r\n\r\n",
	"GET\r\n\r\n",
	"0123456789",
};

static const char *const good_answers[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
	"Content-Length: 2\r\n\r\nok",
	"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	"HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
	"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
};

static const char switching[] =
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\n\r\nhello";

static const char *const bad_answers[] = {
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\nzz\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nlies",
	"HTTP/1.1 100 Continue\r\n\r\n",
	switching,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
	"SSH-2.0-nonsense\r\n\r\n",
	"0123456789",
};
/* clang-format on */

struct walk {
	struct sim *sim;
	unsigned n_ends; /* of each kind: few go deep, many go wide */
	struct sim_end *clients[ENDS_MAX], *targets[ENDS_MAX];
};

static void turn(struct walk *w)
{
	for (unsigned n = any(4); n > 0; n--)
		loop_turn(&w->sim->worker->loop, false);
}

/* A text in pieces of any size, as far as the other side takes it. */
static void say(struct walk *w, struct sim_end *e, const char *text)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		size_t part = any(3) ? n - at : 1 + any((unsigned)(n - at));
		ssize_t put = send(e->fd, text + at, part, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		at += (size_t)put;
		turn(w);
		if (any(40) == 0)
			return;
	}
}

static void say_much(struct walk *w, struct sim_end *e)
{
	static const char much[30000] = {'x'};

	for (unsigned n = 1 + any(20); n > 0; n--) {
		if (send(e->fd, much, 1 + any(sizeof(much)), MSG_NOSIGNAL) < 0)
			return;
		turn(w);
	}
}

/* What was heard last stays in e->text, and e->n is its length. */
static void hear(struct sim_end *e)
{
	ssize_t got = recv(e->fd, e->text, 1 + any(65536), 0);

	if (got < 0)
		return;
	e->ended |= got == 0;
	e->n = (size_t)got;
	e->text[got] = '\0';
}

static void connect_client(struct walk *w, struct sim_end **slot)
{
	int small = 4096;

	*slot = sim_connect(w->sim);
	if (any(2))
		setsockopt((*slot)->fd, SOL_SOCKET, SO_SNDBUF, &small,
			   sizeof(small));
}

static void accept_target(struct walk *w, struct sim_end **slot)
{
	*slot = sim_accept(w->sim, (int)any(SIM_TARGETS));
}

/* sim_close() would settle, which hides what comes in one event. */
static void leave(struct walk *w, struct sim_end **slot)
{
	close((*slot)->fd);
	(*slot)->fd = -1;
	sim_end_free(*slot);
	*slot = NULL;
	turn(w);
}

/* Most ask one thing after the other, and wait for the answer. */
static void act_as_client(struct walk *w, struct sim_end *e)
{
	if (any(8) == 0)
		say(w, e, bad_requests[any(ARRAY_SIZE(bad_requests))]);
	else if (e->n || any(4) == 0)
		say(w, e, good_requests[any(ARRAY_SIZE(good_requests))]);
	else
		hear(e);
}

static void act_as_target(struct walk *w, struct sim_end *e)
{
	bool is_asked = e->n > 0;

	e->n = 0;
	if (any(12) == 0)
		say(w, e, bad_answers[any(ARRAY_SIZE(bad_answers))]);
	else if (is_asked && strstr(e->text, "Upgrade: websocket"))
		say(w, e, switching);
	else if (is_asked)
		say(w, e, good_answers[any(ARRAY_SIZE(good_answers))]);
	else
		hear(e);
}

static void act(struct walk *w, struct sim_end **slot,
		void (*sensibly)(struct walk *w, struct sim_end *e))
{
	switch (any(24)) {
	case 0:
		if (any(3) == 0)
			leave(w, slot);
		break;
	case 1:
		if (any(3) == 0)
			shutdown((*slot)->fd, SHUT_WR);
		break;
	case 2:
	case 3:
	case 4:
		say_much(w, *slot);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		hear(*slot);
		break;
	default:
		sensibly(w, *slot);
		break;
	}
}

static void cut_one(struct walk *w)
{
	struct roster *roster =
		group_state_roster(w->sim->snap->groups[0].state);

	worker_cut_target(w->sim->worker,
			  state_ref(roster->members[any(SIM_TARGETS)].state));
	roster_unref(roster);
}

/* What the kernel has for a connection is known to it. */
static void assert_heard(const struct conn *c)
{
	int waiting = 0;

	if (c->fd < 0 || c->readable || c->connecting || c->error)
		return;
	assert_int_equal(ioctl(c->fd, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
}

/* So is that a target has reset it; of a client it matters only once there is
 * something to write. */
static void assert_not_reset(const struct conn *c)
{
	struct pollfd p = {.fd = c->fd};

	if (c->error || c->write_error || c->readable)
		return;
	assert_true(poll(&p, 1, 0) >= 0);
	assert_false(p.revents & POLLERR);
}

/* Octets of a body that came have gone on, if there was room for them. */
static void assert_moved(const struct stream *from, const struct stream *to)
{
	const struct conn *c = ((const struct h1_stream *)from)->conn;
	const struct conn *out = ((const struct h1_stream *)to)->conn;

	if (from->in_done || to->error || out->write_error ||
	    (c->in.n == 0 && !c->readable))
		return;
	assert_int_equal(chain_room(&out->out), 0);
	assert_true(out->wants_room);
}

static void assert_sent(const struct conn *c)
{
	if (c->fd >= 0 && !c->error && !c->write_error && !c->connecting &&
	    c->writable)
		assert_int_equal(conn_unsent(c), 0);
}

static void assert_exchange_at_work(const struct client *c,
				    const struct exchange *x)
{
	const struct conn *back;

	assert_true(x->deadline.at_ms > 0);
	if (!x->attempt.upstream)
		return;
	back = &x->attempt.upstream->conn;
	assert_heard(back);
	if (chain_room(&c->conn.out))
		assert_not_reset(back);
	assert_sent(back);
	if (x->state == EXCH_FORWARD || x->state == EXCH_RELAY)
		assert_moved(x->front, x->back);
	if (x->state == EXCH_RELAY)
		assert_moved(x->back, x->front);
}

static void assert_at_work(const struct client *c)
{
	assert_heard(&c->conn);
	assert_sent(&c->conn);
	if (c->state == CLIENT_OPEN && c->h1.exchange) {
		assert_exchange_at_work(c, c->h1.exchange);
		return;
	}
	assert_true(c->conn.deadline.at_ms > 0);
	if (c->state == CLIENT_OPEN && chain_room(&c->conn.out)) {
		assert_int_equal(c->conn.in.n, 0);
		assert_false(c->conn.readable);
		assert_false(c->conn.peer_closed);
	}
}

/* Nothing moves any more: is that right? */
static void rest(struct walk *w)
{
	struct worker *worker = w->sim->worker;

	sim_advance_ms(w->sim, WHEEL_SLOT_MS); /* for those in doubt */
	for (int i = 0; i < 10 && !list_is_empty(&worker->loop.again); i++)
		sim_settle(w->sim);
	assert_true(list_is_empty(&worker->loop.again));
	list_foreach (node, &worker->clients)
		assert_at_work(list_entry(node, struct client, node));
}

static void deed(struct walk *w)
{
	unsigned i = any(w->n_ends);

	switch (any(24)) {
	case 0:
		sim_advance_ms(w->sim, any(3) ? any(2000) : any(70000));
		return;
	case 1:
		if (any(4) == 0)
			cut_one(w);
		return;
	case 2:
		turn(w);
		return;
	case 3:
		sim_settle(w->sim);
		rest(w);
		return;
	}
	if (any(2)) {
		if (!w->clients[i])
			connect_client(w, &w->clients[i]);
		else
			act(w, &w->clients[i], act_as_client);
	} else {
		if (!w->targets[i])
			accept_target(w, &w->targets[i]);
		else
			act(w, &w->targets[i], act_as_target);
	}
}

static void walk(uint64_t seed)
{
	struct walk w = {.sim = sim_new()};
	struct worker *worker = w.sim->worker;
	bool scarce;

	print_message("# walk %llu\n", (unsigned long long)seed);
	walk_state = seed * 0x9e3779b97f4a7c15 + 1;
	w.n_ends = 1 + any(any(2) ? ENDS_MAX : 2);
	scarce = any(4) == 0;
	if (scarce)
		chunk_pool_init((2 + any(30)) * CHUNK_ALLOC);
	if (any(4) == 0)
		sim_fixed(w.sim, 200, "by itself");
	for (int i = 0; i < DEEDS; i++)
		deed(&w);
	for (int i = 0; i < ENDS_MAX; i++) {
		sim_end_free(w.clients[i]);
		sim_end_free(w.targets[i]);
	}
	for (int i = 0; i < SIM_TARGETS; i++) {
		struct sim_end *left;

		while ((left = sim_accept(w.sim, i)) != NULL)
			sim_end_free(left);
	}
	for (int i = 0; i < 6; i++)
		sim_advance_ms(w.sim, 30000);
	assert_int_equal(worker->n_exchanges, 0);
	assert_int_equal(worker->n_clients, 0);
	assert_int_equal(worker->n_upstreams, 0);
	assert_int_equal(sim_count(w.sim, COUNT_REQUESTS_ALL),
			 sim_count(w.sim, COUNT_REQUESTS_ENDED));
	assert_int_equal(sim_count(w.sim, COUNT_CLIENT_CONNECTIONS),
			 sim_count(w.sim, COUNT_CLIENT_CLOSED));
	assert_int_equal(sim_count_targets(w.sim, COUNT_TARGET_CONNECTIONS),
			 sim_count_targets(w.sim, COUNT_TARGET_CLOSED));
	assert_true(sim_held() <= CHUNK_ALLOC);
	assert_int_equal(worker->loop.wheel.n_nodes, 0);
	chunk_pool_init(SIZE_MAX);
	sim_free(w.sim);
}

static void test_any_walk_ends_at_rest(void **state)
{
	const char *one = getenv("WEIR_WALK"), *many = getenv("WEIR_WALKS");
	unsigned long n = many ? strtoul(many, NULL, 10) : WALKS;

	(void)state;
	if (one) {
		walk(strtoull(one, NULL, 10));
		return;
	}
	for (unsigned long seed = 1; seed <= n; seed++)
		walk(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_walk_ends_at_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
