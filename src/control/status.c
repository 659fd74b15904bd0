#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "advice.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/reason.h"
#include "daemon.h"
#include "generations.h"
#include "logs.h"
#include "model/protocol.h"
#include "stream/h2_session.h"
#include "web.h"

enum { DIFFERS_MS = 1000 };

/* json_stringn refuses what is not UTF-8: then only its ASCII is shown. */
json_t *status_text(struct slice text)
{
	json_t *s = json_stringn(text.p, text.n);
	char *plain;

	if (s || text.n == 0)
		return s ? s : json_string("");
	plain = slice_dup(text);
	for (size_t i = 0; i < text.n; i++)
		if (plain[i] & 0x80)
			plain[i] = '?';
	s = json_stringn(plain, text.n);
	free(plain);
	return s;
}

json_t *status_time(uint64_t seconds_since_1970)
{
	time_t when = (time_t)seconds_since_1970;
	char text[32];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

void status_count(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

/* -- status ---------------------------------------------------------------- */

static json_t *workers(const struct daemon *d)
{
	json_t *list = json_array();

	for (unsigned w = 0; w < d->n_workers; w++) {
		struct worker_gauges g;
		json_t *o = json_object();

		worker_read_gauges(d->workers[w], &g);
		status_count(o, "worker", w);
		status_count(o, "client_connections", g.client_connections);
		status_count(o, "target_connections", g.target_connections);
		status_count(o, "requests_under_way", g.requests_under_way);
		status_count(o, "generation", g.generation);
		status_count(o, "oldest_generation", g.oldest_generation);
		json_array_append_new(list, o);
	}
	return list;
}

/* The oldest that some exchange runs in, to the one of now. */
static json_t *generations(const struct daemon *d)
{
	uint64_t oldest = d->snap->generation;
	json_t *o = json_object();

	for (unsigned w = 0; w < d->n_workers; w++) {
		struct worker_gauges g;

		worker_read_gauges(d->workers[w], &g);
		if (g.oldest_generation && g.oldest_generation < oldest)
			oldest = g.oldest_generation;
	}
	status_count(o, "current", d->snap->generation);
	status_count(o, "oldest_alive", oldest);
	json_object_set_new(o, "alive", generations_alive(d));
	return o;
}

/* -- counters -------------------------------------------------------------- */

static uint64_t count_of_workers(const struct daemon *d, enum worker_counter c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < d->n_workers; w++)
		sum += tally_read(&worker_counters(d->workers[w])[c]);
	return sum;
}

static uint64_t count_of_listeners(const struct daemon *d,
				   enum listener_counter c)
{
	const struct balancer_state *lb = d->counts.balancers;
	uint64_t sum = 0;

	for (; lb; lb = lb->next)
		sum += balancer_count(lb, c);
	return sum;
}

static uint64_t count_of_groups(const struct daemon *d, enum group_counter c)
{
	const struct group_counts *g = d->counts.groups;
	uint64_t sum = 0;

	for (; g; g = g->next)
		sum += group_count(g, c);
	return sum;
}

static uint64_t total(const struct daemon *d, const struct counter *c)
{
	switch (c->scope) {
	case SCOPE_WORKER:
		return count_of_workers(d, (enum worker_counter)c->index);
	case SCOPE_LISTENER:
		return count_of_listeners(d, (enum listener_counter)c->index);
	case SCOPE_GROUP:
		return count_of_groups(d, (enum group_counter)c->index);
	case SCOPE_TARGET:
		return rosters_count(d->rosters, (enum target_counter)c->index);
	}
	BUG("counter of scope %d", c->scope);
}

/* Of the whole program, also of what it has no more. */
static json_t *totals(const struct daemon *d)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n_counters; i++)
		status_count(o, counters[i].name, total(d, &counters[i]));
	return o;
}

static json_t *total_reasons(const struct daemon *d)
{
	json_t *o = json_object();

	for (int r = REASON_NONE + 1; r < REASON_KINDS; r++) {
		const struct balancer_state *lb = d->counts.balancers;
		uint64_t sum = 0;

		for (; lb; lb = lb->next)
			sum += balancer_reasons(lb, (enum reason)r);
		if (sum)
			status_count(o, reason_token((enum reason)r), sum);
	}
	return o;
}

/* Of one listener, or of a load balancer where `l` is NULL. */
static uint64_t glitches_of(const struct balancer_state *lb,
			    const struct listener_state *l, enum glitch g)
{
	uint64_t sum = 0;

	if (l)
		return listener_glitches(l, g);
	for (l = lb->listeners; l; l = l->next)
		sum += listener_glitches(l, g);
	return sum;
}

