/* What other floors make of the configuration: patterns, indexes and TLS
 * towards targets. */
#include "http/h1_write.h"
#include "http/pattern.h"
#include "http/uri.h"
#include "model/rule_index.h"
#include "read.h"
#include "tls/client.h"
#include "tls/policy.h"
#include "tls/server.h"

static void free_pattern(void *object)
{
	pattern_release(object);
}

/* A value in the form of what it is compared with (model/route.h): a path has
 * an escape for what no target may have, a host no dot at its end. Fields and
 * queries are compared as they were sent. */
static struct slice as_compared(struct reader *r, enum condition_kind kind,
				struct slice text)
{
	size_t size = text.n * URI_ESCAPED;
	struct writer w;
	char *room;

	if (kind == CONDITION_HOST_HEADER)
		return host_without_last_dot(text);
	if (kind != CONDITION_PATH_PATTERN)
		return text;
	room = arena_alloc(r->arena, size);
	w = writer_make(room, size);
	writer_target(&w, text);
	return slice_make(room, (size_t)(w.at - room));
}

/* Of enum pattern_flag. */
static unsigned flags_of(const struct condition *c)
{
	if (c->kind == CONDITION_PATH_PATTERN)
		return 0;
	if (c->kind == CONDITION_HOST_HEADER || c->is_regex)
		return PATTERN_FOLD;
	return PATTERN_FOLD | PATTERN_ESCAPES;
}

const struct pattern *make_regex(struct reader *r, const struct node *v,
				 unsigned flags)
{
	struct pattern *p = ARENA_NEW(r->arena, struct pattern);
	const char *why = NULL;
	size_t at = 0;
	struct place place;

	if (pattern_compile_regex(r->arena, v->text, flags, p, &why, &at)) {
		snapshot_on_free(r->snap, free_pattern, p);
		return p;
	}
	place = node_part(v, at, 1);
	complain(r, &place, NULL, "not a usable regular expression: %s", why);
	return NULL;
}

const struct pattern *make_body_pattern(struct reader *r, const struct node *v)
{
	return make_regex(r, v, 0);
}

const struct pattern *make_pattern(struct reader *r, const struct condition *c,
				   const struct node *v)
{
	unsigned flags = flags_of(c);
	struct pattern *p;

	if (c->is_regex)
		return make_regex(r, v, flags);
	p = ARENA_NEW(r->arena, struct pattern);
	if (!pattern_compile(r->arena, as_compared(r, c->kind, v->text), flags,
			     p))
		complain(r, &v->at, NULL, "a pattern has at most %d octets",
			 PATTERN_OCTETS_MAX);
	return p;
}

void make_index(struct reader *r, struct listener *l)
{
	l->rule_index = rule_index_build(r->arena, l->rules, l->n_rules);
}

static bool wants_tls(const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->n_groups; i++) {
		const struct target_group *g = &snap->groups[i];

		if (g->protocol == PROTOCOL_HTTPS ||
		    g->health_check.protocol == PROTOCOL_HTTPS)
			return true;
	}
	return false;
}

/* AWS looks at the listeners of one load balancer. Targets are shared by all
 * of ours, and so are the connections to them: all listeners count. */
static const struct tls_policy *target_policy(struct reader *r)
{
	const struct tls_policy **all = ARENA_ARRAY(&r->tree->arena,
						    r->snap->n_listeners + 1,
						    const struct tls_policy *);
	size_t n = 0;

	for (size_t i = 0; i < r->snap->n_balancers; i++) {
		const struct load_balancer *lb = &r->snap->balancers[i];

		for (size_t j = 0; j < lb->n_listeners; j++)
			if (lb->listeners[j].tls)
				all[n++] =
					tls_server_policy(lb->listeners[j].tls);
	}
	return tls_policy_for_targets(all, n);
}

static void free_target_tls(void *object)
{
	tls_client_unref(object);
}

void make_target_tls(struct reader *r)
{
	struct snapshot *snap = r->snap;
	const struct tls_client_spec spec = {
		.policy = target_policy(r),
		.n_workers = snap->settings.workers + 1,
	};
	struct diag heard = {0}; /* the listeners said it already */

	if (!wants_tls(snap))
		return;
	snap->target_tls = tls_client_new(&spec, &heard);
	if (snap->target_tls)
		snapshot_on_free(snap, free_target_tls, snap->target_tls);
	else
		complain(r, &(struct place){.file = snap->file.p}, NULL,
			 "TLS towards targets cannot be set up: %s",
			 heard.findings[0].sentence);
	diag_release(&heard);
}
