/*
 * h2_budget.h - how much of what is allowed in HTTP/2 one connection may do.
 *
 * A frame of nine octets may cost the receiver thousands of instructions, and
 * RFC 9113 limits none of them (10.5). So the octets of a connection are
 * looked through for their frames before anybody acts on them, and each kind
 * of frame that does no work has a credit of its own: time and work that was
 * done pay it in, each frame takes one out. Behind nothing a frame is counted
 * as a glitch; behind the debt that is allowed the connection is to end.
 *
 *	credit:   cap ... 0 ... -debt
 *	           fine   glitch   the end
 *
 * What a connection has done counts for it, so a client with ten thousand
 * requests a second may do more than one with a single request.
 *
 * Floor: stream.  Pure but for the clock of the turn.  Source: RFC 9113 10.5;
 * CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2024-27316, CVE-2025-8671.
 */
#ifndef WEIR_STREAM_H2_BUDGET_H
#define WEIR_STREAM_H2_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/glitch.h"
#include "base/slice.h"

enum {
	H2_FRAME_HEAD = 9,
	/* A list of fields of 128 KiB, more than is ever read, in frames of
	 * 16 KiB. */
	H2_CONTINUATIONS_MAX = 8,
	/* Streams that were reset before they were a second old, of which... */
	H2_RESETS_MAX = 200,
	H2_RESET_AGE_MS = 1000,
	/* ...the last 30 s are looked at, in slots. */
	H2_SLOTS = 6,
	H2_SLOT_MS = 5000,
};

/* Who owns it is told of each glitch. */
struct h2_budget {
	void (*note)(struct h2_budget *b, enum glitch g);

	/* Where in the octets it is. */
	uint8_t head[H2_FRAME_HEAD];
	uint8_t n_head;
	uint8_t preface_left; /* octets that stand before the first frame */
	bool wants_pad;       /* the next octet tells of the padding */
	uint8_t continuations;
	uint32_t left; /* octets of the payload that did not come */

	int32_t credit[GLITCH_KINDS];
	uint64_t paid_ms; /* when time paid last */
	struct {
		uint32_t opened, reset;
	} slots[H2_SLOTS];
	uint64_t slot; /* the number of the newest */
	bool is_over;
	uint8_t why; /* enum glitch: what ended it */
};

/* `preface` octets come before the first frame. */
void h2_budget_begin(struct h2_budget *b, unsigned preface,
		     void (*note)(struct h2_budget *b, enum glitch g));

/* Looks through what has come, once for each octet. False: it is over. */
bool h2_budget_read(struct h2_budget *b, struct slice in);

/* Something of that kind has happened. False: it is over. */
bool h2_budget_spend(struct h2_budget *b, enum glitch g);
/* The connection ends for this, whatever the credit. */
void h2_budget_end(struct h2_budget *b, enum glitch g);

/* A stream has begun. */
void h2_budget_opened(struct h2_budget *b);
/* One was reset at that age, by whomever. */
void h2_budget_reset(struct h2_budget *b, uint64_t age_ms);
/* DATA of so many octets has left or come. */
void h2_budget_moved(struct h2_budget *b, uint64_t octets);

#endif
