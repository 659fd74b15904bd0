/* test_prober.c - checks against peers that follow a script, in one loop. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/prober.h"
#include "control/roster.h"
#include "net/chunk.h"
#include "net/sock.h"
#include "tls/client.h"
#include "tls/policy.h"
#include "worlds.h"

/* -- a peer ---------------------------------------------------------------- */

enum script { REFUSE, HANG, CLOSE, ANSWER, DRIP, ENDLESS };

struct peer {
	struct loop *loop;
	enum script script;
	const char *answer;
	int fd;
	struct loop_watch *watch;
	char name[ADDR_TEXT_MAX];
	unsigned n_checks;  /* connections so far */
	char request[1024]; /* the last one */
	int open[256];      /* connections that hang */
	struct loop_watch *reads[256];
	unsigned n_open;
};

static void put_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = send(fd, text, n, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		text += put;
		n -= (size_t)put;
	}
}

static void finish_one(struct peer *p, int fd)
{
	for (unsigned i = 0; i < p->n_open; i++)
		if (p->open[i] == fd) {
			loop_watch_free(p->reads[i]);
			p->reads[i] = NULL;
			p->open[i] = -1;
		}
	close(fd);
}

static void on_request(int fd, int what, void *arg)
{
	struct peer *p = arg;
	ssize_t n = recv(fd, p->request, sizeof(p->request) - 1, 0);
	char filler[1024];

	(void)what;
	if (n <= 0) {
		finish_one(p, fd);
		return;
	}
	p->request[n] = '\0';
	switch (p->script) {
	case REFUSE:
	case HANG:
		return;
	case CLOSE:
		break;
	case ANSWER:
		put_all(fd, p->answer, strlen(p->answer));
		break;
	case DRIP:
		for (const char *at = p->answer; *at; at++)
			put_all(fd, at, 1);
		break;
	case ENDLESS:
		put_all(fd, "HTTP/1.1 200 OK\r\nx: ", 20);
		memset(filler, 'x', sizeof(filler));
		for (int i = 0; i < 64; i++)
			put_all(fd, filler, sizeof(filler));
		break;
	}
	finish_one(p, fd);
}

static void on_dial(int fd, int what, void *arg)
{
	struct peer *p = arg;
	struct addr from;
	int got = sock_accept(fd, &from);

	(void)what;
	if (got < 0 || p->n_open == ARRAY_SIZE(p->open))
		return;
	p->n_checks++;
	p->open[p->n_open] = got;
	p->reads[p->n_open++] =
		loop_watch_fd(p->loop, got, LOOP_READ, on_request, p);
}

static void peer_begin(struct peer *p, struct loop *loop, enum script script,
		       const char *answer)
{
	struct addr addr;

	*p = (struct peer){.loop = loop, .script = script, .answer = answer};
	assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, &addr));
	p->fd = sock_listen(&addr);
	assert_true(p->fd >= 0);
	assert_int_equal(getsockname(p->fd, &addr.sa, &addr.len), 0);
	p->name[addr_format(&addr, p->name)] = '\0';
	if (script == REFUSE) {
		close(p->fd);
		p->fd = -1;
	} else {
		p->watch = loop_watch_fd(loop, p->fd, LOOP_READ, on_dial, p);
	}
}

static void peer_end(struct peer *p)
{
	loop_watch_free(p->watch);
	if (p->fd >= 0)
		close(p->fd);
	for (unsigned i = 0; i < p->n_open; i++)
		if (p->reads[i])
			finish_one(p, p->open[i]);
}

/* -- the scene ------------------------------------------------------------- */

static size_t lookup(void *arg, struct slice name,
		     const struct addr **addresses)
{
	(void)arg;
	(void)name;
	(void)addresses;
	return 0;
}

static void cut(void *arg, struct target_state *state)
{
	(void)arg;
	(void)state;
}

static const struct rosters_ops ops = {lookup, cut};

