#include "advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/map.h"
#include "cert_watch.h"
#include "daemon.h"
#include "history.h"
#include "model/generation.h"
#include "status.h"
#include "tls/identity.h"
#include "tls/server.h"

struct telling {
	struct daemon *daemon;
	void (*tell)(void *arg, const struct advice *a);
	void *arg;
	unsigned n;
};

static void tell(struct telling *t, const struct advice *a)
{
	if (t->n++ < ADVICE_MAX)
		t->tell(t->arg, a);
}

/* -- the process ----------------------------------------------------------- */

static void look_at_overlay(struct telling *t)
{
	const struct runtime *r = &t->daemon->runtime;
	char *sentence;

	if (!r->why)
		return;
	sentence = xasprintf("The overlay file cannot be read (%s): mend it "
			     "and restart, or \"weir overlay drop\".",
			     r->why);
	tell(t, &(struct advice){.token = "overlay-broken",
				 .sentence = sentence,
				 .where = r->path,
				 .since_s = t->daemon->started_s,
				 .count = 1});
	free(sentence);
}

static void look_at_file(struct telling *t)
{
	if (status_file_differs(t->daemon))
		tell(t, &(struct advice){
				.token = "file-differs",
				.sentence = "The file is not the one in force: "
					    "\"weir diff\" shows what a reload "
					    "would change.",
				.where = t->daemon->file,
				.count = 1});
}

static void look_at_generations(struct telling *t)
{
	uint64_t now = clock_now_ms();

	list_foreach (node, &t->daemon->generations) {
		const struct generation *g =
			list_entry(node, struct generation, node);
		uint64_t old_ms = g->replaced_ms ? now - g->replaced_ms : 0;
		char where[32];

		if (old_ms < ADVICE_OLD_S * 1000ull ||
		    generation_sum(g).workers == 0)
			continue;
		snprintf(where, sizeof(where), "%llu",
			 (unsigned long long)g->number);
		tell(t, &(struct advice){
				.token = "old-generation",
				.sentence = "Requests run in a configuration "
					    "that was replaced an hour ago and "
					    "more: \"weir conns\" shows them, "
					    "drain_timeout_seconds ends them.",
				.where = where,
				.since_s = clock_wall_s() -
					   (time_t)(old_ms / 1000),
				.count = generation_sum(g).exchanges});
	}
}

/* Linux 6.2 and later count them in the size of the folder. */
static void look_at_descriptors(struct telling *t)
{
	struct rlimit limit;
	struct stat st;

	if (stat("/proc/self/fd", &st) != 0 || st.st_size <= 0 ||
	    getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return;
	if ((uint64_t)st.st_size * 100 >= limit.rlim_cur * ADVICE_FILES_PERCENT)
		tell(t, &(struct advice){
				.token = "near-descriptor-limit",
				.sentence = "Most of the file descriptors are "
					    "in use: raise the limit of open "
					    "files (LimitNOFILE=), or lower "
					    "settings.max_connections.",
				.where = "",
				.count = (uint64_t)st.st_size});
}

static void tell_lost(struct telling *t, const char *path, uint64_t lost)
{
	if (lost)
		tell(t, &(struct advice){
				.token = "log-lines-lost",
				.sentence = "Lines of this log were lost: its "
					    "disk is full or too slow, or its "
					    "reader stands still.",
				.where = path,
				.count = lost});
}

static void look_at_logs(struct telling *t)
{
	struct journal_status s;
	struct journal *at = NULL;
	struct log_counts counts;

	log_read_counts(&counts);
	tell_lost(t, "stderr", counts.lost);
	while (t->daemon->journals &&
	       journals_next(t->daemon->journals, &at, &s))
		tell_lost(t, s.path, s.lost);
}

/* -- listeners ------------------------------------------------------------- */

static void look_at_certificates(struct telling *t, const struct listener *l)
{
	const struct settings *s = &t->daemon->snap->settings;
	const struct tls_server *now =
		l->tls ? cert_watch_server(t->daemon->cert_watch, l) : NULL;
	const struct tls_identity *id;

	for (size_t i = 0; now && (id = tls_server_identity(now, i)); i++) {
		int left = tls_identity_days_left(id, clock_wall_s());
		char sentence[128], *where;

		if (left > (int)s->certificate_warning_days)
			continue;
		if (id->not_after <= clock_wall_s())
			snprintf(sentence, sizeof(sentence),
				 "The certificate has expired: renew it.");
		else
			snprintf(sentence, sizeof(sentence),
				 "The certificate expires in %d days: renew "
				 "it.",
				 left);
		where = xasprintf("%.*s:%u %s", SLICE_ARG(l->balancer->name),
				  l->port, id->file);
		tell(t, &(struct advice){.token = "certificate-expires",
					 .sentence = sentence,
					 .where = where,
					 .count = 1});
		free(where);
	}
}

static void look_at_shedding(struct telling *t, const struct listener *l)
{
	uint64_t n = history_shed(t->daemon, l->state, ADVICE_RECENT_S);
	char *where;

	if (!n)
		return;
	where = xasprintf("%.*s:%u", SLICE_ARG(l->balancer->name), l->port);
	tell(t, &(struct advice){
			.token = "listener-sheds",
			.sentence = "Requests or connections were turned away "
				    "in the last ten minutes: \"weir errors\" "
				    "shows the last ones; look at "
				    "max_connections, limits and memory.",
			.where = where,
			.count = n});
	free(where);
}

static void look_at_listeners(struct telling *t)
{
	const struct snapshot *snap = t->daemon->snap;

	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++) {
			const struct listener *l =
				&snap->balancers[b].listeners[i];

			look_at_certificates(t, l);
			look_at_shedding(t, l);
		}
}

