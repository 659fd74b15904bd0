/* What is allowed but cannot be meant, as far as one file knows: warnings. */
#include <stdlib.h>

#include "base/fail.h"
#include "read.h"
#include "tls/identity.h"
#include "tls/server.h"

/* Octets of patterns that are compared in one load, in all: the pairs of some
 * thousand rules, and a tenth of a second. Whoever has more is not told of
 * all that are hidden. */
enum { STEPS_MAX = 32 << 20 };

struct sense {
	struct reader *r;
	size_t n_left;   /* steps */
	uint8_t *spoken; /* by port: set of enum spoken */
};

enum spoken { SPEAKS_HTTP = 1, SPEAKS_TLS = 2 };

/* What a warning is about stands in another line. */
static const char *seen_at(struct sense *s, const struct place *at)
{
	return arena_printf(&s->r->tree->arena, "see %s:%u:%u", at->file,
			    at->line, at->column);
}

/* -- patterns -------------------------------------------------------------- */

static bool is_same(char a, char b, bool fold)
{
	return fold ? ascii_lower(a) == ascii_lower(b) : a == b;
}

/*
 * Whether `wide` matches all that `narrow` matches: wildcards of the narrow
 * one are signs that only wildcards of the wide one meet. A yes is sure. As
 * with any such pattern, to go back to the last '*' is enough.
 */
static bool covers(struct sense *s, struct slice wide, struct slice narrow,
		   bool fold)
{
	size_t w = 0, n = 0, star = SIZE_MAX, again = 0;

	while (n < narrow.n) {
		char sign = narrow.p[n];

		if (s->n_left == 0)
			return false;
		s->n_left--;
		if (w < wide.n && wide.p[w] == '*') {
			star = w++;
			again = n;
		} else if (w < wide.n && sign != '*' &&
			   (wide.p[w] == '?' ||
			    (sign != '?' && is_same(wide.p[w], sign, fold)))) {
			w++;
			n++;
		} else if (star != SIZE_MAX) {
			w = star + 1;
			n = ++again;
		} else {
			return false;
		}
	}
	while (w < wide.n && wide.p[w] == '*')
		w++;
	return w == wide.n;
}

static bool has_wildcard(struct slice s)
{
	return slice_find(s, '*') < s.n || slice_find(s, '?') < s.n;
}

/* -- rules that are never asked -------------------------------------------- */

static bool is_same_key(const struct condition *a, size_t i,
			const struct condition *b, size_t j)
{
	return !a->keys || (!a->keys[i].p == !b->keys[j].p &&
			    slice_eq_fold(a->keys[i], b->keys[j]));
}

/* Whether what meets one value of the later condition meets some value of the
 * earlier. Where a value has escapes, only the same text is sure. */
static bool is_covered(struct sense *s, const struct condition *earlier,
		       const struct condition *later, size_t j)
{
	bool by_pattern = earlier->kind == CONDITION_HOST_HEADER ||
			  earlier->kind == CONDITION_PATH_PATTERN;
	bool fold = earlier->kind == CONDITION_HOST_HEADER;

	for (size_t i = 0; i < earlier->n_values; i++) {
		struct slice wide = earlier->values[i];

		if (s->n_left == 0)
			return false;
		s->n_left--;
		if (!is_same_key(earlier, i, later, j))
			continue;
		if (by_pattern && !earlier->is_regex
			    ? covers(s, wide, later->values[j], fold)
			    : slice_eq(wide, later->values[j]))
			return true;
	}
	return false;
}

static bool is_alike(const struct condition *a, const struct condition *b)
{
	return a->kind == b->kind && a->is_regex == b->is_regex &&
	       slice_eq_fold(a->field, b->field);
}

static bool is_always_met(const struct condition *c)
{
	if (c->kind != CONDITION_HOST_HEADER &&
	    c->kind != CONDITION_PATH_PATTERN)
		return false;
	for (size_t i = 0; i < c->n_values && !c->is_regex; i++)
		if (slice_eq(c->values[i], SLICE("*")) ||
		    (c->kind == CONDITION_PATH_PATTERN &&
		     slice_eq(c->values[i], SLICE("/*"))))
			return true;
	return false;
}

/* Whether each request that meets one condition of the later rule meets this
 * one of the earlier. */
static bool is_implied(struct sense *s, const struct condition *earlier,
		       const struct rule *later)
{
	for (size_t i = 0; i < later->n_conditions; i++) {
		const struct condition *c = &later->conditions[i];
		size_t n = 0;

		if (!is_alike(earlier, c))
			continue;
		while (n < c->n_values && is_covered(s, earlier, c, n))
			n++;
		if (n == c->n_values)
			return true;
	}
	return is_always_met(earlier);
}