struct scene {
	struct loop loop;
	struct rosters *rosters;
	struct prober *prober;
	struct snapshot *snap;
	struct peer peer;
};

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	log_setup(LOG_ERROR, LOG_TEXT);
	chunk_pool_init(16 << 20);
	loop_init(&s->loop);
	s->rosters = rosters_new(1, &ops, NULL);
	s->prober = prober_new(&s->loop);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct scene *s = *state;

	prober_free(s->prober);
	peer_end(&s->peer);
	snapshot_unref(s->snap);
	rosters_free(s->rosters);
	loop_release(&s->loop);
	chunk_pool_release();
	free(s);
	return 0;
}

static struct target_group *prepare(struct scene *s)
{
	const char *const targets[] = {s->peer.name};
	struct target_group *g;

	snapshot_unref(s->snap);
	s->snap = world_of(1);
	g = group_of(s->snap, 0, "app", targets, 1);
	g->health_check.interval_ms = 60;
	g->health_check.timeout_ms = 40;
	rosters_attach(s->snap);
	return g;
}

static struct target_state *serve(struct scene *s)
{
	struct roster *roster;
	struct target_state *t;

	rosters_update(s->rosters, s->snap);
	prober_update(s->prober, s->snap);
	roster = group_state_roster(s->snap->groups[0].state);
	t = roster->members[0].state;
	roster_unref(roster);
	return t;
}

static uint64_t finished(const struct scene *s)
{
	struct prober_counts c;

	prober_read_counts(s->prober, &c);
	return c.passed + c.failed;
}

static void wait_for(struct scene *s, uint64_t n_checks)
{
	uint64_t end = clock_now_ms() + 10000;

	while (finished(s) < n_checks && clock_now_ms() < end)
		loop_turn(&s->loop, true);
	assert_true(finished(s) >= n_checks);
}

static struct target_state *check(struct scene *s, enum script script,
				  const char *answer, uint64_t n_checks)
{
	struct target_group *g;
	struct target_state *t;

	peer_begin(&s->peer, &s->loop, script, answer);
	g = prepare(s);
	/* Who answers does so in time, also on a machine that is busy. */
	if (script == ANSWER || script == DRIP)
		g->health_check.timeout_ms = 10000;
	t = serve(s);
	wait_for(s, n_checks);
	return t;
}

#define OK "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

/* -- results --------------------------------------------------------------- */

static const struct {
	const char *name;
	enum script script;
	const char *answer;
	enum health health;
	enum health_reason reason;
	uint16_t code;
	const char *detail;
} cases[] = {
	{"200", ANSWER, OK, HEALTH_HEALTHY, HEALTH_NO_REASON, 200},
	{"200 in single octets", DRIP, OK, HEALTH_HEALTHY, HEALTH_NO_REASON,
	 200},
	{"an interim response first", ANSWER,
	 "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" OK, HEALTH_HEALTHY,
	 HEALTH_NO_REASON, 200},
	{"503", ANSWER, "HTTP/1.1 503 No\r\n\r\n", HEALTH_UNHEALTHY,
	 HEALTH_CODE_MISMATCH, 503, "status 503"},
	{"a redirect is not followed", ANSWER,
	 "HTTP/1.1 302 Found\r\nlocation: /login\r\n\r\n", HEALTH_UNHEALTHY,
	 HEALTH_CODE_MISMATCH, 302, "status 302 to /login"},
	{"a redirect with octets that are not for terminals", ANSWER,
	 "HTTP/1.1 302 Found\r\nlocation: /\xe9\r\n\r\n", HEALTH_UNHEALTHY,
	 HEALTH_CODE_MISMATCH, 302, "status 302 to /?"},
	{"nobody listens", REFUSE, NULL, HEALTH_UNHEALTHY, HEALTH_FAILED_CHECKS,
	 0, "Connection refused"},
	{"no answer", HANG, NULL, HEALTH_UNHEALTHY, HEALTH_TIMEOUT, 0,
	 "no answer in time"},
	{"closed without an answer", CLOSE, NULL, HEALTH_UNHEALTHY,
	 HEALTH_FAILED_CHECKS, 0, "closed before the answer was complete"},
	{"half a head", ANSWER, "HTTP/1.1 200 OK\r\nx: y\r\n", HEALTH_UNHEALTHY,
	 HEALTH_FAILED_CHECKS, 0},
	{"no HTTP", ANSWER, "SSH-2.0-OpenSSH_9.2\r\n\r\n", HEALTH_UNHEALTHY,
	 HEALTH_FAILED_CHECKS, 0},
	{"a head without end", ENDLESS, NULL, HEALTH_UNHEALTHY,
	 HEALTH_FAILED_CHECKS, 0},
};

