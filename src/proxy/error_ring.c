#include "error_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = (sizeof(struct error_note) + 7) / 8 };

/* Odd while it is written; 2 n + 2 once number n is there. */
struct error_slot {
	_Atomic uint64_t turn;
	_Atomic uint64_t words[WORDS];
};

struct error_ring {
	_Atomic uint64_t n; /* that were added */
	struct error_slot slots[ERRORS_KEPT];
};

struct error_ring *error_ring_new(void)
{
	return calloc(1, sizeof(struct error_ring));
}

void error_ring_free(struct error_ring *ring)
{
	free(ring);
}

/* Each store is seen no earlier than those before it. */
void error_ring_add(struct error_ring *ring, const struct error_note *note)
{
	uint64_t n = atomic_load_explicit(&ring->n, memory_order_relaxed);
	struct error_slot *slot = &ring->slots[n % ERRORS_KEPT];
	uint64_t words[WORDS] = {0};

	memcpy(words, note, sizeof(*note));
	atomic_store_explicit(&slot->turn, 2 * n + 1, memory_order_relaxed);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i],
				      memory_order_release);
	atomic_store_explicit(&slot->turn, 2 * n + 2, memory_order_release);
	atomic_store_explicit(&ring->n, n + 1, memory_order_release);
}

uint64_t error_ring_count(const struct error_ring *ring)
{
	return ring ? atomic_load_explicit(&ring->n, memory_order_acquire) : 0;
}

bool error_ring_read(const struct error_ring *ring, uint64_t number,
		     struct error_note *out)
{
	const struct error_slot *slot = &ring->slots[number % ERRORS_KEPT];
	uint64_t words[WORDS];

	if (atomic_load_explicit(&slot->turn, memory_order_acquire) !=
	    2 * number + 2)
		return false;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i],
						memory_order_acquire);
	memcpy(out, words, sizeof(*out));
	return atomic_load_explicit(&slot->turn, memory_order_relaxed) ==
	       2 * number + 2;
}

struct slice error_note_text(const struct error_note *note, enum error_text t)
{
	size_t at = 0;

	for (unsigned i = 0; i < t; i++)
		at += note->n[i];
	return slice_make(note->text + at, note->n[t]);
}
