#include "history.h"

#include <math.h>
#include <stdlib.h>

#include "admin.h"
#include "base/clock.h"
#include "base/fail.h"
#include "daemon.h"
#include "events_command.h"
#include "status.h"

enum column {
	COLUMN_REQUESTS,
	COLUMN_P50_MS,
	COLUMN_P99_MS,
	/* Listeners. */
	COLUMN_ERRORS,
	COLUMN_CONNECTIONS,
	COLUMN_2XX,
	COLUMN_3XX,
	COLUMN_4XX,
	COLUMN_5XX,
	COLUMN_RECEIVED,
	COLUMN_SENT,
	COLUMN_SHED,
	LISTENER_COLUMNS,
	/* Target groups. */
	COLUMN_HEALTHY = COLUMN_P99_MS + 1,
	COLUMN_UNHEALTHY,
	COLUMN_SECONDS,
	COLUMN_COUNT,
	GROUP_COLUMNS,
};

/* What becomes of several steps in one point. */
enum fold { FOLD_SUM, FOLD_MOST, FOLD_LAST };

struct column_name {
	const char *name;
	enum fold fold;
};

static const struct column_name listener_columns[LISTENER_COLUMNS] = {
	[COLUMN_REQUESTS] = {"requests", FOLD_SUM},
	[COLUMN_P50_MS] = {"p50_ms", FOLD_MOST},
	[COLUMN_P99_MS] = {"p99_ms", FOLD_MOST},
	[COLUMN_ERRORS] = {"errors", FOLD_SUM},
	[COLUMN_CONNECTIONS] = {"connections", FOLD_LAST},
	[COLUMN_2XX] = {"responses_2xx", FOLD_SUM},
	[COLUMN_3XX] = {"responses_3xx", FOLD_SUM},
	[COLUMN_4XX] = {"responses_4xx", FOLD_SUM},
	[COLUMN_5XX] = {"responses_5xx", FOLD_SUM},
	[COLUMN_RECEIVED] = {"received_octets", FOLD_SUM},
	[COLUMN_SENT] = {"sent_octets", FOLD_SUM},
	[COLUMN_SHED] = {"shed", FOLD_SUM},
};

static const struct column_name group_columns[GROUP_COLUMNS] = {
	[COLUMN_REQUESTS] = {"requests", FOLD_SUM},
	[COLUMN_P50_MS] = {"p50_ms", FOLD_MOST},
	[COLUMN_P99_MS] = {"p99_ms", FOLD_MOST},
	[COLUMN_HEALTHY] = {"healthy", FOLD_LAST},
	[COLUMN_UNHEALTHY] = {"unhealthy", FOLD_LAST},
	[COLUMN_SECONDS] = {"seconds_sum", FOLD_SUM},
	[COLUMN_COUNT] = {"seconds_count", FOLD_SUM},
};

/* One object's. What it is stays as long as the process. */
struct series {
	const struct listener_state *listener; /* or */
	const struct group_counts *group;      /* neither: a free place */
	uint64_t born;                         /* the step it began in */
	double total;                    /* requests that are remembered */
	uint64_t seen[LISTENER_COLUMNS]; /* counters, at the last step */
	struct histogram_sum times;      /* likewise */
	float *points; /* columns behind each other, each h->n_room; owned */
};

enum kind { KIND_LISTENERS, KIND_GROUPS, KINDS };

struct history {
	size_t n_room;     /* steps that are remembered */
	uint64_t n;        /* steps so far */
	uint64_t ended_ms; /* the last one, clock_now_ms() */
	time_t ended_s;    /* likewise, since 1970 */
	struct series series[KINDS][HISTORY_SERIES];
};

static unsigned n_columns(enum kind kind)
{
	return kind == KIND_LISTENERS ? (unsigned)LISTENER_COLUMNS
				      : (unsigned)GROUP_COLUMNS;
}

static const struct column_name *columns_of(enum kind kind)
{
	return kind == KIND_LISTENERS ? listener_columns : group_columns;
}

static float *point(const struct history *h, const struct series *s,
		    unsigned column, uint64_t step)
{
	return &s->points[column * h->n_room + step % h->n_room];
}

/* -- a step ---------------------------------------------------------------- */

/* What came since the last step. */
static float since(struct series *s, unsigned column, uint64_t now)
{
	uint64_t n = now - s->seen[column];

	s->seen[column] = now;
	return (float)n;
}

