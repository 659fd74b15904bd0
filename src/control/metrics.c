#include "metrics.h"

#include <stdlib.h>

#include "admin.h"
#include "advice.h"
#include "balance/pick.h"
#include "base/fail.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/map.h"
#include "cert_watch.h"
#include "daemon.h"
#include "metrics_parts.h"
#include "model/limit.h"
#include "tls/identity.h"
#include "tls/server.h"

/* Objects of one scope. */
struct collection {
	struct metric_object *objects; /* owned */
	size_t n, room;
};

struct metrics {
	struct daemon *daemon;
	struct snapshot *snap; /* one reference */
	enum metrics_format format;
	struct text labels; /* of all objects, one behind the other */
	struct collection of[METRIC_SCOPES];
	size_t n_draining; /* targets */
	bool *left_out;    /* by place in the table; owned */
	bool is_over;
	size_t row;    /* the family that is next */
	size_t object; /* of its objects, likewise */
	bool is_begun; /* the family, with its HELP and TYPE */
};

/* -- labels ---------------------------------------------------------------- */

/* As both formats want it. */
static void add_escaped(struct text *t, struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\n') {
			text_add(t, SLICE("\\n"));
			continue;
		}
		if (value.p[i] == '\\' || value.p[i] == '"')
			text_addc(t, '\\');
		text_addc(t, value.p[i]);
	}
}

static void add_label(struct text *t, const char *key, struct slice value)
{
	text_addf(t, "%s=\"", key);
	add_escaped(t, value);
	text_addc(t, '"');
}

/* -- collecting ------------------------------------------------------------ */

/* Zeroed, its labels to be appended now. Until the next one. */
static struct metric_object *object_new(struct metrics *m, enum metric_of of)
{
	struct collection *c = &m->of[of];

	if (c->n == c->room) {
		c->room = c->room * 2 + 16;
		c->objects =
			xrealloc(c->objects, c->room * sizeof(c->objects[0]));
	}
	c->objects[c->n] = (struct metric_object){.daemon = m->daemon,
						  .labels_at = m->labels.n};
	return &c->objects[c->n++];
}

static void object_labelled(const struct metrics *m, struct metric_object *o)
{
	o->labels_n = m->labels.n - o->labels_at;
}

static void label_listener(struct metrics *m, const struct listener *l)
{
	add_label(&m->labels, "load_balancer", l->balancer->name);
	text_addf(&m->labels, ",listener=\"%u\"", l->port);
}

static void collect_rule(struct metrics *m, const struct listener *l,
			 const struct rule *rule)
{
	struct metric_object *o = object_new(m, OF_RULE);

	o->rule = rule->counts;
	label_listener(m, l);
	if (rule == &l->default_rule)
		text_add(&m->labels, SLICE(",rule=\"default\""));
	else
		text_addf(&m->labels, ",rule=\"%u\"", rule->priority);
	object_labelled(m, o);
}

static void collect_rules(struct metrics *m, const struct listener *l)
{
	for (size_t i = 0; i < l->n_rules; i++)
		collect_rule(m, l, &l->rules[i]);
	collect_rule(m, l, &l->default_rule);
}

/* A file may be named twice. */
static void collect_certificates(struct metrics *m, const struct listener *l)
{
	const struct tls_server *now =
		l->tls ? cert_watch_server(m->daemon->cert_watch, l) : NULL;
	const struct tls_identity *id;
	struct map seen = {0};

	for (size_t i = 0; now && (id = tls_server_identity(now, i)); i++) {
		struct metric_object *o;

		if (map_put(&seen, slice_of(id->file), m))
			continue;
		o = object_new(m, OF_CERTIFICATE);
		o->expires_s = id->not_after;
		label_listener(m, l);
		text_addc(&m->labels, ',');
		add_label(&m->labels, "certificate", slice_of(id->file));
		object_labelled(m, o);
	}
	map_release(&seen);
}