static json_t *total_glitches(const struct daemon *d)
{
	json_t *o = json_object();

	for (int g = 0; g < GLITCH_KINDS; g++) {
		const struct balancer_state *lb = d->counts.balancers;
		uint64_t sum = 0;

		for (; lb; lb = lb->next)
			sum += glitches_of(lb, NULL, (enum glitch)g);
		if (sum)
			status_count(o, glitch_token((enum glitch)g), sum);
	}
	return o;
}

/* What one connection of HTTP/2 from a client may make us hold. */
static json_t *http2_limits(void)
{
	json_t *o = json_object();

	status_count(o, "body_octets", H2_IN_MOST + H2_OUT_MOST);
	status_count(o, "head_octets", H2_HEADS_MOST);
	return o;
}

/* Members "counters" and "reasons" of one listener, or of a load balancer
 * where `l` is NULL. */
static void set_listener_counts(json_t *o, const struct balancer_state *lb,
				const struct listener_state *l)
{
	json_t *counts = json_object(), *reasons = json_object();
	json_t *glitches = json_object();

	for (size_t i = 0; i < n_counters; i++) {
		enum listener_counter c =
			(enum listener_counter)counters[i].index;

		if (counters[i].scope == SCOPE_LISTENER)
			status_count(counts, counters[i].name,
				     l ? listener_count(l, c)
				       : balancer_count(lb, c));
	}
	for (int r = REASON_NONE + 1; r < REASON_KINDS; r++) {
		uint64_t n = l ? listener_reasons(l, (enum reason)r)
			       : balancer_reasons(lb, (enum reason)r);

		if (n)
			status_count(reasons, reason_token((enum reason)r), n);
	}
	for (int g = 0; g < GLITCH_KINDS; g++) {
		uint64_t n = glitches_of(lb, l, (enum glitch)g);

		if (n)
			status_count(glitches, glitch_token((enum glitch)g), n);
	}
	json_object_set_new(o, "counters", counts);
	json_object_set_new(o, "reasons", reasons);
	json_object_set_new(o, "http2_glitches", glitches);
}

/* With its listeners of before, whose numbers are its own. */
static json_t *load_balancers(const struct daemon *d)
{
	const struct balancer_state *lb = d->counts.balancers;
	json_t *list = json_array();

	for (; lb; lb = lb->next) {
		json_t *o = json_object();

		json_object_set_new(o, "name", status_text(lb->name));
		set_listener_counts(o, lb, NULL);
		json_array_append_new(list, o);
	}
	return list;
}

/* -- listeners, names and the rest ----------------------------------------- */

static json_t *listeners(const struct daemon *d)
{
	json_t *list = json_array();

	for (size_t b = 0; b < d->snap->n_balancers; b++) {
		const struct load_balancer *lb = &d->snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];
			json_t *o = json_object(), *at = json_array();

			for (size_t p = 0; p < d->ports.n; p++) {
				char text[ADDR_TEXT_MAX];
				size_t n;

				if (d->ports.rows[p].listener != l->index)
					continue;
				n = addr_format(&d->ports.rows[p].addr, text);
				json_array_append_new(at,
						      json_stringn(text, n));
			}
			json_object_set_new(o, "load_balancer",
					    status_text(lb->name));
			json_object_set_new(
				o, "protocol",
				json_string(protocol_name(l->protocol)));
			status_count(o, "port", l->port);
			json_object_set_new(o, "addresses", at);
			status_count(o, "rules", l->n_rules);
			set_listener_counts(o, NULL, l->state);
			json_array_append_new(list, o);
		}
	}
	return list;
}

