#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "daemon.h"
#include "logs.h"
#include "notify.h"
#include "status.h"
#include "world.h"

/* -- findings -------------------------------------------------------------- */

static const char *severity_name(const struct finding *f)
{
	return f->severity == SEVERITY_ERROR ? "error" : "warning";
}

static json_t *finding_to_json(const struct finding *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "severity", json_string(severity_name(f)));
	if (f->place.file) {
		json_object_set_new(o, "file",
				    status_text(slice_of(f->place.file)));
		json_object_set_new(o, "line", json_integer(f->place.line));
		json_object_set_new(o, "column", json_integer(f->place.column));
	}
	/* A sentence may quote octets that are not UTF-8. */
	json_object_set_new(o, "sentence", status_text(slice_of(f->sentence)));
	if (f->hint)
		json_object_set_new(o, "hint", status_text(slice_of(f->hint)));
	return o;
}

static json_t *findings_to_json(const struct diag *diag)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < diag->n_findings; i++)
		json_array_append_new(list,
				      finding_to_json(&diag->findings[i]));
	return list;
}

static void log_findings(const struct diag *diag)
{
	for (unsigned i = 0; i < diag->n_findings; i++) {
		const struct finding *f = &diag->findings[i];
		struct log_line l;

		log_begin(&l,
			  f->severity == SEVERITY_ERROR ? LOG_ERROR
							: LOG_WARNING,
			  f->sentence);
		if (f->place.file)
			log_fmt(&l, "place", "%s:%u:%u", f->place.file,
				f->place.line, f->place.column);
		if (f->hint)
			log_str(&l, "hint", f->hint);
		log_end(&l);
	}
}

void reload_report_release(struct reload_report *report)
{
	json_decref(report->findings);
	free(report->text);
	*report = (struct reload_report){0};
}

/* The outcome, for whoever asks later, and for the log now. */
static void report_reload(struct daemon *d, bool ok, bool invalid,
			  struct diag *diag)
{
	struct reload_report *r = &d->last_reload;
	struct log_line l;

	reload_report_release(r);
	diag_sort(diag);
	r->at_s = clock_wall_s();
	r->ok = ok;
	r->invalid = invalid;
	r->generation = d->snap->generation;
	r->findings = findings_to_json(diag);
	r->text = diag_to_text(diag);

	log_findings(diag);
	log_begin(&l, ok ? LOG_INFO : LOG_ERROR,
		  ok ? "reload accepted"
		     : "reload refused, the old configuration stays");
	log_num(&l, "generation", (int64_t)r->generation);
	log_num(&l, "errors", diag->n_errors);
	log_num(&l, "warnings", diag->n_warnings);
	log_end(&l);
	events_note(&d->events, ok ? EVENT_RELOAD : EVENT_RELOAD_REFUSED,
		    d->file,
		    ok ? "Generation %llu is served."
		       : "It was refused, generation %llu runs on.",
		    (unsigned long long)r->generation);
	notify_send("READY=1\nSTATUS=Generation %llu%s",
		    (unsigned long long)r->generation,
		    ok ? "" : ": the last reload was refused");
}

/* -- reload ---------------------------------------------------------------- */

bool reload_run(struct daemon *d, enum config_tests tests, unsigned confirm_s)
{
	struct world next = {.waits = confirm_s > 0};
	struct diag diag = {0};
	bool valid, good;

	notify_reloading();
	valid = !world_load(&next, d, tests, NULL, &diag);
	good = valid && !world_open_ports(&next, d, &diag) &&
	       !world_read_keys(&next, &diag);
	/* Last, because files that are missing are made. */
	if (good) {
		logs_make_folders(next.snap, &d->identity);
		valid = good = !logs_open(next.snap, d->journals, &diag);
	}
	if (good && confirm_s)
		good = !confirm_prepare(d, next.snap, &diag);
	if (good)
		world_publish(&next, d, &diag);
	if (good && confirm_s)
		confirm_begin(d, confirm_s);
	else if (good)
		confirm_end(d);
	report_reload(d, good, !valid, &diag);
	/* Findings may point into the snapshot that was refused. */
	diag_release(&diag);
	world_release(&next);
	return good;
}

bool reload_is_adopted(const struct daemon *d, uint64_t generation)
{
	for (unsigned w = 0; w < d->n_workers; w++) {
		struct worker_gauges gauges;

		worker_read_gauges(d->workers[w], &gauges);
		if (gauges.generation < generation)
			return false;
	}
	return true;
}
