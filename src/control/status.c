#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "balance/anomaly.h"
#include "balance/passive.h"
#include "balance/pick.h"
#include "balance/slow_start.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/reason.h"
#include "daemon.h"
#include "logs.h"
#include "model/protocol.h"
#include "stream/h2_session.h"
#include "web.h"

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

static void set_count(json_t *o, const char *key, uint64_t value)
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
		set_count(o, "worker", w);
		set_count(o, "client_connections", g.client_connections);
		set_count(o, "target_connections", g.target_connections);
		set_count(o, "requests_under_way", g.requests_under_way);
		set_count(o, "generation", g.generation);
		set_count(o, "oldest_generation", g.oldest_generation);
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
	set_count(o, "current", d->snap->generation);
	set_count(o, "oldest_alive", oldest);
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
		set_count(o, counters[i].name, total(d, &counters[i]));
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
			set_count(o, reason_token((enum reason)r), sum);
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
			set_count(o, glitch_token((enum glitch)g), sum);
	}
	return o;
}

/* What one connection of HTTP/2 from a client may make us hold. */
static json_t *http2_limits(void)
{
	json_t *o = json_object();

	set_count(o, "body_octets", H2_IN_MOST + H2_OUT_MOST);
	set_count(o, "head_octets", H2_HEADS_MOST);
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
			set_count(counts, counters[i].name,
				  l ? listener_count(l, c)
				    : balancer_count(lb, c));
	}
	for (int r = REASON_NONE + 1; r < REASON_KINDS; r++) {
		uint64_t n = l ? listener_reasons(l, (enum reason)r)
			       : balancer_reasons(lb, (enum reason)r);

		if (n)
			set_count(reasons, reason_token((enum reason)r), n);
	}
	for (int g = 0; g < GLITCH_KINDS; g++) {
		uint64_t n = glitches_of(lb, l, (enum glitch)g);

		if (n)
			set_count(glitches, glitch_token((enum glitch)g), n);
	}
	json_object_set_new(o, "counters", counts);
	json_object_set_new(o, "reasons", reasons);
	json_object_set_new(o, "http2_glitches", glitches);
}

static json_t *group_counters(const struct group_counts *g)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n_counters; i++)
		if (counters[i].scope == SCOPE_GROUP)
			set_count(o, counters[i].name,
				  group_count(g, counters[i].index));
	return o;
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
			set_count(o, "port", l->port);
			json_object_set_new(o, "addresses", at);
			set_count(o, "rules", l->n_rules);
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
		set_count(o, "addresses", name.n_addresses);
		set_count(o, "asked_again_in_seconds", name.asks_in_ms / 1000);
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
	set_count(o, "started", c.started);
	set_count(o, "passed", c.passed);
	set_count(o, "failed", c.failed);
	set_count(o, "targets", c.n_probes);
	set_count(o, "running", c.n_running);
	return o;
}

/* The same members as those of log files. */
json_t *status_of_logs(const struct journals *js)
{
	struct log_counts counts;
	json_t *o = json_object(), *list = json_array();

	log_read_counts(&counts);
	json_object_set_new(o, "path", json_string("stderr"));
	set_count(o, "lines", counts.lines);
	set_count(o, "lost", counts.lost);
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
	set_count(o, "clients", counts.clients);
	set_count(o, "evicted", counts.evicted);
	set_count(o, "refused", counts.refused);
	return o;
}

static json_t *admin_http(const struct daemon *d)
{
	struct web_counts counts;
	json_t *o = json_object();

	web_read_counts(d->web.web, &counts);
	set_count(o, "clients", counts.clients);
	set_count(o, "requests", counts.requests);
	set_count(o, "evicted", counts.evicted);
	set_count(o, "refused", counts.refused);
	set_count(o, "expired", counts.expired);
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
	set_count(o, "generation", r->generation);
	json_object_set(o, "findings", r->findings);
	return o;
}

