/*
 * targets.h - a group whose targets are letters.
 *
 * I initial, H healthy, U unhealthy, N unused, D draining, V unavailable. They
 * are called a, b, c in that order; their numbers are those of the alphabet.
 */
#ifndef WEIR_TESTS_TARGETS_H
#define WEIR_TESTS_TARGETS_H

#include "unit.h"

#include "balance/pick.h"

enum { MOST = 8, N_WORKERS = 4 };

struct group {
	struct state_table table;
	struct target_group group;
	struct group_state *gs;
	struct target_state *states[MOST]; /* borrowed from the roster */
	size_t n;
	/* For publish(); NULL: all zones, no backup. */
	const char *const *zones;
	const char *backups; /* their letters */
};

static inline enum health health_of(char letter)
{
	static const char letters[] = "IHUNDV";

	return (enum health)(strchr(letters, letter) - letters);
}

static inline struct addr addr_of(unsigned last)
{
	struct addr a = {.len = sizeof(a.in)};

	a.in.sin_family = AF_INET;
	a.in.sin_port = htons(80);
	a.in.sin_addr.s_addr = htonl(0x0a000000 + last);
	return a;
}

/* The roster of those targets; also as a second one. */
static inline void publish(struct group *g, const char *letters,
			   const unsigned *weights)
{
	struct member members[MOST];

	g->n = strlen(letters);
	for (size_t i = 0; i < g->n; i++) {
		char id[2] = {(char)('a' + i), '\0'};
		struct addr addr = addr_of((unsigned)i + 1);

		g->states[i] =
			state_get(&g->table, SLICE("web"), slice_of(id), &addr);
		atomic_store(&g->states[i]->health, health_of(letters[i]));
		members[i] = (struct member){
			.state = g->states[i],
			.zone = g->zones ? slice_of(g->zones[i]) : SLICE("all"),
			.weight = weights ? weights[i] : 1,
			.backup = g->backups && strchr(g->backups, id[0]),
		};
	}
	group_state_publish(g->gs, roster_new(members, g->n));
}

static inline void begin(struct group *g, const char *letters,
			 struct healthy_minimum least)
{
	*g = (struct group){
		.table.n_workers = N_WORKERS,
		.group.name = SLICE("web"),
		.group.routing_minimum = least,
		.gs = group_state_new(),
	};
	publish(g, letters, NULL);
}

static inline void end(struct group *g)
{
	group_state_free(g->gs);
	state_table_sweep(&g->table);
	assert_int_equal(g->table.by_key.n_used, 0);
	state_table_release(&g->table);
}

static inline char next_of(struct pick_table *t,
			   const struct target_state *avoid)
{
	struct target_state *s = pick_next(t, avoid);

	return s ? s->id.p[0] : '-';
}

#endif
