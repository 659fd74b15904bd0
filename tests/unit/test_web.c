/* test_web.c - HTTP without an exchange: what is asked, what leaves, and what
 * those get who ask too much, too slowly or never read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/web.h"
#include "net/chain.h"
#include "net/listening.h"
#include "net/piece.h"
#include "unit.h"

enum { LARGE = 8 << 20, PART = 60000, NOW_MS = 1000000 };

struct scene {
	struct loop loop;
	struct web *web;
	struct addr addr;
	unsigned n_asked, n_released;
	size_t left; /* of the large page */
	char answer[4096];
};

static void release_page(void *state)
{
	struct scene *s = state;

	s->n_released++;
}

static void small_page(void *arg, const struct web_request *q,
		       struct web_answer *a)
{
	struct scene *s = arg;
	char room[8];
	struct slice who = SLICE("nobody");

	s->n_asked++;
	(void)web_parameter(q, SLICE("who"), room, sizeof(room), &who);
	text_addf(&a->body, "hello %.*s", SLICE_ARG(who));
}

static bool more_of_it(struct web_answer *a)
{
	struct scene *s = a->state;
	size_t n = s->left < PART ? s->left : PART;

	for (size_t i = 0; i < n; i++)
		text_addc(&a->body, (char)('a' + (s->left - i) % 26));
	s->left -= n;
	return n > 0;
}

static void large_page(void *arg, const struct web_request *q,
		       struct web_answer *a)
{
	struct scene *s = arg;

	(void)q;
	s->n_asked++;
	s->left = LARGE;
	a->content_type = SLICE("text/x-large");
	a->fields[a->n_fields++] =
		(struct field){.name = SLICE("X-Page"), .value = SLICE("l")};
	a->more = more_of_it;
	a->state = s;
	a->release = release_page;
}

static const struct web_page pages[] = {
	{SLICE_INIT("/small"), small_page},
	{SLICE_INIT("/large"), large_page},
};

static const struct slice hosts[] = {SLICE_INIT("weir.example.com")};
static const struct web_names names = {
	.path_prefix = SLICE_INIT("/w"),
	.hosts = hosts,
	.n_hosts = ARRAY_SIZE(hosts),
};

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct listening *socket;

	clock_fake(NOW_MS, 1700000000);
	chunk_pool_init(16 << 20);
	loop_init(&s->loop);
	assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, &s->addr));
	socket = listening_open_alone(&s->addr);
	assert_non_null(socket);
	s->addr.len = sizeof(s->addr.in);
	assert_int_equal(getsockname(socket->fd, &s->addr.sa, &s->addr.len), 0);
	s->web = web_new(&s->loop, socket, pages, ARRAY_SIZE(pages), s);
	web_rename(s->web, &names);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct scene *s = *state;

	web_free(s->web);
	loop_turn(&s->loop, false);
	loop_release(&s->loop);
	piece_room_release();
	chain_release_kept();
	chunk_pool_release();
	free(s);
	return 0;
}

static int dial(struct scene *s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), few = 16384;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof(few));
	assert_int_equal(connect(fd, &s->addr.sa, s->addr.len), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (int)strlen(text));
}

/* Turns until `end` has come, or the end; what came stands in s->answer, the
 * first octets of it. */
static bool get(struct scene *s, int fd, const char *end)
{
	size_t n = 0;

	for (int turn = 0; turn < 10000; turn++) {
		ssize_t got = recv(fd, s->answer + n, 1, MSG_DONTWAIT);

		if (got == 0)
			return false;
		if (got < 0) {
			loop_turn(&s->loop, false);
			continue;
		}
		if (n < sizeof(s->answer) - 2)
			n++;
		s->answer[n] = '\0';
		if (n >= strlen(end) &&
		    strcmp(s->answer + n - strlen(end), end) == 0)
			return true;
	}
	fail_msg("%s", "neither an answer nor its end");
	return false;
}

