/*
 * status_targets.c - the targets there are, with their state and the reason
 * for it.
 *
 * Floor: control.
 */
#include "balance/anomaly.h"
#include "balance/passive.h"
#include "balance/pick.h"
#include "balance/slow_start.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/map.h"
#include "daemon.h"
#include "lay.h"
#include "model/protocol.h"
#include "status.h"

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
			status_count(by_class, classes[c], responses[c]);
	status_count(o, "requests", requests);
	status_count(o, "in_flight", requests > ended ? requests - ended : 0);
	status_count(o, "unanswered", unanswered);
	status_count(o, "connection_failures", failures);
	json_object_set_new(o, "responses", by_class);
	status_count(o, "octets_received", in);
	status_count(o, "octets_sent", out);
}

static json_t *target_counters(const struct target_state *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n_counters; i++)
		if (counters[i].scope == SCOPE_TARGET)
			status_count(o, counters[i].name,
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

/* The targets of a group that were changed at run time, by lay_key(). */
static void map_laid(struct map *laid, struct arena *keys,
		     const struct target_group *g)
{
	size_t n = 0;
	const struct target *t = g ? group_targets(g, &n) : NULL;

	for (size_t i = 0; i < n; i++) {
		char room[LAY_KEY_MAX];

		if (t[i].laid != LAID_NOT)
			map_put(laid,
				arena_slice(keys,
					    lay_key(room, t[i].id, t[i].port)),
				(void *)(uintptr_t)&t[i]);
	}
}

static void set_laid(json_t *o, const struct target_state *s,
		     const struct map *laid)
{
	char room[LAY_KEY_MAX];
	const struct target *t =
		map_get(laid, lay_key(room, s->id, addr_port(&s->addr)));

	if (t)
		json_object_set_new(o, "overlay",
				    json_string(laid_name(t->laid)));
}

static void add_members(json_t *list, const struct daemon *d,
			const struct target_group *g, const struct map *laid)
{
	struct roster *roster = group_state_roster(g->state);

	for (size_t i = 0; i < roster->n_members; i++) {
		const struct member *m = &roster->members[i];
		json_t *o = target_to_json(d, m->state);

		status_count(o, "weight", m->weight);
		json_object_set_new(o, "backup", json_boolean(m->backup));
		set_share(o, g, m->state, roster->n_members);
		set_laid(o, m->state, laid);
		json_object_set_new(o, "availability_zone",
				    status_text(m->zone));
		json_array_append_new(list, o);
	}
	roster_unref(roster);
}

static void add_draining(json_t *list, const struct daemon *d,
			 struct slice group, const struct map *laid)
{
	const struct target_state *s;
	uint64_t left_ms;
	size_t at = 0;

	while ((s = rosters_next_draining(d->rosters, &at, &left_ms))) {
		json_t *o;

		if (!slice_eq(s->group, group))
			continue;
		o = target_to_json(d, s);
		if (left_ms != UINT64_MAX)
			status_count(o, "seconds_left", (left_ms + 999) / 1000);
		set_laid(o, s, laid);
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

static json_t *group_counters(const struct group_counts *g)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n_counters; i++)
		if (counters[i].scope == SCOPE_GROUP)
			status_count(o, counters[i].name,
				     group_count(g, counters[i].index));
	return o;
}

static json_t *group_to_json(const struct daemon *d,
			     const struct target_group *g)
{
	json_t *o = json_object(), *list = json_array();
	struct arena keys = {0};
	struct map laid = {0};

	map_laid(&laid, &keys, g);
	add_members(list, d, g, &laid);
	add_draining(list, d, g->name, &laid);
	map_release(&laid);
	arena_release(&keys);
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
	static const struct map nothing;
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
		add_draining(list, d, s->group, &nothing);
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