static bool hides(struct sense *s, const struct rule *earlier,
		  const struct rule *later)
{
	s->n_left--;
	for (size_t i = 0; i < earlier->n_conditions; i++)
		if (!is_implied(s, &earlier->conditions[i], later))
			return false;
	return true;
}

static void warn_of_hidden(struct sense *s, const struct listener *l)
{
	for (size_t i = 1; i < l->n_rules; i++) {
		const struct rule *later = &l->rules[i];

		for (size_t j = 0; j < i && s->n_left; j++) {
			const struct rule *earlier = &l->rules[j];

			if (!hides(s, earlier, later))
				continue;
			warn(s->r, &later->place, seen_at(s, &earlier->place),
			     "rule %u is never asked: rule %u takes all of its "
			     "requests",
			     later->priority, earlier->priority);
			break;
		}
	}
}

/* -- hosts without a certificate ------------------------------------------- */

/* A pattern is many names: one that could be meant is enough. */
static bool fits_some(struct sense *s, const struct listener *l,
		      struct slice host)
{
	const struct tls_identity *id;

	for (size_t i = 0; (id = tls_server_identity(l->tls, i)) != NULL; i++)
		for (size_t n = 0; n < id->n_names; n++)
			if (covers(s, host, id->names[n], true) ||
			    covers(s, id->names[n], host, true))
				return true;
	return s->n_left == 0;
}

static void warn_of_names(struct sense *s, const struct listener *l,
			  const struct condition *c)
{
	if (c->kind != CONDITION_HOST_HEADER || c->is_regex)
		return;
	for (size_t i = 0; i < c->n_values; i++) {
		struct slice host = c->values[i];

		if (has_wildcard(host) ? fits_some(s, l, host)
				       : tls_server_knows(l->tls, host))
			continue;
		warn(s->r, &c->place, "browsers refuse the default one",
		     "no certificate of this listener fits the host \"%.*s\"",
		     SLICE_ARG(host));
	}
}

/* -- redirects to nowhere -------------------------------------------------- */

/* The text of a template that is nothing else. */
static bool is_literal(const struct template *t, struct slice *text)
{
	if (t->n_parts != 1 || t->parts[0].kind != PLACE_LITERAL)
		return false;
	*text = t->parts[0].text;
	return true;
}

static bool is_placeholder(const struct template *t, enum placeholder kind)
{
	return t->n_parts == 1 && t->parts[0].kind == kind;
}

/* The port of the same host that a redirect leads to by HTTPS; 0: none that
 * this file could know. */
static uint16_t https_port(const struct listener *l, const struct redirect *to)
{
	bool tls = l->protocol == PROTOCOL_HTTPS;
	struct slice text;
	uint64_t port;

	if (!is_placeholder(&to->host, PLACE_HOST))
		return 0;
	if (is_literal(&to->protocol, &text) ? !slice_eq(text, SLICE("https"))
					     : !tls)
		return 0;
	if (is_placeholder(&to->port, PLACE_PORT))
		return l->port;
	return is_literal(&to->port, &text) && slice_to_u64(text, &port)
		       ? (uint16_t)port
		       : 0;
}

static void warn_of_redirect(struct sense *s, const struct listener *l,
			     const struct rule *rule)
{
	uint16_t port = 0;

	if (rule->action.kind == ACTION_REDIRECT)
		port = https_port(l, &rule->action.redirect);
	if (port == 0 || s->spoken[port] & SPEAKS_TLS)
		return;
	if (s->spoken[port] & SPEAKS_HTTP)
		warn(s->r, &rule->action.place,
		     "name the port of an HTTPS listener",
		     "this redirect leads to HTTPS on port %u, which speaks "
		     "HTTP",
		     port);
	else
		warn(s->r, &rule->action.place, NULL,
		     "this redirect leads to HTTPS on port %u, where no "
		     "listener of this file is",
		     port);
}

/* -- targets that are ourselves -------------------------------------------- */

static const struct listener *listener_on(struct sense *s,
					  const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	return map_get(&s->r->sockets,
		       slice_make(text, addr_format(addr, text)));
}

static void warn_of_target(struct sense *s, const struct target *t)
{
	char text[ADDR_TEXT_MAX];
	const struct listener *own;
	struct addr all;

	if (t->kind != TARGET_ADDRESS)
		return;
	own = listener_on(s, &t->addr);
	if (!own && addr_is_loopback(&t->addr)) {
		addr_parse_ip(t->addr.sa.sa_family == AF_INET ? SLICE("0.0.0.0")
							      : SLICE("::"),
			      t->port, &all);
		own = listener_on(s, &all);
	}
	if (own)
		warn(s->r, &t->place, seen_at(s, &own->place),
		     "the target %.*s is a listener of our own",
		     (int)addr_format(&t->addr, text), text);
}