/* -- targets --------------------------------------------------------------- */

static void look_at_target(struct telling *t, const struct target_state *s)
{
	char *where;

	if (s->health != HEALTH_UNHEALTHY ||
	    s->health_reason != HEALTH_CODE_MISMATCH || s->health_code < 300 ||
	    s->health_code > 399)
		return;
	where = xasprintf("%.*s %s", SLICE_ARG(s->group), s->name);
	tell(t, &(struct advice){
			.token = "check-redirects",
			.sentence = "Health checks are answered with a "
				    "redirect: check the path it leads to, by "
				    "HTTPS if it does, or take its code into "
				    "the matcher.",
			.where = where,
			.since_s = (int64_t)s->health_since_s,
			.count = 1});
	free(where);
}

static void look_at_targets(struct telling *t)
{
	const struct snapshot *snap = t->daemon->snap;

	for (size_t g = 0; g < snap->n_groups; g++) {
		struct roster *roster =
			group_state_roster(snap->groups[g].state);

		for (size_t i = 0; i < roster->n_members; i++)
			look_at_target(t, roster->members[i].state);
		roster_unref(roster);
	}
}

static void tell_flaps(struct telling *t, const struct map *changes)
{
	const struct map_slot *one;
	size_t at = 0;

	while ((one = map_next(changes, &at)))
		if ((uintptr_t)one->value > ADVICE_FLAPS)
			tell(t, &(struct advice){
					.token = "target-flaps",
					.sentence = "The target's health goes "
						    "to and fro: look at its "
						    "load, or give its checks "
						    "more time or a higher "
						    "threshold.",
					.where = one->key.p,
					.count = (uintptr_t)one->value});
}

static void look_at_flaps(struct telling *t)
{
	const struct events *e = &t->daemon->events;
	time_t since = clock_wall_s() - ADVICE_RECENT_S;
	struct map changes = {0};

	for (uint64_t i = events_oldest(e, 0); i < e->next; i++) {
		const struct event_entry *one = &e->ring[i % EVENTS_MAX];
		struct slice what = slice_of(one->what);
		uintptr_t n;

		if (one->kind != EVENT_HEALTH || one->at_s < since)
			continue;
		n = (uintptr_t)map_get(&changes, what);
		map_put(&changes, what, (void *)(n + 1));
	}
	tell_flaps(t, &changes);
	map_release(&changes);
}

/* -- all of it ------------------------------------------------------------- */

void advice_each(struct daemon *d,
		 void (*tell_it)(void *arg, const struct advice *a), void *arg)
{
	struct telling t = {.daemon = d, .tell = tell_it, .arg = arg};

	look_at_overlay(&t);
	look_at_file(&t);
	look_at_generations(&t);
	look_at_descriptors(&t);
	look_at_logs(&t);
	look_at_listeners(&t);
	look_at_flaps(&t);
	look_at_targets(&t);
}

static void add_to_list(void *arg, const struct advice *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "token", json_string(a->token));
	json_object_set_new(o, "sentence", status_text(slice_of(a->sentence)));
	if (a->where[0])
		json_object_set_new(o, "where",
				    status_text(slice_of(a->where)));
	if (a->since_s)
		json_object_set_new(o, "since",
				    status_time((uint64_t)a->since_s));
	status_count(o, "count", a->count);
	json_array_append_new(arg, o);
}

json_t *advice_to_json(struct daemon *d)
{
	json_t *list = json_array();

	advice_each(d, add_to_list, list);
	return list;
}
