/* test_outbox.c - nothing is lost silently, nobody waits. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/outbox.h"

/* -- what a courier was given ---------------------------------------------- */

enum { THREADS = 4, EACH = 20000 };

static struct {
	unsigned next[THREADS]; /* number of the next record of each */
	uint64_t skipped, n;
	int error; /* that the next delivery ends with */
} seen;

/* A record is its number, and so many octets of the tag as it has room. */
static int take(void *arg, uint32_t tag, struct slice record)
{
	unsigned number;

	(void)arg;
	assert(tag < THREADS && record.n >= sizeof(number));
	memcpy(&number, record.p, sizeof(number));
	for (size_t i = sizeof(number); i < record.n; i++)
		assert(record.p[i] == (char)tag);
	assert(number >= seen.next[tag]);
	seen.skipped += number - seen.next[tag];
	seen.next[tag] = number + 1;
	seen.n++;
	return seen.error;
}

static bool put(struct outbox *o, uint32_t tag, unsigned number, size_t octets)
{
	char record[512];

	assert(octets >= sizeof(number) && octets <= sizeof(record));
	memset(record, (int)tag, sizeof(record));
	memcpy(record, &number, sizeof(number));
	return outbox_put(o, tag, slice_make(record, octets));
}

static void forget(void)
{
	memset(&seen, 0, sizeof(seen));
}

/* -- cases ----------------------------------------------------------------- */

static void test_what_was_put_before_the_start_is_written(void **state)
{
	struct courier *c = courier_new(take, NULL);
	struct outbox *o = courier_outbox(c, 4096);
	struct courier_counts counts;

	(void)state;
	forget();
	for (unsigned i = 0; i < 10; i++)
		assert_true(put(o, 0, i, 4 + i * 7));
	assert_int_equal(courier_start(c), 0);
	assert_true(courier_stop(c, 60000));
	courier_read_counts(c, &counts);
	assert_int_equal(seen.n, 10);
	assert_int_equal(seen.skipped, 0);
	assert_int_equal(counts.records, 10);
	assert_int_equal(counts.lost, 0);
	courier_free(c);
}

static void test_what_does_not_fit_is_counted(void **state)
{
	struct courier *c = courier_new(take, NULL);
	struct outbox *o = courier_outbox(c, 4096);
	struct courier_counts counts;
	unsigned fitted = 0;

	(void)state;
	forget();
	for (unsigned i = 0; i < 1000; i++)
		fitted += put(o, 0, i, 100);
	/* 100 octets and a mark of 8, on a multiple of 8. */
	assert_int_equal(fitted, 4096 / 112);
	assert_int_equal(outbox_lost(o), 1000 - fitted);
	assert_false(outbox_put(o, 0, slice_make((const char *)o, SIZE_MAX)));
	/* Without a start: the end writes what is there. */
	assert_true(courier_stop(c, 60000));
	courier_read_counts(c, &counts);
	assert_int_equal(counts.records, fitted);
	assert_int_equal(counts.lost, 1000 - fitted + 1);
	courier_free(c);
}

static void test_what_cannot_be_written_is_counted(void **state)
{
	struct courier *c = courier_new(take, NULL);
	struct outbox *o = courier_outbox(c, 4096);
	struct courier_counts counts;

	(void)state;
	forget();
	seen.error = ENOSPC;
	assert_true(put(o, 0, 0, 8));
	assert_true(courier_stop(c, 60000));
	courier_read_counts(c, &counts);
	assert_int_equal(counts.records, 0);
	assert_int_equal(counts.lost, 1);
	assert_int_equal(counts.last_error, ENOSPC);
	courier_free(c);
}

struct putter {
	pthread_t thread;
	struct courier *courier;
	uint32_t tag;
	uint64_t lost;
};

static void *put_all(void *arg)
{
	struct putter *p = arg;
	struct outbox *o = courier_outbox(p->courier, 4096);
	uint32_t dice = p->tag + 1;

	for (unsigned i = 0; i < EACH; i++) {
		dice = dice * 1664525 + 1013904223;
		put(o, p->tag, i, 4 + (dice >> 16) % 300);
	}
	/* The end is never lost, so that all losses show in between. */
	while (!put(o, p->tag, EACH, 4))
		p->lost--;
	p->lost += outbox_lost(o);
	return NULL;
}

static void test_threads_keep_their_order(void **state)
{
	struct courier *c = courier_new(take, NULL);
	struct putter putters[THREADS];
	struct courier_counts counts;
	uint64_t lost = 0;

	(void)state;
	forget();
	assert_int_equal(courier_start(c), 0);
	for (uint32_t t = 0; t < THREADS; t++) {
		putters[t] = (struct putter){.courier = c, .tag = t};
		assert_int_equal(pthread_create(&putters[t].thread, NULL,
						put_all, &putters[t]),
				 0);
	}
	for (uint32_t t = 0; t < THREADS; t++) {
		pthread_join(putters[t].thread, NULL);
		lost += putters[t].lost;
	}
	assert_true(courier_stop(c, 60000));
	courier_read_counts(c, &counts);
	assert_int_equal(seen.skipped, lost);
	assert_int_equal(seen.n + lost, THREADS * (EACH + 1));
	assert_int_equal(counts.records, seen.n);
	for (uint32_t t = 0; t < THREADS; t++)
		assert_int_equal(seen.next[t], EACH + 1);
	courier_free(c);
}

/* One record at a time, each after the courier has gone to sleep or not. */
static void test_a_sleeper_is_woken(void **state)
{
	struct courier *c = courier_new(take, NULL);
	struct outbox *o = courier_outbox(c, 4096);
	struct courier_counts counts = {0};

	(void)state;
	forget();
	assert_int_equal(courier_start(c), 0);
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(put(o, 0, i, 8));
		while (counts.records <= i)
			courier_read_counts(c, &counts);
	}
	assert_true(courier_stop(c, 60000));
	assert_int_equal(seen.skipped, 0);
	courier_free(c);
}

/* Its courier hangs until the process ends, and so it is never freed. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct courier *hung;

static int hang(void *arg, uint32_t tag, struct slice record)
{
	(void)arg;
	(void)tag;
	(void)record;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return 0;
}

static void regress_a_write_that_hangs_holds_nobody_up(void **state)
{
	struct outbox *o;
	unsigned fitted = 0;

	(void)state;
	hung = courier_new(hang, NULL);
	o = courier_outbox(hung, 4096);
	pthread_mutex_lock(&gate);
	assert_int_equal(courier_start(hung), 0);
	for (unsigned i = 0; i < 10000; i++)
		fitted += put(o, 0, i, 100);
	assert_int_equal(fitted, 4096 / 112);
	assert_int_equal(outbox_lost(o), 10000 - fitted);
	assert_false(courier_stop(hung, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_put_before_the_start_is_written),
		cmocka_unit_test(test_what_does_not_fit_is_counted),
		cmocka_unit_test(test_what_cannot_be_written_is_counted),
		cmocka_unit_test(test_threads_keep_their_order),
		cmocka_unit_test(test_a_sleeper_is_woken),
		cmocka_unit_test(regress_a_write_that_hangs_holds_nobody_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
