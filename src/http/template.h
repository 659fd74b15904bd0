/*
 * template.h - texts with holes, as in "new.#{host}", that each request fills
 * in its own way.
 *
 * Floor: http.  Pure; any thread.  Source: AWS: redirect actions; weir.yaml(5).
 */
#ifndef WEIR_HTTP_TEMPLATE_H
#define WEIR_HTTP_TEMPLATE_H

#include "base/slice.h"
#include "http/h1_write.h"

enum placeholder {
	PLACE_LITERAL,
	PLACE_PROTOCOL, /* "http" or "https" */
	PLACE_HOST,
	PLACE_PORT,
	PLACE_PATH,  /* without the slash that it begins with */
	PLACE_QUERY, /* without the question mark */
	PLACE_CLIENT_ADDRESS,
	PLACE_TRACE_ID,
	PLACE_SERVER_NAME,
	PLACE_RULE,
	PLACE_TARGET_GROUP,
	PLACE_KINDS
};

/* A set of them is an unsigned with these bits. */
#define PLACE_BIT(kind) (1u << (kind))

struct template_part {
	enum placeholder kind;
	struct slice text; /* only for PLACE_LITERAL */
};

/* Two literal parts never follow each other. */
struct template
{
	struct template_part *parts;
	size_t n_parts;
};

/* "host" for PLACE_HOST, as it stands between "#{" and "}"; static. */
struct slice placeholder_name(enum placeholder kind);

/*
 * Writes a text with its holes filled: `values` has PLACE_KINDS of them, the
 * first is not looked at. What no request target may have leaves as %20 and
 * the like in everything that came from outside.
 */
void template_write(struct writer *w, const struct template *t,
		    const struct slice *values);

#endif
