/* What a keeper brings into force when it starts. A start is no apply: the
 * way back stays what it was, and what was refused stays refused. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "config/config.h"
#include "firewall/closed.h"
#include "state.h"

/* The rules without these parts; -1: they had none of them. */
static int enforce_without(struct keeper *k, bool guard, bool tell,
			   struct diag *diag)
{
	struct ruleset *rules = k->intent ? k->intent->rules : k->restored;
	bool had = (guard && ruleset_unguard(rules)) |
		   (tell && tell_strip(rules));
	int n;

	if (!had)
		return -1;
	k->unguarded |= guard;
	k->untold |= tell;
	keeper_lay(k, rules);
	diag_release(diag);
	n = keeper_enforce(k, keeper_wanted(k), NULL, diag);
	if (n < 0) {
		k->unguarded &= !guard;
		k->untold &= !tell;
		keeper_lay(k, rules);
	}
	return n;
}

/* A kernel without nft_fib takes all but the guard, one without NFLOG all but
 * what tells of drops. */
static int enforce_less(struct keeper *k, struct diag *diag)
{
	int n;

	if (!k->intent && !k->restored)
		return -1;
	n = k->unguarded ? -1 : enforce_without(k, true, false, diag);
	if (n < 0 && !k->untold)
		n = enforce_without(k, false, true, diag);
	if (n < 0 && !k->unguarded && !k->untold)
		n = enforce_without(k, true, true, diag);
	if (n >= 0 && k->unguarded)
		log_say(LOG_WARNING,
			"this kernel cannot tell its own addresses in rules "
			"(nft_fib): ports that containers publish are open on "
			"a new address until the keeper has heard of it");
	if (n >= 0 && k->untold)
		log_say(LOG_WARNING,
			"this kernel cannot tell which packets it drops "
			"(nft_log, nfnetlink_log, nft_limit): sg watch and sg "
			"suggest have nothing to show");
	return n;
}

static int start_with(struct keeper *k, struct intent *intent_take,
		      struct ruleset *restored_take, struct diag *diag)
{
	const struct ruleset *wanted;
	int n;

	keeper_adopt(k, intent_take, restored_take);
	if (k->restored) {
		machine_follow(k->restored);
		keeper_lay(k, k->restored);
	}
	wanted = keeper_wanted(k);
	n = keeper_enforce(k, wanted, NULL, diag);
	if (n < 0)
		n = enforce_less(k, diag);
	if (n < 0) {
		keeper_log_findings(diag, LOG_ERROR);
		return -1;
	}
	keeper_enter(k, KEEPER_HOLDS, 0);
	k->applied_s = time(NULL);
	log_say(LOG_INFO, "rules are in force: %u chains, %u sets, %d changes",
		wanted ? wanted->n_chains : 0, wanted ? wanted->n_sets : 0, n);
	return 0;
}

/* Where the file says nothing that can be read, it counts what it said. */
static void start_closed(struct keeper *k, struct diag *diag)
{
	static const struct firewall_settings none = {.log_rate_per_second = 1,
						      .nflog_group = -1};
	struct diag ignored = {0};
	struct snapshot *snap = config_find_firewall(k->file, &ignored);
	const struct firewall_settings *s = snap ? &snap->firewall->settings
						 : &none;

	if (snap)
		k->memory.closed = s->at_start == AT_START_CLOSED;
	if (k->memory.closed &&
	    start_with(k, NULL, closed_rules(s), diag) == 0) {
		keeper_enter(k, KEEPER_CLOSED, 0);
		log_say(LOG_ERROR,
			"firewall.at_start is closed: nothing passes but "
			"management, loopback, established flows, DHCP and "
			"neighbour discovery");
	}
	snapshot_unref(snap);
	diag_release(&ignored);
}

static int start_with_nothing(struct keeper *k, struct diag *diag)
{
	start_closed(k, diag);
	if (k->state != KEEPER_CLOSED)
		log_say(LOG_ERROR,
			"no rules are in force: the file cannot be applied, "
			"and no earlier rules are known");
	return 0;
}

/* What was confirmed last, where the process before died too early. */
static int start_as_confirmed(struct keeper *k, struct diag *diag)
{
	struct ruleset *last;

	log_say(LOG_WARNING,
		"the process before ended while new rules waited to be "
		"confirmed: the rules before come back");
	/* Word of it first: who is killed now must not apply them either. */
	memory_refuse_waiting(&k->memory);
	keeper_remember(k);
	if (!keeper_load(k, FILE_WAITING, &last) &&
	    !keeper_load(k, FILE_IN_FORCE, &last)) {
		log_say(LOG_ERROR, "nothing is known of the rules before: the "
				   "file is applied");
		return 1;
	}
	if (start_with(k, NULL, last, diag))
		return -1;
	keeper_save(k, FILE_IN_FORCE, last);
	keeper_judge_file(k);
	return 0;
}

static int start_with_last(struct keeper *k, struct diag *diag)
{
	struct ruleset *last;

	if (!keeper_load(k, FILE_IN_FORCE, &last))
		return 1;
	log_say(LOG_ERROR, "the last rules in force are kept");
	return start_with(k, NULL, last, diag);
}

static bool is_refused(struct keeper *k, struct intent *intent,
		       char hash[RULES_HASH_MAX])
{
	intent_hash(intent, hash);
	if (!memory_is_refused(&k->memory, hash) ||
	    !keeper_has(k, FILE_IN_FORCE))
		return false;
	log_say(LOG_WARNING,
		"%s has rules that were refused (not confirmed, or rolled "
		"back): those before are kept until it is applied again",
		k->file);
	return true;
}

static int start_with_file(struct keeper *k, struct diag *diag)
{
	struct intent *intent = keeper_load_intent(k, diag);
	char hash[RULES_HASH_MAX];
	bool refused = intent && is_refused(k, intent, hash), asked = false;
	int result;

	if (intent)
		k->memory.closed = intent->config.settings.at_start ==
				   AT_START_CLOSED;
	if (intent && !refused) {
		asked = true;
		if (start_with(k, intent, NULL, diag) == 0) {
			keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
			memory_apply(&k->memory, hash, false);
			keeper_remember(k);
			return 0;
		}
	} else if (!intent) {
		keeper_log_findings(diag, LOG_ERROR);
		free(k->edit_text);
		k->edit_text = diag_to_text(diag);
	} else {
		intent_free(intent);
	}
	k->edit = refused ? EDIT_REFUSED : asked ? EDIT_PENDING : EDIT_INVALID;
	result = start_with_last(k, diag);
	if (result <= 0)
		return result;
	/* The kernel took none of the file: it takes nothing. */
	return asked ? -1 : start_with_nothing(k, diag);
}

int keeper_start(struct keeper *k)
{
	struct diag diag = {0};
	int lock = keeper_lock(k);
	int result = 1;

	k->keeps = true;
	if (k->handed_ms)
		result = keeper_start_handed(k, &diag);
	else if (keeper_has(k, FILE_WAITING))
		result = start_as_confirmed(k, &diag);
	if (result > 0)
		result = start_with_file(k, &diag);
	keeper_note_files(k);
	if (result == 0 && !keeper_waits(k))
		keeper_forget(k, FILE_WAITING);
	diag_release(&diag);
	keeper_unlock(lock);
	kernel_warn_of_others(k->kernel, &diag);
	keeper_find_trouble(k, &diag);
	keeper_log_findings(&diag, LOG_WARNING);
	diag_release(&diag);
	keeper_give_back();
	return result;
}
