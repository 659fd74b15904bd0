/* test_maglev.c - the table of hashes, against its definition; and what a
 * group that hashes makes of it. */
#include "targets.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "balance/hash_key.h"
#include "balance/maglev.h"
#include "http/head.h"

/* -- vectors --------------------------------------------------------------- */

/* For whoever builds the same table elsewhere; made by another program. */
static const uint32_t probes[] = {0, 1, 2, 3, 1000, 32768, 65536};

static const struct {
	const char *names[4];
	uint32_t turns[4];
	size_t n;
	const char *owners; /* of the probed slots, by place in `names` */
	size_t shares[4];
} vectors[] = {
	{{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"},
	 {1, 1, 1},
	 3,
	 "0020002",
	 {21846, 21846, 21845}},
	/* In another order, which does not matter. */
	{{"10.0.0.2:80", "10.0.0.3:80", "10.0.0.1:80"},
	 {1, 1, 1},
	 3,
	 "2212221",
	 {21846, 21845, 21846}},
	{{"10.0.0.2:80", "[2001:db8::1]:53", "10.0.0.1:80"},
	 {1, 3, 2},
	 3,
	 "2212221",
	 {10923, 32768, 21846}},
};

static void test_vectors_of_the_table(void **state)
{
	uint16_t *slots = malloc(HASH_SLOTS * sizeof(*slots));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct maglev_target targets[4];
		size_t shares[4] = {0};

		for (size_t t = 0; t < vectors[i].n; t++)
			targets[t] = (struct maglev_target){
				slice_of(vectors[i].names[t]),
				vectors[i].turns[t]};
		maglev_fill(slots, targets, vectors[i].n);
		for (size_t p = 0; p < ARRAY_SIZE(probes); p++)
			assert_int_equal(slots[probes[p]],
					 vectors[i].owners[p] - '0');
		for (size_t s = 0; s < HASH_SLOTS; s++)
			shares[slots[s]]++;
		assert_memory_equal(shares, vectors[i].shares, sizeof(shares));
	}
	free(slots);
}

static void test_vectors_of_bids_and_hashes(void **state)
{
	const struct maglev_target six = {SLICE("[2001:db8::1]:53"), 3};
	const struct maglev_target four = {SLICE("10.0.0.1:80"), 1};
	struct addr addr;

	(void)state;
	assert_true(maglev_bid(&six, 0) == 0xe64639a63065ebed);
	assert_true(maglev_bid(&six, 65536) == 0xce7c656eaf93d7c4);
	assert_true(maglev_bid(&four, 0) == 0x64b8b0ed786fdb5c);
	assert_true(maglev_bid(&four, 65536) == 0xe09f7f4d84f6dcd8);
	assert_true(addr_parse_ip(SLICE("203.0.113.7"), 1, &addr));
	assert_true(maglev_hash_address(&addr, IPPROTO_TCP) ==
		    0xacb222837e2ccc78);
	assert_true(addr_parse_ip(SLICE("::ffff:203.0.113.7"), 2, &addr));
	assert_true(maglev_hash_address(&addr, IPPROTO_TCP) ==
		    0xacb222837e2ccc78);
	assert_true(addr_parse_ip(SLICE("2001:db8::1"), 1, &addr));
	assert_true(maglev_hash_address(&addr, IPPROTO_UDP) ==
		    0xb83722f6c2da82f8);
	assert_true(maglev_hash_text(SLICE("/index.html")) ==
		    0xc7a2826b7865f267);
}

/* -- what a change moves --------------------------------------------------- */

enum { MANY = 101 };

static void make_names(char names[MANY][16], struct maglev_target *targets)
{
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "10.1.0.%u:8080", i + 1);
		targets[i] = (struct maglev_target){slice_of(names[i]), 1};
	}
}

/* Slots of others than the last of `n`, which comes, that have another owner
 * with it than without it. */
static size_t moved(const struct maglev_target *targets, size_t n)
{
	uint16_t *without = malloc(HASH_SLOTS * sizeof(*without));
	uint16_t *with = malloc(HASH_SLOTS * sizeof(*with));
	size_t count = 0;

	maglev_fill(without, targets, n - 1);
	maglev_fill(with, targets, n);
	for (size_t i = 0; i < HASH_SLOTS; i++)
		count += with[i] != n - 1 && with[i] != without[i];
	free(without);
	free(with);
	return count;
}

static void test_one_more_moves_few_of_the_others(void **state)
{
	struct maglev_target targets[MANY];
	char names[MANY][16];

	(void)state;
	make_names(names, targets);
	assert_in_range(moved(targets, 11), 1, HASH_SLOTS / 100);
	assert_in_range(moved(targets, 101), 1, HASH_SLOTS / 100);
}

