/* Which requests reach groups whose targets speak HTTP/2 alone: what can only
 * end in 464. */
#include "base/fail.h"
#include "read.h"

static const char *name_of_version(enum protocol_version version)
{
	return version == VERSION_GRPC ? "GRPC" : "HTTP2";
}

static void check_forward(struct reader *r, const struct listener *l,
			  const struct action *a, const struct target_group *g)
{
	if (g->version == VERSION_HTTP1)
		return;
	if (l->protocol == PROTOCOL_HTTP)
		complain(r, &a->place, "it takes an HTTPS listener",
			 "protocol_version of the target group \"%.*s\" is %s, "
			 "and an HTTP listener speaks HTTP/1.1 alone: each "
			 "request would be answered 464",
			 SLICE_ARG(g->name), name_of_version(g->version));
	else if (!l->balancer->http2)
		warn(r, &a->place, "see routing.http2.enabled",
		     "protocol_version of the target group \"%.*s\" is %s, "
		     "and HTTP/2 is switched off: each request is answered "
		     "464",
		     SLICE_ARG(g->name), name_of_version(g->version));
}

static void check_action(struct reader *r, const struct listener *l,
			 const struct action *a)
{
	if (a->kind != ACTION_FORWARD)
		return;
	for (size_t i = 0; i < a->forward.n_groups; i++)
		check_forward(r, l, a, a->forward.groups[i].group);
}

void check_versions(struct reader *r)
{
	const struct snapshot *snap = r->snap;

	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++) {
			const struct listener *l =
				&snap->balancers[b].listeners[i];

			for (size_t n = 0; n < l->n_rules; n++)
				check_action(r, l, &l->rules[n].action);
			check_action(r, l, &l->default_rule.action);
		}
}
