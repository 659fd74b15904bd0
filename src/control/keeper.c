#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/map.h"
#include "keeper_state.h"

/* Two who repair the same table would never end: each repair that follows
 * another within a minute waits twice as long. */
enum {
	REPAIR_FIRST_MS = 1000,
	REPAIR_MOST_MS = 60 * 1000,
	REPAIR_CALM_MS = 60 * 1000,
};

struct keeper *keeper_new(const struct keeper_options *options)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->file = options->file;
	k->folder = options->folder ? xstrdup(options->folder) : NULL;
	k->kernel = options->kernel;
	return k;
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	keeper_adopt(k, NULL, NULL);
	ruleset_free(k->now);
	ruleset_free(k->before.rules);
	kernel_close(k->kernel);
	free(k->drift.text);
	free(k->edit_text);
	free(k->folder);
	free(k);
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
	/* Nobody may look at what the old rules borrowed. */
	if (k->intent != intent_take)
		intent_free(k->intent);
	if (k->restored != restored_take)
		ruleset_free(k->restored);
	k->intent = intent_take;
	k->restored = restored_take;
}

static void log_findings(struct diag *diag, enum log_level level)
{
	diag_sort(diag);
	for (unsigned i = 0; i < diag->n_findings && i < 20; i++) {
		const struct finding *f = &diag->findings[i];

		if (f->severity != SEVERITY_ERROR && level == LOG_ERROR)
			continue;
		log_say(level, "%s:%u:%u: %s",
			f->place.file ? f->place.file : "weir", f->place.line,
			f->place.column, f->sentence);
	}
}

/* -- the kernel ------------------------------------------------------------ */

static void know(struct keeper *k, struct ruleset *now_take,
		 uint32_t generation)
{
	ruleset_free(k->now);
	k->now = now_take;
	k->generation = generation;
	k->knows_now = true;
}

bool keeper_differ(const struct ruleset *now, const struct ruleset *wanted)
{
	struct plan *plan;
	bool empty;

	if (!now || !wanted)
		return now != wanted;
	plan = plan_make(now, wanted);
	empty = plan_is_empty(plan);
	plan_free(plan);
	return !empty;
}

int keeper_read(struct keeper *k, struct diag *diag)
{
	struct ruleset *now;
	uint32_t generation;

	if (k->knows_now &&
	    k->kernel->ops->generation(k->kernel, &generation) == 0 &&
	    generation == k->generation)
		return 0;
	if (kernel_now(k->kernel, &now, &generation)) {
		diag_error(diag, NULL, NULL,
			   "cannot read the rules in force: %s",
			   nft_reason(errno));
		return -1;
	}
	know(k, now, generation);
	return 0;
}

int keeper_enforce(struct keeper *k, const struct ruleset *wanted,
		   struct ruleset **before, struct diag *diag)
{
	struct kernel_change change;
	struct ruleset *known = k->knows_now ? k->now : NULL;

	*before = NULL;
	k->now = NULL;
	k->knows_now = false;
	if (kernel_change(k->kernel, wanted, known, k->generation, &change,
			  diag))
		return -1;
	/* It is there to go back to. */
	*before = change.before;
	if (*before)
		ruleset_drop_foreign(*before);
	if (!change.is_read)
		return (int)change.n_steps;
	know(k, change.after, change.generation);
	if (keeper_differ(k->now, wanted))
		diag_warning(diag, NULL, NULL,
			     "what the kernel has is not what was sent: "
			     "somebody else changes the table %s",
			     KERNEL_TABLE);
	return (int)change.n_steps;
}

/* -- confirm, go back, remove ---------------------------------------------- */

void keeper_take_waiting(struct keeper *k)
{
	struct ruleset *rules;

	if (k->waits || !keeper_has(k, FILE_WAITING) ||
	    !keeper_load(k, FILE_WAITING, &rules))
		return;
	ruleset_free(k->before.rules);
	k->before = (struct keeper_past){true, rules};
	keeper_save(k, FILE_BEFORE, rules);
	k->waits = true;
}

