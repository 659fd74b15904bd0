#include "confirm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon.h"
#include "target_commands.h"

enum {
	RETRY_MS = 1000,
	KEPT_VERSION = 1,
	KEPT_OCTETS_MAX = 256 << 20,
};

char *confirm_path(struct slice overlay_file)
{
	char *overlay = slice_dup(overlay_file);
	char *folder = file_folder(overlay);
	char *path = xasprintf("%s/confirmed.json", folder);

	free(folder);
	free(overlay);
	return path;
}

/* -- on the disk ----------------------------------------------------------- */

/* NULL: some text or name is not UTF-8. */
static json_t *texts_to_json(const struct config_texts *texts)
{
	json_t *files = json_array();

	for (size_t i = 0; i < texts->n; i++) {
		const struct config_text *t = &texts->rows[i];
		json_t *o = json_pack("{s:s, s:s%}", "path", t->path, "text",
				      t->octets, t->n);

		if (!o) {
			json_decref(files);
			return NULL;
		}
		json_array_append_new(files, o);
	}
	return json_pack("{s:i, s:o}", "version", KEPT_VERSION, "files", files);
}

static bool texts_from_json(const json_t *json, struct config_texts *texts)
{
	const json_t *files = json_object_get(json, "files"), *o;
	size_t i;

	if (json_integer_value(json_object_get(json, "version")) !=
		    KEPT_VERSION ||
	    json_array_size(files) == 0)
		return false;
	json_array_foreach (files, i, o) {
		const json_t *text = json_object_get(o, "text");
		const char *path =
			json_string_value(json_object_get(o, "path"));

		if (!path || !json_is_string(text))
			return false;
		config_texts_add(texts, path,
				 slice_make(json_string_value(text),
					    json_string_length(text)));
	}
	return true;
}

static void write_json(FILE *to, const void *json)
{
	if (json_dumpf(json, to, JSON_COMPACT) && !ferror(to))
		fail_no_memory();
}

/* Of another user's file root believes nothing: it would read what that user
 * may not. */
static json_t *read_json(const char *path, const char **why)
{
	int fd = file_open(path);
	json_t *json = NULL;
	struct stat st;

	*why = NULL;
	if (fd < 0) {
		*why = errno == ENOENT || errno == ENOTDIR ? NULL
							   : strerror(errno);
		return NULL;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size > KEPT_OCTETS_MAX)
		*why = "it is no file of ours";
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		*why = "it belongs to another user";
	else
		json = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	if (!json && !*why)
		*why = "it is broken";
	close(fd);
	return json;
}

bool confirm_find(const char *path, struct config_texts *texts)
{
	const char *why;
	json_t *json = read_json(path, &why);
	bool good = json && texts_from_json(json, texts);

	if (!good && (json || why)) {
		log_say(LOG_ERROR,
			"whether a reload still has to be confirmed is not "
			"known: %s cannot be read: %s; the file is served",
			path, why ? why : "it is broken");
		config_texts_release(texts);
	}
	json_decref(json);
	return good;
}

/* -- waiting --------------------------------------------------------------- */

static int keep(struct daemon *d, const char *path, struct diag *diag)
{
	json_t *json = texts_to_json(&d->texts);
	int result = -1;

	if (!json)
		diag_error(diag, NULL, NULL,
			   "what is in force cannot be kept: it is not UTF-8");
	else if (file_replace(path, 0600, write_json, json))
		diag_error(diag, NULL,
			   "settings.overlay_file says which folder it is",
			   "what is in force cannot be kept in %s: %s", path,
			   strerror(errno));
	else
		result = 0;
	json_decref(json);
	return result;
}

/* A start looks where the file then says. */
int confirm_prepare(struct daemon *d, const struct snapshot *next,
		    struct diag *diag)
{
	struct confirm *c = &d->confirm;
	char *path;

	if (c->ends_ms)
		return 0;
	path = confirm_path(next->settings.overlay_file);
	if (keep(d, path, diag)) {
		free(path);
		return -1;
	}
	if (c->path && strcmp(c->path, path) != 0)
		(void)file_remove(c->path);
	free(c->path);
	c->path = path;
	c->snap = snapshot_ref(d->snap);
	c->texts = d->texts;
	d->texts = (struct config_texts){0};
	return 0;
}

