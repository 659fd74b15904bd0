/* worlds.h - snapshots made by hand, for the tests of src/control. */
#ifndef WEIR_TESTS_WORLDS_H
#define WEIR_TESTS_WORLDS_H

#include "model/snapshot.h"
#include "unit.h"

/* A snapshot with room for groups; unref it. */
static inline struct snapshot *world_of(size_t n_groups)
{
	struct snapshot *snap = snapshot_new();

	snap->settings.workers = 1;
	snap->settings.log_level = LOG_ERROR;
	snap->settings.admin_socket = SLICE("");
	snap->groups = ARENA_ARRAY(&snap->arena, n_groups, struct target_group);
	snap->n_groups = n_groups;
	for (size_t i = 0; i < n_groups; i++)
		snap->groups[i] = (struct target_group){
			.index = (uint32_t)i,
			.is_used = true,
			.health_check = {.enabled = true,
					 .path = SLICE("/"),
					 .interval_ms = 200,
					 .timeout_ms = 100,
					 .rise = 2,
					 .fall = 2},
		};
	return snap;
}

/* Fills a group with targets: "127.0.0.1:80" or "name:80". */
static inline struct target_group *group_of(struct snapshot *snap, size_t index,
					    const char *name,
					    const char *const *targets,
					    size_t n)
{
	struct target_group *g = &snap->groups[index];
	static struct code_range good[] = {{200, 200}};

	g->name = arena_slice(&snap->arena, slice_of(name));
	g->targets = ARENA_ARRAY(&snap->arena, n, struct target);
	g->n_targets = n;
	g->health_check.matcher = good;
	g->health_check.n_matcher = 1;
	for (size_t i = 0; i < n; i++) {
		struct target *t = &g->targets[i];
		struct slice rest = slice_of(targets[i]);
		uint64_t port;

		t->zone = SLICE("all");
		t->weight = 1;
		if (addr_parse(rest, &t->addr)) {
			t->id = arena_slice(&snap->arena, rest);
			t->port = addr_port(&t->addr);
			continue;
		}
		t->kind = TARGET_NAME;
		t->id = arena_slice(&snap->arena, slice_cut(&rest, ':'));
		assert_true(slice_to_u64(rest, &port));
		t->port = (uint16_t)port;
	}
	return g;
}

#endif
