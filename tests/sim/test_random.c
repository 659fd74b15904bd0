/* test_random.c - clients and targets that do anything at any time.
 *
 * Each walk is a few hundred random deeds of a few clients and two targets:
 * good and broken requests and answers in pieces of any size, ends and resets
 * at any moment, readers that stop, time that passes, targets that are cut,
 * buffers that run out. Nothing is expected of a single answer. But when all
 * have gone and time has passed, the worker must be empty again, and must have
 * counted as many ends as beginnings.
 *
 * The seed of a walk is printed when it fails; WEIR_WALK=SEED walks it alone,
 * WEIR_WALKS=N walks N of them.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENDS_MAX = 12, DEEDS = 300, WALKS = 60 };

static uint64_t walk_state;

static unsigned any(unsigned n)
{
	walk_state ^= walk_state << 13;
	walk_state ^= walk_state >> 7;
	walk_state ^= walk_state << 17;
	return (unsigned)(walk_state >> 20) % n;
}

/* clang-format off */
static const char *const requests[] = {
	"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.0\r\n\r\n",
	"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\nzz\r\n",
	"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	"Content-Length: 3\r\n\r\nabc",
	"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"\r\n\r\n",
	"GET\r\n\r\n",
	"0123456789",
};

static const char *const answers[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\n12345\r\nzz\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
	"Content-Length: 2\r\n\r\nok",
	"HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nlies",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
	"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	"Upgrade: websocket\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
	"SSH-2.0-nonsense\r\n\r\n",
	"0123456789",
};
/* clang-format on */

struct walk {
	struct sim *sim;
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

	if (send(e->fd, much, 1 + any(sizeof(much)), MSG_NOSIGNAL) > 0)
		turn(w);
}

static void hear(struct sim_end *e)
{
	static char waste[65536];

	if (recv(e->fd, waste, 1 + any(sizeof(waste)), 0) == 0)
		e->ended = true;
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

static void act(struct walk *w, struct sim_end **slot, const char *text)
{
	switch (any(16)) {
	case 0:
		leave(w, slot);
		break;
	case 1:
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
		say(w, *slot, text);
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

static void deed(struct walk *w)
{
	unsigned i = any(ENDS_MAX);

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
		return;
	}
	if (any(2)) {
		if (!w->clients[i])
			connect_client(w, &w->clients[i]);
		else
			act(w, &w->clients[i],
			    requests[any(ARRAY_SIZE(requests))]);
	} else {
		if (!w->targets[i])
			accept_target(w, &w->targets[i]);
		else
			act(w, &w->targets[i],
			    answers[any(ARRAY_SIZE(answers))]);
	}
}

static void walk(uint64_t seed)
{
	struct walk w = {.sim = sim_new()};
	struct worker *worker = w.sim->worker;
	bool scarce;

	walk_state = seed * 0x9e3779b97f4a7c15 + 1;
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
	print_message("# walk %llu\n", (unsigned long long)seed);
	assert_int_equal(worker->n_exchanges, 0);
	assert_int_equal(worker->n_clients, 0);
	assert_int_equal(worker->n_upstreams, 0);
	assert_int_equal(worker->counters[COUNT_REQUESTS_ALL],
			 worker->counters[COUNT_REQUESTS_ENDED]);
	assert_int_equal(worker->counters[COUNT_CLIENT_CONNECTIONS],
			 worker->counters[COUNT_CLIENT_CLOSED]);
	assert_int_equal(worker->counters[COUNT_TARGET_CONNECTIONS],
			 worker->counters[COUNT_TARGET_CLOSED]);
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
