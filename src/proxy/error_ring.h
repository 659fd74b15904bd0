/*
 * error_ring.h - the last requests that a worker answered or ended by itself,
 * each with its reason.
 *
 * The worker writes, and others read meanwhile: a note has a number before and
 * behind it, and one that is being written anew is not taken.
 *
 * Floor: proxy.
 */
#ifndef WEIR_PROXY_ERROR_RING_H
#define WEIR_PROXY_ERROR_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct error_ring;

enum { ERRORS_KEPT = 256, ERROR_TEXT_MAX = 720 };

enum error_text {
	ERROR_BALANCER,
	ERROR_CLIENT, /* with its port */
	ERROR_METHOD,
	ERROR_HOST,
	ERROR_PATH, /* without the query, which may be secret */
	ERROR_GROUP,
	ERROR_TARGET,
	ERROR_TRACE_ID,
	ERROR_TEXTS
};

struct error_note {
	uint64_t at_us; /* since 1970 */
	uint32_t priority;
	uint16_t port;
	uint16_t status;         /* 0: none was sent */
	uint16_t n[ERROR_TEXTS]; /* octets of each, one behind the other */
	uint8_t reason;          /* enum reason */
	bool has_rule;           /* `priority` is of one; 0: the default */
	bool is_secure;          /* the client spoke TLS */
	char text[ERROR_TEXT_MAX];
};

/* NULL when memory is out: nothing is noted then. */
struct error_ring *error_ring_new(void);
void error_ring_free(struct error_ring *ring);
void error_ring_add(struct error_ring *ring, const struct error_note *note);

/* How many there were; any thread. 0 for NULL. */
uint64_t error_ring_count(const struct error_ring *ring);
/* The one of that number, from 0; any thread. False: it is not there any
 * more. */
bool error_ring_read(const struct error_ring *ring, uint64_t number,
		     struct error_note *out);

/* One of its texts; borrowed. */
struct slice error_note_text(const struct error_note *note, enum error_text t);

#endif
