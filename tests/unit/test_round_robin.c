/* test_round_robin.c - whose turn it is, with and without weights. */
#include "unit.h"

#include "balance/round_robin.h"

#include "model/state.h"

enum { MOST = 8 };

/* Only their addresses matter here. */
static struct target_state states[MOST];

static void ring_of(struct round_robin *ring, struct rr_target *targets,
		    const unsigned *weights, size_t n, size_t begin)
{
	for (size_t i = 0; i < n; i++)
		targets[i] = (struct rr_target){&states[i], weights[i], 0};
	rr_init(ring, targets, n, begin);
}

static char letter_of(const struct target_state *s)
{
	return s ? (char)('a' + (s - states)) : '-';
}

/* clang-format off */
static const struct {
	const char *name;
	unsigned weights[MOST];
	size_t n, begin;
	char avoid; /* a letter; 0: none */
	const char *turns;
} rows[] = {
	{"nobody", {0}, 0, 0, 0, "---"},
	{"one", {1}, 1, 0, 0, "aaa"},
	{"equal", {1, 1, 1}, 3, 0, 0, "abcabca"},
	{"equal and more than one", {7, 7, 7}, 3, 0, 0, "abcabc"},
	{"another worker begins elsewhere", {1, 1, 1}, 3, 2, 0, "cabcab"},
	{"any number is a beginning", {1, 1, 1}, 3, 3001, 0, "bcabca"},
	{"nginx's example", {5, 1, 1}, 3, 0, 0, "aabacaaaabacaa"},
	{"weights, begun later", {5, 1, 1}, 3, 2, 0, "bacaa"},
	{"never twice in a row at 2 to 1 to 1", {2, 1, 1}, 3, 0, 0,
	 "abcaabca"},
	{"one is avoided", {1, 1, 1}, 3, 0, 'b', "acacac"},
	{"the heavy one is avoided", {5, 1, 1}, 3, 0, 'a', "bcbcbc"},
	{"the only one is avoided", {1}, 1, 0, 'a', "--"},
	{"the avoided one is not there", {1, 1}, 2, 0, 'h', "abab"},
};
/* clang-format on */

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char avoid = rows[i].avoid;
		struct rr_target targets[MOST];
		struct round_robin ring;
		char got[32] = "";

		print_message("# %s\n", rows[i].name);
		ring_of(&ring, targets, rows[i].weights, rows[i].n,
			rows[i].begin);
		for (size_t at = 0; rows[i].turns[at]; at++)
			got[at] = letter_of(rr_next(
				&ring, avoid ? &states[avoid - 'a'] : NULL));
		assert_string_equal(got, rows[i].turns);
	}
}

static void test_weights_are_kept_to_exactly(void **state)
{
	static const unsigned weights[] = {100, 1, 33, 7};
	struct rr_target targets[MOST];
	struct round_robin ring;
	unsigned got[4] = {0};

	(void)state;
	ring_of(&ring, targets, weights, 4, 0);
	for (unsigned i = 0; i < 141 * 3; i++)
		got[rr_next(&ring, NULL) - states]++;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(got[i], weights[i] * 3);
}

/* A retry that avoids a target must not make it pay, nor be paid, later. */
static void test_avoiding_leaves_no_debt(void **state)
{
	static const unsigned weights[] = {5, 1, 1};
	struct rr_target targets[MOST];
	struct round_robin ring;
	unsigned got[3] = {0};

	(void)state;
	ring_of(&ring, targets, weights, 3, 0);
	for (unsigned i = 0; i < 1000; i++)
		rr_next(&ring, &states[0]);
	for (unsigned i = 0; i < 7; i++)
		got[rr_next(&ring, NULL) - states]++;
	assert_in_range(got[0], 4, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_weights_are_kept_to_exactly),
		cmocka_unit_test(test_avoiding_leaves_no_debt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
