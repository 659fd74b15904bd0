#include "world.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/log.h"
#include "cert_watch.h"
#include "daemon.h"
#include "generations.h"
#include "lay.h"
#include "maintenance.h"
#include "net/listening.h"
#include "target_commands.h"
#include "tls/digest.h"

/* What a running process keeps as it was when it started. */
static void keep_settings(struct kept_settings *kept, const struct settings *s)
{
	*kept = (struct kept_settings){
		.user = slice_dup(s->user),
		.admin_socket = slice_dup(s->admin_socket),
		.overlay_file = slice_dup(s->overlay_file),
		.admin_group = slice_dup(s->admin_group),
		.read_group = slice_dup(s->read_group),
		.max_connections = s->max_connections,
	};
}

void kept_settings_release(struct kept_settings *kept)
{
	free(kept->user);
	free(kept->admin_socket);
	free(kept->overlay_file);
	free(kept->admin_group);
	free(kept->read_group);
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
		{"admin.admin_group",
		 !slice_eq(slice_of(was->admin_group), is->admin_group)},
		{"admin.read_group",
		 !slice_eq(slice_of(was->read_group), is->read_group)},
		{"overlay_file",
		 !slice_eq(slice_of(was->overlay_file), is->overlay_file)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i].differs)
			diag_warning(diag, NULL, NULL,
				     "settings.%s is not what it was at the "
				     "start: that takes effect with a restart",
				     fixed[i].key);
}

int world_load(struct world *next, struct daemon *d, enum config_tests tests,
	       const struct config_texts *given, struct diag *diag)
{
	const struct config_options options = {
		.given = given,
		.tickets = d->tickets,
		.n_workers = d->n_workers,
		.tests = tests,
		.keep = &next->texts,
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
	int ports = ports_open(&next->ports, &d->ports, next->snap,
			       d->n_workers, diag);
	int web = web_pages_open(&d->web, next->snap, &next->web, diag);

	return ports ? ports : web;
}

bool world_needs_keys(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->n_groups; i++)
		if (snap->groups[i].stickiness.enabled)
			return true;
	for (size_t i = 0; i < snap->n_weighted; i++)
		if (snap->weighted[i].rule->action.forward.stickiness.enabled)
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

/* Of the files as they stand behind each other: of one alone, what sha256sum
 * says of it. */
static void hash_texts(struct daemon *d)
{
	struct slice *texts = xcalloc(d->texts.n + 1, sizeof(*texts));

	for (size_t i = 0; i < d->texts.n; i++)
		texts[i] =
			slice_make(d->texts.rows[i].octets, d->texts.rows[i].n);
	digest_hex(texts, d->texts.n, d->config_hash);
	free(texts);
	d->differs_until_ms = 0;
}

void world_publish(struct world *next_take, struct daemon *d, struct diag *diag)
{
	struct world *next = next_take;
	struct snapshot *old = d->snap;

	if (!old)
		keep_settings(&d->kept, &next->snap->settings);
	if (!next->is_again) {
		rosters_attach(next->snap);
		counts_attach(&d->counts, next->snap);
	}
	/* The way back may need what the file of now has no group for. */
	if (!next->waits)
		overlay_catch_up(d, next->snap, diag);
	lay_over(next->snap, d->runtime.doc, diag);
	maintenance_lay(d, next->snap, diag);
	generations_begin(d, next->snap);
	d->snap = next->snap;
	next->snap = NULL;
	config_texts_release(&d->texts);
	d->texts = next->texts;
	next->texts = (struct config_texts){0};
	hash_texts(d);
	log_setup(d->snap->settings.log_level, d->snap->settings.log_format);
	daemon_follow(d);
	web_pages_follow(d, next->web);
	next->web = NULL;
	/* Of what is no longer there the workers have the last reference. */
	ports_release(&d->ports);
	d->ports = next->ports;
	next->ports = (struct ports){0};
	for (unsigned w = 0; w < d->n_workers; w++)
		worker_adopt(d->workers[w], snapshot_ref(d->snap),
			     next->keys.n ? &next->keys : NULL,
			     ports_of(&d->ports, w), d->ports.n);
	if (d->cert_watch)
		cert_watch_follow(d->cert_watch, d->snap);
	/* Targets without a delay end with the configuration that had them. */
	daemon_tend(d);
	snapshot_unref(old);
	world_release(next);
}

void world_release(struct world *next)
{
	snapshot_unref(next->snap);
	config_texts_release(&next->texts);
	ports_release(&next->ports);
	seal_keys_wipe(&next->keys);
	listening_unref(next->web);
	*next = (struct world){0};
}
