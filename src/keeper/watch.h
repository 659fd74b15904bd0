/*
 * watch.h - packets that were dropped, or would have been, for those who
 * watch; private to the keeper.
 *
 * The last packets stand in a ring. Who watches has read up to a number, asks
 * for what came since, and is told how many were overwritten meanwhile: so a
 * client that is slow costs nobody anything.
 *
 * Floor: keeper.
 */
#ifndef WEIR_KEEPER_WATCH_H
#define WEIR_KEEPER_WATCH_H

#include "firewall/sighting.h"
#include "seen.h"

enum {
	WATCH_RING = 1024,  /* packets */
	WATCH_ANSWER = 256, /* of them in one answer */
	WATCHERS_MAX = 8,
	WATCH_PATIENCE_MS = 1000, /* then an answer says that nothing came */
	WATCH_GONE_MS = 5000,     /* who has not asked for so long is gone */
	WATCH_RATES = 64,
};

struct watcher {
	uint64_t id; /* 0: a free place */
	uint64_t asked_ms;
};

/* How many packets one rule told of in this second; two rules may share one. */
struct watch_rate {
	uint64_t second;
	unsigned n;
};

struct keeper_watch {
	struct sighting
		*ring; /* WATCH_RING of them, from malloc at first use */
	uint64_t next; /* number of the next packet; the first is 0 */
	uint64_t last_id;
	struct watcher watchers[WATCHERS_MAX];
	struct watch_rate rates[WATCH_RATES];
	uint64_t limited; /* seconds in which a rule told all that it may */
	uint64_t lost;    /* packets that were told and not heard */
	bool is_open;     /* packets are heard */
	int error;        /* why not; errno */
	struct seen seen;
};

#endif
