#include "target_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/near.h"
#include "config/target.h"
#include "daemon.h"
#include "lay.h"
#include "model/state.h"
#include "runtime.h"
#include "status.h"
#include "target_wait.h"

/* What is asked for, once it is understood. */
struct asked {
	char group_name[64];
	struct target_group *g;
	struct slice id; /* of the request */
	uint16_t port;   /* 0: none is said */
};

/* -- reading a request ----------------------------------------------------- */

json_t *target_unknown_group(const struct daemon *d, const char *name)
{
	struct nearest near = nearest_to(name);

	/* A zero stands behind names of a configuration. */
	for (size_t i = 0; i < d->snap->n_groups; i++)
		nearest_try(&near, d->snap->groups[i].name.p);
	return near.best ? admin_error("there is no target group \"%.64s\"; "
				       "did you mean \"%s\"?",
				       name, near.best)
			 : admin_error("there is no target group \"%.64s\"",
				       name);
}

json_t *target_refuse_change(const struct daemon *d)
{
	if (d->phase != DAEMON_SERVING)
		return admin_error("weir is stopping");
	if (d->runtime.why)
		return admin_error("the overlay file %s cannot be read: %s; it "
				   "is left as it is until \"weir overlay "
				   "drop\"",
				   d->runtime.path, d->runtime.why);
	return NULL;
}

static json_t *read_port(const json_t *request, struct asked *a)
{
	const json_t *port = json_object_get(request, "port");
	json_int_t n = json_integer_value(port);

	if (port && (!json_is_integer(port) || n < 1 || n > UINT16_MAX))
		return admin_error("a port is a number from 1 to 65535");
	a->port = (uint16_t)n;
	if (port || target_cut_port(&a->id, &a->port))
		return NULL;
	return admin_error("\"%.*s\" is not a target; write address:port, "
			   "[v6]:port, name:port or unix:/path",
			   SLICE_ARG(a->id));
}

/* NULL: it was understood. */
static json_t *read_asked(struct daemon *d, const json_t *request,
			  struct asked *a)
{
	const char *group =
		json_string_value(json_object_get(request, "target_group"));
	const json_t *id = json_object_get(request, "id");
	const json_t *wait = json_object_get(request, "wait");
	json_t *refusal = target_refuse_change(d);

	if (refusal)
		return refusal;
	if (wait && !json_is_boolean(wait) &&
	    !(json_is_number(wait) && json_number_value(wait) >= 0 &&
	      json_number_value(wait) <= TARGET_WAIT_MAX_S))
		return admin_error("\"wait\" is true, or seconds from 0 to %d",
				   TARGET_WAIT_MAX_S);
	if (!group || !json_is_string(id))
		return admin_error("it needs a \"target_group\" and an \"id\"");
	a->g = snapshot_find_group(d->snap, slice_of(group));
	if (!a->g)
		return target_unknown_group(d, group);
	snprintf(a->group_name, sizeof(a->group_name), "%s", group);
	a->id = slice_make(json_string_value(id), json_string_length(id));
	if (a->id.n == 0 || a->id.n > RUNTIME_ID_MAX + 10 ||
	    strlen(a->id.p) != a->id.n)
		return admin_error("an \"id\" has 1 to %d octets",
				   RUNTIME_ID_MAX);
	return read_port(request, a);
}

/* -- doing it -------------------------------------------------------------- */

void target_lay_now(struct daemon *d, struct target_group *g)
{
	struct diag diag = {0};

	if (g)
		lay_over_group(d->snap, g, d->runtime.doc, &diag);
	else
		lay_over(d->snap, d->runtime.doc, &diag);
	for (unsigned i = 0; i < diag.n_findings; i++)
		log_say(LOG_WARNING, "%s", diag.findings[i].sentence);
	diag_release(&diag);
	daemon_follow(d);
	daemon_tend(d);
}

json_t *target_commit(struct daemon *d, struct target_group *g, json_t *doc)
{
	if (runtime_save(&d->runtime, json_incref(doc)))
		return admin_error("the overlay file %s cannot be written: %s; "
				   "nothing was changed",
				   d->runtime.path ? d->runtime.path : "",
				   strerror(errno));
	target_lay_now(d, g);
	return NULL;
}

