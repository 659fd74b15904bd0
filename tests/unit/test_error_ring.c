/* test_error_ring.c - the last errors of a worker, read while it writes. */
#include <pthread.h>
#include <stdio.h>

#include "proxy/error_ring.h"
#include "unit.h"

/* All its texts are of one octet that its priority tells. */
static struct error_note note_of(uint32_t number)
{
	struct error_note note = {.priority = number, .status = 503};

	for (int t = 0; t < ERROR_TEXTS; t++)
		note.n[t] = (uint16_t)(t + 1);
	memset(note.text, (int)('a' + number % 26), sizeof(note.text));
	return note;
}

static void assert_whole(const struct error_note *note, uint64_t number)
{
	assert_int_equal(note->priority, number);
	for (int t = 0; t < ERROR_TEXTS; t++) {
		struct slice text = error_note_text(note, (enum error_text)t);

		assert_int_equal(text.n, t + 1);
		for (size_t i = 0; i < text.n; i++)
			assert_int_equal(text.p[i], 'a' + number % 26);
	}
}

static void test_the_last_ones_are_kept(void **state)
{
	struct error_ring *ring = error_ring_new();
	struct error_note got;

	(void)state;
	assert_int_equal(error_ring_count(NULL), 0);
	assert_int_equal(error_ring_count(ring), 0);
	assert_false(error_ring_read(ring, 0, &got));
	for (uint32_t i = 0; i < ERRORS_KEPT + 10; i++) {
		struct error_note note = note_of(i);

		error_ring_add(ring, &note);
	}
	assert_int_equal(error_ring_count(ring), ERRORS_KEPT + 10);
	assert_false(error_ring_read(ring, 9, &got));
	assert_true(error_ring_read(ring, 10, &got));
	assert_whole(&got, 10);
	assert_true(error_ring_read(ring, ERRORS_KEPT + 9, &got));
	assert_whole(&got, ERRORS_KEPT + 9);
	assert_false(error_ring_read(ring, ERRORS_KEPT + 10, &got));
	error_ring_free(ring);
}

enum { NOTES = 20000 };

static void *write_notes(void *arg)
{
	for (uint32_t i = 0; i < NOTES; i++) {
		struct error_note note = note_of(i);

		error_ring_add(arg, &note);
	}
	return NULL;
}

/* What is read is whole, whatever is written at that moment. */
static void test_regress_no_half_of_a_note_is_read(void **state)
{
	struct error_ring *ring = error_ring_new();
	struct error_note got;
	pthread_t writer;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_notes, ring), 0);
	while (n < NOTES) {
		uint64_t oldest;

		n = error_ring_count(ring);
		oldest = n > ERRORS_KEPT ? n - ERRORS_KEPT : 0;
		for (uint64_t i = oldest; i < n && i < oldest + 4; i++)
			if (error_ring_read(ring, i, &got))
				assert_whole(&got, i);
	}
	pthread_join(writer, NULL);
	error_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_ones_are_kept),
		cmocka_unit_test(test_regress_no_half_of_a_note_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