static void collect_listener(struct metrics *m, const struct listener *l)
{
	struct metric_object *o = object_new(m, OF_LISTENER);

	o->listener = l->state;
	o->has_tls = l->tls != NULL;
	label_listener(m, l);
	object_labelled(m, o);
	collect_certificates(m, l);
}

static void collect_target(struct metrics *m, struct target_state *s)
{
	struct metric_object *o = object_new(m, OF_TARGET);

	o->target = state_ref(s);
	add_label(&m->labels, "target_group", s->group);
	text_addc(&m->labels, ',');
	add_label(&m->labels, "target", slice_of(s->name));
	object_labelled(m, o);
}

static void gauge(struct group_gauges *gauges, const struct target_group *g,
		  const struct roster *roster)
{
	for (size_t i = 0; i < roster->n_members; i++) {
		const struct target_state *s = roster->members[i].state;

		gauges->states[s->health]++;
		gauges->anomalous += s->is_anomalous;
		gauges->mitigated += s->factor < FACTOR_ONE;
	}
	gauges->dns = pick_zone_in_use(g, roster);
	gauges->routing = pick_has_healthy(g, roster);
}

static void collect_group(struct metrics *m, const struct target_group *g)
{
	struct metric_object *o = object_new(m, OF_GROUP);
	struct roster *roster = group_state_roster(g->state);

	o->group = g->counts;
	gauge(&o->gauges, g, roster);
	add_label(&m->labels, "target_group", g->name);
	object_labelled(m, o);
	roster_unref(roster);
}

static void collect_members(struct metrics *m, const struct target_group *g)
{
	struct roster *roster = group_state_roster(g->state);

	for (size_t i = 0; i < roster->n_members; i++)
		collect_target(m, roster->members[i].state);
	roster_unref(roster);
}

/* Also of groups that the configuration has no more. */
static void count_draining(struct metrics *m)
{
	const struct target_state *s;
	uint64_t left_ms;
	size_t at = 0;

	while ((s = rosters_next_draining(m->daemon->rosters, &at, &left_ms))) {
		const struct target_group *g =
			snapshot_find_group(m->snap, s->group);

		m->n_draining++;
		if (g)
			m->of[OF_GROUP]
				.objects[g->index]
				.gauges.states[HEALTH_DRAINING]++;
	}
}

static void collect_draining(struct metrics *m)
{
	const struct target_state *s;
	uint64_t left_ms;
	size_t at = 0;

	while ((s = rosters_next_draining(m->daemon->rosters, &at, &left_ms)))
		collect_target(m, (struct target_state *)(uintptr_t)s);
}

static void collect_log(struct metrics *m, struct slice path, uint64_t lines,
			uint64_t lost)
{
	struct metric_object *o = object_new(m, OF_LOG);

	o->lines = lines;
	o->lost = lost;
	add_label(&m->labels, "log", path);
	object_labelled(m, o);
}

static void collect_logs(struct metrics *m)
{
	struct journal_status s;
	struct journal *at = NULL;
	struct log_counts counts;

	log_read_counts(&counts);
	collect_log(m, SLICE("stderr"), counts.lines, counts.lost);
	while (m->daemon->journals &&
	       journals_next(m->daemon->journals, &at, &s))
		collect_log(m, slice_of(s.path), s.lines, s.lost);
}

/* All there were: which are in force the rules would have to tell. */
static void collect_limits(struct metrics *m)
{
	const struct limit_counts *c = m->daemon->counts.limits.first;

	for (; c; c = c->next) {
		struct metric_object *o = object_new(m, OF_LIMIT);

		o->limit = c;
		add_label(&m->labels, "load_balancer", c->balancer);
		text_addf(&m->labels, ",listener=\"%u\",", c->port);
		add_label(&m->labels, "limit", c->name);
		text_addf(&m->labels, ",mode=\"%s\"",
			  c->report ? "report" : "enforce");
		object_labelled(m, o);
	}
}

