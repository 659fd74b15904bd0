/*
 * nft_batch.h - a plan's steps as netlink messages; private to nft*.c.
 *
 * Messages lie one behind the other in one buffer, and each remembers which
 * step it came from, so that an error of the kernel finds its way back to
 * the file.
 *
 * Floor: kernel.
 */
#ifndef WEIR_KERNEL_NFT_BATCH_H
#define WEIR_KERNEL_NFT_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "firewall/plan.h"

/* The attribute that lists elements has a length of 16 bits, so a message is
 * never much larger than this. */
enum { MESSAGE_ROOM = 256 * 1024 };

/* A first load of more octets than this is cut into parts of that size:
 * others who use nft wait while the kernel works on one. */
enum { PART_OCTETS = 1024 * 1024 };

/* Which step a message came from. */
struct sent {
	size_t at; /* offset of the message */
	uint32_t seq;
	const struct plan_step *step;
	size_t first_owner; /* element messages: of its first element */
};

/* A zeroed batch is empty and ready. */
struct batch {
	char *octets; /* owned */
	size_t n, room;
	uint32_t first_seq;
	struct sent *sent;
	size_t n_sent, sent_room;
	const struct plan_step **owners; /* one for each netlink element */
	size_t n_owners, owner_room;
};

void batch_release(struct batch *b);

/* Empties it and opens the transaction; *seq counts messages. */
void batch_begin(struct batch *b, uint32_t *seq);
void batch_end(struct batch *b, uint32_t *seq);

/* It is meant for this generation of all tables; 0: for whatever they are,
 * which it is from the beginning. */
void batch_at_generation(struct batch *b, uint32_t generation);

/*
 * Adds step `at` of the plan, or the run of elements that begins there.
 * Returns how many steps that is. A run ends after about a part's worth.
 */
size_t batch_add_step(struct batch *b, uint32_t *seq, const struct plan *plan,
		      size_t at, uint32_t table_flags);

/* Takes back what the first `n` steps of the plan have made. None of that may
 * be in use by what is older. */
void batch_add_undo(struct batch *b, uint32_t *seq, const struct plan *plan,
		    size_t n);

/* Makes the table, or changes its flags. */
void batch_add_table(struct batch *b, uint32_t *seq, const char *table,
		     uint32_t flags);

/* NULL when none of its messages has this number. */
const struct sent *batch_find(const struct batch *b, uint32_t seq);

/* The step that the octet at `offset` of the message belongs to. */
const struct plan_step *batch_step_at(const struct batch *b,
				      const struct sent *s, uint32_t offset);

#endif