json_t *status_of_daemon(const struct daemon *d)
{
	json_t *o = admin_ok();

	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	set_count(o, "pid", (uint64_t)getpid());
	json_object_set_new(o, "file", status_text(slice_of(d->file)));
	json_object_set_new(o, "phase",
			    json_string(d->phase == DAEMON_SERVING
						? "serving"
						: "stopping"));
	json_object_set_new(o, "started", status_time((uint64_t)d->started_s));
	set_count(o, "uptime_seconds", (clock_now_ms() - d->started_ms) / 1000);
	json_object_set_new(o, "generations", generations(d));
	json_object_set_new(o, "workers", workers(d));
	json_object_set_new(o, "load_balancers", load_balancers(d));
	json_object_set_new(o, "listeners", listeners(d));
	json_object_set_new(o, "counters", totals(d));
	json_object_set_new(o, "reasons", total_reasons(d));
	json_object_set_new(o, "http2_glitches", total_glitches(d));
	json_object_set_new(o, "http2_connection_limits", http2_limits());
	json_object_set_new(o, "health_checks", checks(d));
	json_object_set_new(o, "names", names(d));
	json_object_set_new(o, "admin", admin(d));
	json_object_set_new(o, "admin_http", admin_http(d));
	json_object_set_new(o, "logs", status_of_logs(d->journals));
	json_object_set_new(o, "last_reload", last_reload(d));
	return o;
}

/* -- targets --------------------------------------------------------------- */

/* As DescribeTargetHealth says it: healthy ones have neither. */
static void set_reason(json_t *o, const struct daemon *d,
		       const struct target_state *s)
{
	const char *detail = prober_detail(d->prober, s);
	enum health_reason reason = (enum health_reason)s->health_reason;
	const char *code = health_reason_code(reason);
	unsigned answer = s->health_code;

	if (s->health == HEALTH_HEALTHY || !code[0])
		return;
	json_object_set_new(o, "reason", json_string(code));
	if (reason == HEALTH_CODE_MISMATCH)
		json_object_set_new(o, "description",
				    json_sprintf("%s[%u]",
						 health_reason_text(reason),
						 answer));
	else
		json_object_set_new(o, "description",
				    json_string(health_reason_text(reason)));
	if (*detail)
		json_object_set_new(o, "detail", status_text(slice_of(detail)));
}

static void set_tally(json_t *o, const struct target_state *s)
{
	static const char *const classes[] = {"other", "1xx", "2xx",
					      "3xx",   "4xx", "5xx"};
	uint64_t requests = 0, ended = 0, failures = 0, in = 0, out = 0;
	uint64_t unanswered = 0;
	uint64_t responses[6] = {0};
	json_t *by_class = json_object();

	for (unsigned w = 0; w < s->n_workers; w++) {
		const struct tally *t = &s->tally[w];

		/* Before `requests`, so that in_flight is never below 0. */
		ended += tally_read(&t->ended);
		requests += tally_read(&t->requests);
		failures += tally_read(&t->failures);
		unanswered += tally_read(&t->unanswered);
		in += tally_read(&t->octets_in);
		out += tally_read(&t->octets_out);
		for (int c = 0; c < 6; c++)
			responses[c] += tally_read(&t->responses[c]);
	}
	for (int c = 0; c < 6; c++)
		if (c >= 2 || responses[c])
			set_count(by_class, classes[c], responses[c]);
	set_count(o, "requests", requests);
	set_count(o, "in_flight", requests > ended ? requests - ended : 0);
	set_count(o, "unanswered", unanswered);
	set_count(o, "connection_failures", failures);
	json_object_set_new(o, "responses", by_class);
	set_count(o, "octets_received", in);
	set_count(o, "octets_sent", out);
}

static json_t *target_counters(const struct target_state *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n_counters; i++)
		if (counters[i].scope == SCOPE_TARGET)
			set_count(o, counters[i].name,
				  target_count(s, counters[i].index));
	return o;
}

static json_t *target_to_json(const struct daemon *d,
			      const struct target_state *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "target", json_string(s->name));
	json_object_set_new(o, "id", status_text(s->id));
	json_object_set_new(o, "state",
			    json_string(health_name((enum health)s->health)));
	set_reason(o, d, s);
	json_object_set_new(o, "since", status_time(s->health_since_s));
	set_tally(o, s);
	json_object_set_new(o, "counters", target_counters(s));
	return o;
}

static void set_part(json_t *o, const char *key, uint32_t factor)
{
	json_object_set_new(o, key, json_real((double)factor / FACTOR_ONE));
}

