/* test_resolver.c - names against a small DNS server in the same loop. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "control/resolver.h"
#include "unit.h"

/*
 * The server answers A with `a` (n_a of them) and AAAA with nothing or ::1, or
 * both with SERVFAIL.
 */
struct scene {
	struct loop loop;
	struct resolver *resolver;
	int fd;
	struct loop_watch *watch;
	char server[ADDR_TEXT_MAX];
	uint8_t a[4][4];
	unsigned n_a;
	uint32_t ttl_s;
	bool fails, has_v6;
	unsigned n_questions, n_changes;
	unsigned n_wanted; /* questions, of a server beside the loop */
};

enum { TYPE_A = 1, TYPE_AAAA = 28 };

static void put16(uint8_t **at, unsigned v)
{
	*(*at)++ = (uint8_t)(v >> 8);
	*(*at)++ = (uint8_t)v;
}

/* RFC 1035, section 4: the question comes back, answers point to its name. */
static void on_question(int fd, int what, void *arg)
{
	struct scene *s = arg;
	uint8_t q[512], out[1024], *at = out;
	struct addr from = {.len = sizeof(from.un)};
	ssize_t n = recvfrom(fd, q, sizeof(q), 0, &from.sa, &from.len);
	size_t name = 12, question;
	unsigned type, n_answers;

	(void)what;
	if (n < 17)
		return;
	s->n_questions++;
	while (name < (size_t)n && q[name])
		name += q[name] + 1u;
	question = name + 5 - 12;
	type = (unsigned)(q[name + 1] << 8 | q[name + 2]);
	n_answers = s->fails ? 0 : type == TYPE_A ? s->n_a : s->has_v6;
	memcpy(at, q, 2);
	at += 2;
	put16(&at, s->fails ? 0x8182 : 0x8180);
	put16(&at, 1);
	put16(&at, n_answers);
	put16(&at, 0);
	put16(&at, 0);
	memcpy(at, q + 12, question);
	at += question;
	for (unsigned i = 0; i < n_answers; i++) {
		put16(&at, 0xc00c);
		put16(&at, type);
		put16(&at, 1);
		put16(&at, s->ttl_s >> 16);
		put16(&at, s->ttl_s & 0xffff);
		if (type == TYPE_AAAA) {
			put16(&at, 16);
			memcpy(at, &in6addr_loopback, 16);
			at += 16;
			continue;
		}
		put16(&at, 4);
		memcpy(at, s->a[i], 4);
		at += 4;
	}
	(void)!sendto(fd, out, (size_t)(at - out), 0, &from.sa, from.len);
}

static void on_change(void *arg, struct slice name)
{
	struct scene *s = arg;

	(void)name;
	s->n_changes++;
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct addr addr;

	log_setup(LOG_ERROR, LOG_TEXT);
	loop_init(&s->loop);
	assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, &addr));
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->fd, &addr.sa, addr.len), 0);
	assert_int_equal(getsockname(s->fd, &addr.sa, &addr.len), 0);
	s->server[addr_format(&addr, s->server)] = '\0';
	s->watch = loop_watch_fd(&s->loop, s->fd, LOOP_READ, on_question, s);
	s->resolver = resolver_new(&s->loop, s->server, on_change, s);
	assert_non_null(s->resolver);
	s->ttl_s = 60;
	s->n_a = 1;
	memcpy(s->a[0], "\x0a\x00\x00\x01", 4);
	memcpy(s->a[1], "\x0a\x00\x00\x02", 4);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct scene *s = *state;

	resolver_free(s->resolver);
	loop_watch_free(s->watch);
	close(s->fd);
	loop_release(&s->loop);
	free(s);
	return 0;
}

static void want(struct scene *s, const char *name)
{
	resolver_begin(s->resolver);
	resolver_want(s->resolver, slice_of(name));
	resolver_end(s->resolver);
}

