#include "maintenance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "daemon.h"
#include "status.h"
#include "target_commands.h"

enum { RETRY_AFTER_S = 300, RETRY_AFTER_MAX_S = 31536000 };

/* -- entries of the overlay ------------------------------------------------ */

static const json_t *entries_of(const json_t *doc)
{
	return json_object_get(doc, "maintenance");
}

static uint16_t port_of(const json_t *entry)
{
	return (uint16_t)json_integer_value(json_object_get(entry, "port"));
}

/* A port of 0: all listeners of the load balancer. */
static bool is_of(const json_t *entry, const struct listener *l)
{
	const char *name =
		json_string_value(json_object_get(entry, "load_balancer"));

	return name && slice_eq(slice_of(name), l->balancer->name) &&
	       (port_of(entry) == 0 || port_of(entry) == l->port);
}

/* That of the listener itself wins over that of its load balancer. */
static const json_t *entry_of(const json_t *doc, const struct listener *l)
{
	const json_t *list = entries_of(doc), *entry, *found = NULL;
	size_t i;

	json_array_foreach (list, i, entry)
		if (is_of(entry, l) && (!found || port_of(entry)))
			found = entry;
	return found;
}

/* -- in force -------------------------------------------------------------- */

/* One block; networks of an entry that cannot be read are left out. */
static struct maintenance *make(const json_t *entry)
{
	const json_t *allow = json_object_get(entry, "allow"), *one;
	struct cidr networks[MAINTENANCE_ALLOW_MAX];
	struct maintenance *m = xcalloc(1, sizeof(*m));
	struct arena arena = {0};
	struct cidr_set set;
	struct cidr *kept;
	size_t i, n = 0;

	json_array_foreach (allow, i, one)
		if (json_is_string(one) && n < MAINTENANCE_ALLOW_MAX &&
		    cidr_parse(slice_of(json_string_value(one)),
			       &networks[n]) == CIDR_FINE)
			n++;
	cidr_set_make(&arena, networks, n, &set);
	kept = xcalloc(set.n + 1, sizeof(*kept));
	memcpy(kept, set.networks, set.n * sizeof(*kept));
	arena_release(&arena);
	m->enabled = true;
	m->allow = (struct cidr_set){kept, set.n};
	m->retry_after_s = (uint32_t)json_integer_value(
		json_object_get(entry, "retry_after"));
	if (m->retry_after_s == 0)
		m->retry_after_s = RETRY_AFTER_S;
	return m;
}

/* What workers may still look at in the turn that they are in. */
struct parting {
	_Atomic unsigned left; /* workers that may */
	struct maintenance *what;
};

static void free_maintenance(struct maintenance *m)
{
	if (m)
		free((void *)(uintptr_t)m->allow.networks);
	free(m);
}

static void part(void *arg)
{
	struct parting *p = arg;

	if (atomic_fetch_sub_explicit(&p->left, 1, memory_order_acq_rel) > 1)
		return;
	free_maintenance(p->what);
	free(p);
}

static void put_in_force(struct daemon *d, struct listener_state *l,
			 struct maintenance *m)
{
	const struct maintenance *before = atomic_exchange_explicit(
		&l->maintenance, m, memory_order_acq_rel);
	struct parting *p;

	if (!before)
		return;
	p = xmalloc(sizeof(*p));
	p->left = d->n_workers;
	p->what = (struct maintenance *)(uintptr_t)before;
	for (unsigned w = 0; w < d->n_workers; w++)
		worker_post(d->workers[w], part, p);
}

static void note_time(struct listener_state *state, bool is_shut,
		      const char *since)
{
	struct tm tm = {0};

	if (!is_shut)
		state->shut_since_s = 0;
	else if (since && strptime(since, "%Y-%m-%dT%H:%M:%SZ", &tm))
		state->shut_since_s = timegm(&tm);
	else if (!state->shut_since_s)
		state->shut_since_s = clock_wall_s();
}

static void lay_on(struct daemon *d, const struct listener *l)
{
	const json_t *entry = entry_of(d->runtime.doc, l);

	put_in_force(d, l->state, entry ? make(entry) : NULL);
	note_time(l->state, entry || l->maintenance,
		  json_string_value(json_object_get(entry, "since")));
}

static const struct listener *find(const struct snapshot *snap,
				   const json_t *entry)
{
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++)
			if (is_of(entry, &lb->listeners[i]))
				return &lb->listeners[i];
	}
	return NULL;
}