static bool is_changed(const struct daemon *d, json_t *doc)
{
	json_t *was = runtime_copy(&d->runtime);
	bool same = json_equal(json_object_get(was, "target_groups"),
			       json_object_get(doc, "target_groups"));

	json_decref(was);
	return !same;
}

static void note_change(struct daemon *d, const struct asked *a,
			const char *verb, struct target_wait *wait)
{
	bool drains = strcmp(verb, "drained") == 0 ||
		      strcmp(verb, "resumed") == 0;
	size_t i;
	const json_t *name;

	json_array_foreach (wait->names, i, name) {
		char *what = xasprintf("%s %s", a->group_name,
				       json_string_value(name));
		struct log_line l;

		events_note(&d->events, drains ? EVENT_DRAIN : EVENT_REGISTER,
			    what, "The target was %s at run time.", verb);
		free(what);
		log_begin(&l, LOG_INFO, "target changed at run time");
		log_str(&l, "target_group", a->group_name);
		log_str(&l, "target", json_string_value(name));
		log_str(&l, "change", verb);
		log_end(&l);
	}
}

/* Writes, serves, and lets the request wait for the workers and for what else
 * it wants. */
static json_t *finish(struct daemon *d, const struct asked *a, json_t *doc_take,
		      const char *verb, struct target_wait *wait_take,
		      uint64_t *memo)
{
	bool changed = is_changed(d, doc_take);
	json_t *refusal = changed ? target_commit(d, a->g, doc_take) : NULL;

	json_decref(doc_take);
	if (refusal) {
		target_wait_free(wait_take);
		return refusal;
	}
	if (changed)
		note_change(d, a, verb, wait_take);
	wait_take->changed = changed;
	return target_wait_begin(d, wait_take, memo);
}

/* -- register -------------------------------------------------------------- */

/* The target of this id and port that is in force, or was taken out. */
static const struct target *find_target(const struct target_group *g,
					struct slice id, uint16_t port)
{
	char room[LAY_KEY_MAX], other[LAY_KEY_MAX];
	struct slice key = lay_key(room, id, port);
	size_t n;
	const struct target *t = group_targets(g, &n);

	for (size_t i = 0; i < n; i++)
		if (slice_eq(lay_key(other, t[i].id, t[i].port), key))
			return &t[i];
	return NULL;
}

static const struct target *find_in_file(const struct target_group *g,
					 struct slice id, uint16_t port)
{
	char room[LAY_KEY_MAX], other[LAY_KEY_MAX];
	struct slice key = lay_key(room, id, port);

	for (size_t i = 0; i < g->n_targets; i++)
		if (slice_eq(lay_key(other, g->targets[i].id,
				     g->targets[i].port),
			     key))
			return &g->targets[i];
	return NULL;
}

/* The attributes that a request gives, over those of an entry. False: one of
 * them is of another kind. */
static bool take_attributes(json_t *entry, const json_t *request)
{
	static const struct {
		const char *name;
		json_type type;
	} attributes[] = {{"weight", JSON_INTEGER}, {"zone", JSON_STRING}};
	json_t *backup = json_object_get(request, "backup");

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		json_t *v = json_object_get(request, attributes[i].name);

		if (v && json_typeof(v) != attributes[i].type)
			return false;
		if (v)
			json_object_set(entry, attributes[i].name, v);
	}
	if (backup && !json_is_boolean(backup))
		return false;
	if (backup)
		json_object_set(entry, "backup", backup);
	return true;
}

/* The tables' own words for what is wrong; NULL: nothing. */
static json_t *check_entry(struct daemon *d, const struct asked *a,
			   const json_t *entry, struct target *out,
			   struct arena *arena)
{
	char port[24] = "", weight[24] = "";
	const json_t *w = json_object_get(entry, "weight");
	const json_t *zone = json_object_get(entry, "zone");
	struct diag diag = {0};
	struct target_reader *reader = target_reader_new(d->snap, &diag);
	json_t *refusal = NULL;