static void put_times(const struct history *h, struct series *s,
		      const struct histogram_sum *now)
{
	struct histogram_sum step = {
		.n = now->n - s->times.n,
		.sum_ms = now->sum_ms - s->times.sum_ms,
	};

	for (int c = 0; c < HISTOGRAM_CELLS; c++)
		step.cells[c] = now->cells[c] - s->times.cells[c];
	s->times = *now;
	*point(h, s, COLUMN_P50_MS, h->n) =
		(float)histogram_quantile(&step, 0.5);
	*point(h, s, COLUMN_P99_MS, h->n) =
		(float)histogram_quantile(&step, 0.99);
	if (!s->group)
		return;
	*point(h, s, COLUMN_SECONDS, h->n) = (float)step.sum_ms / 1000;
	*point(h, s, COLUMN_COUNT, h->n) = (float)step.n;
}

static void put_listener(const struct history *h, struct series *s)
{
	static const struct {
		enum column column;
		enum listener_counter counters[2]; /* their sum */
	} sums[] = {
		{COLUMN_2XX, {COUNT_ELB_2XX, COUNT_TARGET_2XX}},
		{COLUMN_3XX, {COUNT_ELB_3XX, COUNT_TARGET_3XX}},
		{COLUMN_4XX, {COUNT_ELB_4XX, COUNT_TARGET_4XX}},
		{COLUMN_5XX, {COUNT_ELB_5XX, COUNT_TARGET_5XX}},
	};
	const struct listener_state *l = s->listener;
	uint64_t closed = listener_count(l, COUNT_CLIENT_CLOSED);
	uint64_t opened = listener_count(l, COUNT_CLIENT_CONNECTIONS);
	uint64_t errors = 0;
	struct histogram_sum times;

	for (int r = REASON_NONE + 1; r < REASON_KINDS; r++)
		if (!reason_is_action((enum reason)r))
			errors += listener_reasons(l, (enum reason)r);
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		*point(h, s, sums[i].column, h->n) =
			since(s, sums[i].column,
			      listener_count(l, sums[i].counters[0]) +
				      listener_count(l, sums[i].counters[1]));
	*point(h, s, COLUMN_REQUESTS, h->n) = since(
		s, COLUMN_REQUESTS, listener_count(l, COUNT_REQUESTS_ALL));
	*point(h, s, COLUMN_ERRORS, h->n) = since(s, COLUMN_ERRORS, errors);
	*point(h, s, COLUMN_CONNECTIONS, h->n) =
		opened > closed ? (float)(opened - closed) : 0;
	*point(h, s, COLUMN_RECEIVED, h->n) =
		since(s, COLUMN_RECEIVED, listener_count(l, COUNT_OCTETS_IN));
	*point(h, s, COLUMN_SENT, h->n) =
		since(s, COLUMN_SENT, listener_count(l, COUNT_OCTETS_OUT));
	*point(h, s, COLUMN_SHED, h->n) =
		since(s, COLUMN_SHED,
		      listener_count(l, COUNT_CLIENT_REJECTED) +
			      listener_count(l, COUNT_LIMITED) +
			      listener_reasons(l, REASON_OVERLOADED));
	listener_durations(l, &times);
	put_times(h, s, &times);
}

static void put_health(const struct history *h, struct series *s,
		       const struct snapshot *snap)
{
	const struct target_group *g =
		snapshot_find_group(snap, s->group->name);
	struct roster *roster = g ? group_state_roster(g->state) : NULL;
	unsigned healthy = 0, unhealthy = 0;

	for (size_t i = 0; roster && i < roster->n_members; i++) {
		healthy += roster->members[i].state->health == HEALTH_HEALTHY;
		unhealthy += roster->members[i].state->health ==
			     HEALTH_UNHEALTHY;
	}
	if (roster)
		roster_unref(roster);
	*point(h, s, COLUMN_HEALTHY, h->n) = (float)healthy;
	*point(h, s, COLUMN_UNHEALTHY, h->n) = (float)unhealthy;
}

static void put_group(const struct history *h, struct series *s,
		      const struct snapshot *snap)
{
	struct histogram_sum times;

	*point(h, s, COLUMN_REQUESTS, h->n) = since(
		s, COLUMN_REQUESTS, group_count(s->group, COUNT_REQUESTS));
	put_health(h, s, snap);
	group_response_times(s->group, &times);
	put_times(h, s, &times);
}