/* What it gets less than its weight, and why. */
static void set_share(json_t *o, const struct target_group *g,
		      const struct target_state *s, size_t n_members)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t rest_ms = passive_rest_ms(s, now_ms);
	uint32_t share = slow_start_share(s, g, now_ms);

	if (n_members >= ANOMALY_TARGETS) {
		json_object_set_new(
			o, "anomaly",
			json_string(s->is_anomalous ? "anomalous" : "normal"));
		json_object_set_new(o, "mitigation",
				    json_boolean(s->factor < FACTOR_ONE));
	}
	if (g->mitigates)
		set_part(o, "weight_factor", s->factor);
	if (share < FACTOR_ONE)
		set_part(o, "slow_start_share", share);
	if (rest_ms && passive_is_suspect(s, &g->passive))
		json_object_set_new(o, "resting_seconds",
				    json_real((double)rest_ms / 1000));
}

static void add_members(json_t *list, const struct daemon *d,
			const struct target_group *g)
{
	struct roster *roster = group_state_roster(g->state);

	for (size_t i = 0; i < roster->n_members; i++) {
		const struct member *m = &roster->members[i];
		json_t *o = target_to_json(d, m->state);

		set_count(o, "weight", m->weight);
		json_object_set_new(o, "backup", json_boolean(m->backup));
		set_share(o, g, m->state, roster->n_members);
		json_object_set_new(o, "availability_zone",
				    status_text(m->zone));
		json_array_append_new(list, o);
	}
	roster_unref(roster);
}

static void add_draining(json_t *list, const struct daemon *d,
			 struct slice group)
{
	const struct target_state *s;
	uint64_t left_ms;
	size_t at = 0;

	while ((s = rosters_next_draining(d->rosters, &at, &left_ms))) {
		json_t *o;

		if (!slice_eq(s->group, group))
			continue;
		o = target_to_json(d, s);
		set_count(o, "seconds_left", (left_ms + 999) / 1000);
		json_array_append_new(list, o);
	}
}

static bool zone_in_use(const struct target_group *g)
{
	struct roster *roster = group_state_roster(g->state);
	bool is = pick_zone_in_use(g, roster);

	roster_unref(roster);
	return is;
}

static json_t *group_to_json(const struct daemon *d,
			     const struct target_group *g)
{
	json_t *o = json_object(), *list = json_array();

	add_members(list, d, g);
	add_draining(list, d, g->name);
	json_object_set_new(o, "name", status_text(g->name));
	json_object_set_new(o, "protocol",
			    json_string(protocol_name(g->protocol)));
	json_object_set_new(o, "in_use", json_boolean(g->is_used));
	json_object_set_new(o, "zone_in_use", json_boolean(zone_in_use(g)));
	json_object_set_new(o, "counters", group_counters(g->counts));
	json_object_set_new(o, "targets", list);
	return o;
}

static bool is_listed(const json_t *groups, size_t from, struct slice name)
{
	for (size_t i = from; i < json_array_size(groups); i++) {
		const json_t *o = json_array_get(groups, i);
		const json_t *its = json_object_get(o, "name");

		if (slice_eq(name, slice_of(json_string_value(its))))
			return true;
	}
	return false;
}

/* Groups that the configuration has no more, as long as somebody drains. */
static void add_gone_groups(json_t *groups, const struct daemon *d)
{
	const struct target_state *s;
	uint64_t left_ms;
	size_t at = 0, before = json_array_size(groups);

	while ((s = rosters_next_draining(d->rosters, &at, &left_ms))) {
		json_t *o, *list;

		if (snapshot_find_group(d->snap, s->group) ||
		    is_listed(groups, before, s->group))
			continue;
		o = json_object();
		list = json_array();
		add_draining(list, d, s->group);
		json_object_set_new(o, "name", status_text(s->group));
		json_object_set_new(o, "in_use", json_false());
		json_object_set_new(o, "targets", list);
		json_array_append_new(groups, o);
	}
}

json_t *status_of_targets(const struct daemon *d)
{
	json_t *o = admin_ok(), *groups = json_array();

	for (size_t i = 0; i < d->snap->n_groups; i++)
		json_array_append_new(groups,
				      group_to_json(d, &d->snap->groups[i]));
	add_gone_groups(groups, d);
	json_object_set_new(o, "target_groups", groups);
	return o;
}