	if (a->port)
		snprintf(port, sizeof(port), "%u", a->port);
	if (w)
		snprintf(weight, sizeof(weight), "%lld",
			 (long long)json_integer_value(w));
	if (!target_read(reader, a->g,
			 &(struct target_words){
				 .id = a->id,
				 .port = slice_of(port),
				 .weight = slice_of(weight),
				 .zone = slice_of(json_string_value(zone)),
			 },
			 arena, out))
		refusal = admin_error(
			"%s%s%s", diag.findings[0].sentence,
			diag.findings[0].hint ? "; " : "",
			diag.findings[0].hint ? diag.findings[0].hint : "");
	target_reader_free(reader);
	diag_release(&diag);
	return refusal;
}

static json_t *check_room(const struct daemon *d, const struct asked *a,
			  const json_t *doc)
{
	size_t n;

	if (runtime_count(doc) > RUNTIME_ENTRIES_MAX)
		return admin_error("the overlay holds %d entries already; "
				   "\"weir export\" makes a file of it",
				   RUNTIME_ENTRIES_MAX);
	group_targets(a->g, &n);
	if (d->snap->settings.strict_aws_limits && n >= 1000 &&
	    !find_target(a->g, a->id, a->port))
		return admin_error("AWS takes at most 1000 targets in a group "
				   "(settings.strict_aws_limits)");
	return NULL;
}

/* An entry that says what the file says is none. */
static bool says_the_same(const json_t *entry, const struct target *file)
{
	const json_t *weight = json_object_get(entry, "weight");
	const json_t *zone = json_object_get(entry, "zone");
	const json_t *backup = json_object_get(entry, "backup");

	return file &&
	       (!weight || json_integer_value(weight) == file->weight) &&
	       (!zone ||
		slice_eq(slice_of(json_string_value(zone)), file->zone)) &&
	       (!backup || json_is_true(backup) == file->backup);
}

static void put_registered(json_t *doc, const struct asked *a,
			   const struct target *t, json_t *entry_take)
{
	const struct target *file = find_in_file(a->g, t->id, t->port);

	runtime_take(doc, a->group_name, RUNTIME_DEREGISTERED, t->id, t->port);
	runtime_take(doc, a->group_name, RUNTIME_DRAINED, t->id, t->port);
	if (says_the_same(entry_take, file)) {
		runtime_take(doc, a->group_name, RUNTIME_REGISTERED, t->id,
			     t->port);
		json_decref(entry_take);
		return;
	}
	runtime_put(doc, a->group_name, RUNTIME_REGISTERED, entry_take);
}

static json_t *begin_register(struct daemon *d, const json_t *request,
			      uint64_t *memo)
{
	struct asked a = {.port = 0};
	struct arena arena = {0};
	struct target_wait *wait;
	const json_t *old;
	struct target t;
	json_t *entry, *doc = NULL, *refusal = read_asked(d, request, &a);

	if (refusal)
		return refusal;
	if (a.port == 0 && !slice_starts(a.id, SLICE("unix:")))
		a.port = a.g->port;
	old = runtime_find(d->runtime.doc, a.group_name, RUNTIME_REGISTERED,
			   a.id, a.port);
	entry = old ? json_deep_copy(old) : runtime_entry(a.id, a.port);
	if (!take_attributes(entry, request))
		refusal =
			admin_error("\"weight\" is a number, \"zone\" a text, "
				    "\"backup\" true or false");
	if (!refusal)
		refusal = check_entry(d, &a, entry, &t, &arena);
	if (!refusal) {
		doc = runtime_copy(&d->runtime);
		put_registered(doc, &a, &t, json_incref(entry));
		refusal = check_room(d, &a, doc);
	}
	json_decref(entry);
	if (refusal) {
		json_decref(doc);
		arena_release(&arena);
		return refusal;
	}
	wait = target_wait_new(TARGET_WAIT_HEALTHY, a.g, request);
	wait->is_register = true;
	target_wait_add(wait, &t);
	arena_release(&arena);
	return finish(d, &a, doc, "registered", wait, memo);
}

json_t *register_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	return *memo ? target_wait_go_on(d, memo)
		     : begin_register(d, request, memo);
}

/* -- deregister, drain, resume --------------------------------------------- */

static void change_deregister(json_t *doc, const struct asked *a,
			      const struct target *t)
{
	runtime_take(doc, a->group_name, RUNTIME_REGISTERED, t->id, t->port);
	runtime_take(doc, a->group_name, RUNTIME_DRAINED, t->id, t->port);
	if (find_in_file(a->g, t->id, t->port))
		runtime_put(doc, a->group_name, RUNTIME_DEREGISTERED,
			    runtime_entry(t->id, t->port));
}

