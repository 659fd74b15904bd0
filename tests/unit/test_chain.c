/* test_chain.c - octets come out as they went in, and chunks come back. */
#include "net/chain.h"

#include <stdlib.h>

#include "unit.h"

static char octet_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

/* As a read of n octets would: through the room that is offered. */
static size_t feed(struct chain *c, size_t start, size_t n, int pieces)
{
	struct iovec room[CHAIN_ROOM_MAX];
	int n_room;
	size_t offered = chain_reserve(c, pieces, room, &n_room), done = 0;

	if (n > offered)
		n = offered;
	for (int i = 0; i < n_room; i++)
		for (size_t k = 0; k < room[i].iov_len && done < n; k++, done++)
			((char *)room[i].iov_base)[k] = octet_at(start + done);
	chain_commit(c, room, n_room, n);
	return n;
}

static void check_front(struct chain *c, size_t start, size_t n)
{
	size_t at = 0;

	for (const struct seg *s = c->first; s && at < n; s = s->next)
		for (uint32_t k = 0; k < s->n && at < n; k++, at++)
			assert_int_equal(s->p[k], octet_at(start + at));
	assert_int_equal(at, n);
}

static void test_octets_keep_their_order(void **state)
{
	struct chain a, b;
	size_t in = 0, out = 0;

	(void)state;
	srand(1);
	chain_init(&a, 200000);
	chain_init(&b, 200000);
	while (in < 3000000) {
		size_t some = (size_t)rand() % 50000;

		in += feed(&a, in, some, 1 + rand() % 5);
		chain_move(&b, &a, (size_t)rand() % 60000);
		some = b.n ? (size_t)rand() % (b.n + 1) : 0;
		check_front(&b, out, some);
		chain_drain(&b, some);
		out += some;
	}
	chain_move(&b, &a, a.n);
	check_front(&b, out, in - out);
	chain_release(&b);
	assert_null(a.first);
	assert_int_equal(chunk_pool_in_use(), 0);
}

static void test_the_limit_holds(void **state)
{
	struct chain c;

	(void)state;
	chain_init(&c, 20000);
	assert_int_equal(feed(&c, 0, 100000, 5), 20000);
	assert_int_equal(chain_room(&c), 0);
	assert_int_equal(feed(&c, 20000, 1, 5), 0);
	chain_drain(&c, 5);
	assert_int_equal(feed(&c, 20000, 100, 5), 5);
	check_front(&c, 5, 20000);
	chain_release(&c);
	assert_int_equal(chunk_pool_in_use(), 0);
}

static void test_a_head_becomes_one_piece(void **state)
{
	struct chain c;
	size_t in = 0;

	(void)state;
	chain_init(&c, 200000);
	while (in < 90000) {
		in += feed(&c, in, 999, 2);
		assert_true(chain_linearise(&c, in));
		assert_int_equal(c.first->n, in);
	}
	check_front(&c, 0, in);
	chain_release(&c);
	assert_int_equal(chunk_pool_in_use(), 0);
}

static void test_an_empty_pool_says_no(void **state)
{
	uint64_t before = chunk_pool_refusals();
	struct iovec room[CHAIN_ROOM_MAX];
	struct chain c;
	int n;

	(void)state;
	chunk_pool_release();
	chunk_pool_init(CHUNK_ALLOC);
	chain_init(&c, 200000);
	assert_int_equal(chain_reserve(&c, 5, room, &n), CHUNK_OCTETS);
	chain_commit(&c, room, n, CHUNK_OCTETS);
	assert_int_equal(chain_reserve(&c, 5, room, &n), 0);
	assert_false(chain_copy(&c, SLICE("x")));
	assert_null(chain_claim(&c, 10));
	assert_true(chunk_pool_refusals() > before);
	chain_release(&c);
	chunk_pool_init(SIZE_MAX);
}

/* Chunks that the pool keeps for later are not in use. Once something else
 * has reached the limit, they may not be used beyond it. */
static void test_kept_chunks_do_not_stretch_the_limit(void **state)
{
	enum { LIMIT = 4 * CHUNK_ALLOC };
	struct chunk *kept = chunk_new(), *large;

	(void)state;
	chunk_unref(kept);
	chunk_pool_init(LIMIT);
	large = chunk_new_large(LIMIT - sizeof(struct chunk));
	assert_non_null(large);
	assert_null(chunk_new());
	assert_null(chunk_new_large(100));
	assert_int_equal(chunk_pool_in_use(), LIMIT);
	chunk_unref(large);
	chunk_pool_init(SIZE_MAX);
}

static void test_a_claim_is_taken_up_or_not(void **state)
{
	struct chain c;

	(void)state;
	chain_init(&c, 10);
	memcpy(chain_claim(&c, 100), "head", 4);
	chain_claimed(&c, 4);
	assert_true(chain_copy(&c, SLICE(" body")));
	assert_slice(chain_front(&c), "head body");
	chain_drain(&c, 9);
	assert_non_null(chain_claim(&c, 5));
	chain_drain(&c, 0);
	assert_null(c.first);
	assert_int_equal(chunk_pool_in_use(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets_keep_their_order),
		cmocka_unit_test(test_the_limit_holds),
		cmocka_unit_test(test_a_head_becomes_one_piece),
		cmocka_unit_test(test_an_empty_pool_says_no),
		cmocka_unit_test(test_kept_chunks_do_not_stretch_the_limit),
		cmocka_unit_test(test_a_claim_is_taken_up_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