static void regress_every_result_says_why(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct target_state *t;

		print_message("# %s\n", cases[i].name);
		begin(state);
		/* Two failures in a row make it unhealthy. */
		t = check(*state, cases[i].script, cases[i].answer, 2);
		assert_int_equal(t->health, cases[i].health);
		assert_int_equal(t->health_reason, cases[i].reason);
		assert_int_equal(t->health_code, cases[i].code);
		if (cases[i].detail || t->health == HEALTH_HEALTHY)
			assert_string_equal(
				prober_detail(((struct scene *)*state)->prober,
					      t),
				cases[i].detail ? cases[i].detail : "");
		finish(state);
	}
}

static void test_the_request(void **state)
{
	struct scene *s = *state;
	char expect[256];

	peer_begin(&s->peer, &s->loop, ANSWER, OK);
	prepare(s)->health_check.path = SLICE("/health?x=1");
	serve(s);
	wait_for(s, 2);
	snprintf(expect, sizeof(expect),
		 "GET /health?x=1 HTTP/1.1\r\nHost: %s\r\n"
		 "User-Agent: ELB-HealthChecker/2.0\r\n"
		 "Connection: close\r\n\r\n",
		 s->peer.name);
	assert_string_equal(s->peer.request, expect);
	/* A fresh connection for each. */
	assert_true(s->peer.n_checks >= 2);
}

static void test_tcp_only_connects(void **state)
{
	struct scene *s = *state;
	struct target_state *t;

	peer_begin(&s->peer, &s->loop, HANG, NULL);
	prepare(s)->health_check.protocol = PROTOCOL_TCP;
	t = serve(s);
	wait_for(s, 1);
	assert_int_equal(t->health, HEALTH_HEALTHY);
	assert_string_equal(s->peer.request, "");
}

static void free_client(void *client)
{
	tls_client_unref(client);
}

static void give_tls(struct snapshot *snap)
{
	const struct tls_client_spec spec = {
		.policy = tls_target_policy(0),
		.n_workers = snap->settings.workers + 1,
	};
	struct diag diag = {0};

	snap->groups[0].check_tls = tls_client_new(&spec, &diag);
	assert_non_null(snap->groups[0].check_tls);
	snapshot_on_free(snap, free_client, snap->groups[0].check_tls);
	diag_release(&diag);
}

/* An answer in plain text is no TLS. */
static void test_https_needs_tls(void **state)
{
	struct scene *s = *state;
	struct target_state *t;

	peer_begin(&s->peer, &s->loop, ANSWER, OK);
	prepare(s)->health_check.protocol = PROTOCOL_HTTPS;
	give_tls(s->snap);
	t = serve(s);
	wait_for(s, 2);
	assert_int_equal(t->health, HEALTH_UNHEALTHY);
	assert_int_equal(t->health_reason, HEALTH_FAILED_CHECKS);
	assert_non_null(strstr(prober_detail(s->prober, t), "TLS: "));
}

/* -- time and change ------------------------------------------------------- */

