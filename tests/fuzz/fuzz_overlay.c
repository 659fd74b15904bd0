/*
 * fuzz_overlay.c - the file of what was changed at run time.
 *
 * A text is no overlay, and why is said; or it is one, which stays the same
 * when it is written and read again, can be laid over groups, and is none the
 * larger for being pruned.
 */
#include "fuzz.h"

#include "control/lay.h"
#include "control/roster.h"
#include "control/runtime.h"

static struct snapshot *world(void)
{
	struct snapshot *snap = snapshot_new();
	struct target *t = ARENA_ARRAY(&snap->arena, 2, struct target);

	snap->groups = ARENA_NEW(&snap->arena, struct target_group);
	snap->n_groups = 1;
	for (uint16_t i = 0; i < 2; i++) {
		t[i] = (struct target){.id = SLICE("10.0.0.1"),
				       .port = (uint16_t)(80 + i),
				       .zone = SLICE("all"),
				       .weight = 1};
		HOLDS(addr_parse_ip(t[i].id, t[i].port, &t[i].addr));
	}
	*snap->groups = (struct target_group){
		.name = SLICE("app"), .targets = t, .n_targets = 2, .port = 80};
	rosters_attach(snap);
	return snap;
}

static void lay(json_t *doc)
{
	struct snapshot *snap = world();
	struct diag diag = {0};
	size_t n = runtime_count(doc), n_targets;
	const struct target *t;

	lay_over(snap, doc, &diag);
	t = group_targets(&snap->groups[0], &n_targets);
	HOLDS(n_targets <= 2 + n);
	for (size_t i = 0; i < n_targets; i++)
		HOLDS(t[i].id.n > 0 && t[i].weight > 0);
	json_decref(lay_differences(snap));
	lay_prune(doc, snap, &diag);
	HOLDS(runtime_count(doc) <= n);
	diag_release(&diag);
	snapshot_unref(snap);
}

static void use(json_t *doc)
{
	char *text = json_dumps(doc, 0), *why;
	json_t *again = runtime_parse(slice_of(text), &why);

	HOLDS(runtime_count(doc) <= RUNTIME_ENTRIES_MAX);
	HOLDS(again && json_equal(again, doc));
	json_decref(again);
	free(text);
	lay(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *why;
	json_t *doc = runtime_parse(fuzz_slice(data, size), &why);

	log_setup(LOG_ERROR + 1, LOG_TEXT);
	HOLDS((doc == NULL) == (why != NULL));
	if (doc)
		use(doc);
	json_decref(doc);
	free(why);
	return 0;
}
