/* What a keeper is asked for: requests and answers. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "control/admin.h"
#include "firewall/session.h"
#include "kernel/bridge.h"
#include "state.h"

/* Seconds that a change may wait to be confirmed. */
enum { CONFIRM_LEAST_S = 1, CONFIRM_MOST_S = 24 * 3600 };

static const char *text_of(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

static bool flag_of(const json_t *request, const char *key)
{
	return json_is_true(json_object_get(request, key));
}

static json_t *with_text(json_t *answer, struct diag *diag)
{
	char *text = diag_to_text(diag);

	if (*text)
		json_object_set_new(answer, "text", json_string_nocheck(text));
	free(text);
	diag_release(diag);
	return answer;
}

static json_t *refuse_invalid(struct diag *diag)
{
	json_t *answer = admin_error("the configuration is invalid; the rules "
				     "in force stay as they are");

	json_object_set_new(answer, "invalid", json_true());
	return with_text(answer, diag);
}

static json_t *refuse_failed(struct diag *diag)
{
	return with_text(admin_error("nothing was changed"), diag);
}

/* By whatever names they go. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* A keeper has one file; whoever names another means another keeper. */
static json_t *check_file(const struct keeper *k, const json_t *request)
{
	const char *file = text_of(request, "file");
	json_t *answer;

	if (!file || strcmp(file, k->file) == 0 || is_same_file(file, k->file))
		return NULL;
	answer = admin_error("the keeper that runs keeps %s, not %s", k->file,
			     file);
	json_object_set_new(answer, "other_file", json_true());
	return answer;
}

/* -- the session ----------------------------------------------------------- */

/* A sentence when these rules would cut the session; the caller frees it.
 * NULL: they would not. */
static char *cut_of(const struct intent *intent, const json_t *request)
{
	char client[CIDR_TEXT_MAX], server[CIDR_TEXT_MAX];
	char *remedy, *sentence;
	struct session session;
	struct verdict verdict;
	enum session_fate fate;

	if (!session_parse(text_of(request, "session"), &session))
		return NULL;
	fate = session_fate_of(&intent->config, intent->rules, &session,
			       &verdict);
	if (fate == SESSION_LIVES)
		return NULL;
	remedy = session_remedy(&intent->config, &session, fate, &verdict);
	sentence = xasprintf("these rules would cut the SSH session from %s to "
			     "%s: %s",
			     cidr_format_address(&session.client, client),
			     cidr_format_address(&session.server, server),
			     remedy);
	free(remedy);
	return sentence;
}

/* -- apply ----------------------------------------------------------------- */

struct applied {
	int n_steps;
	uint64_t confirm_s; /* 0: in force for good */
	char hash[RULES_HASH_MAX];
};

static bool is_to_cut(const struct keeper *k, const json_t *request,
		      const struct applied *a)
{
	const json_t *asked = json_object_get(request, "cut");

	/* Who asks for it means the flows that are there now, even if the
	 * rules were changed by an apply before. */
	if (asked)
		return json_is_true(asked);
	return a->n_steps > 0 &&
	       k->intent->config.settings.revoke == REVOKE_CUT;
}

/*
 * The way back leads to what should have been in force, not to what somebody
 * else made of it, or a reboot. While a change waits, it leads to what was
 * confirmed. Returns whether it leads elsewhere than before.
 */
static bool keep_way_back(struct keeper *k, struct keeper_past *was_take,
			  struct ruleset *replaced_take, bool changed)
{
	if (!was_take->is_known)
		*was_take = (struct keeper_past){true, NULL, replaced_take};
	else
		ruleset_free(replaced_take);
	if (!changed || keeper_waits(k) ||
	    !plan_differs(keeper_past_rules(was_take), keeper_wanted(k))) {
		keeper_past_release(was_take);
		return keeper_waits(k);
	}
	keeper_past_release(&k->before);
	k->before = *was_take;
	keeper_keep_past(k);
	return true;
}

static void apply_remember(struct keeper *k, struct keeper_past *was_take,
			   struct ruleset *replaced_take, struct applied *a,
			   struct diag *diag)
{
	bool changed =
		keep_way_back(k, was_take, replaced_take, a->n_steps > 0);

	if (a->n_steps == 0 && !keeper_waits(k))
		a->confirm_s = 0;
	if (a->confirm_s) {
		keeper_enter(k, KEEPER_WAITS,
			     clock_now_ms() + a->confirm_s * 1000);
		return;
	}
	keeper_enter(k, KEEPER_HOLDS, 0);
	memory_apply(&k->memory, a->hash, changed);
	keeper_remember(k);
	/* A large ruleset takes a second to write. */
	if (!k->is_saved && !keeper_is_saved(k, keeper_wanted(k)) &&
	    keeper_save(k, FILE_IN_FORCE, keeper_wanted(k)))
		diag_warning(diag, NULL, NULL,
			     "the rules are in force, but cannot be kept in "
			     "%s: %s; where a start cannot apply the file, "
			     "those before return",
			     k->folder, strerror(errno));
	keeper_forget(k, FILE_WAITING);
}

static json_t *say_applied(const struct applied *a, struct diag *diag)
{
	json_t *answer = admin_ok();

	json_object_set_new(answer, "changes", json_integer(a->n_steps));
	json_object_set_new(answer, "confirm_seconds",
			    json_integer((json_int_t)a->confirm_s));
	json_object_set_new(answer, "flows_seen", json_integer(0));
	json_object_set_new(answer, "flows_cut", json_integer(0));
	return with_text(answer, diag);
}

/*
 * A change that is to be confirmed leaves word before it reaches the kernel:
 * a process that dies in between must not have confirmed it. So one that
 * cannot be written down is not applied. *begun gets whether it did. Returns
 * 0, or -1 after findings.
 */
static int begin_waiting(struct keeper *k, const struct ruleset *wanted,
			 const char *hash, bool *begun, struct diag *diag)
{
	const struct ruleset *was;

	*begun = false;
	if (keeper_read(k, diag))
		return -1;
	if (!keeper_waits(k) && !plan_differs(keeper_now(k), wanted))
		return 0;
	keeper_adopt_last(k);
	was = keeper_is_in_force(k) || k->restored ? keeper_wanted(k)
						   : keeper_now(k);
	*begun = !keeper_waits(k);
	memory_wait(&k->memory, hash);
	if ((*begun && keeper_save(k, FILE_WAITING, was)) ||
	    keeper_remember(k)) {
		diag_error(diag, NULL, NULL,
			   "the way back cannot be kept in %s: %s; without it "
			   "there is no --confirm",
			   k->folder, strerror(errno));
		return -1;
	}
	return 0;
}

static void end_waiting(struct keeper *k)
{
	memory_wait(&k->memory, "");
	keeper_forget(k, FILE_WAITING);
	keeper_remember(k);
}

static json_t *apply_intent(struct keeper *k, struct intent *intent_take,
			    const json_t *request, struct applied *a,
			    struct diag *diag)
{
	const struct ruleset *wanted =
		intent_is_empty(intent_take) ? NULL : intent_take->rules;
	struct ruleset *before = NULL;
	struct keeper_past was;
	bool begun = false;

	intent_hash(intent_take, a->hash);
	if (a->confirm_s)
		a->n_steps = begin_waiting(k, wanted, a->hash, &begun, diag);
	if (a->n_steps == 0)
		a->n_steps = keeper_enforce(
			k, wanted, keeper_has_wanted(k) ? NULL : &before, diag);
	if (a->n_steps < 0) {
		if (begun)
			end_waiting(k);
		intent_free(intent_take);
		return refuse_failed(diag);
	}
	/* Its file is large, and only a change asks what was before. */
	if (a->n_steps > 0 && !k->restored)
		keeper_adopt_last(k);
	was = keeper_take_wanted(k);
	keeper_adopt(k, intent_take, NULL);
	keeper_note_files(k);
	k->edit = EDIT_NONE;
	k->drift.is_there = false;
	k->applied_s = time(NULL);
	k->memory.closed = intent_take->config.settings.at_start ==
			   AT_START_CLOSED;
	apply_remember(k, &was, before, a, diag);
	k->cut.is_due = is_to_cut(k, request, a);
	kernel_warn_of_others(k->kernel, diag);
	log_say(LOG_INFO, "rules applied: %d changes%s", a->n_steps,
		keeper_waits(k) ? ", waiting to be confirmed" : "");
	return say_applied(a, diag);
}

/* Not to be confirmed by chance. */
static json_t *refuse_while_waiting(const struct keeper *k)
{
	uint64_t now = clock_now_ms();

	if (k->deadline_ms > now)
		return admin_error(
			"another change waits to be confirmed for %llu "
			"seconds more: \"weir sg confirm\" or \"weir sg "
			"rollback\" first; --force applies the file for good",
			(unsigned long long)(k->deadline_ms - now + 999) /
				1000);
	return admin_error("another change was never confirmed: \"weir sg "
			   "confirm\" or \"weir sg rollback\" first; --force "
			   "applies the file for good");
}

/* What is cut for this one call must not come back either, so the rules guard
 * against that until the next apply. */
static struct intent *load_for(struct keeper *k, const json_t *request,
			       struct diag *diag)
{
	struct intent *intent = keeper_load_intent(k, diag);
	struct intent *cutting;

	if (!intent || !flag_of(request, "cut"))
		return intent;
	cutting = intent_cutting(intent, diag);
	if (cutting)
		keeper_lay(k, cutting->rules);
	intent_free(intent);
	return cutting;
}

static json_t *answer_apply(struct keeper *k, const json_t *request)
{
	json_t *confirm = json_object_get(request, "confirm");
	json_int_t seconds = json_integer_value(confirm);
	struct applied a = {.confirm_s = (uint64_t)seconds};
	struct diag diag = {0};
	struct intent *intent;
	char *cut;

	if (confirm && (seconds < CONFIRM_LEAST_S || seconds > CONFIRM_MOST_S))
		return admin_error("the time to confirm must be from %d to %d "
				   "seconds",
				   CONFIRM_LEAST_S, CONFIRM_MOST_S);
	if (keeper_waits(k) && !confirm && !flag_of(request, "force"))
		return refuse_while_waiting(k);
	intent = load_for(k, request, &diag);
	if (!intent)
		return refuse_invalid(&diag);
	if (!flag_of(request, "force"))
		bridge_check(&bridge_paths, &intent->config, true, &diag);
	if (diag.n_errors) {
		intent_free(intent);
		return refuse_invalid(&diag);
	}
	if (keeper_waits(k) && !confirm)
		diag_warning(&diag, NULL, NULL,
			     "another change waited to be confirmed: it is "
			     "over, and so is the way back to the rules before "
			     "it, but for \"weir sg rollback\"");
	cut = flag_of(request, "force") ? NULL : cut_of(intent, request);
	if (cut) {
		json_t *answer = admin_error("%s; --force applies them all "
					     "the same",
					     cut);

		free(cut);
		intent_free(intent);
		return with_text(answer, &diag);
	}
	return apply_intent(k, intent, request, &a, &diag);
}

/* -- the others ------------------------------------------------------------ */

static json_t *answer_diff(struct keeper *k, const json_t *request)
{
	struct diag diag = {0};
	struct intent *intent = keeper_load_intent(k, &diag);
	const struct ruleset *wanted;
	const struct ruleset *now;
	json_t *answer;
	char *text, *cut;
	struct plan *plan;

	if (!intent)
		return refuse_invalid(&diag);
	if (keeper_read(k, &diag)) {
		intent_free(intent);
		return refuse_failed(&diag);
	}
	now = keeper_now(k);
	if (now && !k->keeps)
		tell_lay_as_in(intent->rules, now);
	wanted = intent_is_empty(intent) ? NULL : intent->rules;
	plan = wanted ? plan_make(now, wanted) : NULL;
	text = plan ? plan_text(plan)
		    : xstrdup(now ? "- table " KERNEL_TABLE "\n" : "");
	answer = admin_ok();
	json_object_set_new(answer, "pending", json_boolean(*text != '\0'));
	json_object_set_new(answer, "changes",
			    json_integer(plan ? plan->n_steps : now != NULL));
	json_object_set_new(answer, "diff", json_string_nocheck(text));
	cut = cut_of(intent, request);
	if (cut)
		json_object_set_new(answer, "cuts", json_string_nocheck(cut));
	free(cut);
	free(text);
	plan_free(plan);
	intent_free(intent);
	return with_text(answer, &diag);
}

static json_t *answer_confirm(struct keeper *k, const json_t *request)
{
	(void)request;
	if (keeper_confirm(k))
		return admin_error("no change waits to be confirmed");
	return admin_ok();
}

static json_t *answer_changes(int n, struct diag *diag)
{
	json_t *answer;

	if (n < 0)
		return refuse_failed(diag);
	answer = admin_ok();
	json_object_set_new(answer, "changes", json_integer(n));
	return with_text(answer, diag);
}

static json_t *answer_rollback(struct keeper *k, const json_t *request)
{
	struct diag diag = {0};
	bool was_refused = !keeper_waits(k) && k->memory.before[0] &&
			   memory_is_refused(&k->memory, k->memory.before);
	int n = keeper_rollback(k, &diag);

	(void)request;
	/* Whoever types it just after nobody confirmed in time. */
	if (n > 0 && was_refused)
		diag_warning(&diag, NULL, NULL,
			     "these are the rules that were refused (not "
			     "confirmed, or rolled back): once more, and the "
			     "others return");
	if (n >= 0)
		log_say(LOG_INFO, "the rules before are back: %d changes", n);
	if (n >= 0 && !keeper_wanted(k))
		diag_warning(&diag, NULL, NULL,
			     "before the last apply there was no table of "
			     "ours: nothing is filtered now");
	return answer_changes(n, &diag);
}

static json_t *answer_flush(struct keeper *k, const json_t *request)
{
	struct diag diag = {0};
	int n = keeper_flush(k, &diag);

	(void)request;
	if (n >= 0)
		log_say(LOG_INFO, "our table is removed: nothing is "
				  "filtered until the next apply");
	return answer_changes(n, &diag);
}

static json_t *answer_status(struct keeper *k, const json_t *request)
{
	(void)request;
	return keeper_status(k);
}

struct command {
	const char *name;
	json_t *(*answer)(struct keeper *k, const json_t *request);
	bool changes;
};

static const struct command commands[] = {
	{"apply", answer_apply, true},
	{"diff", answer_diff, false},
	{"confirm", answer_confirm, true},
	{"rollback", answer_rollback, true},
	{"flush", answer_flush, true},
	{"status", answer_status, false},
	{"allow", keeper_answer_overlay, true},
	{"revoke", keeper_answer_overlay, true},
	{"block", keeper_answer_overlay, true},
	{"unblock", keeper_answer_overlay, true},
	{"overlay", keeper_answer_overlay, false},
	{"suggest", keeper_answer_suggest, false},
};

static json_t *command_run(struct keeper *k, const struct command *c,
			   const json_t *request, uint64_t *memo)
{
	json_t *answer;
	int lock;

	if (c->answer == answer_apply && keeper_cut_runs(k))
		return NULL;
	lock = c->changes ? keeper_lock(k) : -1;
	if (c->changes)
		keeper_take_waiting(k);
	answer = c->answer(k, request);
	keeper_give_back();
	keeper_unlock(lock);
	if (k->cut.is_due)
		answer = keeper_cut_begin(k, answer, memo);
	return answer;
}

json_t *keeper_answer(void *keeper, const json_t *request, uint64_t *memo)
{
	const char *name = text_of(request, "command");
	struct keeper *k = keeper;
	json_t *refusal;

	if (*memo)
		return name && strcmp(name, "watch") == 0
			       ? keeper_answer_watch(k, request, memo)
			       : keeper_cut_answer(k, *memo);
	if (!name)
		return admin_error("a request has a \"command\"");
	refusal = check_file(k, request);
	if (!refusal && strcmp(name, "watch") == 0)
		return keeper_answer_watch(k, request, memo);
	for (size_t i = 0; i < ARRAY_SIZE(commands) && !refusal; i++)
		if (strcmp(commands[i].name, name) == 0)
			return command_run(k, &commands[i], request, memo);
	return refusal ? refusal
		       : admin_error("the keeper knows no command \"%s\"",
				     name);
}