static json_t *names(const struct daemon *d)
{
	json_t *list = json_array();
	struct resolver_name name;
	size_t at = 0;

	while (resolver_next(d->resolver, &at, &name)) {
		json_t *o = json_object();

		json_object_set_new(o, "name", status_text(name.name));
		status_count(o, "addresses", name.n_addresses);
		status_count(o, "asked_again_in_seconds",
			     name.asks_in_ms / 1000);
		if (name.failure)
			json_object_set_new(o, "failure",
					    json_string(name.failure));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *checks(const struct daemon *d)
{
	struct prober_counts c;
	json_t *o = json_object();

	prober_read_counts(d->prober, &c);
	status_count(o, "started", c.started);
	status_count(o, "passed", c.passed);
	status_count(o, "failed", c.failed);
	status_count(o, "targets", c.n_probes);
	status_count(o, "running", c.n_running);
	return o;
}

/* The same members as those of log files. */
json_t *status_of_logs(const struct journals *js)
{
	struct log_counts counts;
	json_t *o = json_object(), *list = json_array();

	log_read_counts(&counts);
	json_object_set_new(o, "path", json_string("stderr"));
	status_count(o, "lines", counts.lines);
	status_count(o, "lost", counts.lost);
	if (counts.last_error)
		json_object_set_new(o, "last_error",
				    json_string(strerror(counts.last_error)));
	json_array_append_new(list, o);
	if (js)
		logs_status(js, list);
	return list;
}

static json_t *admin(const struct daemon *d)
{
	struct admin_counts counts;
	json_t *o = json_object();

	admin_read_counts(d->admin, &counts);
	status_count(o, "clients", counts.clients);
	status_count(o, "evicted", counts.evicted);
	status_count(o, "refused", counts.refused);
	return o;
}

static json_t *admin_http(const struct daemon *d)
{
	struct web_counts counts;
	json_t *o = json_object();

	web_read_counts(d->web.web, &counts);
	status_count(o, "clients", counts.clients);
	status_count(o, "requests", counts.requests);
	status_count(o, "evicted", counts.evicted);
	status_count(o, "refused", counts.refused);
	status_count(o, "expired", counts.expired);
	return o;
}

bool status_file_differs(struct daemon *d)
{
	uint64_t now = clock_now_ms();

	if (now >= d->differs_until_ms) {
		d->differs = !config_is_same(d->file, d->snap);
		d->differs_until_ms = now + DIFFERS_MS;
	}
	return d->differs;
}

static json_t *config(struct daemon *d)
{
	json_t *o = json_object();

	json_object_set_new(o, "hash", json_string(d->config_hash));
	json_object_set_new(o, "file_differs",
			    json_boolean(status_file_differs(d)));
	return o;
}

static json_t *waiting(const struct daemon *d)
{
	uint64_t now = clock_now_ms(), ends = d->confirm.ends_ms;
	json_t *o = json_object();

	status_count(o, "generation", d->snap->generation);
	status_count(o, "seconds_left",
		     ends > now ? (ends - now + 999) / 1000 : 0);
	return o;
}

static json_t *overlay(const struct daemon *d)
{
	json_t *o = json_object();

	status_count(o, "entries", runtime_count(d->runtime.doc));
	if (d->runtime.path)
		json_object_set_new(o, "file",
				    status_text(slice_of(d->runtime.path)));
	return o;
}

static json_t *last_reload(const struct daemon *d)
{
	const struct reload_report *r = &d->last_reload;
	json_t *o;

	if (!r->at_s)
		return json_null();
	o = json_object();
	json_object_set_new(o, "time", status_time((uint64_t)r->at_s));
	json_object_set_new(o, "ok", json_boolean(r->ok));
	status_count(o, "generation", r->generation);
	json_object_set(o, "findings", r->findings);
	return o;
}

json_t *status_of_daemon(struct daemon *d)
{
	json_t *o = admin_ok();

	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	status_count(o, "pid", (uint64_t)getpid());
	json_object_set_new(o, "file", status_text(slice_of(d->file)));
	json_object_set_new(o, "phase",
			    json_string(d->phase == DAEMON_SERVING
						? "serving"
						: "stopping"));
	json_object_set_new(o, "started", status_time((uint64_t)d->started_s));
	status_count(o, "uptime_seconds",
		     (clock_now_ms() - d->started_ms) / 1000);
	json_object_set_new(o, "generations", generations(d));
	json_object_set_new(o, "config", config(d));
	if (d->confirm.ends_ms)
		json_object_set_new(o, "waiting", waiting(d));
	json_object_set_new(o, "workers", workers(d));
	json_object_set_new(o, "load_balancers", load_balancers(d));
	json_object_set_new(o, "listeners", listeners(d));
	json_object_set_new(o, "counters", totals(d));
	json_object_set_new(o, "reasons", total_reasons(d));
	json_object_set_new(o, "http2_glitches", total_glitches(d));
	json_object_set_new(o, "http2_connection_limits", http2_limits());
	json_object_set_new(o, "limits", status_of_limits(d));
	json_object_set_new(o, "health_checks", checks(d));
	json_object_set_new(o, "names", names(d));
	json_object_set_new(o, "overlay", overlay(d));
	json_object_set_new(o, "advice", advice_to_json(d));
	json_object_set_new(o, "admin", admin(d));
	json_object_set_new(o, "admin_http", admin_http(d));
	json_object_set_new(o, "logs", status_of_logs(d->journals));
	json_object_set_new(o, "last_reload", last_reload(d));
	return o;
}
