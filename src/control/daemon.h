/*
 * daemon.h - the process that serves: what it owns, and its life.
 *
 *	start --> serving --TERM--> draining --idle, or time is up--> stopped
 *	            ^ |                 '--------TERM-------------------^
 *	            '-' reload
 *
 * The control thread runs all of it: signals, reload, health checks, names,
 * the admin socket. Workers are reached by their mailboxes only.
 *
 * Floor: control.
 */
#ifndef WEIR_CONTROL_DAEMON_H
#define WEIR_CONTROL_DAEMON_H

#include <time.h>

#include "admin.h"
#include "base/list.h"
#include "confirm.h"
#include "events.h"
#include "model/counts.h"
#include "model/snapshot.h"
#include "net/loop.h"
#include "ports.h"
#include "privilege.h"
#include "prober.h"
#include "proxy/worker.h"
#include "pulse.h"
#include "reload.h"
#include "resolver.h"
#include "roles.h"
#include "roster.h"
#include "runtime.h"
#include "web_pages.h"
#include "world.h"

struct history;
struct cert_watch;
struct journal_pen;
struct journals;
struct ticket_keys;

/* Exit status of the program, weir(8). */
enum { DAEMON_GOOD = 0, DAEMON_FAILURE = 1, DAEMON_CONFIG_INVALID = 3 };

enum daemon_phase { DAEMON_SERVING, DAEMON_DRAINING };

enum { DAEMON_SIGNALS = 5 };

struct daemon {
	struct loop loop;
	const char *file;          /* of the configuration; borrowed */
	struct snapshot *snap;     /* of now; one reference; NULL before it */
	struct config_texts texts; /* that it was made of */
	struct identity identity;
	struct ports ports;
	struct worker **workers; /* n_workers of them; owned */
	unsigned n_workers;
	_Atomic uint64_t n_connections; /* from clients, of all workers */
	struct count_table counts;      /* for listeners and groups */
	struct rosters *rosters;
	struct prober *prober;
	struct resolver *resolver; /* NULL: names cannot be looked up */
	struct ticket_keys *tickets;
	struct cert_watch *cert_watch;
	struct journals *journals; /* log files of load balancers */
	struct journal_pen *pen;   /* of the control thread */
	struct list explains;      /* questions that wait for a worker */
	uint64_t n_explains;
	struct list conns; /* likewise, about connections */
	uint64_t n_conns;
	struct admin *admin; /* NULL: nobody can ask */
	struct roles roles;
	char *admin_path; /* unlinked at the end; owned; or NULL */
	struct web_place web;
	struct pulse *pulses; /* one for each worker; owned */
	struct reload_report last_reload;
	struct kept_settings kept;
	struct list generations;   /* struct generation, newest first */
	struct confirm confirm;    /* what waits to be confirmed */
	char config_hash[65];      /* SHA-256 of the texts, as hex */
	bool differs;              /* the file from these, when last asked */
	uint64_t differs_until_ms; /* so long nobody asks again */
	struct runtime runtime;    /* what was changed at run time */
	struct events events;
	struct history *history;  /* NULL: none, or not yet */
	struct list target_waits; /* changes whose answer waits */
	uint64_t n_target_waits;
	uint64_t n_sweeps; /* that each worker was asked for */

	enum daemon_phase phase;
	uint64_t started_ms;
	time_t started_s;
	uint64_t drain_ends_ms, drain_said_ms;
	uint64_t tickets_seen_ms;  /* when their age was looked at */
	uint64_t compared_ms;      /* when the errors of targets were */
	unsigned metrics_left_out; /* families, as it was said last */
	struct loop_watch *signals[DAEMON_SIGNALS];
	struct loop_watch *tend_timer, *drain_timer, *names_timer;
};

/*
 * `weir serve`: serves the file until it is told to stop. Returns the exit
 * status; what went wrong has been said on standard error.
 */
int daemon_serve(const char *file);

/* Ends what is over, and plans when to look again. */
void daemon_tend(struct daemon *d);

/* d->snap is another one, or a name has other addresses: rosters, prober and
 * resolver follow. */
void daemon_follow(struct daemon *d);

#endif
