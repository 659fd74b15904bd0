/*
 * overlay_command.c - shows and drops what was changed at run time.
 *
 * Floor: control.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "base/log.h"
#include "daemon.h"
#include "lay.h"
#include "status.h"
#include "target_commands.h"

static json_t *drop_all(struct daemon *d)
{
	json_t *doc = runtime_copy(&d->runtime);
	bool broken = d->runtime.why != NULL;
	int failed;

	/* What others lay over is theirs. */
	json_object_set_new(doc, "target_groups", json_object());
	failed = broken ? runtime_drop(&d->runtime)
			: runtime_save(&d->runtime, json_incref(doc));
	json_decref(doc);
	if (failed)
		return admin_error("the overlay file %s cannot be %s: %s; "
				   "nothing was changed",
				   d->runtime.path,
				   broken ? "removed" : "written",
				   strerror(errno));
	target_lay_now(d, NULL);
	return NULL;
}

static json_t *drop_group(struct daemon *d, const char *name)
{
	json_t *doc, *refusal;

	if (d->runtime.why)
		return target_refuse_change(d);
	doc = runtime_copy(&d->runtime);
	if (json_object_del(json_object_get(doc, "target_groups"), name)) {
		json_decref(doc);
		return snapshot_find_group(d->snap, slice_of(name))
			       ? NULL
			       : target_unknown_group(d, name);
	}
	refusal = target_commit(d, NULL, doc);
	json_decref(doc);
	return refusal;
}

static json_t *drop(struct daemon *d, const json_t *what)
{
	json_t *refusal;

	if (!json_is_true(what) && !json_is_string(what))
		return admin_error("\"drop\" is true, or the name of a target "
				   "group");
	if (d->phase != DAEMON_SERVING)
		return admin_error("weir is stopping");
	refusal = json_is_true(what) ? drop_all(d)
				     : drop_group(d, json_string_value(what));
	if (!refusal) {
		log_say(LOG_INFO, "run-time changes were dropped");
		events_note(&d->events, EVENT_REGISTER,
			    json_is_true(what) ? "overlay"
					       : json_string_value(what),
			    "What was changed at run time was dropped.");
	}
	return refusal;
}

json_t *overlay_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	const json_t *what = json_object_get(request, "drop");
	json_t *answer = what ? drop(d, what) : NULL;

	(void)memo;
	if (answer)
		return answer;
	answer = admin_ok();
	json_object_set_new(answer, "overlay", runtime_copy(&d->runtime));
	json_object_set_new(answer, "differences", lay_differences(d->snap));
	if (d->runtime.why)
		json_object_set_new(answer, "broken",
				    status_text(slice_of(d->runtime.why)));
	return answer;
}

json_t *export_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	char *text = config_export(&d->texts, d->snap);
	json_t *answer;

	(void)request;
	(void)memo;
	if (!text)
		return admin_error("the texts in force cannot be read again");
	answer = admin_ok();
	json_object_set_new(answer, "text", status_text(slice_of(text)));
	free(text);
	return answer;
}

void overlay_catch_up(struct daemon *d, const struct snapshot *snap,
		      struct diag *diag)
{
	json_t *doc;

	if (!d->runtime.doc)
		return;
	doc = runtime_copy(&d->runtime);
	if (lay_prune(doc, snap, diag) &&
	    runtime_save(&d->runtime, json_incref(doc)))
		diag_warning(diag, NULL, NULL,
			     "the overlay file %s cannot be written: %s; what "
			     "the file says by now stays in it",
			     d->runtime.path, strerror(errno));
	json_decref(doc);
}