void maintenance_lay(struct daemon *d, const struct snapshot *snap,
		     struct diag *diag)
{
	const json_t *entry;
	size_t at;

	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++)
			lay_on(d, &lb->listeners[i]);
	}
	json_array_foreach (entries_of(d->runtime.doc), at, entry)
		if (!find(snap, entry))
			diag_warning(diag, NULL,
				     "\"weir maintenance off\" forgets it",
				     "the overlay has a maintenance of what is "
				     "no more: %s:%u",
				     json_string_value(json_object_get(
					     entry, "load_balancer")),
				     port_of(entry));
}

void maintenance_release(struct daemon *d)
{
	const struct balancer_state *lb = d->counts.balancers;

	for (; lb; lb = lb->next)
		for (struct listener_state *l = lb->listeners; l; l = l->next)
			free_maintenance(
				(struct maintenance *)(uintptr_t)
					atomic_exchange(&l->maintenance, NULL));
}

/* -- showing --------------------------------------------------------------- */

static json_t *networks_of(const struct maintenance *m)
{
	json_t *list = json_array();
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < m->allow.n; i++)
		json_array_append_new(
			list,
			json_string(cidr_format(&m->allow.networks[i], text)));
	return list;
}

static void add(json_t *list, const struct listener *l,
		const struct maintenance *m, const char *by)
{
	json_array_append_new(
		list, json_pack("{s:o, s:i, s:o, s:o, s:I, s:s}",
				"load_balancer", status_text(l->balancer->name),
				"port", l->port, "since",
				status_time((uint64_t)l->state->shut_since_s),
				"allow", networks_of(m), "retry_after",
				(json_int_t)m->retry_after_s, "by", by));
}

static json_t *show(const struct daemon *d)
{
	json_t *answer = admin_ok(), *list = json_array();

	for (size_t b = 0; b < d->snap->n_balancers; b++) {
		const struct load_balancer *lb = &d->snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];
			const struct maintenance *now = l->state->maintenance;

			if (now)
				add(list, l, now, "runtime");
			else if (l->maintenance)
				add(list, l, l->maintenance, "file");
		}
	}
	json_object_set_new(answer, "maintenance", list);
	return answer;
}

/* -- switching ------------------------------------------------------------- */

struct change {
	char *name;    /* of the load balancer; owned */
	uint16_t port; /* 0: all of its listeners */
	bool on;
};

/* "web" or "web:443". NULL: it was understood, and is there. */
static json_t *read_where(const struct daemon *d, const char *text,
			  struct change *c)
{
	struct slice rest = slice_of(text);
	struct slice name = slice_cut(&rest, ':');
	const struct load_balancer *lb = snapshot_find_balancer(d->snap, name);
	uint64_t port = 0;

	if (rest.p &&
	    (!slice_to_u64(rest, &port) || port < 1 || port > UINT16_MAX))
		return admin_error("\"%s\" is no listener: write web or "
				   "web:443",
				   text);
	c->name = slice_dup(name);
	c->port = (uint16_t)port;
	for (size_t i = 0; lb && i < lb->n_listeners; i++)
		if (port == 0 || lb->listeners[i].port == port)
			return NULL;
	/* What is no more can still be switched off. */
	if (!c->on)
		return NULL;
	return lb ? admin_error("the load balancer \"%s\" has no listener on "
				"port %u",
				c->name, c->port)
		  : admin_error("there is no load balancer \"%s\"", c->name);
}

static json_t *check_network(const char *text)
{
	struct cidr c;
	char meant[CIDR_TEXT_MAX];

	switch (cidr_parse(slice_of(text), &c)) {
	case CIDR_FINE:
		return NULL;
	case CIDR_NO_LENGTH:
	case CIDR_HOST_BITS:
		return admin_error("\"%s\" is no network: write \"%s\"", text,
				   cidr_format(&c, meant));
	case CIDR_MALFORMED:
	case CIDR_BAD_LENGTH:
		break;
	}
	return admin_error("\"%s\" is no network, such as 192.0.2.0/24", text);
}

static json_t *check_request(const json_t *request)
{
	const json_t *allow = json_object_get(request, "allow"), *one;
	const json_t *retry = json_object_get(request, "retry_after");
	json_int_t n = json_integer_value(retry);
	json_t *refusal = NULL;
	size_t i;

	if (retry &&
	    (!json_is_integer(retry) || n < 1 || n > RETRY_AFTER_MAX_S))
		return admin_error("\"retry_after\" is from 1 to %d seconds",
				   RETRY_AFTER_MAX_S);
	if (allow && (!json_is_array(allow) ||
		      json_array_size(allow) > MAINTENANCE_ALLOW_MAX))
		return admin_error("\"allow\" is a list of at most %d networks",
				   MAINTENANCE_ALLOW_MAX);
	json_array_foreach (allow, i, one) {
		refusal = json_is_string(one)
				  ? check_network(json_string_value(one))
				  : admin_error("\"allow\" is a list of texts");
		if (refusal)
			break;
	}
	return refusal;
}

