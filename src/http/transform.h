/*
 * transform.h - what a rule makes of the host and of the URL: a regular
 * expression finds a part of the text, another text takes its place.
 *
 * Floor: http.  Pure; any thread.  Source: AWS: rule transforms.
 */
#ifndef WEIR_HTTP_TRANSFORM_H
#define WEIR_HTTP_TRANSFORM_H

#include "base/slice.h"
#include "http/pattern.h"

struct arena;

enum {
	TRANSFORM_OCTETS_MAX = 16 * 1024, /* of what comes out */
	TRANSFORM_REPLACE_MAX = 1024,     /* of a replacement as written */
};

enum transform_kind {
	TRANSFORM_HOST, /* "host_header_rewrite": lower case, without port */
	TRANSFORM_URL,  /* "url_rewrite": normalised path, and ?query if there
			 * is one */
};

/* A piece of the text that takes the place: a literal, or a group. */
struct replace_part {
	struct slice text; /* p is NULL for a group */
	uint8_t group;     /* 0: the whole match */
};

/* Read-only once compiled; shared by all threads. */
struct transform {
	enum transform_kind kind;
	struct slice regex, replace;   /* as written */
	const struct pattern *pattern; /* a regular expression */
	struct replace_part *parts;
	size_t n_parts;
	size_t n_groups; /* that it needs, the whole match included */
};

/* AWS's words for what came of it; of those that it has, a regular expression
 * that does not compile never gets here. */
enum transform_status {
	TRANSFORM_UNCHANGED, /* there is none, or it found nothing */
	TRANSFORM_SUCCESS,
	TRANSFORM_BUFFER_TOO_SMALL, /* more than TRANSFORM_OCTETS_MAX */
	TRANSFORM_INVALID_HOST,     /* no host, with or without a port */
	TRANSFORM_INVALID_PATH,     /* does not begin with '/', or has what no
				     * request target may have */
	TRANSFORM_REPLACE_ERROR, /* the regex needs more effort than it may */
};

/* "url_rewrite"; as the configuration spells it. Static. */
const char *transform_kind_name(enum transform_kind kind);

/* "TransformSuccess"; "-" for TRANSFORM_UNCHANGED. Static. */
const char *transform_status_name(enum transform_status status);

/* After all but two of them the request is answered with 500. */
static inline bool transform_failed(enum transform_status status)
{
	return status > TRANSFORM_SUCCESS;
}

/*
 * Reads t->replace: $1 to $99 are groups of t->pattern, $0 is the whole match,
 * $$ a dollar; "$12" is group 12 if there is one, else group 1 and "2". What
 * it needs goes to the arena. Returns true, or false with a sentence in *why
 * (static) and in *at the octet where it went wrong.
 */
bool transform_compile(struct arena *arena, struct transform *t,
		       const char **why, size_t *at);

/*
 * Replaces the first match in `text`.
 *
 * text  p is not NULL
 * room  TRANSFORM_OCTETS_MAX octets, not those of `text`
 * out   a slice of `room`; only with TRANSFORM_SUCCESS
 */
enum transform_status transform_apply(const struct transform *t,
				      struct slice text,
				      struct pattern_scratch *scratch,
				      char *room, struct slice *out);

#endif
