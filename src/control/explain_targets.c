/*
 * explain_targets.c - the group that a request comes to, and its targets.
 *
 * Floor: control.
 */
#include "balance/passive.h"
#include "balance/share.h"
#include "base/clock.h"
#include "base/fail.h"
#include "explain_parts.h"
#include "status.h"

static const char *algorithm_name(enum algorithm algorithm)
{
	switch (algorithm) {
	case ALGORITHM_ROUND_ROBIN:
		return "round_robin";
	case ALGORITHM_LEAST:
		return "least_outstanding_requests";
	case ALGORITHM_RANDOM:
		return "weighted_random";
	case ALGORITHM_HASH:
		return "consistent_hash";
	case ALGORITHM_KINDS:
		break;
	}
	BUG("algorithm %d", (int)algorithm);
}

static json_t *group_json(const struct forward *f,
			  const struct target_group *group, bool sticky)
{
	json_t *list = json_array(), *o = json_object();

	for (size_t i = 0; i < f->n_groups; i++)
		json_array_append_new(
			list,
			json_pack("{s:o, s:I}", "name",
				  status_text(f->groups[i].group->name),
				  "weight", (json_int_t)f->groups[i].weight));
	if (group)
		json_object_set_new(o, "name", status_text(group->name));
	json_object_set_new(o, "candidates", list);
	json_object_set_new(o, "sticky", json_boolean(sticky));
	return o;
}

/* -- from the file alone --------------------------------------------------- */

static json_t *target_name(const struct target *t)
{
	char text[ADDR_TEXT_MAX];

	if (t->kind == TARGET_NAME)
		return json_sprintf("%.*s:%u", SLICE_ARG(t->id), t->port);
	return status_text(slice_make(text, addr_format(&t->addr, text)));
}

/* Who has the first turn: the heaviest, of these the first. NULL: chance or
 * what is hashed has it, or there is nobody. */
static const struct target *first_target(const struct target_group *group)
{
	const struct target *first = group->targets;

	if (group->n_targets == 0 ||
	    (group->n_targets > 1 && (group->algorithm == ALGORITHM_RANDOM ||
				      group->algorithm == ALGORITHM_HASH)))
		return NULL;
	for (size_t i = 1; i < group->n_targets; i++)
		if (group->targets[i].weight > first->weight)
			first = &group->targets[i];
	return first;
}

static enum reason put_configured(json_t *answer,
				  const struct target_group *group)
{
	const struct target *first = first_target(group);
	json_t *list = json_array();
	double total = 0;

	for (size_t i = 0; i < group->n_targets; i++)
		total += group->targets[i].weight;
	for (size_t i = 0; i < group->n_targets; i++)
		json_array_append_new(
			list,
			json_pack("{s:o, s:f}", "target",
				  target_name(&group->targets[i]), "share",
				  group->targets[i].weight / total));
	json_object_set_new(answer, "candidates", list);
	if (first)
		json_object_set_new(answer, "target", target_name(first));
	return group->n_targets ? REASON_NONE : REASON_NO_TARGET;
}

/* -- from the daemon ------------------------------------------------------- */

static double share_of(const struct pick_table *table,
		       const struct target_state *s)
{
	double total = 0, own = 0;

	for (size_t i = 0; i < table->ring.n; i++) {
		total += table->ring.targets[i].weight;
		if (table->ring.targets[i].state == s)
			own = table->ring.targets[i].weight;
	}
	return total > 0 ? own / total : 0;
}

/* Why a target gets nothing now. */
static const char *why_none(const struct member *m, const char *state)
{
	enum health health = (enum health)atomic_load(&m->state->health);

	if (health != HEALTH_HEALTHY && health != HEALTH_UNAVAILABLE)
		return state;
	if (passive_rest_ms(m->state, clock_now_ms()))
		return "resting";
	return m->backup ? "backup" : "zone";
}

/* The table that a worker would build now. */
static enum reason put_members(json_t *answer, const struct target_group *group)
{
	struct pick_table table = {0};
	json_t *list = json_array();
	enum reason reason;

	pick_refresh(&table, group->state, group, 0);
	for (size_t i = 0; table.roster && i < table.roster->n_members; i++) {
		const struct target_state *s = table.roster->members[i].state;
		double share = share_of(&table, s);
		const char *state =
			health_name((enum health)atomic_load(&s->health));
		json_t *o = json_pack("{s:s, s:s, s:f}", "target", s->name,
				      "state", state, "share", share);

		if (share == 0)
			json_object_set_new(
				o, "why",
				json_string(why_none(&table.roster->members[i],
						     state)));
		json_array_append_new(list, o);
	}
	reason = table.ring.n          ? REASON_NONE
		 : table.zone_is_empty ? REASON_NO_ZONE_TARGET
				       : REASON_NO_TARGET;
	json_object_set_new(answer, "fail_open",
			    json_boolean(table.failed_open));
	json_object_set_new(answer, "candidates", list);
	pick_release(&table);
	return reason;
}

/* -- both ------------------------------------------------------------------ */

/* A process that begins with this file: the first turn of its first worker. */
static const struct target_group *first_group(const struct explain *e)
{
	const struct forward *f = explain_forward(e);
	int64_t *credits = xcalloc(e->snap->n_credits + 1, sizeof(*credits));
	const struct target_group *group =
		share_next(f, credits + f->first_credit);

	free(credits);
	return group;
}

enum reason explain_put_targets(json_t *answer, const struct explain *e,
				const struct explain_turn *turn)
{
	const struct forward *f = explain_forward(e);
	const struct target_group *group = turn ? turn->group : first_group(e);

	json_object_set_new(answer, "target_group",
			    group_json(f, group, turn && turn->group_sticky));
	if (!group)
		return REASON_NO_TARGET;
	if (!inquiry_speaks(e->listener, &e->answer.head, group))
		return REASON_PROTOCOL_MISMATCH;
	json_object_set_new(answer, "algorithm",
			    json_string(algorithm_name(group->algorithm)));
	if (!turn)
		return put_configured(answer, group);
	if (*turn->target)
		json_object_set_new(answer, "target",
				    json_string(turn->target));
	return put_members(answer, group);
}