static void put(const struct history *h, struct series *s,
		const struct snapshot *snap)
{
	if (h->n - s->born >= h->n_room)
		s->total -= *point(h, s, COLUMN_REQUESTS, h->n);
	if (s->listener)
		put_listener(h, s);
	else
		put_group(h, s, snap);
	s->total += *point(h, s, COLUMN_REQUESTS, h->n);
}

/* -- whose series there are ------------------------------------------------ */

static struct series *place_for(struct history *h, enum kind kind,
				const void *object, double requests)
{
	struct series *least = NULL;

	for (int i = 0; i < HISTORY_SERIES; i++) {
		struct series *s = &h->series[kind][i];

		if (s->listener == object || s->group == object)
			return NULL; /* it has one */
		if (!s->listener && !s->group)
			return s;
		if (!least || s->total < least->total)
			least = s;
	}
	return requests > least->total ? least : NULL;
}

static struct series *series_begin(struct history *h, enum kind kind,
				   struct series *s)
{
	float *points = s->points;

	if (!points)
		points = xcalloc(n_columns(kind) * h->n_room, sizeof(*points));
	*s = (struct series){.points = points, .born = h->n};
	return s;
}

/* What it had counted before it is remembered belongs to no step: putting a
 * point takes note of it. */
static void follow_listener(struct history *h, struct listener_state *l)
{
	uint64_t now = listener_count(l, COUNT_REQUESTS_ALL);
	struct series *s =
		place_for(h, KIND_LISTENERS, l, (double)(now - l->remembered));

	l->remembered = now;
	if (!s)
		return;
	series_begin(h, KIND_LISTENERS, s)->listener = l;
	put_listener(h, s);
}

static void follow_group(struct history *h, struct group_counts *g,
			 const struct snapshot *snap)
{
	uint64_t now = group_count(g, COUNT_REQUESTS);
	struct series *s =
		place_for(h, KIND_GROUPS, g, (double)(now - g->remembered));

	g->remembered = now;
	if (!s)
		return;
	series_begin(h, KIND_GROUPS, s)->group = g;
	put_group(h, s, snap);
}

static void follow(struct history *h, const struct snapshot *snap)
{
	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			follow_listener(h,
					snap->balancers[b].listeners[i].state);
	for (size_t i = 0; i < snap->n_groups; i++)
		follow_group(h, snap->groups[i].counts, snap);
}

static void step(struct history *h, const struct snapshot *snap)
{
	follow(h, snap);
	for (int kind = 0; kind < KINDS; kind++)
		for (int i = 0; i < HISTORY_SERIES; i++) {
			struct series *s = &h->series[kind][i];

			if (s->listener || s->group)
				put(h, s, snap);
		}
	h->n++;
}

/* -- its life -------------------------------------------------------------- */

static struct history *history_new(size_t n_room)
{
	struct history *h = xcalloc(1, sizeof(*h));

	h->n_room = n_room;
	h->ended_ms = clock_now_ms();
	h->ended_s = clock_wall_s();
	return h;
}

void history_free(struct history *h)
{
	for (int kind = 0; h && kind < KINDS; kind++)
		for (int i = 0; i < HISTORY_SERIES; i++)
			free(h->series[kind][i].points);
	free(h);
}

/* A process that slept has steps without anything. */
void history_tend(struct daemon *d)
{
	size_t n_room = d->snap->settings.history_s / HISTORY_STEP_S;
	uint64_t now = clock_now_ms();

	if (d->history && d->history->n_room != n_room) {
		history_free(d->history);
		d->history = NULL;
	}
	if (!n_room)
		return;
	if (!d->history) {
		d->history = history_new(n_room);
		follow(d->history, d->snap);
	}
	for (size_t i = 0;
	     i < n_room && now - d->history->ended_ms >= HISTORY_STEP_S * 1000;
	     i++) {
		d->history->ended_ms += HISTORY_STEP_S * 1000;
		step(d->history, d->snap);
	}
	if (now - d->history->ended_ms >= HISTORY_STEP_S * 1000)
		d->history->ended_ms = now;
	d->history->ended_s =
		clock_wall_s() - (time_t)((now - d->history->ended_ms) / 1000);
}

/* -- telling --------------------------------------------------------------- */