static void forget(struct confirm *c)
{
	snapshot_unref(c->snap);
	config_texts_release(&c->texts);
	c->snap = NULL;
	c->ends_ms = 0;
	c->has_failed = false;
}

void confirm_end(struct daemon *d)
{
	struct confirm *c = &d->confirm;

	if (c->path && file_remove(c->path))
		log_say(LOG_ERROR,
			"%s cannot be removed: %s; the next start would come "
			"up with it",
			c->path, strerror(errno));
	free(c->path);
	c->path = NULL;
	forget(c);
}

void confirm_release(struct confirm *c)
{
	loop_watch_free(c->timer);
	free(c->path);
	forget(c);
	*c = (struct confirm){0};
}

/* -- the way back ---------------------------------------------------------- */

static void say_failed(struct confirm *c, struct diag *diag)
{
	char *text = diag_to_text(diag);

	if (!c->has_failed)
		log_say(LOG_ERROR,
			"what was confirmed last cannot be served again, it is "
			"tried each second: %s",
			text);
	c->has_failed = true;
	free(text);
}

static bool go_back(struct daemon *d, struct diag *diag)
{
	struct confirm *c = &d->confirm;
	struct world next = {.snap = snapshot_again(c->snap), .is_again = true};

	next.snap->generation = d->snap->generation + 1;
	if (world_open_ports(&next, d, diag) || world_read_keys(&next, diag)) {
		world_release(&next);
		return false;
	}
	next.texts = c->texts;
	c->texts = (struct config_texts){0};
	world_publish(&next, d, diag);
	return true;
}

static void on_timer(int fd, int what, void *arg)
{
	struct daemon *d = arg;
	struct confirm *c = &d->confirm;
	uint64_t now = clock_now_ms(), was = d->snap->generation;
	struct diag diag = {0};

	(void)fd;
	(void)what;
	if (!c->ends_ms || d->phase != DAEMON_SERVING)
		return;
	if (now < c->ends_ms) {
		loop_watch_rearm(c->timer, c->ends_ms - now);
		return;
	}
	if (go_back(d, &diag)) {
		confirm_end(d);
		log_say(LOG_WARNING,
			"generation %llu was not confirmed in time: what was "
			"confirmed last is served again, as generation %llu",
			(unsigned long long)was,
			(unsigned long long)d->snap->generation);
		events_note(&d->events, EVENT_REVERT, d->file,
			    "Generation %llu was not confirmed in time; what "
			    "was confirmed last is generation %llu.",
			    (unsigned long long)was,
			    (unsigned long long)d->snap->generation);
	} else {
		say_failed(c, &diag);
		loop_watch_rearm(c->timer, RETRY_MS);
	}
	diag_release(&diag);
}

void confirm_begin(struct daemon *d, unsigned seconds)
{
	struct confirm *c = &d->confirm;

	c->ends_ms = clock_now_ms() + (uint64_t)seconds * 1000;
	if (!c->timer)
		c->timer =
			loop_watch_timer(&d->loop, seconds * 1000, on_timer, d);
	loop_watch_rearm(c->timer, (uint64_t)seconds * 1000);
}

json_t *confirm_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	struct diag diag = {0};
	json_t *answer;

	(void)request;
	(void)memo;
	if (!d->confirm.ends_ms)
		return admin_error("nothing waits to be confirmed");
	confirm_end(d);
	overlay_catch_up(d, d->snap, &diag);
	for (unsigned i = 0; i < diag.n_findings; i++)
		log_say(LOG_WARNING, "%s", diag.findings[i].sentence);
	diag_release(&diag);
	log_say(LOG_INFO, "generation %llu is confirmed",
		(unsigned long long)d->snap->generation);
	events_note(&d->events, EVENT_CONFIRM, d->file,
		    "Generation %llu was confirmed.",
		    (unsigned long long)d->snap->generation);
	answer = admin_ok();
	json_object_set_new(answer, "generation",
			    json_integer((json_int_t)d->snap->generation));
	return answer;
}