int keeper_confirm(struct keeper *k)
{
	struct diag diag = {0};

	if (!k->waits)
		return -1;
	k->waits = false;
	k->deadline_ms = 0;
	if (k->in_force)
		keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
	else if (keeper_read(k, &diag) == 0)
		keeper_save(k, FILE_IN_FORCE, k->now);
	diag_release(&diag);
	keeper_forget(k, FILE_WAITING);
	log_say(LOG_INFO, "the new rules are confirmed");
	return 0;
}

static bool find_past(struct keeper *k)
{
	if (k->before.is_known)
		return true;
	k->before.is_known = keeper_load(k, FILE_BEFORE, &k->before.rules);
	return k->before.is_known;
}

int keeper_rollback(struct keeper *k, struct diag *diag)
{
	struct ruleset *past, *replaced;
	int n;

	if (!find_past(k)) {
		diag_error(diag, NULL, NULL,
			   "nothing is known of the rules before the last "
			   "apply");
		return -1;
	}
	n = keeper_enforce(k, k->before.rules, &replaced, diag);
	if (n < 0)
		return -1;
	past = k->before.rules;
	/* Where nothing changed, the file still has the same rules. */
	k->before = (struct keeper_past){n > 0, replaced};
	keeper_adopt(k, NULL, past);
	k->in_force = true;
	k->waits = false;
	k->deadline_ms = 0;
	k->edit = EDIT_PENDING;
	keeper_save(k, FILE_IN_FORCE, past);
	if (n > 0)
		keeper_save(k, FILE_BEFORE, replaced);
	keeper_forget(k, FILE_WAITING);
	return n;
}

int keeper_flush(struct keeper *k, struct diag *diag)
{
	struct ruleset *replaced;
	int n = keeper_enforce(k, NULL, &replaced, diag);

	if (n < 0)
		return -1;
	if (replaced) {
		ruleset_free(k->before.rules);
		k->before = (struct keeper_past){true, replaced};
		keeper_save(k, FILE_BEFORE, replaced);
	}
	keeper_adopt(k, NULL, NULL);
	k->in_force = true;
	k->waits = false;
	k->deadline_ms = 0;
	k->edit = EDIT_PENDING;
	keeper_save(k, FILE_IN_FORCE, NULL);
	keeper_forget(k, FILE_WAITING);
	return n;
}

/* -- time ------------------------------------------------------------------ */

uint64_t keeper_deadline_ms(const struct keeper *k)
{
	return k->waits ? k->deadline_ms : 0;
}

