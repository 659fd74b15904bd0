/*
 * inquiry.h - what would become of a request that nobody has sent?
 *
 * For "tests" of the file and for weir explain request. A request is given in
 * its parts, written as text and read by the functions that read what clients
 * send, so that it is judged as theirs are.
 *
 * Floor: model.  Pure.
 */
#ifndef WEIR_MODEL_INQUIRY_H
#define WEIR_MODEL_INQUIRY_H

#include "http/admit.h"
#include "model/sent.h"
#include "model/snapshot.h"

/* "https://www.example.com:8443/path?query" */
struct inquiry_url {
	enum protocol protocol;
	uint16_t port;          /* also where none is written */
	struct slice authority; /* as written */
	struct slice target;    /* path and query; "/" without */
};

/* False for what is no URL of a request. The slices point into `url`, or are
 * static. */
bool inquiry_split(struct slice url, struct inquiry_url *out);

/* The listeners that a URL can mean: the first of them, and how many there
 * are. balancer: p NULL: any. */
const struct listener *inquiry_listener(const struct snapshot *snap,
					struct slice balancer,
					const struct inquiry_url *url,
					unsigned *n_found);

struct inquiry_field {
	struct slice name, value;
};

struct inquiry {
	struct slice method;
	struct inquiry_url url;
	/* A Host among them takes the place of that of the URL. */
	const struct inquiry_field *fields;
	size_t n_fields;
	struct addr peer;
};

/* One transform, as sent_transform() has it. */
struct inquiry_transform {
	enum transform_kind kind;
	enum transform_status status;
	struct slice before, after;
};

struct inquiry_answer {
	/* REASON_NONE, or why the request is refused. */
	enum reason reason;
	/* The rule is NULL where no rule was asked. */
	struct decision decision;
	struct sent sent;                       /* where the rule forwards */
	struct inquiry_transform transforms[2]; /* in the order written */
	size_t n_transforms;
	struct admission admission;
	struct http_head head;
	struct field fields[HEAD_FIELDS_MAX];
	char *text; /* that the slices point into; owned */
};

/*
 * Asks. False when a part cannot be written as text: it has a line end, a NUL,
 * or a space where none can be. The answer holds until inquiry_release(), and
 * until the scratch is used again; it refers to `q`.
 */
bool inquiry_ask(const struct inquiry *q, const struct listener *l,
		 struct route_scratch *scratch, struct inquiry_answer *out);

/*
 * Whether the targets of a group speak what the request comes in: HTTP/2 where
 * the listener offers it, since nothing else can reach each kind of group, else
 * HTTP/1.1. Where no group of a rule does, the answer is already a refusal.
 */
bool inquiry_speaks(const struct listener *l, const struct http_head *head,
		    const struct target_group *group);

/* Also for an answer of which nothing came. */
void inquiry_release(struct inquiry_answer *answer);

#endif
