#include "anomaly.h"

#include <stdlib.h>

#include "base/fail.h"

/* What is compared of one target. */
struct suspect {
	struct target_state *state;
	double rate; /* of errors */
	bool stands_out;
};

/* The cells grow while we read; errors come first, so that they are never
 * more than the whole. */
static void window_read(struct target_state *s)
{
	struct anomaly_window *window = &s->window;
	uint64_t errors = 0, n = 0;

	for (unsigned w = 0; w < s->n_workers; w++) {
		const struct tally *t = &s->tally[w];
		uint64_t failures = tally_read(&t->failures);

		errors += tally_read(&t->responses[5]) + failures;
		n += failures;
		for (size_t c = 0; c < ARRAY_SIZE(t->responses); c++)
			n += tally_read(&t->responses[c]);
	}
	window->n = window->n / 8 + (double)(n - window->seen);
	window->errors =
		window->errors / 8 + (double)(errors - window->seen_errors);
	window->seen = n;
	window->seen_errors = errors;
}

static int rate_cmp(const void *left, const void *right)
{
	const struct suspect *a = left, *b = right;

	return (a->rate > b->rate) - (a->rate < b->rate);
}

/* Of all in order but one. */
static double median_of_others(const struct suspect *all, size_t n, size_t but)
{
	size_t others = n - 1, low = (others - 1) / 2, high = others / 2;

	low += low >= but;
	high += high >= but;
	return (all[low].rate + all[high].rate) / 2;
}

/* `whole` is the sum of all windows, its own too. Where the others are few
 * and have not failed yet, they are taken to be about to (Laplace's rule). */
static bool stands_out(const struct suspect *s, double median,
		       const struct anomaly_window *whole)
{
	const struct anomaly_window *own = &s->state->window;
	double p = (whole->errors - own->errors + 1) / (whole->n - own->n + 2);
	double beyond = own->errors - own->n * p;

	if (own->n < ANOMALY_LEAST || s->rate < 0.05 || s->rate < 3 * median ||
	    beyond <= 0)
		return false;
	return beyond * beyond >= 9 * own->n * p * (1 - p);
}

static bool set_factor(struct target_state *s, uint32_t factor)
{
	return atomic_exchange_explicit(&s->factor, factor,
					memory_order_relaxed) != factor;
}

static uint32_t next_factor(const struct target_state *s, bool lower)
{
	uint32_t factor = s->factor;

	if (lower)
		return factor / 2 > FACTOR_LEAST ? factor / 2 : FACTOR_LEAST;
	return factor * 2 < FACTOR_ONE ? factor * 2 : FACTOR_ONE;
}

/* The members that take traffic by their health. */
static size_t collect(const struct roster *roster, struct suspect *out)
{
	size_t n = 0;

	for (size_t i = 0; i < roster->n_members; i++) {
		struct target_state *s = roster->members[i].state;

		window_read(s);
		s->is_anomalous = false;
		if (s->health != HEALTH_HEALTHY &&
		    s->health != HEALTH_UNAVAILABLE)
			continue;
		out[n++] = (struct suspect){
			.state = s,
			.rate = s->window.n > 0 ? s->window.errors / s->window.n
						: 0,
		};
	}
	return n;
}

/* Those that fail most come last: they are the first to be mitigated. */
static bool compare(const struct target_group *g, struct suspect *all, size_t n)
{
	struct anomaly_window whole = {0};
	size_t left = g->mitigates ? n / 2 : 0;
	bool changed = false;

	qsort(all, n, sizeof(*all), rate_cmp);
	for (size_t i = 0; i < n; i++) {
		whole.n += all[i].state->window.n;
		whole.errors += all[i].state->window.errors;
	}
	for (size_t i = 0; i < n && n >= ANOMALY_TARGETS; i++)
		all[i].stands_out = stands_out(
			&all[i], median_of_others(all, n, i), &whole);
	for (size_t i = n; i-- > 0;) {
		struct target_state *s = all[i].state;
		bool lower = all[i].stands_out && left > 0;

		left -= lower;
		s->is_anomalous = all[i].stands_out;
		changed |= set_factor(s, g->mitigates ? next_factor(s, lower)
						      : FACTOR_ONE);
	}
	return changed;
}

bool anomaly_period(const struct target_group *g, const struct roster *roster)
{
	struct suspect *all =
		xcalloc(roster->n_members + 1, sizeof(struct suspect));
	bool changed = compare(g, all, collect(roster, all));

	free(all);
	return changed;
}