static void go_back(struct keeper *k, const char *why)
{
	struct diag diag = {0};
	int lock = keeper_lock(k);

	log_say(LOG_WARNING, "%s: the rules before come back", why);
	if (keeper_rollback(k, &diag) < 0) {
		log_findings(&diag, LOG_ERROR);
		/* Once more, rather than to stay with rules that perhaps let
		 * nobody in to mend them. */
		k->deadline_ms = clock_now_ms() + REPAIR_FIRST_MS;
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
	if (k->waits)
		go_back(k, "the process ends before the new rules were "
			   "confirmed");
}

/* -- start ----------------------------------------------------------------- */

static int start_with(struct keeper *k, struct intent *intent_take,
		      struct ruleset *restored_take, struct diag *diag)
{
	const struct ruleset *wanted;
	struct ruleset *before;
	int n;

	keeper_adopt(k, intent_take, restored_take);
	wanted = keeper_wanted(k);
	n = keeper_enforce(k, wanted, &before, diag);
	if (n < 0) {
		log_findings(diag, LOG_ERROR);
		return -1;
	}
	if (n > 0) {
		ruleset_free(k->before.rules);
		k->before = (struct keeper_past){true, before};
		keeper_save(k, FILE_BEFORE, before);
	} else {
		ruleset_free(before);
	}
	k->in_force = true;
	k->applied_s = time(NULL);
	log_say(LOG_INFO, "rules are in force: %u chains, %u sets, %d changes",
		wanted ? wanted->n_chains : 0, wanted ? wanted->n_sets : 0, n);
	return 0;
}

/* What was confirmed last, where the process before died too early. */
static int start_as_confirmed(struct keeper *k, struct diag *diag)
{
	struct ruleset *last;

	log_say(LOG_WARNING,
		"the process before ended while new rules waited to be "
		"confirmed: the rules before come back");
	if (!keeper_load(k, FILE_WAITING, &last) &&
	    !keeper_load(k, FILE_IN_FORCE, &last)) {
		log_say(LOG_ERROR, "nothing is known of the rules before: the "
				   "file is applied");
		return 1;
	}
	k->edit = EDIT_PENDING;
	if (start_with(k, NULL, last, diag))
		return -1;
	keeper_save(k, FILE_IN_FORCE, last);
	return 0;
}

static int start_with_file(struct keeper *k, struct diag *diag)
{
	struct intent *intent = intent_load(k->file, diag);
	struct ruleset *last;

	if (intent && start_with(k, intent, NULL, diag) == 0) {
		keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
		return 0;
	}
	if (!intent)
		log_findings(diag, LOG_ERROR);
	k->edit = intent ? EDIT_PENDING : EDIT_INVALID;
	if (keeper_load(k, FILE_IN_FORCE, &last)) {
		log_say(LOG_ERROR, "the last rules in force are kept");
		return start_with(k, NULL, last, diag);
	}
	if (intent)
		return -1;
	log_say(LOG_ERROR, "no rules are in force: the file is invalid, and no "
			   "earlier rules are known");
	return 0;
}

int keeper_start(struct keeper *k)
{
	struct diag diag = {0};
	int lock = keeper_lock(k);
	int result = 1;

	k->keeps = true;
	if (keeper_has(k, FILE_WAITING))
		result = start_as_confirmed(k, &diag);
	if (result > 0)
		result = start_with_file(k, &diag);
	keeper_note_files(k);
	if (result == 0)
		keeper_forget(k, FILE_WAITING);
	diag_release(&diag);
	keeper_unlock(lock);
	kernel_warn_of_others(k->kernel, &diag);
	log_findings(&diag, LOG_WARNING);
	diag_release(&diag);
	return result;
}

/* -- drift ----------------------------------------------------------------- */

static void note_drift(struct keeper *k, const struct ruleset *now)
{
	const struct ruleset *wanted = keeper_wanted(k);
	struct plan *plan = now && wanted ? plan_make(now, wanted) : NULL;

	free(k->drift.text);
	k->drift.text = plan ? plan_text(plan)
			     : xstrdup(now ? "a table that is not wanted\n"
					   : "the table is gone\n");
	plan_free(plan);
	k->drift.n_seen += !k->drift.is_there;
	k->drift.is_there = true;
	k->drift.at_s = time(NULL);
}

static enum firewall_drift drift_policy(const struct keeper *k)
{
	return k->intent ? k->intent->config.settings.drift : DRIFT_REPAIR;
}

static uint64_t repair(struct keeper *k)
{
	struct keeper_drift *d = &k->drift;
	uint64_t now = clock_now_ms();
	struct ruleset *before;
	struct diag diag = {0};
	int n;

	if (d->repaired_ms && now - d->repaired_ms < d->wait_ms)
		return d->repaired_ms + d->wait_ms - now;
	if (!d->repaired_ms || now - d->repaired_ms > REPAIR_CALM_MS)
		d->wait_ms = REPAIR_FIRST_MS;
	else if (d->wait_ms < REPAIR_MOST_MS)
		d->wait_ms *= 2;
	d->repaired_ms = now ? now : 1;
	n = keeper_enforce(k, keeper_wanted(k), &before, &diag);
	ruleset_free(before);
	if (n < 0) {
		log_findings(&diag, LOG_ERROR);
		diag_release(&diag);
		return d->wait_ms;
	}
	diag_release(&diag);
	d->is_there = false;
	d->n_repaired++;
	log_say(LOG_WARNING, "our rules are restored: %d changes", n);
	return 0;
}

uint64_t keeper_look_at_kernel(struct keeper *k)
{
	struct ruleset *now;
	uint32_t generation;
	bool was_there = k->drift.is_there;

	if (!k->in_force)
		return 0;
	if (k->knows_now && !k->drift.is_there &&
	    k->kernel->ops->generation(k->kernel, &generation) == 0 &&
	    generation == k->generation)
		return 0;
	if (kernel_now(k->kernel, &now, &generation)) {
		log_say(LOG_ERROR, "cannot read the rules in force: %s",
			nft_reason(errno));
		return REPAIR_FIRST_MS;
	}
	if (!keeper_differ(now, keeper_wanted(k))) {
		know(k, now, generation);
		k->drift.is_there = false;
		return 0;
	}
	note_drift(k, now);
	know(k, now, generation);
	if (!was_there)
		log_say(LOG_WARNING, "somebody else changed our table: %.*s",
			(int)strcspn(k->drift.text, "\n"), k->drift.text);
	return drift_policy(k) == DRIFT_REPAIR ? repair(k) : 0;
}

/* -- addresses ------------------------------------------------------------- */

void keeper_look_at_machine(struct keeper *k)
{
	struct diag diag = {0};
	struct intent *renewed;
	struct ruleset *before;
	int n = 0;

	if (!k->in_force || !k->intent)
		return;
	renewed = intent_renew(k->intent, &diag);
	if (renewed && keeper_differ(k->intent->rules, renewed->rules)) {
		n = keeper_enforce(
			k, intent_is_empty(renewed) ? NULL : renewed->rules,
			&before, &diag);
		ruleset_free(before);
		if (n > 0)
			log_say(LOG_INFO,
				"the machine has other addresses: %d changes",
				n);
	}
	if (!renewed || n < 0) {
		log_findings(&diag, LOG_ERROR);
		intent_free(renewed);
	} else {
		keeper_adopt(k, renewed, NULL);
		if (n > 0 && !k->waits)
			keeper_save(k, FILE_IN_FORCE, keeper_wanted(k));
	}
	diag_release(&diag);
}

/* -- the file -------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, const char *path)
{
	struct {
		uint64_t sum, inode, size;
		int64_t s, ns;
	} all = {.sum = sum};
	struct stat st;

	if (stat(path, &st) == 0) {
		all.inode = st.st_ino;
		all.size = (uint64_t)st.st_size;
		all.s = st.st_mtim.tv_sec;
		all.ns = st.st_mtim.tv_nsec;
	}
	return hash_slice(slice_make((const char *)&all, sizeof(all)));
}

/* The files, and their folders: a file that an include finds may be new. */
static uint64_t look(const struct keeper *k)
{
	uint64_t sum = mix(0, k->file);
	const struct named_file *f = k->intent ? k->intent->snap->files : NULL;

	for (; f; f = f->next) {
		char *path = slice_dup(f->path);
		char *slash = strrchr(path, '/');

		sum = mix(sum, path);
		if (slash)
			*slash = '\0';
		sum = mix(sum, slash && slash > path ? path : ".");
		free(path);
	}
	return sum;
}

void keeper_note_files(struct keeper *k)
{
	k->files_seen = look(k);
}

static void note_edit(struct keeper *k, const struct intent *intent,
		      struct diag *diag)
{
	enum keeper_edit was = k->edit;

	free(k->edit_text);
	k->edit_text = intent ? NULL : diag_to_text(diag);
	if (!intent)
		k->edit = EDIT_INVALID;
	else if (keeper_differ(keeper_wanted(k),
			       intent_is_empty(intent) ? NULL : intent->rules))
		k->edit = EDIT_PENDING;
	else
		k->edit = EDIT_NONE;
	if (k->edit == EDIT_PENDING && was != EDIT_PENDING)
		log_say(LOG_WARNING, "%s was edited and is not applied",
			k->file);
	if (k->edit == EDIT_INVALID && was != EDIT_INVALID)
		log_say(LOG_WARNING, "%s was edited and is invalid", k->file);
}

void keeper_look_at_file(struct keeper *k)
{
	uint64_t seen = look(k);
	struct diag diag = {0};
	struct intent *intent;

	if (seen == k->files_seen)
		return;
	k->files_seen = seen;
	intent = intent_load(k->file, &diag);
	note_edit(k, intent, &diag);
	intent_free(intent);
	diag_release(&diag);
}