/* A certificate may be told of twice: the last one goes again then. */
static void drop_if_double(struct metrics *m, struct collection *c)
{
	const struct metric_object *last = &c->objects[c->n - 1];
	struct slice labels =
		slice_make(m->labels.p + last->labels_at, last->labels_n);

	for (size_t i = 0; i < c->n - 1; i++) {
		const struct metric_object *o = &c->objects[i];

		if (!slice_eq(
			    slice_make(m->labels.p + o->labels_at, o->labels_n),
			    labels))
			continue;
		m->labels.n = last->labels_at;
		c->n--;
		return;
	}
}

static void collect_advice(void *arg, const struct advice *a)
{
	struct metrics *m = arg;
	struct metric_object *o = object_new(m, OF_ADVICE);

	text_addf(&m->labels, "token=\"%s\",", a->token);
	add_label(&m->labels, "where", slice_of(a->where));
	object_labelled(m, o);
	drop_if_double(m, &m->of[OF_ADVICE]);
}

static void collect_process(struct metrics *m)
{
	struct metric_object *o;

	object_new(m, OF_PROCESS);
	o = object_new(m, OF_CONFIG);
	add_label(&m->labels, "hash", slice_of(m->daemon->config_hash));
	object_labelled(m, o);
}

/* -- what is left out ------------------------------------------------------ */

/* Buckets, +Inf, sum and count. */
enum { HISTOGRAM_SERIES = METRIC_BUCKETS + 3 };

static size_t series_of(const struct metrics *m, const struct metric *row,
			const size_t n_objects[METRIC_SCOPES])
{
	const struct collection *c = &m->of[row->of];
	size_t n = 0;

	if (row->type == METRIC_HISTOGRAM)
		return n_objects[row->of] * HISTOGRAM_SERIES;
	if (!row->skips_zero)
		return n_objects[row->of] * (row->n ? row->n : 1);
	for (size_t o = 0; o < c->n; o++)
		for (unsigned i = 0; i < row->n; i++)
			n += row->read(&c->objects[o], i) > 0;
	return n;
}

/* The family of this scope that has the most series. */
static size_t largest(const struct metrics *m, enum metric_of of,
		      const size_t *series)
{
	size_t found = n_metrics;

	for (size_t i = 0; i < n_metrics; i++)
		if (metrics_table[i].of == of && !m->left_out[i] && series[i] &&
		    (found == n_metrics || series[i] > series[found]))
			found = i;
	return found;
}

/* Leaves whole families out until the rest is no more than may be. */
static size_t leave_out(struct metrics *m, const size_t *series, size_t total)
{
	size_t n = 0, at;

	for (int of = 0; of < OF_CONFIG; of++)
		while (total > m->snap->settings.max_series &&
		       (at = largest(m, (enum metric_of)of, series)) <
			       n_metrics) {
			m->left_out[at] = true;
			total -= series[at] - 1; /* it is named */
			n++;
		}
	return n;
}

/* Once for each number of families, not once a scrape. */
static void tell(struct daemon *d, size_t n_left_out, size_t total)
{
	struct log_line l;

	if (d->metrics_left_out == n_left_out)
		return;
	d->metrics_left_out = (unsigned)n_left_out;
	if (!n_left_out)
		return;
	log_begin(&l, LOG_WARNING, "families of metrics are left out");
	log_num(&l, "families", (int64_t)n_left_out);
	log_num(&l, "series", (int64_t)total);
	log_num(&l, "max_series", (int64_t)d->snap->settings.max_series);
	log_end(&l);
}

static size_t count_rules(const struct snapshot *snap)
{
	size_t n = 0;

	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			n += snap->balancers[b].listeners[i].n_rules + 1;
	return n;
}

static size_t count_targets(const struct metrics *m)
{
	const struct collection *groups = &m->of[OF_GROUP];
	size_t n = m->n_draining;

	for (size_t g = 0; g < groups->n; g++)
		for (int s = 0; s < TARGET_STATES; s++)
			if (s != HEALTH_DRAINING)
				n += groups->objects[g].gauges.states[s];
	return n;
}

