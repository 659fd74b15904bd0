/*
 * worker.h - a thread that serves, and what it owns.
 *
 * Workers share nothing they write for a request. Control speaks to them by
 * mailbox only; each call below may be made from the control thread at any time
 * and returns at once.
 *
 * Floor: proxy.
 */
#ifndef WEIR_PROXY_WORKER_H
#define WEIR_PROXY_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/reason.h"
#include "model/snapshot.h"
#include "model/state.h"
#include "net/listening.h"

struct error_ring; /* proxy/error_ring.h */
struct journals;   /* base/journal.h */
struct worker;
struct seal_keys; /* tls/seal.h */

/* What all workers are given and only read. */
struct worker_options {
	unsigned number;           /* from 0 */
	size_t most_octets;        /* of buffers, for this worker */
	uint64_t most_connections; /* from clients, for all workers */
	/* Those there are, of all workers; outlives them. The promise is for
	 * the process, however the kernel spreads clients over its workers:
	 * so they write it in common, once for each connection. */
	_Atomic uint64_t *n_connections;
	/* For the logs of snapshots, all of whose journals are of these;
	 * outlives the worker. NULL: there are none. */
	struct journals *journals;
};

struct tls_server;

/* One listening socket of one worker, which no other one accepts from. */
struct endpoint {
	struct addr addr;
	uint32_t listener;        /* index over all listeners of the snapshot */
	struct listening *socket; /* borrowed: who keeps it takes a reference */
};

/* Starts the thread. NULL with errno when there can be none. */
struct worker *worker_start(const struct worker_options *options);

/*
 * From the end of its turn on, the worker serves this snapshot; exchanges
 * under way end in theirs. A socket that is not among the endpoints any more
 * is let go, after what waits in its queue was accepted. Takes over a
 * reference to `snap`; copies the keys (NULL: no group is sticky) and the
 * endpoints, with a reference to each socket.
 */
void worker_adopt(struct worker *w, struct snapshot *snap_take,
		  const struct seal_keys *keys,
		  const struct endpoint *endpoints, size_t n_endpoints);

/* No more connections are accepted; every answer says that the connection
 * ends. Idle ones are closed once nothing runs any more. */
void worker_drain(struct worker *w);

/* Requests to this target end now, with 502 where no answer has begun: its
 * deregistration delay is over. Takes over one reference. */
void worker_cut_target(struct worker *w, struct target_state *state_take);

/* Calls fn(arg) in its thread, between two events. */
void worker_post(struct worker *w, void (*fn)(void *arg), void *arg);

/* What still runs in this generation, and in older ones, is cut: their time is
 * over. Upgraded connections are in none. */
void worker_end_generations(struct worker *w, uint64_t generation);

/* Lets go of idle connections to targets that leave; when it has, gauges.sweeps
 * is one more. By then whatever was given to a target before is counted. */
void worker_sweep(struct worker *w);

/* New connections of this listener's TLS get `next`; takes a reference of each
 * for as long as that takes. */
void worker_swap_tls(struct worker *w, struct tls_server *served,
		     struct tls_server *next);

/* Ends the thread: connections are cut. Call worker_join afterwards. */
void worker_stop(struct worker *w);
/* Waits for the thread and frees everything. */
void worker_join(struct worker *w);

/* Asks for a sign of life: its gauge `beats` grows by one in its next turn. */
void worker_beat(struct worker *w);

/* What it counts for itself; readable at any time until worker_join. */
const tally_cell *worker_counters(const struct worker *w); /* by
							    * worker_counter */

/* What it answered or ended by itself last; NULL: memory was out. Readable as
 * long. */
const struct error_ring *worker_errors(const struct worker *w);

struct worker_gauges {
	uint64_t client_connections, target_connections;
	uint64_t requests_under_way; /* upgraded connections too */
	uint64_t generation;         /* of the snapshot it serves */
	uint64_t oldest_generation;  /* that some exchange still runs in */
	uint64_t paused; /* sockets that it takes no connections from: no
			  * descriptor was free */
	uint64_t beats;  /* of worker_beat(), so far */
	uint64_t sweeps; /* worker_sweep() that were done */
};
void worker_read_gauges(const struct worker *w, struct worker_gauges *out);

#endif
