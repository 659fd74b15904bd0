/*
 * rule_index.h - the first rule that a request meets, without a scan.
 *
 * The rules of a listener are compiled once, when its snapshot is built. A
 * request then looks its host up, and in what it finds its path: in tables
 * where the value is a plain text, a prefix ("/p/...") or a suffix
 * ("...example.com"), and in short lists for everything else. Each list is in
 * the order of priority and is left as soon as a better rule is known, so a
 * regular expression runs only when it could still win.
 *
 * What can be found that way is a candidate: a rule with more conditions than
 * one host and one path is asked for the rest with rule_is_met(). Rules that
 * name neither are asked last, one after the other.
 *
 * Floor: model.  Source: AWS: listener rules for Application Load
 * Balancers.
 */
#ifndef WEIR_MODEL_RULE_INDEX_H
#define WEIR_MODEL_RULE_INDEX_H

#include "http/pattern.h"
#include "model/rule.h"

struct addr; /* net/addr.h */
struct arena;
struct http_head; /* http/head.h */

/* What conditions are compared with. */
struct route_input {
	struct slice host;            /* lower case, without port */
	struct slice path;            /* normalised, without the query */
	struct slice query;           /* as sent, without '?' */
	const struct http_head *head; /* for its method and fields */
	const struct addr *peer;      /* who sent it, as far as is known */
};

struct rule_index;

/*
 * Compiles `rules`, which are sorted by priority, best first, and stay where
 * they are as long as the index is used; the default rule is not among them.
 * The patterns of all conditions are compiled before, without
 * PATTERN_ESCAPES. All memory is the arena's. Never NULL, also for no rules.
 * Control thread.
 */
struct rule_index *rule_index_build(struct arena *arena,
				    const struct rule *rules, size_t n_rules);

/*
 * The first rule whose conditions are all met, or NULL: then the default rule
 * applies. *gave_up tells that a regular expression of the rule returned took
 * more effort than it may: nobody knows whether it is met, so neither it nor
 * any rule behind it may decide. Any thread; one `scratch` for each.
 */
const struct rule *rule_index_find(const struct rule_index *index,
				   const struct route_input *in,
				   struct pattern_scratch *scratch,
				   bool *gave_up);

/*
 * Whether all conditions of one rule are met: what the index must agree with,
 * and what an explanation asks. PATTERN_GAVE_UP: all those are of which it is
 * known, and of one it is not.
 */
enum pattern_result rule_is_met(const struct rule *rule,
				const struct route_input *in,
				struct pattern_scratch *scratch);

/* Whether one condition is: whether any of its values matches.
 * PATTERN_GAVE_UP: none does for certain, and one may. */
enum pattern_result condition_is_met(const struct condition *condition,
				     const struct route_input *in,
				     struct pattern_scratch *scratch);

#endif
