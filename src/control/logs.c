#include "logs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/journal.h"
#include "base/map.h"
#include "status.h"
#include "trial.h"

enum { SAY_MS = 60 * 1000 };

/* -- all of a configuration ------------------------------------------------ */

enum { LOGS = 3 };

static void logs_of(struct load_balancer *lb, struct line_log *logs[LOGS])
{
	logs[0] = &lb->access_log;
	logs[1] = &lb->connection_log;
	logs[2] = &lb->check_log;
}

/* The next that is enabled; NULL: there is none left. */
static struct line_log *next_log(const struct snapshot *snap, size_t *at)
{
	while (*at < snap->n_balancers * LOGS) {
		struct line_log *logs[LOGS];
		size_t which = (*at)++;

		logs_of(&snap->balancers[which / LOGS], logs);
		if (logs[which % LOGS]->enabled)
			return logs[which % LOGS];
	}
	return NULL;
}

void logs_make_folders(const struct snapshot *snap, const struct identity *id)
{
	const struct line_log *log;
	size_t at = 0;

	while ((log = next_log(snap, &at)) != NULL)
		identity_make_folder(id, log->path, 0750);
}

static void complain(const struct line_log *log, const char *why,
		     struct diag *diag)
{
	diag_error(diag, &log->place, NULL, "the log %.*s cannot be opened: %s",
		   SLICE_ARG(log->path), why);
}

/* A file that is missing could be made where its folder can be written to. */
static void try_log(const void *arg, char *why, size_t size)
{
	const char *path = arg;
	int error = journal_try(path);

	if (error == ENOENT)
		trial_of_folder(path, why, size);
	else if (error)
		snprintf(why, size, "%s", strerror(error));
}

static int try_one(const struct line_log *log, const struct identity *id,
		   struct diag *diag)
{
	char *path = slice_dup(log->path), why[256] = "";
	bool good = trial_has_folder(path)
			    ? identity_try(id, try_log, path, why, sizeof(why))
			    : trial_can_make_folder(path, why, sizeof(why));

	free(path);
	if (!good)
		complain(log, why, diag);
	return good ? 0 : -1;
}

int logs_try(const struct snapshot *snap, const struct identity *id,
	     struct diag *diag)
{
	struct map seen = {0};
	struct line_log *log;
	size_t at = 0;
	int result = 0;

	while ((log = next_log(snap, &at)) != NULL)
		if (!map_put(&seen, log->path, log) && try_one(log, id, diag))
			result = -1;
	map_release(&seen);
	return result;
}

static void let_go(void *journal)
{
	journal_unref(journal);
}

int logs_open(struct snapshot *snap, struct journals *js, struct diag *diag)
{
	struct map failed = {0};
	struct line_log *log;
	size_t at = 0;
	int result = 0;

	while ((log = next_log(snap, &at)) != NULL) {
		char *path;

		if (map_get(&failed, log->path))
			continue;
		path = slice_dup(log->path);
		log->journal = journals_open(js, path);
		free(path);
		if (log->journal) {
			snapshot_on_free(snap, let_go, log->journal);
			continue;
		}
		complain(log, strerror(errno), diag);
		map_put(&failed, log->path, log);
		result = -1;
	}
	map_release(&failed);
	return result;
}

/* -- while they are written ------------------------------------------------ */

static const char *why_lost(const struct journal_status *s)
{
	if (s->last_error == 0 || s->last_error == EAGAIN)
		return "its reader or its disk is too slow";
	return strerror(s->last_error);
}

static void say_lost(const struct journal_status *s, uint64_t lost)
{
	struct log_line l;

	log_begin(&l, LOG_WARNING, "lines of a log were lost");
	log_str(&l, "path", s->path);
	log_num(&l, "lost", (int64_t)lost);
	log_str(&l, "error", why_lost(s));
	log_end(&l);
}

void logs_tend(struct journals *js)
{
	struct journal *at = NULL;
	struct journal_status s;
	uint64_t lost;

	journals_sweep(js);
	while (journals_next(js, &at, &s)) {
		if (s.lost == 0)
			continue;
		lost = journal_tell_lost(at, clock_now_ms(), SAY_MS);
		if (lost)
			say_lost(&s, lost);
	}
}

void logs_status(const struct journals *js, json_t *list)
{
	struct journal *at = NULL;
	struct journal_status s;

	while (journals_next(js, &at, &s)) {
		json_t *o = json_object();

		json_object_set_new(o, "path", status_text(slice_of(s.path)));
		json_object_set_new(o, "lines",
				    json_integer((json_int_t)s.lines));
		json_object_set_new(o, "lost",
				    json_integer((json_int_t)s.lost));
		if (s.lost)
			json_object_set_new(o, "last_error",
					    json_string(why_lost(&s)));
		json_array_append_new(list, o);
	}
}

void logs_report(const struct journals *js, json_t *o)
{
	json_t *files = json_array(), *failed = json_array();
	struct journal *at = NULL;
	struct journal_status s;

	while (journals_next(js, &at, &s)) {
		json_t *path = status_text(slice_of(s.path));

		if (s.open_error)
			json_array_append_new(
				failed,
				json_pack("{s:o, s:s}", "path", path, "error",
					  strerror(s.open_error)));
		else
			json_array_append_new(files, path);
	}
	json_object_set_new(o, "files", files);
	json_object_set_new(o, "failed", failed);
}
