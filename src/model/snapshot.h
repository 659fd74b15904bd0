/*
 * snapshot.h - the configuration as a value.
 *
 * Built aside by one thread, checked as a whole, sealed, then shared by all
 * threads and never changed; a reload makes another one. One reference for
 * each worker's view and one for control.
 *
 * Floor: model.
 */
#ifndef WEIR_MODEL_SNAPSHOT_H
#define WEIR_MODEL_SNAPSHOT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/log.h"
#include "model/group.h"
#include "model/listener.h"

struct firewall_config; /* model/host.h */
struct generation;      /* model/generation.h */

struct settings {
	unsigned workers;         /* 1 or more; "auto" is resolved on load */
	struct slice user;        /* identity after a start as root */
	bool user_is_default;     /* not in the file: fall back to nobody */
	uint64_t max_connections; /* 0: as many as descriptors allow */
	enum log_level log_level;
	enum log_format log_format;
	struct slice admin_socket; /* path */
	struct addr admin_listen;  /* len 0: off */
	struct place admin_listen_place;
	struct slice *admin_host_names;
	size_t n_admin_host_names;
	struct slice admin_path_prefix;       /* empty, or "/weir" */
	struct slice admin_group, read_group; /* names; empty: none */
	uint64_t shutdown_timeout_ms;
	uint64_t drain_timeout_ms; /* of old generations; 0: no end */
	struct slice availability_zone;
	struct slice stickiness_key_file; /* path */
	struct slice overlay_file;        /* path */
	struct slice ca_bundle;           /* path; empty: the system's */
	struct slice acme_challenges;     /* path of a folder; empty: none */
	struct slice region, account_id;
	bool strict_aws_limits;
	bool certificate_watch;
	uint32_t certificate_warning_days;
	uint32_t max_series; /* of metrics */
	uint32_t history_s;  /* that are remembered; 0: none */
};

/* A rule that chooses between groups, and whose it is. */
struct weighted_rule {
	const struct listener *listener;
	const struct rule *rule;
};

/* A file that the configuration names: a certificate, a key, an include. */
struct named_file {
	struct named_file *next;
	struct slice path;
	struct place place; /* where it is named; line 0: the main file */
};

struct snapshot {
	_Atomic unsigned refs;
	uint64_t generation;     /* counts what was served; from 1 */
	struct generation *life; /* one reference; NULL: it is not served */
	struct arena arena;      /* owns everything below */
	struct slice file;       /* the main file, as it was named */
	struct settings settings;
	struct load_balancer *balancers;
	size_t n_balancers;
	struct target_group *groups;
	size_t n_groups;
	size_t n_listeners;  /* over all load balancers */
	unsigned page_holes; /* of all error pages: model/page.h */
	/* The rules with several groups, or a sticky one, in the order of
	 * weighted_rule_cmp(); the default rules are among them. */
	struct weighted_rule *weighted;
	size_t n_weighted;
	size_t n_credits;                 /* their groups, in all */
	struct firewall_config *firewall; /* NULL: nothing declared */
	struct named_file *files;         /* all that was read, newest first */
	uint64_t contents; /* hash of what the files said, with their names */

	/* Called by the last unref, before the arena goes: gives back what is
	 * not memory of the arena (TLS contexts, compiled patterns, states).
	 * A list, newest first; filled through snapshot_on_free. */
	struct snapshot_cleanup *cleanups;
};

/* With one reference, generation 0 and everything empty. */
struct snapshot *snapshot_new(void);
struct snapshot *snapshot_ref(struct snapshot *snap);

/*
 * The same configuration to be served once more, under a new generation: shares
 * all that the old one has, the states of its groups too, and keeps it alive.
 * With one reference and without a life of its own.
 */
struct snapshot *snapshot_again(struct snapshot *old);
/* Any thread; the last one frees. NULL is allowed. */
void snapshot_unref(struct snapshot *snap);

/* While it is built: `free_it(object)` runs when the snapshot is freed. */
void snapshot_on_free(struct snapshot *snap, void (*free_it)(void *object),
		      void *object);

/* Once all rules are there: fills `weighted` and each first_credit. */
void snapshot_note_forwards(struct snapshot *snap);

/* Likewise: fills check_logs of each group. */
void snapshot_note_check_logs(struct snapshot *snap);

/* Whether requests or connections of any load balancer are logged. */
bool snapshot_has_logs(const struct snapshot *snap);

/* By load balancer, port, priority, groups and weights; 0 for two that share
 * requests out alike, also of different snapshots. */
int weighted_rule_cmp(const struct weighted_rule *a,
		      const struct weighted_rule *b);

struct load_balancer *snapshot_find_balancer(const struct snapshot *snap,
					     struct slice name);
struct target_group *snapshot_find_group(const struct snapshot *snap,
					 struct slice name);

#endif