/* Whether the end comes, whatever comes before it. */
static bool is_closed(struct scene *s, int fd)
{
	char room[4096];

	for (int turn = 0; turn < 1000; turn++) {
		ssize_t got = recv(fd, room, sizeof(room), MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			return true;
		loop_turn(&s->loop, false);
	}
	return false;
}

static void pass(struct scene *s, uint64_t ms)
{
	clock_fake(clock_now_ms() + ms + WHEEL_SLOT_MS, 1700000000);
	loop_expire(&s->loop);
	loop_turn(&s->loop, false);
}

#define TAIL " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void test_requests_in_a_row(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	put(fd, "GET /w/small" TAIL "GET /w/./x/%2e%2e/small?a=b&who=y%6fu" TAIL
		"HEAD /w/small" TAIL);
	assert_true(get(s, fd, "hello nobody"));
	assert_non_null(strstr(s->answer, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(s->answer, "\r\nContent-Length: 12\r\n"));
	assert_non_null(strstr(s->answer, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(
		strstr(s->answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_null(strstr(s->answer, "Access-Control"));
	assert_true(get(s, fd, "hello you"));
	assert_true(get(s, fd, "\r\n\r\n"));
	assert_non_null(strstr(s->answer, "\r\nContent-Length: 12\r\n"));
	put(fd, "GET /w/small HTTP/1.1\r\nHost: [::1]:80\r\n"
		"Connection: close\r\n\r\n");
	assert_true(get(s, fd, "hello nobody"));
	assert_non_null(strstr(s->answer, "\r\nConnection: close\r\n"));
	assert_true(is_closed(s, fd));
	assert_int_equal(s->n_asked, 4);
	close(fd);
}

static const struct refusal {
	const char *request;
	const char *status;
	bool goes_on;
} refusals[] = {
	{"POST /w/small HTTP/1.1\r\nHost: localhost\r\n"
	 "Content-Length: 3\r\n\r\nabc",
	 "405", false},
	{"DELETE /w/small" TAIL, "405", true},
	{"CONNECT localhost:80" TAIL, "405", true},
	{"OPTIONS *" TAIL, "405", true},
	{"GET /w/small HTTP/1.1\r\nHost: localhost\r\n"
	 "Content-Length: 3\r\n\r\nabc",
	 "413", false},
	{"GET /small" TAIL, "404", true},
	{"GET /wsmall" TAIL, "404", true},
	{"GET /w/../small" TAIL, "404", true},
	{"GET /w/..%2fsmall" TAIL, "404", true},
	{"GET /w/../../../etc/passwd" TAIL, "404", true},
	{"GET /w/nothing" TAIL, "404", true},
	{"GET /w" TAIL, "404", true},
	{"GET w/small" TAIL, "400", true},
	{"GET /w/small HTTP/1.1\r\n\r\n", "400", true},
	{"GET /w/small HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
	 "400", true},
	{"GET /w/small HTTP/1.1\r\nHost: a b\r\n\r\n", "400", true},
	{"GET /w/small HTTP/1.1\r\nHost: evil.test\r\n\r\n", "421", true},
	{"GET /w/small HTTP/1.1\r\nHost: localhost.evil.test\r\n\r\n", "421",
	 true},
	{"GET http://evil.test/w/small" TAIL, "421", true},
	{"GET http://localhost/w/small HTTP/1.1\r\nHost: evil.test\r\n\r\n",
	 "421", true},
	{"GET /w/small HTTP/3.0\r\nHost: localhost\r\n\r\n", "505", false},
	{"nonsense\r\n\r\n", "400", false},
	{"GET /w/small HTTP/1.1\r\nHost: localhost\r\n"
	 "Transfer-Encoding: x\r\n\r\n",
	 "400", false},
};

static void test_what_is_refused(void **state)
{
	struct scene *s = *state;
	unsigned n_asked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		char line[64];
		int fd = dial(s);

		print_message("# %s\n", r->request);
		put(fd, r->request);
		assert_true(get(s, fd, "\r\n\r\n"));
		snprintf(line, sizeof(line), "HTTP/1.1 %s ", r->status);
		assert_ptr_equal(strstr(s->answer, line), s->answer);
		assert_int_equal(!strstr(s->answer, "Connection: close"),
				 r->goes_on);
		if (strcmp(r->status, "405") == 0)
			assert_non_null(
				strstr(s->answer, "\r\nAllow: GET, HEAD\r\n"));
		assert_int_equal(s->n_asked, n_asked);
		if (r->goes_on) {
			put(fd, "GET /w/small" TAIL);
			assert_true(get(s, fd, "hello nobody"));
			n_asked++;
		} else {
			assert_true(is_closed(s, fd));
		}
		close(fd);
	}
}

static void test_names_under_which_it_is_asked(void **state)
{
	static const char *const good[] = {"localhost",
					   "LOCALHOST:9901",
					   "127.0.0.1",
					   "192.0.2.1:80",
					   "[2001:db8::1]",
					   "weir.example.com",
					   "Weir.Example.Com.:8080"};
	struct scene *s = *state;
	int fd = dial(s);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 "GET /w/small HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
		put(fd, text);
		assert_true(get(s, fd, "hello nobody"));
	}
	put(fd, "GET /w/small HTTP/1.0\r\n\r\n");
	assert_true(get(s, fd, "hello nobody"));
	close(fd);
}

/* It comes whole, and the next request after it. */
static void test_a_large_answer_comes_whole(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);
	size_t letters = 0;

	put(fd, "GET /w/large" TAIL);
	assert_true(get(s, fd, "\r\n\r\n"));
	assert_non_null(strstr(s->answer, "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(s->answer, "Content-Type: text/x-large\r\n"));
	assert_non_null(strstr(s->answer, "X-Page: l\r\n"));
	for (int turn = 0; turn < 100000; turn++) {
		char room[16384];
		ssize_t got = recv(fd, room, sizeof(room), MSG_DONTWAIT);

		/* Sizes of chunks are digits, or a to f in lower case: 'g' to
		 * 'z' are counted. */
		for (ssize_t i = 0; i < got; i++)
			letters += room[i] >= 'g' && room[i] <= 'z';
		if (got > 4 && memcmp(room + got - 5, "0\r\n\r\n", 5) == 0)
			break;
		assert_int_not_equal(got, 0);
		loop_turn(&s->loop, false);
	}
	assert_in_range(letters, LARGE / 26 * 20, LARGE / 26 * 20 + 26);
	assert_int_equal(s->n_released, 1);
	put(fd, "HEAD /w/large" TAIL "GET /w/small" TAIL);
	assert_true(get(s, fd, "hello nobody"));
	assert_int_equal(s->n_released, 2);
	close(fd);
}

/* It is not made faster than it is read, and in time it ends in a reset. */
static void test_who_reads_nothing(void **state)
{
	struct scene *s = *state;
	struct web_counts counts;
	char room[65536];
	ssize_t got;
	int fd = dial(s);

	put(fd, "GET /w/large" TAIL);
	for (int turn = 0; turn < 200; turn++)
		loop_turn(&s->loop, false);
	assert_int_equal(s->n_asked, 1);
	/* What the kernel holds for both sides is less than half of it. */
	assert_true(s->left > LARGE / 2);
	assert_int_equal(s->n_released, 0);
	pass(s, WEB_REQUEST_MS);
	assert_int_equal(s->n_released, 1);
	web_read_counts(s->web, &counts);
	assert_int_equal(counts.expired, 1);
	assert_int_equal(counts.clients, 0);
	while ((got = recv(fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
		;
	assert_int_equal(got, -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void test_a_slow_head_is_408(void **state)
{
	struct scene *s = *state;
	int fd = dial(s), silent = dial(s);

	put(fd, "GET /w/small HTTP/1.1\r\n");
	loop_turn(&s->loop, false);
	loop_turn(&s->loop, false);
	pass(s, WEB_REQUEST_MS / 2);
	/* One octet now and then does not help. */
	put(fd, "H");
	pass(s, WEB_REQUEST_MS / 2);
	assert_true(get(s, fd, "\r\n\r\n"));
	assert_ptr_equal(strstr(s->answer, "HTTP/1.1 408 "), s->answer);
	assert_true(is_closed(s, fd));
	/* Who said nothing is told nothing. */
	assert_int_equal(recv(silent, s->answer, 1, MSG_DONTWAIT), 0);
	close(silent);
	close(fd);
}

static void test_an_idle_connection_ends(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	put(fd, "GET /w/small" TAIL);
	assert_true(get(s, fd, "hello nobody"));
	pass(s, WEB_IDLE_MS - 1000);
	put(fd, "GET /w/small" TAIL);
	assert_true(get(s, fd, "hello nobody"));
	pass(s, WEB_IDLE_MS);
	assert_true(is_closed(s, fd));
	close(fd);
}

static void test_heads_over_8_kib(void **state)
{
	static const char *const before[] = {
		"GET /w/small HTTP/1.1\r\nHost: localhost\r\nX: ",
		"GET /w/small?"};
	static const char *const statuses[] = {"431", "414"};
	struct scene *s = *state;
	static char filler[9 * 1024 + 1];

	memset(filler, 'x', sizeof(filler) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		char line[32];
		int fd = dial(s);

		snprintf(line, sizeof(line), "HTTP/1.1 %s ", statuses[i]);
		put(fd, before[i]);
		put(fd, filler);
		put(fd, TAIL);
		assert_true(get(s, fd, "\r\n\r\n"));
		assert_ptr_equal(strstr(s->answer, line), s->answer);
		assert_true(is_closed(s, fd));
		close(fd);
	}
	assert_int_equal(s->n_asked, 0);
}

/* What a client sends behind its last request does not take the answer back. */
static void test_the_answer_survives_what_comes_behind(void **state)
{
	struct scene *s = *state;
	static char body[100000];
	int fd = dial(s);

	memset(body, 'b', sizeof(body) - 1);
	put(fd, "POST /w/small HTTP/1.1\r\nHost: localhost\r\n"
		"Content-Length: 1000000\r\n\r\n");
	loop_turn(&s->loop, false);
	loop_turn(&s->loop, false);
	(void)!send(fd, body, sizeof(body), MSG_NOSIGNAL | MSG_DONTWAIT);
	assert_true(get(s, fd, "405 Not Allowed\n"));
	assert_true(is_closed(s, fd));
	close(fd);
}

static void fill_clients(struct scene *s, int fds[WEB_CLIENTS_MAX],
			 const char *request)
{
	struct web_counts counts = {0};

	for (int i = 0; i < WEB_CLIENTS_MAX; i++) {
		fds[i] = dial(s);
		put(fds[i], request);
	}
	for (int turn = 0; turn < 10000 && counts.clients < WEB_CLIENTS_MAX;
	     turn++) {
		loop_turn(&s->loop, false);
		web_read_counts(s->web, &counts);
	}
	for (int turn = 0; turn < 10; turn++)
		loop_turn(&s->loop, false);
	assert_int_equal(counts.clients, WEB_CLIENTS_MAX);
}

static void close_all(int fds[WEB_CLIENTS_MAX])
{
	for (int i = 0; i < WEB_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void test_the_65th_takes_the_place_of_an_idle_one(void **state)
{
	struct scene *s = *state;
	struct web_counts counts;
	int fds[WEB_CLIENTS_MAX], next;

	fill_clients(s, fds, "");
	put(fds[0], "GET /w/small" TAIL);
	assert_true(get(s, fds[0], "hello nobody"));
	next = dial(s);
	put(next, "GET /w/small" TAIL);
	assert_true(get(s, next, "hello nobody"));
	assert_true(is_closed(s, fds[1]));
	put(fds[0], "GET /w/small" TAIL);
	assert_true(get(s, fds[0], "hello nobody"));
	web_read_counts(s->web, &counts);
	assert_int_equal(counts.evicted, 1);
	assert_int_equal(counts.refused, 0);
	assert_int_equal(counts.clients, WEB_CLIENTS_MAX);
	close_all(fds);
	close(next);
}

static void test_who_has_asked_keeps_his_place(void **state)
{
	struct scene *s = *state;
	struct web_counts counts;
	int fds[WEB_CLIENTS_MAX], next;

	fill_clients(s, fds, "GET /w/sm");
	next = dial(s);
	assert_true(is_closed(s, next));
	web_read_counts(s->web, &counts);
	assert_int_equal(counts.evicted, 0);
	assert_int_equal(counts.refused, 1);
	put(fds[63], "all" TAIL);
	assert_true(get(s, fds[63], "hello nobody"));
	close_all(fds);
	close(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
		CASE(test_requests_in_a_row),
		CASE(test_what_is_refused),
		CASE(test_names_under_which_it_is_asked),
		CASE(test_a_large_answer_comes_whole),
		CASE(test_who_reads_nothing),
		CASE(test_a_slow_head_is_408),
		CASE(test_an_idle_connection_ends),
		CASE(test_heads_over_8_kib),
		CASE(test_the_answer_survives_what_comes_behind),
		CASE(test_the_65th_takes_the_place_of_an_idle_one),
		CASE(test_who_has_asked_keeps_his_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
