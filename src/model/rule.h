/*
 * rule.h - what a request must be, and what happens to it then.
 *
 * Immutable once its snapshot is sealed; all memory is the snapshot's arena.
 *
 * Floor: model.  Source: AWS: listener rules, conditions and actions.
 */
#ifndef WEIR_MODEL_RULE_H
#define WEIR_MODEL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/slice.h"

struct pattern; /* http/pattern.h */
struct target_group;

enum condition_kind {
	CONDITION_HOST_HEADER,  /* host without port, any case */
	CONDITION_PATH_PATTERN, /* normalised path without the query */
};

/* Met when any of its values matches. */
struct condition {
	enum condition_kind kind;
	bool is_regex;                   /* values are regular expressions */
	struct slice *values;            /* as written; n_values of them */
	const struct pattern **patterns; /* compiled, same order */
	size_t n_values;                 /* at least 1 */
	struct place place;
};

/* A text with placeholders, as in "new.#{host}". */
enum placeholder {
	PLACE_LITERAL,
	PLACE_PROTOCOL,
	PLACE_HOST,
	PLACE_PORT,
	PLACE_PATH,
	PLACE_QUERY,
};

struct template_part {
	enum placeholder kind;
	struct slice text; /* only for PLACE_LITERAL */
};

struct template
{
	struct template_part *parts;
	size_t n_parts;
};

enum action_kind { ACTION_FORWARD, ACTION_REDIRECT, ACTION_FIXED_RESPONSE };

struct weighted_group {
	struct target_group *group;
	uint32_t weight;
};

struct forward {
	struct weighted_group *groups; /* n_groups, at least 1 */
	size_t n_groups;
};

struct redirect {
	struct template protocol; /* gives http or https, in lower case */
	struct template host, port, path, query;
	uint16_t status; /* 301 or 302 */
};

struct fixed_response {
	uint16_t status;
	struct slice content_type; /* "text/plain" if none was given */
	struct slice body;
};

struct action {
	enum action_kind kind;
	union {
		struct forward forward;
		struct redirect redirect;
		struct fixed_response fixed;
	};
	struct place place;
};

struct rule {
	uint32_t priority; /* 0 for the default rule */
	bool is_default;
	struct condition *conditions; /* all must be met; none: default rule */
	size_t n_conditions;
	struct action action; /* the last one, which ends the request's way */
	uint32_t index; /* position in listener->rules; default: n_rules */
	struct place place;
};

#endif
