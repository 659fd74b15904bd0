/*
 * resolver.h - the addresses behind the names of targets, as they change.
 *
 * Every name is asked for its A and AAAA records, and again when the shortest
 * TTL is over. The last good answer is kept while later questions fail; a
 * name that never had an answer has no address. /etc/hosts and localhost
 * count, as for everybody else on the machine.
 *
 *	asking --answer--> known --TTL--> asking
 *	   ^--- failure: 1 s, 2 s, 4 s ... 1 min ---'
 *
 * Floor: control.  The only user of c-ares.  Control thread.
 */
#ifndef WEIR_CONTROL_RESOLVER_H
#define WEIR_CONTROL_RESOLVER_H

#include "base/slice.h"
#include "net/addr.h"
#include "net/loop.h"

struct resolver;

/* Answers live for their TTL, within these bounds. */
enum {
	RESOLVER_TTL_MIN_S = 1,
	RESOLVER_TTL_MAX_S = 300,
	RESOLVER_RETRY_MAX_S = 60,
	/* Questions on the way at once. */
	RESOLVER_ASKED_MAX = 32,
};

/*
 * servers  NULL: those of the system; else "127.0.0.1:5353" or a list of
 *          such, for tests
 * changed  called from a turn of the loop when the addresses of a name are
 *          not what they were
 *
 * NULL after a line in the log: then names have no addresses.
 */
struct resolver *resolver_new(struct loop *loop, const char *servers,
			      void (*changed)(void *arg, struct slice name),
			      void *arg);
/* NULL is allowed. */
void resolver_free(struct resolver *r);

/* Says which names are wanted: begin, then each, then end, which forgets the
 * others. What is known of a name that stays is kept; new ones are asked in
 * the next turn. */
void resolver_begin(struct resolver *r);
void resolver_want(struct resolver *r, struct slice name);
void resolver_end(struct resolver *r);

/*
 * Asks for the names that are new, and waits until each has had an answer or a
 * failure, for so long at most. No loop turns meanwhile: for the moment before
 * a configuration is served, which would answer 503 until they are known. NULL
 * is allowed.
 */
void resolver_settle(struct resolver *r, uint64_t most_ms);

/* The addresses of a name, sorted, with port 0; borrowed until the next turn.
 * Returns how many: 0 as long as there was no answer. */
size_t resolver_lookup(const struct resolver *r, struct slice name,
		       const struct addr **addresses);

/* Walks the names for reports: start with *at = 0, false behind the last. */
struct resolver_name {
	struct slice name;
	size_t n_addresses;
	const char *failure; /* of the last question; NULL: it was answered */
	uint64_t asks_in_ms; /* 0: asked right now */
};
bool resolver_next(const struct resolver *r, size_t *at,
		   struct resolver_name *out);

#endif