static void on_nothing(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Turns until `*counter` is `n`, for 10 s at most. */
static void wait_for(struct scene *s, const unsigned *counter, unsigned n)
{
	uint64_t end = clock_now_ms() + 10000;
	struct loop_watch *limit =
		loop_watch_timer(&s->loop, 10000, on_nothing, NULL);

	while (*counter < n && clock_now_ms() < end)
		loop_turn(&s->loop, true);
	loop_watch_free(limit);
	assert_true(*counter >= n);
}

static void test_an_answer_comes(void **state)
{
	struct scene *s = *state;
	const struct addr *found;
	char text[ADDR_TEXT_MAX];

	s->n_a = 2;
	want(s, "app.test");
	assert_int_equal(
		resolver_lookup(s->resolver, SLICE("app.test"), &found), 0);
	wait_for(s, &s->n_changes, 1);
	assert_int_equal(
		resolver_lookup(s->resolver, SLICE("app.test"), &found), 2);
	text[addr_format_ip(&found[1], text)] = '\0';
	assert_string_equal(text, "10.0.0.2");
	assert_int_equal(addr_port(&found[0]), 0);
	assert_int_equal(resolver_lookup(s->resolver, SLICE("other"), &found),
			 0);
}

static void test_asked_again_after_its_ttl(void **state)
{
	struct scene *s = *state;
	const struct addr *found;
	unsigned before;

	s->ttl_s = 0; /* the bound makes it a second */
	want(s, "app.test");
	wait_for(s, &s->n_changes, 1);
	before = s->n_questions;
	wait_for(s, &s->n_questions, before + 2);
	/* The same answer is no change, another one is. */
	assert_int_equal(s->n_changes, 1);
	memcpy(s->a[0], "\x0a\x00\x00\x09", 4);
	wait_for(s, &s->n_changes, 2);
	assert_int_equal(
		resolver_lookup(s->resolver, SLICE("app.test"), &found), 1);
}

static void test_a_failure_keeps_the_last_answer(void **state)
{
	struct scene *s = *state;
	struct resolver_name name;
	const struct addr *found;
	unsigned before;
	size_t at = 0;

	s->ttl_s = 1;
	want(s, "app.test");
	wait_for(s, &s->n_changes, 1);
	s->fails = true;
	before = s->n_questions;
	wait_for(s, &s->n_questions, before + 4);
	for (int i = 0; i < 20; i++)
		loop_turn(&s->loop, false);
	assert_int_equal(
		resolver_lookup(s->resolver, SLICE("app.test"), &found), 1);
	assert_true(resolver_next(s->resolver, &at, &name));
	assert_slice(name.name, "app.test");
	assert_non_null(name.failure);
	assert_int_equal(s->n_changes, 1);
}

/* Half an answer may be a lost question: it has to come twice. */
static void test_a_family_goes_when_it_is_missing_twice(void **state)
{
	struct scene *s = *state;
	const struct addr *found;
	unsigned before;

	s->ttl_s = 0;
	s->has_v6 = true;
	want(s, "app.test");
	wait_for(s, &s->n_changes, 1);
	assert_int_equal(
		resolver_lookup(s->resolver, SLICE("app.test"), &found), 2);
	before = s->n_questions;
	s->has_v6 = false;
	wait_for(s, &s->n_questions, before + 2);
	s->has_v6 = true; /* once is nothing */
	wait_for(s, &s->n_questions, before + 4);
	s->has_v6 = false;
	before = s->n_questions;
	wait_for(s, &s->n_changes, 2);
	assert_int_equal(s->n_changes, 2);
	assert_in_range(s->n_questions, before + 4, before + 5);
	assert_int_equal(
		resolver_lookup(s->resolver, SLICE("app.test"), &found), 1);
}

static void test_localhost_needs_no_server(void **state)
{
	struct scene *s = *state;
	const struct addr *found;

	want(s, "localhost");
	wait_for(s, &s->n_changes, 1);
	assert_true(resolver_lookup(s->resolver, SLICE("localhost"), &found) >
		    0);
	assert_int_equal(s->n_questions, 0);
}

/* Forgotten while the question is on its way: the answer harms nobody. */
static void test_a_name_may_go_at_any_time(void **state)
{
	struct scene *s = *state;
	struct resolver_name name;
	size_t at = 0;

	want(s, "app.test");
	while (s->n_questions == 0)
		loop_turn(&s->loop, true);
	resolver_begin(s->resolver);
	resolver_end(s->resolver);
	assert_false(resolver_next(s->resolver, &at, &name));
	want(s, "b.test");
	wait_for(s, &s->n_changes, 1);
	assert_int_equal(s->n_changes, 1);
}

/* Beside the loop, which does not turn. */
static void *serve_questions(void *arg)
{
	struct scene *s = arg;
	struct pollfd asked = {.fd = s->fd, .events = POLLIN};

	while (poll(&asked, 1, 10000) == 1 && !(asked.revents & POLLHUP)) {
		if (s->n_questions == s->n_wanted)
			break;
		on_question(s->fd, LOOP_READ, s);
	}
	return NULL;
}

/* Settles with a server that answers so many questions. */
static void settle(struct scene *s, unsigned n_questions)
{
	const char stop = 0;
	struct addr to;
	pthread_t server;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	s->n_wanted = n_questions;
	assert_int_equal(pthread_create(&server, NULL, serve_questions, s), 0);
	resolver_settle(s->resolver, 10000);
	/* One more, which ends it. */
	assert_true(addr_parse(slice_of(s->server), &to));
	assert_int_equal(sendto(fd, &stop, 1, 0, &to.sa, to.len), 1);
	pthread_join(server, NULL);
	close(fd);
	assert_int_equal(s->n_questions, n_questions);
}

static void regress_new_names_are_known_once_they_are_settled(void **state)
{
	enum { NAMES = 40 };
	struct scene *s = *state;
	const struct addr *found;
	char name[32];

	resolver_begin(s->resolver);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		resolver_want(s->resolver, slice_of(name));
	}
	resolver_end(s->resolver);
	settle(s, 2 * NAMES);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		assert_int_equal(
			resolver_lookup(s->resolver, slice_of(name), &found),
			1);
	}
	/* Nothing is new any more. */
	resolver_settle(s->resolver, 10000);
}

static void regress_a_failure_is_an_answer(void **state)
{
	struct scene *s = *state;
	struct resolver_name name;
	size_t at = 0;

	s->fails = true;
	want(s, "app.test");
	settle(s, 2);
	assert_true(resolver_next(s->resolver, &at, &name));
	assert_non_null(name.failure);
}

static void regress_a_silent_server_is_not_waited_for(void **state)
{
	struct scene *s = *state;
	struct resolver_name name;
	size_t at = 0;

	want(s, "app.test");
	resolver_settle(s->resolver, 100);
	assert_true(resolver_next(s->resolver, &at, &name));
	assert_int_equal(name.n_addresses, 0);
	/* And the answer still comes. */
	wait_for(s, &s->n_changes, 1);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		SCENE(test_an_answer_comes),
		SCENE(test_asked_again_after_its_ttl),
		SCENE(test_a_failure_keeps_the_last_answer),
		SCENE(test_a_family_goes_when_it_is_missing_twice),
		SCENE(test_localhost_needs_no_server),
		SCENE(test_a_name_may_go_at_any_time),
		SCENE(regress_new_names_are_known_once_they_are_settled),
		SCENE(regress_a_failure_is_an_answer),
		SCENE(regress_a_silent_server_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
