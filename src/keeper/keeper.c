#include "keeper.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "kernel/machine.h"
#include "state.h"

enum { GO_BACK_AGAIN_MS = 1000 };

void keeper_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

struct keeper *keeper_new(const struct keeper_options *options)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->file = options->file;
	k->folder = options->folder ? xstrdup(options->folder) : NULL;
	k->kernel = options->kernel;
	keeper_recall(k);
	keeper_load_overlay(k);
	return k;
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	keeper_cut_release(k);
	keeper_tallies_release(&k->counts);
	keeper_watch_release(k);
	keeper_adopt(k, NULL, NULL);
	ruleset_free(k->now);
	keeper_past_release(&k->before);
	overlay_release(&k->overlay);
	kernel_close(k->kernel);
	free(k->drift.text);
	free(k->edit_text);
	free(k->folder);
	free(k);
}

#define TO(state) (1u << KEEPER_##state)

static const struct {
	const char *name;
	unsigned leads_to;
} states[] = {
	[KEEPER_OUTSIDE] = {"outside", TO(FOUND) | TO(WAITS) | TO(HOLDS)},
	[KEEPER_FOUND] = {"found",
			  TO(OUTSIDE) | TO(FOUND) | TO(WAITS) | TO(HOLDS)},
	[KEEPER_WAITS] = {"waits", TO(OUTSIDE) | TO(WAITS) | TO(HOLDS)},
	[KEEPER_HOLDS] = {"holds", TO(WAITS) | TO(HOLDS) | TO(CLOSED)},
	[KEEPER_CLOSED] = {"closed", TO(WAITS) | TO(HOLDS)},
};

void keeper_enter(struct keeper *k, enum keeper_state state,
		  uint64_t deadline_ms)
{
	if (!(states[k->state].leads_to & (1u << state)))
		BUG("keeper: %s -> %s", states[k->state].name,
		    states[state].name);
	k->state = state;
	k->deadline_ms = keeper_waits(k) ? deadline_ms : 0;
}

const struct ruleset *keeper_wanted(const struct keeper *k)
{
	if (!k->intent)
		return k->restored;
	return intent_is_empty(k->intent) ? NULL : k->intent->rules;
}

void keeper_adopt(struct keeper *k, struct intent *intent_take,
		  struct ruleset *restored_take)
{
	bool goes = (k->intent && k->intent != intent_take &&
		     k->has == k->intent->rules) ||
		    (k->restored && k->restored != restored_take &&
		     k->has == k->restored);

	if (k->has && goes) {
		k->has = NULL;
		k->knows_now = false;
	}
	/* Nobody may look at what the old rules borrowed. */
	if (k->intent != intent_take)
		intent_free(k->intent);
	if (k->restored != restored_take)
		ruleset_free(k->restored);
	k->intent = intent_take;
	k->restored = restored_take;
}

/* -- what was wanted ------------------------------------------------------- */

const struct ruleset *keeper_past_rules(const struct keeper_past *past)
{
	if (!past->intent)
		return past->rules;
	return intent_is_empty(past->intent) ? NULL : past->intent->rules;
}

void keeper_keep_past(struct keeper *k)
{
	struct keeper_past *past = &k->before;

	if (keeper_save(k, FILE_BEFORE, keeper_past_rules(past)) || !k->folder)
		return;
	if (past->intent)
		intent_shed(past->intent);
	else
		keeper_past_release(past);
}

void keeper_past_release(struct keeper_past *past)
{
	intent_free(past->intent);
	ruleset_free(past->rules);
	*past = (struct keeper_past){0};
}

bool keeper_has_wanted(const struct keeper *k)
{
	return keeper_is_in_force(k) || k->restored;
}

struct keeper_past keeper_take_wanted(struct keeper *k)
{
	struct keeper_past past = {0};

	/* To be asked is no reason to have applied: see keeper_status(). */
	if (!keeper_has_wanted(k)) {
		keeper_adopt(k, NULL, NULL);
		return past;
	}
	past = (struct keeper_past){true, k->intent, k->restored};
	k->intent = NULL;
	k->restored = NULL;
	return past;
}

void keeper_adopt_last(struct keeper *k)
{
	struct ruleset *last;

	if (!keeper_is_in_force(k) && keeper_load(k, FILE_IN_FORCE, &last))
		keeper_adopt(k, NULL, last);
}