static void choose_families(struct metrics *m)
{
	size_t n_objects[METRIC_SCOPES], total = 0;
	size_t *series = xcalloc(n_metrics, sizeof(series[0]));

	for (int of = 0; of < METRIC_SCOPES; of++)
		n_objects[of] = m->of[of].n;
	/* What may be many is counted before it is collected. */
	n_objects[OF_RULE] = count_rules(m->snap);
	n_objects[OF_TARGET] = count_targets(m);
	for (size_t i = 0; i < n_metrics; i++) {
		series[i] = series_of(m, &metrics_table[i], n_objects);
		total += series[i];
	}
	tell(m->daemon, leave_out(m, series, total), total);
	free(series);
}

static bool wants(const struct metrics *m, enum metric_of of)
{
	for (size_t i = 0; i < n_metrics; i++)
		if (metrics_table[i].of == of && !m->left_out[i])
			return true;
	return false;
}

static void collect_many(struct metrics *m)
{
	const struct snapshot *snap = m->snap;

	for (size_t b = 0; wants(m, OF_RULE) && b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			collect_rules(m, &snap->balancers[b].listeners[i]);
	if (!wants(m, OF_TARGET))
		return;
	for (size_t i = 0; i < snap->n_groups; i++)
		collect_members(m, &snap->groups[i]);
	collect_draining(m);
}

struct metrics *metrics_begin(struct daemon *d, enum metrics_format format)
{
	struct metrics *m = xcalloc(1, sizeof(*m));
	const struct snapshot *snap = d->snap;

	m->daemon = d;
	m->snap = snapshot_ref(d->snap);
	m->format = format;
	m->left_out = xcalloc(n_metrics, sizeof(m->left_out[0]));
	collect_process(m);
	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			collect_listener(m, &snap->balancers[b].listeners[i]);
	for (size_t i = 0; i < snap->n_groups; i++)
		collect_group(m, &snap->groups[i]);
	count_draining(m);
	collect_logs(m);
	collect_limits(m);
	advice_each(d, collect_advice, m);
	choose_families(m);
	collect_many(m);
	return m;
}

void metrics_end(struct metrics *m)
{
	for (size_t i = 0; i < m->of[OF_TARGET].n; i++)
		state_unref(m->of[OF_TARGET].objects[i].target);
	for (int of = 0; of < METRIC_SCOPES; of++)
		free(m->of[of].objects);
	snapshot_unref(m->snap);
	text_release(&m->labels);
	free(m->left_out);
	free(m);
}

/* -- writing --------------------------------------------------------------- */

/* OpenMetrics gives a family a name without the end of its samples'. */
static struct slice family_name(const struct metrics *m,
				const struct metric *row)
{
	struct slice name = slice_of(row->name);

	if (m->format != METRICS_OPENMETRICS)
		return name;
	if (row->type == METRIC_COUNTER)
		name.n -= sizeof("_total") - 1;
	else if (row->type == METRIC_INFO)
		name.n -= sizeof("_info") - 1;
	return name;
}

static void begin_family(struct metrics *m, const struct metric *row,
			 struct text *out)
{
	static const char *const types[] = {"counter", "gauge", "info",
					    "histogram"};
	struct slice name = family_name(m, row);
	const char *type = types[row->type];

	if (m->is_begun)
		return;
	m->is_begun = true;
	if (m->format == METRICS_PROMETHEUS && row->type == METRIC_INFO)
		type = "gauge";
	text_addf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", SLICE_ARG(name),
		  row->help, SLICE_ARG(name), type);
}

static struct slice labels_of(const struct metrics *m,
			      const struct metric_object *o)
{
	return slice_make(m->labels.p + o->labels_at, o->labels_n);
}

static void add_labels(const struct metrics *m, const struct metric *row,
		       const struct metric_object *o, unsigned i,
		       struct text *out)
{
	struct slice own = labels_of(m, o);