static void test_shares_are_equal(void **state)
{
	uint16_t *slots = malloc(HASH_SLOTS * sizeof(*slots));
	struct maglev_target targets[MANY];
	size_t shares[MANY] = {0};
	char names[MANY][16];

	(void)state;
	make_names(names, targets);
	maglev_fill(slots, targets, 100);
	for (size_t i = 0; i < HASH_SLOTS; i++)
		shares[slots[i]]++;
	/* Each had as many turns as the others, or one more. */
	for (size_t i = 0; i < 100; i++)
		assert_in_range(shares[i], 655, 656);
	free(slots);
}

/* -- in a group ------------------------------------------------------------ */

enum { HASHES = 3000 };

static void publish_hashing(struct group *g, const char *letters,
			    const unsigned *weights)
{
	struct roster *roster;

	publish(g, letters, weights);
	roster = group_state_roster(g->gs);
	roster->slots = maglev_of_roster(roster);
	roster_unref(roster);
	group_state_touch(g->gs);
}

static void begin_hashing(struct group *g, const char *letters,
			  const unsigned *weights)
{
	begin(g, letters, (struct healthy_minimum){1, 0});
	g->group.algorithm = ALGORITHM_HASH;
	publish_hashing(g, letters, weights);
}

static char letter_of(struct pick_table *t, uint64_t hash,
		      const struct target_state *avoid)
{
	struct target_state *s = pick_hashed(t, hash, avoid);

	return s ? s->id.p[0] : '-';
}

static void ask_all(struct group *g, struct pick_table *t, char out[HASHES])
{
	pick_refresh(t, g->gs, &g->group, 0);
	for (uint64_t i = 0; i < HASHES; i++)
		out[i] = letter_of(t, i * 7919, NULL);
}

static void set_health(struct group *g, size_t which, enum health health)
{
	atomic_store(&g->states[which]->health, (uint8_t)health);
	group_state_touch(g->gs);
}

static void test_one_that_falls_ill_moves_its_own_alone(void **state)
{
	char before[HASHES], ill[HASHES], well[HASHES];
	struct pick_table t = {0};
	size_t spread[MOST] = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "HHHH", NULL);
	ask_all(&g, &t, before);
	set_health(&g, 1, HEALTH_UNHEALTHY);
	ask_all(&g, &t, ill);
	for (size_t i = 0; i < HASHES; i++) {
		if (before[i] != 'b')
			assert_int_equal(ill[i], before[i]);
		else
			spread[ill[i] - 'a']++;
	}
	/* Its own go to all the others, each by itself. */
	assert_int_equal(spread[1], 0);
	for (size_t i = 0; i < 4; i++)
		assert_true(i == 1 || spread[i] > HASHES / 4 / 3 / 2);
	set_health(&g, 1, HEALTH_HEALTHY);
	ask_all(&g, &t, well);
	assert_memory_equal(well, before, sizeof(before));
	pick_release(&t);
	end(&g);
}

static void test_workers_agree(void **state)
{
	char one[HASHES], two[HASHES];
	struct pick_table a = {0}, b = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "HUHH", NULL);
	ask_all(&g, &a, one);
	pick_next(&b, NULL);
	pick_refresh(&b, g.gs, &g.group, 3);
	ask_all(&g, &b, two);
	assert_memory_equal(one, two, sizeof(one));
	pick_release(&a);
	pick_release(&b);
	end(&g);
}

static void test_weights_are_shares(void **state)
{
	static const unsigned weights[] = {20, 60, 20};
	size_t shares[MOST] = {0};
	struct pick_table t = {0};
	char got[HASHES];
	struct group g;

	(void)state;
	begin_hashing(&g, "HHH", weights);
	ask_all(&g, &t, got);
	for (size_t i = 0; i < HASHES; i++)
		shares[got[i] - 'a']++;
	assert_in_range(shares[0], HASHES * 17 / 100, HASHES * 23 / 100);
	assert_in_range(shares[1], HASHES * 57 / 100, HASHES * 63 / 100);
	pick_release(&t);
	end(&g);
}

static void test_another_try_asks_another_one(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "HHH", NULL);
	pick_refresh(&t, g.gs, &g.group, 0);
	for (uint64_t i = 0; i < 100; i++) {
		struct target_state *first = pick_hashed(&t, i, NULL);
		struct target_state *second = pick_hashed(&t, i, first);

		assert_non_null(second);
		assert_ptr_not_equal(first, second);
		assert_ptr_equal(pick_hashed(&t, i, first), second);
		assert_ptr_equal(pick_hashed(&t, i, NULL), first);
	}
	pick_release(&t);
	end(&g);
}

