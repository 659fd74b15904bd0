/*
 * drift.c - somebody else changed our table: seen, told, repaired.
 *
 * Two who repair the same table would never end, so a repair that follows
 * another waits longer each time. But never where nothing filters: that is
 * mended at once, as often as it takes.
 *
 * Floor: keeper.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "state.h"

/* Each repair that follows another within a minute waits twice as long. */
enum {
	REPAIR_FIRST_MS = 1000,
	REPAIR_MOST_MS = 60 * 1000,
	REPAIR_CALM_MS = 60 * 1000,
	/* After a failure, where nothing filters. */
	REPAIR_AGAIN_MS = 100,
};

/* Each packet meets the base chains first: one that is missing, that lost or
 * got a rule, lets all pass. */
static bool plan_opens(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_steps; i++) {
		const struct plan_step *s = &plan->steps[i];

		switch (s->kind) {
		case PLAN_DELETE_TABLE:
		case PLAN_ADD_TABLE:
			return true;
		case PLAN_ADD_CHAIN:
		case PLAN_ADD_RULE:
		case PLAN_DELETE_RULE:
			if (s->chain->hook != HOOK_NONE)
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

/* NULL where one of them is no table, or both are. */
static struct plan *plan_of(const struct keeper *k, const struct ruleset *now)
{
	const struct ruleset *wanted = keeper_wanted(k);

	return now && wanted ? plan_make(now, wanted) : NULL;
}

static void note_drift(struct keeper *k, const struct ruleset *now,
		       const struct plan *plan)
{
	free(k->drift.text);
	k->drift.text = plan ? plan_text(plan)
			     : xstrdup(now ? "a table that is not wanted\n"
					   : "the table is gone\n");
	k->drift.n_seen += !k->drift.is_there;
	k->drift.is_there = true;
	k->drift.is_open = plan ? plan_opens(plan) : !now;
	k->drift.at_s = time(NULL);
}

static enum firewall_drift drift_policy(const struct keeper *k)
{
	return k->intent ? k->intent->config.settings.drift : DRIFT_REPAIR;
}

/* In how many milliseconds it may be repaired; 0: now. */
static uint64_t repair_wait(struct keeper_drift *d, uint64_t now)
{
	if (d->is_open)
		return 0;
	if (d->repaired_ms && now - d->repaired_ms < d->wait_ms)
		return d->repaired_ms + d->wait_ms - now;
	if (!d->repaired_ms || now - d->repaired_ms > REPAIR_CALM_MS)
		d->wait_ms = REPAIR_FIRST_MS;
	else if (d->wait_ms < REPAIR_MOST_MS)
		d->wait_ms *= 2;
	d->repaired_ms = now ? now : 1;
	return 0;
}

static uint64_t drift_repair(struct keeper *k)
{
	struct keeper_drift *d = &k->drift;
	uint64_t wait = repair_wait(d, clock_now_ms());
	struct diag diag = {0};
	int n;

	if (wait)
		return wait;
	n = keeper_enforce(k, keeper_wanted(k), NULL, &diag);
	if (n < 0 && !d->fails)
		keeper_log_findings(&diag, LOG_ERROR);
	diag_release(&diag);
	d->fails = n < 0;
	if (n < 0)
		return d->is_open ? REPAIR_AGAIN_MS : d->wait_ms;
	d->is_there = d->is_open = false;
	d->n_repaired++;
	log_say(LOG_WARNING, "our rules are restored: %d changes", n);
	return 0;
}

/* The table is as we left it, as far as can be known without reading it. */
static bool is_untouched(struct keeper *k)
{
	uint32_t generation;

	return k->knows_now && !k->drift.is_there &&
	       k->kernel->ops->generation(k->kernel, &generation) == 0 &&
	       generation == k->generation;
}

uint64_t keeper_look_at_kernel(struct keeper *k)
{
	struct ruleset *now;
	struct plan *plan;
	uint32_t generation;
	bool was_there = k->drift.is_there;

	if (!keeper_is_in_force(k) || is_untouched(k))
		return 0;
	if (kernel_now(k->kernel, &now, &generation)) {
		log_say(LOG_ERROR, "cannot read the rules in force: %s",
			nft_reason(errno));
		return REPAIR_AGAIN_MS;
	}
	plan = plan_of(k, now);
	if (plan ? plan_is_empty(plan) : !now && !keeper_wanted(k)) {
		k->drift.is_there = k->drift.is_open = false;
		plan_free(plan);
		keeper_know(k, now, generation);
		if (now)
			keeper_settle(k, keeper_wanted(k));
		return 0;
	}
	note_drift(k, now, plan);
	plan_free(plan);
	keeper_know(k, now, generation);
	if (!was_there)
		log_say(LOG_WARNING, "somebody else changed our table: %.*s",
			(int)strcspn(k->drift.text, "\n"), k->drift.text);
	return drift_policy(k) == DRIFT_REPAIR ? drift_repair(k) : 0;
}