	if (!own.n && !row->n)
		return;
	text_addc(out, '{');
	text_add(out, own);
	if (own.n && row->n)
		text_addc(out, ',');
	if (row->n && row->labels)
		text_add(out, slice_of(row->labels[i]));
	else if (row->n)
		add_label(out, row->key, slice_of(row->token(i)));
	text_addc(out, '}');
}

/* parts  a power of ten, or 0 for whole numbers */
static void add_value(struct text *out, uint64_t value, unsigned parts)
{
	int digits = 0;

	if (!parts) {
		text_addf(out, " %llu\n", (unsigned long long)value);
		return;
	}
	for (unsigned p = parts; p > 1; p /= 10)
		digits++;
	text_addf(out, " %llu.%0*llu\n", (unsigned long long)(value / parts),
		  digits, (unsigned long long)(value % parts));
}

static void add_samples(struct metrics *m, const struct metric *row,
			const struct metric_object *o, struct text *out)
{
	for (unsigned i = 0; i < (row->n ? row->n : 1); i++) {
		uint64_t value = row->read(o, i);

		if (value == METRIC_ABSENT || (row->skips_zero && !value))
			continue;
		begin_family(m, row, out);
		text_add(out, slice_of(row->name));
		add_labels(m, row, o, i, out);
		add_value(out, value, row->parts);
	}
}

static void add_histogram(struct metrics *m, const struct metric *row,
			  const struct metric_object *o, struct text *out)
{
	struct slice labels = labels_of(m, o);
	struct histogram_sum sum;

	row->read_histogram(o, &sum);
	begin_family(m, row, out);
	for (int i = 0; i < METRIC_BUCKETS; i++) {
		const struct metric_bucket *b = &metric_buckets[i];

		text_addf(out, "%s_bucket{%.*s,le=\"%s\"} %llu\n", row->name,
			  SLICE_ARG(labels), b->text,
			  (unsigned long long)histogram_up_to(&sum, b->ms));
	}
	text_addf(out, "%s_bucket{%.*s,le=\"+Inf\"} %llu\n", row->name,
		  SLICE_ARG(labels), (unsigned long long)sum.n);
	text_addf(out, "%s_sum{%.*s}", row->name, SLICE_ARG(labels));
	add_value(out, sum.sum_ms, 1000);
	text_addf(out, "%s_count{%.*s} %llu\n", row->name, SLICE_ARG(labels),
		  (unsigned long long)sum.n);
}

/* The last words: what the page does not have. */
static void add_end(struct metrics *m, struct text *out)
{
	bool any = false;

	for (size_t i = 0; i < n_metrics; i++) {
		if (!m->left_out[i])
			continue;
		if (!any)
			text_add(
				out,
				SLICE("# HELP weir_metrics_families_left_out "
				      "1 for a family that is left out because "
				      "of settings.metrics.max_series.\n"
				      "# TYPE weir_metrics_families_left_out "
				      "gauge\n"));
		any = true;
		text_addf(out,
			  "weir_metrics_families_left_out{family=\"%s\"} 1\n",
			  metrics_table[i].name);
	}
	if (m->format == METRICS_OPENMETRICS)
		text_add(out, SLICE("# EOF\n"));
	m->is_over = true;
}

bool metrics_go_on(struct metrics *m, struct text *out)
{
	size_t before = out->n;

	while (!m->is_over && out->n - before < METRICS_PART) {
		const struct metric *row = &metrics_table[m->row];
		const struct collection *c;

		if (m->row == n_metrics) {
			add_end(m, out);
			break;
		}
		c = &m->of[row->of];
		if (m->left_out[m->row] || m->object == c->n) {
			m->row++;
			m->object = 0;
			m->is_begun = false;
			continue;
		}
		if (row->type == METRIC_HISTOGRAM)
			add_histogram(m, row, &c->objects[m->object++], out);
		else
			add_samples(m, row, &c->objects[m->object++], out);
	}
	return out->n > before;
}
