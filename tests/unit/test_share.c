/* test_share.c - groups of a forward get exactly their weights. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "balance/share.h"
#include "config/config.h"

static struct target_group groups[4] = {
	{.name = SLICE_INIT("a")},
	{.name = SLICE_INIT("b")},
	{.name = SLICE_INIT("c")},
	{.name = SLICE_INIT("d")},
};

/* clang-format off */
static const struct {
	size_t n;
	uint32_t weights[4];
} rows[] = {
	{2, {90, 10}},
	{2, {1, 1}},
	{3, {70, 20, 10}},
	{4, {5, 1, 1, 0}},
	{3, {0, 0, 3}},
	{2, {999, 1}},
	{4, {13, 7, 3, 2}},
};
/* clang-format on */

static struct forward forward_of(struct weighted_group *room, size_t n,
				 const uint32_t *weights)
{
	for (size_t i = 0; i < n; i++)
		room[i] = (struct weighted_group){&groups[i], weights[i]};
	return (struct forward){.groups = room, .n_groups = n};
}

/* Every run, not only those that begin with the first request. */
static void test_every_run_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct weighted_group room[4];
		struct forward f = forward_of(room, rows[i].n, rows[i].weights);
		int64_t credits[4] = {0};
		unsigned total = 0, got[4] = {0};
		uint8_t last[2000];

		for (size_t g = 0; g < f.n_groups; g++)
			total += room[g].weight;
		for (unsigned n = 0; n < 5 * total; n++) {
			size_t g = (size_t)(share_next(&f, credits) - groups);

			if (n >= total)
				got[last[n % total]]--;
			last[n % total] = (uint8_t)g;
			got[g]++;
			for (g = 0; n + 1 >= total && g < f.n_groups; g++)
				assert_int_equal(got[g], room[g].weight);
		}
	}
}

static void test_one_group_and_no_weight(void **state)
{
	struct weighted_group room[4];
	static const uint32_t none[2] = {0, 0}, one[1] = {7};
	struct forward f = forward_of(room, 2, none);
	int64_t credits[2] = {0};

	(void)state;
	assert_null(share_next(&f, credits));
	f = forward_of(room, 1, none);
	assert_null(share_next(&f, credits));
	f = forward_of(room, 1, one);
	assert_ptr_equal(share_next(&f, NULL), &groups[0]);
}

/* -- over reloads ---------------------------------------------------------- */

static struct snapshot *load(const char *weights_of_rule)
{
	static const char form[] =
		"settings.workers: 4\n"
		"load_balancers:\n"
		"  - name: web\n"
		"    listeners:\n"
		"      - port: 80\n"
		"        rules:\n"
		"          - priority: 7\n"
		"            conditions: {path_pattern: /a}\n"
		"            actions: {forward: {target_groups: %s}}\n"
		"        default_actions: {forward: {target_groups: "
		"[{target_group: b, weight: 1}, {target_group: a, weight: "
		"1}]}}\n"
		"target_groups: [{name: a, targets: \"127.0.0.1:1\"},"
		" {name: b, targets: \"127.0.0.1:2\"}]\n";
	struct diag diag = {0};
	char text[1024];
	int n = snprintf(text, sizeof(text), form, weights_of_rule);
	struct snapshot *snap = config_load_text(
		"t.yaml", slice_make(text, (size_t)n), NULL, &diag);

	diag_release(&diag);
	assert_non_null(snap);
	assert_int_equal(snap->n_weighted, 2);
	assert_int_equal(snap->n_credits, 4);
	return snap;
}

static const char *next_of(const struct snapshot *snap, int64_t *credits)
{
	const struct forward *f =
		&snap->balancers[0].listeners[0].rules[0].action.forward;

	return share_next(f, credits + f->first_credit)->name.p;
}

#define TWO_TO_ONE                                                             \
	"[{target_group: a, weight: 2}, {target_group: b, weight: 1}]"

static void test_a_reload_goes_on_with_the_next_turn(void **state)
{
	struct snapshot *first = load(TWO_TO_ONE), *second;
	int64_t credits[4] = {0}, after[4] = {0};
	unsigned n_b = 0;

	(void)state;
	share_begin(first, credits, 0, NULL, NULL);
	/* One request each time: it would always be the first one's. */
	for (int i = 0; i < 30; i++) {
		second = load(TWO_TO_ONE);
		share_begin(second, after, 0, first, credits);
		n_b += strcmp(next_of(second, after), "b") == 0;
		memcpy(credits, after, sizeof(credits));
		snapshot_unref(first);
		first = second;
	}
	assert_int_equal(n_b, 10);

	/* Other weights: anew. */
	assert_string_equal(next_of(first, credits), "a");
	second = load("[{target_group: a, weight: 3}, {target_group: b, "
		      "weight: 1}]");
	share_begin(second, after, 0, first, credits);
	assert_string_equal(next_of(second, after), "a");
	assert_string_equal(next_of(second, after), "a");
	assert_string_equal(next_of(second, after), "b");
	snapshot_unref(first);
	snapshot_unref(second);
}

static void test_workers_begin_elsewhere(void **state)
{
	struct snapshot *snap =
		load("[{target_group: a, weight: 3}, {target_group: b, "
		     "weight: 1}]");
	unsigned n_b = 0;

	(void)state;
	for (unsigned w = 0; w < 4; w++) {
		int64_t credits[4];

		share_begin(snap, credits, w, NULL, NULL);
		n_b += strcmp(next_of(snap, credits), "b") == 0;
	}
	assert_int_equal(n_b, 1);
	snapshot_unref(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_run_is_exact),
		cmocka_unit_test(test_one_group_and_no_weight),
		cmocka_unit_test(test_a_reload_goes_on_with_the_next_turn),
		cmocka_unit_test(test_workers_begin_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