static bool is_same(const json_t *entry, const struct change *c)
{
	const char *name =
		json_string_value(json_object_get(entry, "load_balancer"));

	return name && strcmp(name, c->name) == 0 && port_of(entry) == c->port;
}

/* A document with the change in it. Whether there was such an entry. */
static bool edit(json_t *doc, const struct change *c, const json_t *request)
{
	json_t *list = json_array(), *entry, *of_load_balancer;
	const json_t *before = entries_of(doc);
	const json_t *allow = json_object_get(request, "allow");
	const json_t *retry = json_object_get(request, "retry_after");
	bool was = false;
	size_t i;

	of_load_balancer = json_string(c->name);
	json_array_foreach (before, i, entry) {
		was |= is_same(entry, c);
		if (!is_same(entry, c))
			json_array_append(list, entry);
	}
	if (c->on) {
		entry = json_object();
		json_object_set(entry, "load_balancer", of_load_balancer);
		if (c->port)
			json_object_set_new(entry, "port",
					    json_integer(c->port));
		json_object_set_new(entry, "since",
				    status_time((uint64_t)clock_wall_s()));
		json_object_set_new(entry, "allow",
				    allow ? json_deep_copy(allow)
					  : json_array());
		json_object_set_new(entry, "retry_after",
				    retry ? json_deep_copy(retry)
					  : json_integer(RETRY_AFTER_S));
		json_array_append_new(list, entry);
	}
	json_decref(of_load_balancer);
	if (json_array_size(list))
		json_object_set(doc, "maintenance", list);
	else
		json_object_del(doc, "maintenance");
	json_decref(list);
	return was;
}

static void say_changed(struct daemon *d, const struct change *c)
{
	char *what = c->port ? xasprintf("%s:%u", c->name, c->port)
			     : xstrdup(c->name);
	struct log_line l;

	log_begin(&l, LOG_INFO,
		  c->on ? "maintenance begins" : "maintenance ends");
	log_str(&l, "listener", what);
	log_end(&l);
	events_note(&d->events, EVENT_MAINTENANCE, what,
		    c->on ? "Maintenance begins." : "Maintenance ends.");
	free(what);
}

/* Off, and nothing was on at run time. */
static json_t *refuse_off(const struct daemon *d, const struct change *c)
{
	for (size_t b = 0; b < d->snap->n_balancers; b++) {
		const struct load_balancer *lb = &d->snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++)
			if (slice_eq(lb->name, slice_of(c->name)) &&
			    (!c->port || lb->listeners[i].port == c->port) &&
			    lb->listeners[i].maintenance)
				return admin_error(
					"the file says so: change it there, "
					"and reload");
	}
	return admin_error("there is no maintenance of that at run time");
}

static json_t *change(struct daemon *d, const json_t *request,
		      const struct change *c)
{
	json_t *doc, *refusal = NULL;
	struct diag diag = {0};

	doc = runtime_copy(&d->runtime);
	if (!edit(doc, c, request) && !c->on)
		refusal = refuse_off(d, c);
	else if (runtime_save(&d->runtime, json_incref(doc)))
		refusal = admin_error("the overlay file %s cannot be written: "
				      "%s; nothing was changed",
				      d->runtime.path ? d->runtime.path : "",
				      strerror(errno));
	json_decref(doc);
	if (refusal)
		return refusal;
	maintenance_lay(d, d->snap, &diag);
	diag_release(&diag);
	say_changed(d, c);
	return show(d);
}

json_t *maintenance_answer(struct daemon *d, const json_t *request,
			   uint64_t *memo)
{
	const json_t *on = json_object_get(request, "on");
	const json_t *off = json_object_get(request, "off");
	const char *where = json_string_value(on ? on : off);
	struct change c = {.on = on != NULL};
	json_t *answer;

	(void)memo;
	if (!on && !off)
		return show(d);
	if (!where || (on && off))
		return admin_error("\"on\" or \"off\" is a load balancer, or "
				   "one with a port");
	answer = target_refuse_change(d);
	if (!answer)
		answer = check_request(request);
	if (!answer)
		answer = read_where(d, where, &c);
	if (!answer)
		answer = change(d, request, &c);
	free(c.name);
	return answer;
}
