#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "daemon.h"
#include "notify.h"
#include "status.h"

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
static void report(struct daemon *d, bool ok, bool invalid, struct diag *diag)
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
	notify_send("READY=1\nSTATUS=Generation %llu%s",
		    (unsigned long long)r->generation,
		    ok ? "" : ": the last reload was refused");
}

/* -- the steps ------------------------------------------------------------- */

/* What a running process keeps as it was when it started. */
static void keep_settings(struct kept_settings *kept, const struct settings *s)
{
	*kept = (struct kept_settings){
		.user = slice_dup(s->user),
		.admin_socket = slice_dup(s->admin_socket),
		.max_connections = s->max_connections,
	};
}

void kept_settings_release(struct kept_settings *kept)
{
	free(kept->user);
	free(kept->admin_socket);
	*kept = (struct kept_settings){0};
}

/* Said with each reload until it is restarted, or set back. */
static void warn_of_restart(const struct kept_settings *was,
			    const struct settings *is, struct diag *diag)
{
	const struct {
		const char *key;
		bool differs;
	} fixed[] = {
		{"user", !slice_eq(slice_of(was->user), is->user)},
		{"max_connections",
		 was->max_connections != is->max_connections},
		{"admin.socket",
		 !slice_eq(slice_of(was->admin_socket), is->admin_socket)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i].differs)
			diag_warning(diag, NULL, NULL,
				     "settings.%s is not what it was at the "
				     "start: that takes effect with a restart",
				     fixed[i].key);
}

int world_load(struct world *next, struct daemon *d, enum config_tests tests,
	       struct diag *diag)
{
	const struct config_options options = {
		.tickets = d->tickets,
		.n_workers = d->n_workers,
		.tests = tests,
	};

	next->snap = config_load(d->file, &options, diag);
	if (!next->snap)
		return -1;
	next->snap->generation = d->snap ? d->snap->generation + 1 : 1;
	if (d->snap)
		warn_of_restart(&d->kept, &next->snap->settings, diag);
	return 0;
}

int world_open_ports(struct world *next, struct daemon *d, struct diag *diag)
{
	return ports_open(&next->ports, &d->ports, next->snap, d->n_workers,
			  diag);
}

bool world_needs_keys(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->n_groups; i++)
		if (snap->groups[i].stickiness.enabled)
			return true;
	return false;
}

int world_read_keys(struct world *next, struct diag *diag)
{
	char *path, why[256] = "";
	int result;

	if (!world_needs_keys(next->snap))
		return 0;
	path = slice_dup(next->snap->settings.stickiness_key_file);
	result = seal_keys_load(path, &next->keys, why, sizeof(why));
	if (result)
		diag_error(diag, NULL,
			   "settings.stickiness_key_file says where it is",
			   "the key for sticky cookies, %s: %s", path, why);
	free(path);
	return result;
}

void world_publish(struct world *next_take, struct daemon *d)
{
	struct world *next = next_take;
	struct snapshot *old = d->snap;

	if (!old)
		keep_settings(&d->kept, &next->snap->settings);
	rosters_attach(next->snap);
	counts_attach(&d->counts, next->snap);
	d->snap = next->snap;
	next->snap = NULL;
	log_setup(d->snap->settings.log_level, d->snap->settings.log_format);
	daemon_follow(d);
	for (unsigned w = 0; w < d->n_workers; w++)
		worker_adopt(d->workers[w], snapshot_ref(d->snap),
			     next->keys.n ? &next->keys : NULL,
			     ports_of(&next->ports, w), next->ports.n);
	/* Targets without a delay end with the configuration that had them. */
	daemon_tend(d);
	ports_given(&next->ports);
	ports_release(&d->ports);
	d->ports = next->ports;
	next->ports = (struct ports){0};
	snapshot_unref(old);
	world_release(next);
}

void world_release(struct world *next)
{
	snapshot_unref(next->snap);
	ports_release(&next->ports);
	seal_keys_wipe(&next->keys);
	*next = (struct world){0};
}

/* -- reload ---------------------------------------------------------------- */

bool reload_run(struct daemon *d, enum config_tests tests)
{
	struct world next = {0};
	struct diag diag = {0};
	bool valid, good;

	notify_reloading();
	valid = !world_load(&next, d, tests, &diag);
	good = valid && !world_open_ports(&next, d, &diag) &&
	       !world_read_keys(&next, &diag);
	if (good)
		world_publish(&next, d);
	report(d, good, !valid, &diag);
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