/* -- checks that targets cannot understand --------------------------------- */

/* On AWS, too, checks speak HTTP unless they are told otherwise. */
static void warn_of_check(struct sense *s, const struct target_group *g)
{
	const struct health_check *check = &g->health_check;

	if (!check->enabled || check->port || check->protocol == g->protocol ||
	    check->protocol == PROTOCOL_TCP ||
	    (g->protocol != PROTOCOL_HTTP && g->protocol != PROTOCOL_HTTPS))
		return;
	warn(s->r, &g->place,
	     arena_printf(&s->r->tree->arena, "write health_check.protocol: %s",
			  protocol_name(g->protocol)),
	     "the targets of \"%.*s\" speak %s, and health checks speak %s to "
	     "the same port",
	     SLICE_ARG(g->name), protocol_name(g->protocol),
	     protocol_name(check->protocol));
}

/* -- the whole ------------------------------------------------------------- */

static void note_ports(struct sense *s)
{
	const struct snapshot *snap = s->r->snap;

	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++) {
			const struct listener *l =
				&snap->balancers[b].listeners[i];

			s->spoken[l->port] |= l->protocol == PROTOCOL_HTTP
						      ? SPEAKS_HTTP
						      : SPEAKS_TLS;
		}
}

static void check_listener(struct sense *s, const struct listener *l)
{
	warn_of_hidden(s, l);
	for (size_t i = 0; i < l->n_rules; i++) {
		const struct rule *rule = &l->rules[i];

		for (size_t c = 0; l->tls && c < rule->n_conditions; c++)
			warn_of_names(s, l, &rule->conditions[c]);
		warn_of_redirect(s, l, rule);
		if (rule->request_changes &&
		    rule->action.kind != ACTION_FORWARD)
			warn(s->r, &rule->place, NULL,
			     "no target sees the request_headers of rule %u: "
			     "it does not forward",
			     rule->priority);
	}
	warn_of_redirect(s, l, &l->default_rule);
}

/* -- logs ------------------------------------------------------------------ */

/* Which log of its load balancer it is; the same path may be many's. */
static void warn_of_log(struct sense *s, struct map *files, size_t which,
			struct line_log *log)
{
	struct line_log *first;

	if (!log->enabled)
		return;
	first = map_get(&files[which], log->path);
	if (!first)
		map_put(&files[which], log->path, log);
	else if (first->form != log->form)
		warn(s->r, &log->place, seen_at(s, &first->place),
		     "the same file has lines of another format: nobody will "
		     "read both");
	for (size_t i = 0; !first && i < which; i++) {
		struct line_log *other = map_get(&files[i], log->path);

		if (other)
			warn(s->r, &log->place, seen_at(s, &other->place),
			     "the same file has lines of another log");
	}
}

enum { LOGS = 3 };

static void check_logs(struct sense *s, const struct snapshot *snap)
{
	struct map files[LOGS] = {{0}};

	for (size_t i = 0; i < snap->n_balancers; i++)
		warn_of_log(s, files, 0, &snap->balancers[i].access_log);
	for (size_t i = 0; i < snap->n_balancers; i++)
		warn_of_log(s, files, 1, &snap->balancers[i].connection_log);
	for (size_t i = 0; i < snap->n_balancers; i++)
		warn_of_log(s, files, 2, &snap->balancers[i].check_log);
	for (size_t i = 0; i < LOGS; i++)
		map_release(&files[i]);
}

void check_sense(struct reader *r)
{
	const struct snapshot *snap = r->snap;
	struct sense s = {
		.r = r,
		.n_left = STEPS_MAX,
		.spoken = xcalloc(UINT16_MAX + 1, 1),
	};

	note_ports(&s);
	check_logs(&s, snap);
	for (size_t b = 0; b < snap->n_balancers; b++)
		for (size_t i = 0; i < snap->balancers[b].n_listeners; i++)
			check_listener(&s, &snap->balancers[b].listeners[i]);
	for (size_t g = 0; g < snap->n_groups; g++) {
		warn_of_check(&s, &snap->groups[g]);
		for (size_t t = 0; t < snap->groups[g].n_targets; t++)
			warn_of_target(&s, &snap->groups[g].targets[t]);
	}
	free(s.spoken);
}
