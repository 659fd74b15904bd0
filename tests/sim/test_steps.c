/*
 * test_steps.c - what a head costs grows as its octets do, however it is made.
 *
 * A row is a head that somebody could make to cost more than its length: many
 * small things of one kind, or two kinds that have to be compared. It is sent
 * twice, the second time with twice as many of them, and the steps of the
 * data path are counted (steps.h): at most 2.2 times as many.
 */
#include "sim.h"

#include <stdlib.h>
#include <unistd.h>

#include "http/h1_write.h"
#include "steps.h"

enum { MOST_PERCENT = 220, HEAD_MAX = 64 * 1024, PARTS = 5 };

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
#define END "\r\n"

/* A head is made of parts, each as often as it says; 0: once, also in the
 * head that is twice as long. "#" in a text is a running number. */
struct part {
	const char *text;
	unsigned times;
};

struct row {
	const char *name;
	struct part parts[PARTS];
	/* A head so many times as long is answered by weir; 0: none is. */
	unsigned refused;
};

/* clang-format off */
static const struct row requests[] = {
	{"fields and as many tokens of Connection", {
		{GET}, {"x-#: 1\r\n", 120}, {"Connection: a"}, {",y#", 1500},
		{"\r\n" END}}, 2},
	{"fields of one name and tokens that name them", {
		{GET}, {"y: 1\r\n", 120}, {"Connection: a"}, {",y", 3500},
		{"\r\n" END}}},
	{"fields and tokens that name each once", {
		{GET}, {"x-#: 1\r\n", 120}, {"Connection: a"}, {",x-#", 120},
		{"\r\n" END}}},
	{"lines of Connection", {
		{GET}, {"Connection: x-#\r\n", 100}, {END}}},
	{"long names that begin alike", {
		{GET "Connection: a"}, {",x-aaaaaaaaaaaaaaaaaaaaaaaa-#", 60},
		{"\r\n"}, {"x-aaaaaaaaaaaaaaaaaaaaaaaa-#: 1\r\n", 60}, {END}}},
	{"empty members of Connection", {
		{GET "Connection: x"}, {",", 7000}, {"\r\n" END}}},
	{"quotes in Connection", {
		{GET "Connection: x"}, {",\"", 3500}, {"\r\n" END}}},
	{"cookies", {{GET "Cookie: a=b"}, {"; a=b", 1500}, {"\r\n" END}}},
	{"cookies that are nearly ours", {
		{GET "Cookie: a=b"}, {"; AWSALBX=b", 600}, {"\r\n" END}}},
	{"cookies of ours that say nothing", {
		{GET "Cookie: a=b"}, {"; AWSALB=b", 600}, {"\r\n" END}}},
	{"lines of cookies", {{GET}, {"Cookie: a=b\r\n", 120}, {END}}},
	{"semicolons in Cookie", {{GET "Cookie: a"}, {";", 7000}, {"\r\n" END}}},
	{"pairs of a query", {
		{"GET /?a=b"}, {"&a=b", 1800}, {" HTTP/1.1\r\nHost: a\r\n" END}}},
	{"segments of a path", {
		{"GET /"}, {"a/", 3500}, {" HTTP/1.1\r\nHost: a\r\n" END}}},
	{"segments that go back", {
		{"GET /"}, {"a/", 1700}, {"../", 1200},
		{" HTTP/1.1\r\nHost: a\r\n" END}}},
	{"escapes of a path", {
		{"GET /"}, {"%2e%2e/", 1000}, {" HTTP/1.1\r\nHost: a\r\n" END}}},
	{"octets of a path that become escapes", {
		{"GET /"}, {"\xe9", 7000}, {" HTTP/1.1\r\nHost: a\r\n" END}}},
	{"spaces in a target", {
		{"GET /"}, {" a", 3500}, {" HTTP/1.1\r\nHost: a\r\n" END}}},
	{"entries of X-Forwarded-For", {
		{GET "X-Forwarded-For: 1.1.1.1"}, {",1.1.1.1", 900},
		{"\r\n" END}}, 1},
	{"commas of X-Forwarded-For", {
		{GET "X-Forwarded-For: 1.1.1.1"}, {",", 7000}, {"\r\n" END}}},
	{"lines of X-Forwarded-For", {
		{GET}, {"X-Forwarded-For:\r\n", 120}, {END}}},
	{"fields of one name", {{GET}, {"a: b\r\n", 120}, {END}}},
	{"lines of Host", {{GET}, {"Host: a\r\n", 120}, {END}}, 1},
	{"lengths", {
		{"POST / HTTP/1.1\r\nHost: a\r\n"}, {"Content-Length: 0\r\n", 120},
		{END}}},
	{"look-alikes of lengths", {
		{"POST / HTTP/1.1\r\nHost: a\r\n"}, {"Content_Length: 0\r\n", 120},
		{END}}},
	{"codings", {
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip"},
		{", gzip", 1000}, {"\r\n" END}}, 1},
	{"lines of codings", {
		{"POST / HTTP/1.1\r\nHost: a\r\n"},
		{"Transfer-Encoding: gzip\r\n", 100}, {END}}, 1},
	{"protocols to change to", {
		{GET "Connection: Upgrade\r\nUpgrade: a"}, {", a", 2400},
		{"\r\n" END}}},
	{"parts of a trace", {
		{GET "X-Amzn-Trace-Id: Root=1"}, {";a=b", 800}, {"\r\n" END}}},
	{"continuations", {{GET "a: b\r\n"}, {" c\r\n", 120}, {END}}},
	{"names that are none", {{GET}, {"\xe9\xe9: b\r\n", 120}, {END}}},
	{"long lines", {{GET "a: "}, {"b", 7000}, {"\r\n" END}}},
	{"long lines of few words", {{GET "a: "}, {"b\t", 3500}, {"\r\n" END}}},
};