void keeper_lay(const struct keeper *k, struct ruleset *rules)
{
	if (k->keeps && !k->unguarded)
		ruleset_guard(rules);
	overlay_lay(rules, &k->overlay);
	if (k->keeps && !k->untold)
		tell_lay(rules);
	else
		tell_strip(rules);
}

/*
 * While a file is read there is a tree of it as well, as large as the rules of
 * a hundred thousand lines. So those in force make room for it: they can be
 * compiled again. Returns whether they did.
 */
static bool keeper_make_room(struct keeper *k)
{
	if (!k->intent || intent_is_current(k->intent, k->file))
		return false;
	/* Its rules stand in a file. */
	if (k->before.intent && !k->before.intent->rules)
		keeper_past_release(&k->before);
	if (k->has == k->intent->rules)
		k->has = NULL;
	else
		return false;
	intent_shed(k->intent);
	keeper_give_back();
	return true;
}

struct intent *keeper_load_intent(struct keeper *k, struct diag *diag)
{
	bool made_room = keeper_make_room(k);
	struct intent *intent = intent_load_again(k->intent, k->file, diag);

	if (made_room) {
		keeper_give_back();
		intent_unshed(k->intent);
		keeper_lay(k, k->intent->rules);
		k->has = k->intent->rules;
	}
	if (intent)
		keeper_lay(k, intent->rules);
	return intent;
}

void keeper_log_findings(struct diag *diag, enum log_level level)
{
	diag_sort(diag);
	for (unsigned i = 0; i < diag->n_findings && i < 20; i++) {
		const struct finding *f = &diag->findings[i];

		if (f->severity != SEVERITY_ERROR && level == LOG_ERROR)
			continue;
		if (f->place.file)
			log_say(level, "%s:%u:%u: %s", f->place.file,
				f->place.line, f->place.column, f->sentence);
		else
			log_say(level, "%s", f->sentence);
	}
}

/* -- the kernel ------------------------------------------------------------ */

void keeper_know(struct keeper *k, struct ruleset *now_take,
		 uint32_t generation)
{
	ruleset_free(k->now);
	k->now = now_take;
	k->has = NULL;
	k->generation = generation;
	k->knows_now = true;
}

void keeper_settle(struct keeper *k, const struct ruleset *ours)
{
	ruleset_free(k->now);
	k->now = NULL;
	k->has = ours;
}

/* What is known of the kernel still holds. */
static bool is_current(const struct keeper *k)
{
	uint32_t generation;

	return k->knows_now &&
	       k->kernel->ops->generation(k->kernel, &generation) == 0 &&
	       generation == k->generation;
}

int keeper_read(struct keeper *k, struct diag *diag)
{
	struct ruleset *now;
	uint32_t generation;

	if (is_current(k))
		return 0;
	if (kernel_now(k->kernel, &now, &generation)) {
		diag_error(diag, NULL, NULL,
			   "cannot read the rules in force: %s",
			   nft_reason(errno));
		return -1;
	}
	keeper_know(k, now, generation);
	return 0;
}

/* A change may end counters. What is known of the kernel was read when they
 * had counted less, so they are read once more. `like`: as kernel_now_like()
 * does it. */
static void look_at_counters(struct keeper *k, const struct ruleset *wanted,
			     bool like)
{
	struct ruleset *now;
	uint32_t generation;

	if (!k->knows_now || !keeper_now(k) ||
	    !plan_differs(keeper_now(k), wanted) ||
	    kernel_now_like(k->kernel, like ? wanted : NULL, &now, &generation))
		return;
	keeper_count(k, now, false);
	keeper_know(k, now, generation);
}

int keeper_enforce(struct keeper *k, const struct ruleset *wanted,
		   struct ruleset **before, struct diag *diag)
{
	struct kernel_change change;
	struct ruleset *known;

