/* test_boxes.c - boxes never overlap and admit what the grants admit. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "firewall/boxes.h"

static struct box_grant grant(const char *net, uint32_t first, uint32_t last,
			      uint32_t owner)
{
	struct box_grant g = {.first = first, .last = last, .owner = owner};

	assert_int_equal(cidr_parse(slice_of(net), &g.cidr), CIDR_FINE);
	return g;
}

static int by_place(const void *a, const void *b)
{
	const struct box *x = a, *y = b;
	int order = cidr_cmp(&x->cidr, &y->cidr);

	return order ? order : (int)x->first - (int)y->first;
}

/* "10.0.0.0/8 80-90 [1,2]" for each box. */
static void assert_boxes(struct box_grant *grants, size_t n, const char *expect)
{
	struct arena arena = {0};
	size_t n_boxes;
	struct box *boxes = boxes_of(&arena, grants, n, &n_boxes);
	char got[1000] = "";
	size_t at = 0;

	qsort(boxes, n_boxes, sizeof(*boxes), by_place);
	for (size_t i = 0; i < n_boxes; i++) {
		char cidr[CIDR_TEXT_MAX];

		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s %u-%u [",
				       cidr_format(&boxes[i].cidr, cidr),
				       boxes[i].first, boxes[i].last);
		for (unsigned k = 0; k < boxes[i].n_owners; k++)
			at += (size_t)snprintf(got + at, sizeof(got) - at,
					       "%s%u", k ? "," : "",
					       boxes[i].owners[k]);
		at += (size_t)snprintf(got + at, sizeof(got) - at, "]\n");
	}
	assert_string_equal(got, expect);
	arena_release(&arena);
}

static void test_nested_networks(void **state)
{
	struct box_grant same[] = {grant("10.0.0.0/8", 80, 80, 1),
				   grant("10.1.0.0/16", 80, 80, 2)};
	struct box_grant partly[] = {grant("10.0.0.0/8", 80, 90, 1),
				     grant("10.1.0.0/16", 85, 100, 2)};

	(void)state;
	assert_boxes(same, 2, "10.0.0.0/8 80-80 [1]\n");
	assert_boxes(partly, 2,
		     "10.0.0.0/8 80-90 [1]\n10.1.0.0/16 91-100 [2]\n");
}

static void test_the_same_network_twice(void **state)
{
	struct box_grant grants[] = {grant("10.0.0.0/8", 80, 90, 1),
				     grant("10.0.0.0/8", 85, 100, 2)};

	(void)state;
	assert_boxes(grants, 2,
		     "10.0.0.0/8 80-84 [1]\n10.0.0.0/8 85-90 [1,2]\n"
		     "10.0.0.0/8 91-100 [2]\n");
}

static void test_siblings_join_within_a_rule(void **state)
{
	struct box_grant one[] = {grant("10.0.0.0/9", 80, 80, 1),
				  grant("10.128.0.0/9", 80, 80, 1)};
	struct box_grant two[] = {grant("10.0.0.0/9", 80, 80, 1),
				  grant("10.128.0.0/9", 80, 80, 2)};

	(void)state;
	assert_boxes(one, 2, "10.0.0.0/8 80-80 [1]\n");
	assert_boxes(two, 2, "10.0.0.0/9 80-80 [1]\n10.128.0.0/9 80-80 [2]\n");
}

static void test_a_stranger_splits_nothing(void **state)
{
	struct box_grant grants[] = {grant("10.0.0.0/8", 0, 65535, 1),
				     grant("192.0.2.0/24", 80, 80, 2)};

	(void)state;
	assert_boxes(grants, 2,
		     "10.0.0.0/8 0-65535 [1]\n192.0.2.0/24 80-80 [2]\n");
}

static bool holds(const struct cidr *net, uint32_t first, uint32_t last,
		  const struct cidr *address, uint32_t at)
{
	return cidr_contains(net, address) && first <= at && at <= last;
}

/* Few bits and few ports, so that everything overlaps with everything. */
static struct box_grant any_grant(uint32_t owner)
{
	uint8_t octets[4] = {10, 0, 0, (uint8_t)(rand() & 31)};
	uint32_t first = (uint32_t)rand() % 40;
	struct box_grant g = {
		.cidr = cidr_make(4, octets, 26 + (unsigned)rand() % 7),
		.first = first,
		.last = first + (uint32_t)rand() % 20,
		.owner = owner,
	};

	return g;
}

static void check_against_grants(const struct box_grant *grants, size_t n,
				 const struct box *boxes, size_t n_boxes)
{
	for (unsigned a = 0; a < 64; a++) {
		for (uint32_t at = 0; at < 62; at++) {
			uint8_t octets[4] = {10, 0, 0, (uint8_t)a};
			struct cidr address = cidr_make(4, octets, 32);
			unsigned granted = 0, boxed = 0;

			for (size_t i = 0; i < n; i++)
				granted += holds(&grants[i].cidr,
						 grants[i].first,
						 grants[i].last, &address, at);
			for (size_t i = 0; i < n_boxes; i++)
				boxed += holds(&boxes[i].cidr, boxes[i].first,
					       boxes[i].last, &address, at);
			assert_int_equal(boxed, granted > 0);
		}
	}
}

/* Every owner of a box grants all of it. */
static void check_owners(const struct box_grant *grants, size_t n,
			 const struct box *box)
{
	assert_true(box->n_owners > 0);
	for (unsigned k = 0; k < box->n_owners; k++) {
		bool covered = false;

		for (size_t i = 0; i < n; i++)
			covered |= grants[i].owner == box->owners[k] &&
				   cidr_contains(&grants[i].cidr, &box->cidr) &&
				   grants[i].first <= box->first &&
				   box->last <= grants[i].last;
		assert_true(covered);
	}
}

static void test_random_grants(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		struct arena arena = {0};
		struct box_grant grants[40];
		size_t n = 1 + (size_t)rand() % ARRAY_SIZE(grants), n_boxes;
		struct box *boxes;

		for (size_t i = 0; i < n; i++)
			grants[i] = any_grant((uint32_t)i);
		boxes = boxes_of(&arena, grants, n, &n_boxes);
		check_against_grants(grants, n, boxes, n_boxes);
		for (size_t i = 0; i < n_boxes; i++)
			check_owners(grants, n, &boxes[i]);
		arena_release(&arena);
	}
}

static void test_a_hundred_thousand_grants(void **state)
{
	struct arena arena = {0};
	size_t n = 100000, n_boxes;
	struct box_grant *grants = xcalloc(n, sizeof(*grants));

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint8_t octets[4] = {10, (uint8_t)(i >> 15), (uint8_t)(i >> 7),
				     (uint8_t)(i << 1)};

		grants[i] = (struct box_grant){cidr_make(4, octets, 32), 80, 80,
					       (uint32_t)i};
	}
	boxes_of(&arena, grants, n, &n_boxes);
	assert_int_equal(n_boxes, n);
	arena_release(&arena);
	free(grants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nested_networks),
		cmocka_unit_test(test_the_same_network_twice),
		cmocka_unit_test(test_siblings_join_within_a_rule),
		cmocka_unit_test(test_a_stranger_splits_nothing),
		cmocka_unit_test(test_random_grants),
		cmocka_unit_test(test_a_hundred_thousand_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
