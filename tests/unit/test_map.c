/* test_map.c - entries survive growth and the removal of their neighbours. */
#include "base/map.h"

#include <stdio.h>

#include "base/arena.h"
#include "unit.h"

enum { MANY = 5000 };

static void test_removal_leaves_no_hole(void **state)
{
	struct arena arena = {0};
	struct map map = {0};
	struct slice keys[MANY];
	size_t at = 0, seen = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		keys[i] = slice_of(arena_printf(&arena, "key-%d", i));
		assert_null(map_put(&map, keys[i], &keys[i]));
	}
	for (int i = 0; i < MANY; i += 3)
		assert_ptr_equal(map_remove(&map, keys[i]), &keys[i]);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(map_get(&map, keys[i]),
				 i % 3 ? &keys[i] : NULL);
	while (map_next(&map, &at))
		seen++;
	assert_int_equal(seen, map.n_used);
	assert_ptr_equal(map_put(&map, keys[1], &at), &keys[1]);
	map_release(&map);
	arena_release(&arena);
}

static void test_an_empty_map_answers(void **state)
{
	struct map map = {0};
	size_t at = 0;

	(void)state;
	assert_null(map_get(&map, SLICE("a")));
	assert_null(map_remove(&map, SLICE("a")));
	assert_null(map_next(&map, &at));
	map_release(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removal_leaves_no_hole),
		cmocka_unit_test(test_an_empty_map_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