/* Steps [first, first + n) as one; NAN: it was not there yet. */
static double folded(const struct history *h, const struct series *s,
		     const struct column_name *names, unsigned column,
		     uint64_t first, uint64_t n)
{
	double value = NAN;

	for (uint64_t i = first; i < first + n && i < h->n; i++) {
		double p;

		if (i < s->born)
			continue;
		p = (double)*point(h, s, column, i);
		if (isnan(value) || names[column].fold == FOLD_LAST ||
		    (names[column].fold == FOLD_MOST && p > value))
			value = p;
		else if (names[column].fold == FOLD_SUM)
			value += p;
	}
	return value;
}

static json_t *number(double value)
{
	if (isnan(value))
		return json_null();
	if (value == (double)(int64_t)value)
		return json_integer((json_int_t)value);
	return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

static json_t *series_to_json(const struct history *h, enum kind kind,
			      const struct series *s, uint64_t first,
			      uint64_t fold)
{
	const struct column_name *names = columns_of(kind);
	json_t *o = json_object();

	for (unsigned c = 0; c < n_columns(kind); c++) {
		json_t *list = json_array();

		for (uint64_t i = first; i < h->n; i += fold)
			json_array_append_new(
				list, number(folded(h, s, names, c, i, fold)));
		json_object_set_new(o, names[c].name, list);
	}
	return o;
}

static void add_series(json_t *all, const struct history *h, uint64_t first,
		       uint64_t fold)
{
	char key[128];

	for (int i = 0; i < HISTORY_SERIES; i++) {
		const struct series *l = &h->series[KIND_LISTENERS][i];
		const struct series *g = &h->series[KIND_GROUPS][i];

		if (l->listener) {
			snprintf(key, sizeof(key), "listener:%.*s:%u",
				 SLICE_ARG(l->listener->balancer->name),
				 l->listener->port);
			json_object_set_new(all, key,
					    series_to_json(h, KIND_LISTENERS, l,
							   first, fold));
		}
		if (g->group) {
			snprintf(key, sizeof(key), "target_group:%.*s",
				 SLICE_ARG(g->group->name));
			json_object_set_new(
				all, key,
				series_to_json(h, KIND_GROUPS, g, first, fold));
		}
	}
}

json_t *history_to_json(const struct daemon *d, time_t since_s)
{
	const struct history *h = d->history;
	json_t *o = admin_ok(), *all = json_object();
	uint64_t n = 0, fold = 1, from_s = (uint64_t)clock_wall_s();

	if (h) {
		n = h->n < h->n_room ? h->n : h->n_room;
		if (since_s > 0 && h->ended_s > since_s) {
			uint64_t wanted = (uint64_t)(h->ended_s - since_s +
						     HISTORY_STEP_S - 1) /
					  HISTORY_STEP_S;

			n = n < wanted ? n : wanted;
		} else if (since_s > 0) {
			n = 0;
		}
		fold = (n + HISTORY_POINTS - 1) / HISTORY_POINTS;
		fold += !fold;
		from_s = (uint64_t)h->ended_s - n * HISTORY_STEP_S;
		add_series(all, h, h->n - n, fold);
	}
	json_object_set_new(o, "step_seconds",
			    json_integer((json_int_t)(fold * HISTORY_STEP_S)));
	json_object_set_new(o, "from", status_time(from_s));
	json_object_set_new(o, "series", all);
	json_object_set_new(
		o, "events",
		events_from(&d->events, 0, since_s ? since_s : (time_t)from_s));
	return o;
}

uint64_t history_shed(const struct daemon *d, const struct listener_state *l,
		      unsigned seconds)
{
	const struct history *h = d->history;
	uint64_t n = seconds / HISTORY_STEP_S;
	double sum = 0;

	for (int i = 0; h && i < HISTORY_SERIES; i++) {
		const struct series *s = &h->series[KIND_LISTENERS][i];

		if (s->listener != l)
			continue;
		n = n < h->n ? n : h->n;
		n = n < h->n_room ? n : h->n_room;
		for (uint64_t at = h->n - n; at < h->n; at++)
			if (at >= s->born)
				sum += (double)*point(h, s, COLUMN_SHED, at);
	}
	return (uint64_t)sum;
}

json_t *history_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	time_t since_s;

	(void)memo;
	if (!events_read_since(json_object_get(request, "since"), &since_s))
		return admin_error("\"since\" is a time such as "
				   "2026-11-21T14:03:00Z");
	return history_to_json(d, since_s);
}
