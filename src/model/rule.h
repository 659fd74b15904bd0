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

#include "base/cidr_set.h"
#include "base/diag.h"
#include "base/slice.h"
#include "http/template.h"
#include "model/limit.h"

struct field_changes; /* http/field_edits.h */
struct field_edits;   /* http/field_edits.h */
struct transform;     /* http/transform.h */
struct pattern;       /* http/pattern.h */
struct target_group;

enum condition_kind {
	CONDITION_HOST_HEADER,         /* host without port, any case */
	CONDITION_PATH_PATTERN,        /* normalised path without the query */
	CONDITION_HTTP_HEADER,         /* each value of a field, any case */
	CONDITION_HTTP_REQUEST_METHOD, /* case matters */
	CONDITION_QUERY_STRING,        /* each pair, as sent, any case */
	CONDITION_SOURCE_IP,           /* address of the peer */
	CONDITION_KINDS
};

/* "host_header"; as the configuration spells it. */
const char *condition_name(enum condition_kind kind);

/* Met when any of its values matches. */
struct condition {
	enum condition_kind kind;
	bool is_regex;        /* values are regular expressions */
	size_t n_values;      /* at least 1 */
	struct slice *values; /* as written; n_values of them */
	/* NULL but for query_string, where it has the key of each value (p
	 * NULL: any key), and source_ip, where a p that is not NULL tells that
	 * the value is the name of a prefix list. */
	struct slice *keys;
	/* Compiled, in the same order; NULL for methods and addresses, which
	 * have no patterns. key_patterns: query_string only; NULL among them:
	 * any key. */
	const struct pattern **patterns, **key_patterns;
	struct slice field;       /* http_header: its name, as written */
	uint8_t field_id;         /* enum name of http/names.h */
	struct cidr_set networks; /* source_ip: all that its values name */
	struct place place;
};

enum action_kind { ACTION_FORWARD, ACTION_REDIRECT, ACTION_FIXED_RESPONSE };

/* "forward"; as the configuration spells it. */
const char *action_name(enum action_kind kind);

struct weighted_group {
	struct target_group *group;
	uint32_t weight;
};

/* Keeps a client at the group that it was given. */
struct group_stickiness {
	bool enabled;
	uint64_t duration_s; /* checked inside the cookie */
};

struct forward {
	struct weighted_group *groups; /* n_groups, at least 1; each once */
	size_t n_groups;
	struct group_stickiness stickiness;
	/* Among the credits that each worker keeps for a snapshot, where those
	 * of these groups begin; set by snapshot_note_forwards(). */
	uint32_t first_credit;
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
	struct transform *transforms; /* one of each kind at most, and only
				       * where it forwards */
	size_t n_transforms;
	/* As written; NULL: nothing. */
	const struct field_changes *request_changes, *response_changes;
	/* With those of the listener in them; NULL: none. */
	const struct field_edits *request_edits, *response_edits;
	struct limit_uses limits; /* asked before its action */
	struct action action; /* the last one, which ends the request's way */
	uint32_t index; /* position in listener->rules; default: n_rules */
	struct rule_counts *counts; /* borrowed; NULL until counts_attach() */
	struct place place;
};

#endif
