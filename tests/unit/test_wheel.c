/* test_wheel.c - no deadline fires early, none more than a slot late. */
#include "net/wheel.h"

#include <stdlib.h>

#include "unit.h"

enum { MANY = 500, STEPS = 4000, STEP_MS = 50 };

/* Whoever takes a deadline off the wheel fires it. */
static void no_one(struct deadline *d)
{
	(void)d;
}

static void test_random_deadlines(void **state)
{
	static struct deadline all[MANY];
	static uint64_t due[MANY];
	struct wheel w;
	struct deadline *d;
	uint64_t now = 12345;

	(void)state;
	srand(2);
	wheel_init(&w, now);
	for (int i = 0; i < MANY; i++)
		deadline_init(&all[i], no_one);
	for (int step = 0; step < STEPS; step++, now += STEP_MS) {
		for (int k = 0; k < 20; k++) {
			int i = rand() % MANY;

			due[i] = rand() % 8
					 ? now + 1 + (uint64_t)(rand() % 300000)
					 : 0;
			wheel_set(&w, &all[i], due[i]);
		}
		while ((d = wheel_expired(&w, now)) != NULL) {
			size_t i = (size_t)(d - all);

			assert_true(due[i] != 0);
			assert_true(due[i] <= now);
			assert_true(now < due[i] + WHEEL_SLOT_MS + STEP_MS);
			due[i] = 0;
		}
		for (int i = 0; i < MANY; i++)
			if (due[i])
				assert_true(now <
					    due[i] + WHEEL_SLOT_MS + STEP_MS);
	}
}

static void test_a_wheel_that_stood_still_catches_up(void **state)
{
	struct deadline d;
	struct wheel w;

	(void)state;
	wheel_init(&w, 1000);
	deadline_init(&d, no_one);
	assert_null(wheel_expired(&w, 100000000));
	wheel_set(&w, &d, 100000500);
	assert_null(wheel_expired(&w, 100000499));
	assert_ptr_equal(wheel_expired(&w, 100000750), &d);
	assert_null(wheel_expired(&w, 100000750));
	assert_int_equal(w.n_nodes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_deadlines),
		cmocka_unit_test(test_a_wheel_that_stood_still_catches_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