	if (before)
		*before = NULL;
	if (k->has && is_current(k) && !plan_differs(k->has, wanted)) {
		k->has = wanted;
		return 0;
	}
	look_at_counters(k, wanted, !before);
	known = k->knows_now ? k->now : NULL;
	k->now = NULL;
	k->has = NULL;
	k->knows_now = false;
	if (kernel_change(k->kernel, wanted, known, !before, k->generation,
			  &change, diag))
		return -1;
	k->is_saved &= change.n_steps == 0;
	if (change.n_steps) {
		if (change.before && !known)
			keeper_count(k, change.before, false);
		if (change.is_read)
			keeper_count(k, change.after, true);
	}
	/* It is there to go back to. */
	if (before && change.before)
		ruleset_drop_foreign(change.before);
	if (before)
		*before = change.before;
	else
		ruleset_free(change.before);
	if (!change.is_read)
		return (int)change.n_steps;
	keeper_know(k, change.after, change.generation);
	if (change.n_steps == 0 || !plan_differs(k->now, wanted)) {
		keeper_settle(k, wanted);
	} else {
		/* Who was faster than our look at it has spoken already, and
		 * will not speak again: the next look reads anew. */
		k->knows_now = false;
		diag_warning(diag, NULL, NULL,
			     "what the kernel has is not what was sent: "
			     "somebody else changes the table %s",
			     KERNEL_TABLE);
	}
	return (int)change.n_steps;
}

/* -- confirm, go back, remove ---------------------------------------------- */

void keeper_take_waiting(struct keeper *k)
{
	struct ruleset *rules;

	if (keeper_waits(k) || !keeper_has(k, FILE_WAITING) ||
	    !keeper_load(k, FILE_WAITING, &rules))
		return;
	keeper_past_release(&k->before);
	k->before = (struct keeper_past){true, NULL, rules};
	keeper_save(k, FILE_BEFORE, rules);
	keeper_enter(k, keeper_is_in_force(k) ? KEEPER_WAITS : KEEPER_FOUND, 0);
}

int keeper_confirm(struct keeper *k)
{
	struct diag diag = {0};

	if (!keeper_waits(k))
		return -1;
	keeper_enter(
		k, k->state == KEEPER_WAITS ? KEEPER_HOLDS : KEEPER_OUTSIDE, 0);
	if (keeper_is_in_force(k))
		keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
	else if (keeper_read(k, &diag) == 0)
		keeper_save(k, FILE_IN_FORCE, keeper_now(k));
	diag_release(&diag);
	memory_confirm(&k->memory);
	keeper_remember(k);
	keeper_forget(k, FILE_WAITING);
	log_say(LOG_INFO, "the new rules are confirmed");
	return 0;
}

/* Of a file of then, with the machine of now; what does not compile any more
 * stands in a file. */
static void past_renew(struct keeper_past *past)
{
	struct diag ignored = {0};
	struct intent *renewed = intent_renew(past->intent, &ignored);

	diag_release(&ignored);
	if (!renewed && past->intent->rules)
		return;
	intent_free(past->intent);
	past->intent = renewed;
	past->is_known = renewed;
}

/* Rules of then, with the machine and the run-time entries of now. Returns
 * whether there are any. */
static bool past_dress(struct keeper *k, struct keeper_past *past)
{
	if (past->intent)
		past_renew(past);
	if (!past->is_known)
		past->is_known = keeper_load(k, FILE_BEFORE, &past->rules);
	if (past->rules)
		machine_follow(past->rules);
	if (past->intent || past->rules)
		keeper_lay(k, past->intent ? past->intent->rules : past->rules);
	return past->is_known;
}

/* What was in force becomes what can be gone back to. */
static void turn_around(struct keeper *k, struct ruleset *replaced_take,
			bool changed)
{
	struct keeper_past was = keeper_take_wanted(k);

	keeper_adopt(k, k->before.intent, k->before.rules);
	k->before = (struct keeper_past){0};
	/* Where nothing changed, the file still has the same rules. */
	if (!changed) {
		keeper_past_release(&was);
		ruleset_free(replaced_take);
		return;
	}
	if (!was.is_known)
		was = (struct keeper_past){true, NULL, replaced_take};
	else
		ruleset_free(replaced_take);
	k->before = was;
}

int keeper_rollback(struct keeper *k, struct diag *diag)
{
	struct ruleset *replaced = NULL;
	int n;

	if (!past_dress(k, &k->before)) {
		diag_error(diag, NULL, NULL,
			   "nothing is known of the rules before the last "
			   "apply");
		return -1;
	}
	keeper_cut_stop(k);
	n = keeper_enforce(k, keeper_past_rules(&k->before),
			   keeper_is_in_force(k) ? NULL : &replaced, diag);
	if (n < 0)
		return -1;
	/* Before the files: whoever starts now must not apply them again. */
	memory_go_back(&k->memory, n > 0);
	keeper_remember(k);
	if (!keeper_waits(k))
		keeper_adopt_last(k);
	turn_around(k, replaced, n > 0);
	keeper_enter(k, KEEPER_HOLDS, 0);
	k->edit = EDIT_PENDING;
	keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
	if (n > 0)
		keeper_keep_past(k);
	keeper_forget(k, FILE_WAITING);
	return n;
}