static const struct row answers[] = {
	{"fields and as many tokens of Connection", {
		{OK}, {"x-#: 1\r\n", 120}, {"Connection: a"}, {",y#", 1500},
		{"\r\n" END}}},
	{"fields of one name", {{OK}, {"Set-Cookie: a=b\r\n", 120}, {END}}},
	{"lengths", {{OK}, {"Content-Length: 0\r\n", 120}, {END}}},
	{"protocols to change to", {
		{"HTTP/1.1 426 \r\nContent-Length: 0\r\nUpgrade: a"},
		{", a", 2400}, {"\r\n" END}}},
};
/* clang-format on */

static void write_part(struct writer *w, const char *text, unsigned number)
{
	for (; *text; text++) {
		if (*text == '#')
			writer_u64(w, 1000 + number); /* four digits */
		else
			writer_char(w, *text);
	}
}

static char *make(const struct row *row, unsigned scale)
{
	char *text = xmalloc(HEAD_MAX);
	struct writer w = writer_make(text, HEAD_MAX);

	for (size_t i = 0; i < PARTS && row->parts[i].text; i++) {
		unsigned times = row->parts[i].times * scale;

		for (unsigned k = 0; k < (times ? times : 1); k++)
			write_part(&w, row->parts[i].text, k);
	}
	writer_char(&w, '\0');
	assert_false(w.overflow);
	return text;
}

static struct sim *world(void)
{
	struct sim *sim = sim_new();
	struct seal_keys keys = {.n = 1};

	sim->worker->sealer = sealer_new(&keys);
	sim->snap->groups[0].stickiness.enabled = true;
	sim->snap->groups[0].stickiness.cookie = SLICE("AWSALB");
	sim->snap->groups[0].stickiness.twin = SLICE("AWSALBCORS");
	sim_is_ill(sim, 1);
	return sim;
}

/* A first exchange, so that what is made once is there. */
static struct sim_end *begin(struct sim *sim, struct sim_end **target)
{
	struct sim_end *client = sim_connect(sim);

	sim_send(client, GET END);
	*target = sim_accept(sim, 0);
	assert_non_null(*target);
	sim_received(*target);
	sim_send(*target, OK END);
	sim_forget(client);
	sim_forget(*target);
	return client;
}

static uint64_t steps_of(const struct row *row, unsigned scale, bool answer,
			 size_t *octets)
{
	struct sim *sim = world();
	struct sim_end *target, *client = begin(sim, &target);
	char *text = make(row, scale);
	uint64_t before;
	bool refused;

	*octets = strlen(text);
	if (answer)
		sim_send(client, GET END);
	before = steps_taken;
	sim_send(answer ? target : client, text);
	before = steps_taken - before;
	refused = row->refused && scale >= row->refused;
	if (!answer)
		assert_int_equal(sim_received(target)[0] != '\0', !refused);
	assert_int_equal(sim_received(client)[0] != '\0', answer || refused);
	free(text);
	sim_end_free(client);
	sim_end_free(target);
	sim_free(sim);
	return before;
}

static void check_rows(const struct row *rows, size_t n, bool answer)
{
	for (size_t i = 0; i < n; i++) {
		size_t octets, doubled;
		uint64_t once = steps_of(&rows[i], 1, answer, &octets);
		uint64_t twice = steps_of(&rows[i], 2, answer, &doubled);

		print_message("# %s: %llu steps for %zu octets, %llu for %zu\n",
			      rows[i].name, (unsigned long long)once, octets,
			      (unsigned long long)twice, doubled);
		/* That they were counted at all. */
		assert_true(once > 100);
		assert_true(doubled > octets * 3 / 2);
		assert_true(twice * 100 <= once * MOST_PERCENT);
	}
}

static void regress_requests(void **state)
{
	(void)state;
	check_rows(requests, ARRAY_SIZE(requests), false);
}

static void regress_answers(void **state)
{
	(void)state;
	check_rows(answers, ARRAY_SIZE(answers), true);
}

static uint64_t steps_of_trickle(size_t n)
{
	enum { PIECE = 64, FIELD = 8192 };
	struct sim *sim = world();
	struct sim_end *target, *client = begin(sim, &target);
	uint64_t before = steps_taken;

	sim_send(client, GET);
	for (size_t sent = 0; sent < n; sent += PIECE) {
		char piece[PIECE];

		/* An odd name, so that each octet of its value is looked at. */
		memset(piece, 'a', sizeof(piece));
		if (sent % FIELD == 0)
			memcpy(piece, "a_:", 3);
		if ((sent + PIECE) % FIELD == 0)
			memcpy(piece + PIECE - 2, "\r\n", 2);
		assert_int_equal(write(client->fd, piece, PIECE), PIECE);
		loop_turn(&sim->worker->loop, false);
	}
	before = steps_taken - before;
	assert_int_equal(sim_count(sim, COUNT_REQUESTS_ENDED), 1);
	sim_end_free(client);
	sim_end_free(target);
	sim_free(sim);
	return before;
}

static void regress_a_head_that_trickles(void **state)
{
	uint64_t once = steps_of_trickle(30000), twice;

	(void)state;
	twice = steps_of_trickle(60000);
	print_message("# %llu, %llu\n", (unsigned long long)once,
		      (unsigned long long)twice);
	assert_true(twice * 100 <= once * MOST_PERCENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regress_requests),
		cmocka_unit_test(regress_answers),
		cmocka_unit_test(regress_a_head_that_trickles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