static void test_the_only_one_has_no_other(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "UHU", NULL);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_int_equal(letter_of(&t, 5, NULL), 'b');
	assert_int_equal(letter_of(&t, 5, g.states[1]), '-');
	pick_release(&t);
	end(&g);
}

static void test_failing_open_uses_the_table_as_built(void **state)
{
	char before[HASHES], open[HASHES];
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "HHH", NULL);
	ask_all(&g, &t, before);
	for (size_t i = 0; i < 3; i++)
		set_health(&g, i, HEALTH_UNHEALTHY);
	ask_all(&g, &t, open);
	assert_true(t.failed_open);
	assert_memory_equal(open, before, sizeof(before));
	pick_release(&t);
	end(&g);
}

static void test_nobody_and_no_hash(void **state)
{
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "", NULL);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_int_equal(letter_of(&t, 1, NULL), '-');
	publish_hashing(&g, "HHH", NULL);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_int_equal(next_of(&t, NULL), 'a');
	assert_int_equal(next_of(&t, NULL), 'b');
	assert_int_equal(next_of(&t, NULL), 'c');
	pick_release(&t);
	end(&g);
}

static void test_more_turns_than_slots_take_turns(void **state)
{
	static const unsigned weights[] = {1000000, 999999};
	struct pick_table t = {0};
	struct group g;

	(void)state;
	begin_hashing(&g, "HH", weights);
	pick_refresh(&t, g.gs, &g.group, 0);
	assert_false(consistent_is_there(&t.consistent));
	assert_int_not_equal(letter_of(&t, 1, NULL), letter_of(&t, 1, NULL));
	pick_release(&t);
	end(&g);
}

/* -- what is hashed -------------------------------------------------------- */

static void test_parts_of_a_request(void **state)
{
	struct field fields[] = {
		{.name = SLICE("X-User"), .value = SLICE("anna")},
		{.name = SLICE("x-user"), .value = SLICE("bert")},
		{.name = SLICE("Cookie"),
		 .value = SLICE("a=1; session=anna; session=bert"),
		 .id = NAME_COOKIE},
	};
	const struct http_head head = {
		.fields = fields,
		.n_fields = ARRAY_SIZE(fields),
		.present = NAME_BIT(NAME_COOKIE),
	};
	struct addr peer;
	const struct route_input in = {
		.host = SLICE("anna"),
		.path = SLICE("/anna"),
		.query = SLICE("x=y&User=anna&user=bert"),
		.head = &head,
		.peer = &peer,
	};
	const struct {
		struct hash_key key;
		const char *text; /* NULL: there is no such part */
	} rows[] = {
		{{HASH_HOST, SLICE("")}, "anna"},
		{{HASH_PATH, SLICE("")}, "/anna"},
		{{HASH_HEADER, SLICE("X-USER")}, "anna"},
		{{HASH_HEADER, SLICE("X-Other")}, NULL},
		{{HASH_COOKIE, SLICE("session")}, "anna"},
		{{HASH_COOKIE, SLICE("Session")}, NULL},
		{{HASH_QUERY, SLICE("user")}, "anna"},
		{{HASH_QUERY, SLICE("anna")}, NULL},
	};
	uint64_t hash;

	(void)state;
	assert_true(addr_parse_ip(SLICE("203.0.113.7"), 4711, &peer));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("# %zu\n", i);
		assert_int_equal(hash_key_of(&rows[i].key, &in, &hash),
				 rows[i].text != NULL);
		if (rows[i].text)
			assert_true(hash ==
				    maglev_hash_text(slice_of(rows[i].text)));
	}
	assert_true(hash_key_of(&(struct hash_key){0}, &in, &hash));
	assert_true(hash == 0xacb222837e2ccc78);
	peer.len = 0;
	assert_false(hash_key_of(&(struct hash_key){0}, &in, &hash));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_of_the_table),
		cmocka_unit_test(test_vectors_of_bids_and_hashes),
		cmocka_unit_test(test_one_more_moves_few_of_the_others),
		cmocka_unit_test(test_shares_are_equal),
		cmocka_unit_test(test_one_that_falls_ill_moves_its_own_alone),
		cmocka_unit_test(test_workers_agree),
		cmocka_unit_test(test_weights_are_shares),
		cmocka_unit_test(test_another_try_asks_another_one),
		cmocka_unit_test(test_the_only_one_has_no_other),
		cmocka_unit_test(test_failing_open_uses_the_table_as_built),
		cmocka_unit_test(test_nobody_and_no_hash),
		cmocka_unit_test(test_more_turns_than_slots_take_turns),
		cmocka_unit_test(test_parts_of_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
