/*
 * explain_parts.h - what the files of explain share, and nobody else.
 *
 * Floor: control.
 */
#ifndef WEIR_CONTROL_EXPLAIN_PARTS_H
#define WEIR_CONTROL_EXPLAIN_PARTS_H

#include "explain.h"

/* "weir.yaml:14" */
json_t *explain_place(const struct place *place);
/* {"priority", "place"} */
json_t *explain_rule_name(const struct rule *rule);

/* Adds "rules", each up to the one that decides with its conditions, and
 * "rules_left_out". */
void explain_put_rules(json_t *answer, const struct explain *e);

/* Adds the group, and who of its targets gets how much. Returns why there is
 * nobody, or REASON_NONE. */
enum reason explain_put_targets(json_t *answer, const struct explain *e,
				const struct explain_turn *turn);

#endif