int keeper_flush(struct keeper *k, struct diag *diag)
{
	struct ruleset *replaced;
	int n;

	keeper_cut_stop(k);
	n = keeper_enforce(k, NULL, &replaced, diag);
	if (n < 0)
		return -1;
	keeper_adopt_last(k);
	if (replaced) {
		keeper_past_release(&k->before);
		k->before = keeper_take_wanted(k);
		if (!k->before.is_known)
			k->before = (struct keeper_past){true, NULL, replaced};
		else
			ruleset_free(replaced);
		keeper_keep_past(k);
	}
	keeper_adopt(k, NULL, NULL);
	keeper_enter(k, KEEPER_HOLDS, 0);
	k->edit = EDIT_PENDING;
	memory_apply(&k->memory, "", n > 0);
	keeper_remember(k);
	keeper_save(k, FILE_IN_FORCE, NULL);
	keeper_forget(k, FILE_WAITING);
	return n;
}

/* -- time ------------------------------------------------------------------ */

uint64_t keeper_deadline_ms(const struct keeper *k)
{
	return k->deadline_ms;
}

static void go_back(struct keeper *k, const char *why)
{
	struct diag diag = {0};
	int lock = keeper_lock(k);

	log_say(LOG_WARNING, "%s: the rules before come back", why);
	if (keeper_rollback(k, &diag) < 0) {
		keeper_log_findings(&diag, LOG_ERROR);
		/* Once more, rather than to stay with rules that perhaps let
		 * nobody in to mend them. */
		keeper_enter(k, k->state, clock_now_ms() + GO_BACK_AGAIN_MS);
	}
	diag_release(&diag);
	keeper_unlock(lock);
}

void keeper_tick(struct keeper *k)
{
	if (keeper_deadline_ms(k) && clock_now_ms() >= k->deadline_ms)
		go_back(k, "nobody confirmed the new rules in time");
}

void keeper_abandon(struct keeper *k)
{
	if (keeper_waits(k))
		go_back(k, "the process ends before the new rules were "
			   "confirmed");
}

/* -- addresses ------------------------------------------------------------- */

/* Returns 0 with *changed, or -1 after findings. */
static int renew_intent(struct keeper *k, bool *changed, struct diag *diag)
{
	struct intent *renewed = intent_renew(k->intent, diag);
	bool knows = k->knows_now;
	bool has = k->has == k->intent->rules;

	if (!renewed)
		return -1;
	keeper_lay(k, renewed->rules);
	*changed = plan_differs(k->intent->rules, renewed->rules);
	keeper_adopt(k, renewed, NULL);
	if (has && !*changed) {
		k->has = renewed->rules;
		k->knows_now = knows;
	}
	return 0;
}

int keeper_renew(struct keeper *k, bool always, struct diag *diag)
{
	bool changed = false;
	int n;

	if (k->intent && renew_intent(k, &changed, diag))
		return -1;
	if (k->restored) {
		/* In their place: the kernel may have others now. */
		if (k->has == k->restored)
			k->knows_now = false;
		k->has = NULL;
		changed = machine_follow(k->restored);
		keeper_lay(k, k->restored);
	}
	if ((!changed && !always) || (!k->intent && !k->restored))
		return 0;
	n = keeper_enforce(k, keeper_wanted(k), NULL, diag);
	if (n < 0)
		return -1;
	if (n > 0 && !keeper_waits(k))
		keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
	return n;
}

void keeper_look_at_machine(struct keeper *k)
{
	struct diag diag = {0};
	int n = keeper_is_in_force(k) ? keeper_renew(k, false, &diag) : 0;

	if (n > 0)
		log_say(LOG_INFO,
			"the machine has other addresses, or a prefix list "
			"another file: %d changes",
			n);
	keeper_log_findings(&diag, n < 0 ? LOG_ERROR : LOG_WARNING);
	diag_release(&diag);
}