static void change_drain(json_t *doc, const struct asked *a,
			 const struct target *t)
{
	runtime_put(doc, a->group_name, RUNTIME_DRAINED,
		    runtime_entry(t->id, t->port));
}

static void change_resume(json_t *doc, const struct asked *a,
			  const struct target *t)
{
	runtime_take(doc, a->group_name, RUNTIME_DRAINED, t->id, t->port);
	runtime_take(doc, a->group_name, RUNTIME_DEREGISTERED, t->id, t->port);
}

struct change {
	const char *verb;
	void (*make)(json_t *doc, const struct asked *a,
		     const struct target *t);
	enum target_wait_for wait_for;
	bool takes_gone; /* also what was taken out */
};

static const struct change deregister_change = {
	"deregistered", change_deregister, TARGET_WAIT_IDLE, true};
static const struct change drain_change = {"drained", change_drain,
					   TARGET_WAIT_IDLE, false};
static const struct change resume_change = {"resumed", change_resume,
					    TARGET_WAIT_HEALTHY, true};

/* Without a port: that of the group; if only others are there, all of them. */
static bool is_meant(const struct asked *a, const struct target *t,
		     bool any_port)
{
	uint16_t port = a->port ? a->port : a->g->port;

	return runtime_same_id(t->id, a->id) && (any_port || t->port == port);
}

static size_t make_changes(const struct change *c, json_t *doc,
			   const struct asked *a, bool any_port,
			   struct target_wait *wait)
{
	size_t n, found = 0;
	const struct target *t = group_targets(a->g, &n);

	for (size_t i = 0; i < n; i++) {
		if (!is_meant(a, &t[i], any_port) ||
		    (t[i].laid == LAID_DEREGISTERED && !c->takes_gone))
			continue;
		c->make(doc, a, &t[i]);
		target_wait_add(wait, &t[i]);
		found++;
	}
	return found;
}

/* Those that were registered at run time and are on their way out. */
static size_t add_leaving(const struct daemon *d, const struct asked *a,
			  struct target_wait *wait)
{
	const struct target_state *s;
	size_t at = 0, found = 0;
	uint64_t left_ms;

	while ((s = rosters_next_draining(d->rosters, &at, &left_ms))) {
		struct target t = {.id = s->id,
				   .port = addr_port(&s->addr),
				   .addr = s->addr,
				   .kind = TARGET_ADDRESS};

		if (!slice_eq(s->group, a->g->name) ||
		    !is_meant(a, &t, a->port == 0))
			continue;
		target_wait_add(wait, &t);
		found++;
	}
	return found;
}

static json_t *begin_change(struct daemon *d, const json_t *request,
			    const struct change *c, uint64_t *memo)
{
	struct asked a = {.port = 0};
	json_t *doc, *refusal = read_asked(d, request, &a);
	struct target_wait *wait;

	if (refusal)
		return refusal;
	doc = runtime_copy(&d->runtime);
	wait = target_wait_new(c->wait_for, a.g, request);
	if (make_changes(c, doc, &a, slice_starts(a.id, SLICE("unix:")),
			 wait) ||
	    (!a.port && make_changes(c, doc, &a, true, wait)) ||
	    (c == &deregister_change && add_leaving(d, &a, wait)))
		return finish(d, &a, doc, c->verb, wait, memo);
	refusal = admin_error(
		"the target group \"%s\" has no target \"%s\"", a.group_name,
		json_string_value(json_object_get(request, "id")));
	json_decref(doc);
	target_wait_free(wait);
	return refusal;
}

json_t *deregister_answer(struct daemon *d, const json_t *request,
			  uint64_t *memo)
{
	return *memo ? target_wait_go_on(d, memo)
		     : begin_change(d, request, &deregister_change, memo);
}

json_t *drain_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	return *memo ? target_wait_go_on(d, memo)
		     : begin_change(d, request, &drain_change, memo);
}

json_t *resume_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	return *memo ? target_wait_go_on(d, memo)
		     : begin_change(d, request, &resume_change, memo);
}