static void test_start_to_start(void **state)
{
	struct scene *s = *state;
	uint64_t first;

	peer_begin(&s->peer, &s->loop, HANG, NULL);
	prepare(s);
	serve(s);
	wait_for(s, 1);
	first = clock_now_ms();
	wait_for(s, 6);
	/* Five intervals of 60 ms, although each check took 40 of them; late
	 * by some slots where the machine is busy, never early. */
	assert_in_range(clock_now_ms() - first, 300 - 25, 900);
}

static void test_health_outlives_a_reload(void **state)
{
	struct scene *s = *state;
	struct target_state *t = check(s, ANSWER, OK, 1);
	uint64_t n = finished(s);

	assert_int_equal(t->health, HEALTH_HEALTHY);
	prepare(s);
	assert_ptr_equal(serve(s), t);
	assert_int_equal(t->health, HEALTH_HEALTHY);
	/* And the checks go on, on the new group's behalf. */
	wait_for(s, n + 2);
}

static void note_freed(void *object)
{
	*(bool *)object = true;
}

/* It looks for what the old configuration said, by its TLS and its patterns. */
static void regress_a_check_keeps_what_it_asks_by(void **state)
{
	struct scene *s = *state;
	bool freed = false;

	peer_begin(&s->peer, &s->loop, HANG, NULL);
	prepare(s)->health_check.timeout_ms = 500;
	snapshot_on_free(s->snap, note_freed, &freed);
	serve(s);
	for (int turn = 0; turn < 1000 && s->peer.request[0] == '\0'; turn++)
		loop_turn(&s->loop, true);
	assert_int_equal(s->peer.request[0], 'G');
	prepare(s);
	serve(s);
	assert_false(freed);
	put_all(s->peer.open[0], OK, strlen(OK));
	wait_for(s, 1);
	assert_true(freed);
}

static void test_the_epoch_moves_with_the_verdict_only(void **state)
{
	struct scene *s = *state;
	const struct group_state *gs;
	uint64_t epoch;

	check(s, ANSWER, OK, 1);
	gs = s->snap->groups[0].state;
	epoch = group_state_epoch(gs);
	wait_for(s, 3);
	assert_int_equal(group_state_epoch(gs), epoch);
	s->peer.answer = "HTTP/1.1 500 No\r\n\r\n";
	wait_for(s, finished(s) + 3);
	assert_int_equal(group_state_epoch(gs), epoch + 1);
}

/* "Health checks failed with these codes: [200]" would be nonsense. */
static void test_the_code_is_of_a_failure_until_it_is_well(void **state)
{
	struct scene *s = *state;
	struct target_state *t = check(s, ANSWER, "HTTP/1.1 503 No\r\n\r\n", 2);
	uint64_t n;

	assert_int_equal(t->health, HEALTH_UNHEALTHY);
	s->snap->groups[0].health_check.rise = 3;
	s->peer.answer = OK;
	n = finished(s);
	wait_for(s, n + 2);
	assert_int_equal(t->health, HEALTH_UNHEALTHY);
	assert_int_equal(t->health_code, 503);
	wait_for(s, n + 3);
	assert_int_equal(t->health, HEALTH_HEALTHY);
	assert_int_equal(t->health_code, 200);
}

static void test_unused_groups_are_left_alone(void **state)
{
	struct scene *s = *state;
	struct prober_counts c;

	check(s, HANG, NULL, 1);
	prepare(s)->is_used = false;
	serve(s);
	prober_read_counts(s->prober, &c);
	assert_int_equal(c.n_probes, 0);
	assert_int_equal(c.n_running, 0);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_every_result_says_why),
		SCENE(test_the_request),
		SCENE(test_tcp_only_connects),
		SCENE(test_https_needs_tls),
		SCENE(test_start_to_start),
		SCENE(test_health_outlives_a_reload),
		SCENE(regress_a_check_keeps_what_it_asks_by),
		SCENE(test_the_epoch_moves_with_the_verdict_only),
		SCENE(test_the_code_is_of_a_failure_until_it_is_well),
		SCENE(test_unused_groups_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
