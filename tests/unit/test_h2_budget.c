/*
 * test_h2_budget.c - what one connection of HTTP/2 may do, and when it ends.
 */
#include "stream/h2_budget.h"

#include "base/clock.h"
#include "unit.h"

enum { START_MS = 1000000 };

static unsigned noted[GLITCH_KINDS];

static void note(struct h2_budget *b, enum glitch g)
{
	(void)b;
	noted[g]++;
}

static void begin(struct h2_budget *b, unsigned preface)
{
	memset(noted, 0, sizeof(noted));
	clock_fake(START_MS, 0);
	h2_budget_begin(b, preface, note);
}

static void after(uint64_t ms)
{
	clock_fake(START_MS + ms, 0);
}

/* A frame of `n` octets; the payload is x. */
static struct slice frame(unsigned type, unsigned flags, size_t n)
{
	static char text[9 + 64 * 1024];

	memset(text, 'x', sizeof(text));
	text[0] = (char)(n >> 16);
	text[1] = (char)(n >> 8);
	text[2] = (char)n;
	text[3] = (char)type;
	text[4] = (char)flags;
	return slice_make(text, 9 + n);
}

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PROMISE, PING, GOAWAY, WINDOW };
enum { CONTINUATION = 9, UNKNOWN = 0xbe };

/* One row for each kind: how many are fine, and how many end it. */
static const struct {
	const char *name;
	unsigned type, flags;
	size_t n;
	enum glitch g;
	unsigned fine, end;
} kinds[] = {
	{"settings", SETTINGS, 0, 6, GLITCH_SETTINGS, 20, 100},
	{"ping", PING, 0, 8, GLITCH_PING, 200, 1000},
	{"priority", PRIORITY, 0, 5, GLITCH_PRIORITY, 200, 1000},
	{"windows", WINDOW, 0, 4, GLITCH_WINDOW_UPDATE, 1000, 5000},
	{"resets", RST, 0, 4, GLITCH_RESET_FRAME, 500, 1000},
	{"unknown", UNKNOWN, 0, 10, GLITCH_UNKNOWN, 100, 1000},
	{"empty data", DATA, 0, 0, GLITCH_EMPTY_DATA, 100, 500},
	{"empty headers", HEADERS, 4, 0, GLITCH_EMPTY_HEADERS, 0, 100},
	{"padding", HEADERS, 8, 200, GLITCH_PADDING, 100, 1000},
};

static void test_each_kind_has_a_credit_and_a_debt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct slice octets =
			frame(kinds[i].type, kinds[i].flags, kinds[i].n);
		struct h2_budget b;
		unsigned n = 0;

		print_message("# %s\n", kinds[i].name);
		begin(&b, 0);
		while (h2_budget_read(&b, octets) && n < 100000)
			n++;
		assert_int_equal(n, kinds[i].end);
		assert_int_equal(b.why, kinds[i].g);
		/* Each behind the credit is told, and so is the end. */
		assert_int_equal(noted[kinds[i].g],
				 kinds[i].end - kinds[i].fine + 1);
		assert_false(h2_budget_read(&b, octets));
	}
}

static void test_frames_are_found_in_pieces(void **state)
{
	struct slice octets = frame(PING, 0, 8);
	struct h2_budget b;

	(void)state;
	begin(&b, 24);
	for (int i = 0; i < 24; i++)
		assert_true(h2_budget_read(&b, SLICE("P")));
	for (int k = 0; k < 300; k++)
		for (size_t i = 0; i < octets.n; i++)
			h2_budget_read(&b, slice_make(octets.p + i, 1));
	assert_int_equal(noted[GLITCH_PING], 100);
	assert_int_equal(b.n_head, 0);
	assert_int_equal(b.left, 0);
}

static void test_time_and_work_pay(void **state)
{
	struct slice ping = frame(PING, 0, 8);
	struct h2_budget b;

	(void)state;
	begin(&b, 0);
	for (unsigned s = 0; s < 1000; s++) {
		after(s * 1000);
		for (int i = 0; i < 10; i++)
			assert_true(h2_budget_read(&b, ping));
	}
	begin(&b, 0);
	for (int i = 0; i < 100000; i++) {
		h2_budget_moved(&b, 20);
		assert_true(h2_budget_read(&b, ping));
		assert_true(h2_budget_read(&b, frame(WINDOW, 0, 4)));
		assert_true(h2_budget_read(&b, frame(WINDOW, 0, 4)));
	}
	assert_int_equal(noted[GLITCH_PING] + noted[GLITCH_WINDOW_UPDATE], 0);
}

static void test_lists_in_many_frames(void **state)
{
	struct h2_budget b;

	(void)state;
	begin(&b, 0);
	for (int k = 0; k < 100; k++) {
		assert_true(h2_budget_read(&b, frame(HEADERS, 0, 10)));
		for (int i = 0; i < H2_CONTINUATIONS_MAX; i++)
			assert_true(
				h2_budget_read(&b, frame(CONTINUATION, 0, 10)));
	}
	assert_false(h2_budget_read(&b, frame(CONTINUATION, 0, 10)));
	assert_int_equal(b.why, GLITCH_CONTINUATION);
}

static void test_resets(void **state)
{
	struct h2_budget b;

	(void)state;
	/* All of them. */
	begin(&b, 0);
	for (int i = 0; i <= H2_RESETS_MAX; i++) {
		assert_false(b.is_over);
		h2_budget_opened(&b);
		h2_budget_reset(&b, 10);
	}
	assert_true(b.is_over);
	assert_int_equal(b.why, GLITCH_RESET);

	/* Less than half. */
	begin(&b, 0);
	for (int i = 0; i < 10000; i++) {
		h2_budget_opened(&b);
		h2_budget_opened(&b);
		h2_budget_opened(&b);
		h2_budget_reset(&b, 10);
	}
	assert_false(b.is_over);

	/* Deadlines that run out in an outage. */
	begin(&b, 0);
	for (int i = 0; i < 10000; i++) {
		h2_budget_opened(&b);
		h2_budget_reset(&b, 5000);
	}
	assert_false(b.is_over);

	/* Few at a time, for hours. */
	begin(&b, 0);
	for (int i = 0; i < 10000; i++) {
		after((uint64_t)i * 200);
		h2_budget_opened(&b);
		h2_budget_reset(&b, 10);
	}
	assert_false(b.is_over);

	/* What lies far behind does not count. */
	begin(&b, 0);
	for (int k = 0; k < 100; k++) {
		after((uint64_t)k * 60000);
		for (int i = 0; i < H2_RESETS_MAX; i++) {
			h2_budget_opened(&b);
			h2_budget_reset(&b, 10);
		}
	}
	assert_false(b.is_over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_has_a_credit_and_a_debt),
		cmocka_unit_test(test_frames_are_found_in_pieces),
		cmocka_unit_test(test_time_and_work_pay),
		cmocka_unit_test(test_lists_in_many_frames),
		cmocka_unit_test(test_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
