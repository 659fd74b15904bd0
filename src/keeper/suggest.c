/*
 * suggest.c - the rules that would admit what mode: report let pass.
 *
 * What the rules of now admit is left out, so whoever takes a suggestion over
 * is not told again. Ports of this machine on which nobody listens are left
 * out too, and counted: who scans must not write anybody's rules.
 *
 * Floor: keeper.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "control/admin.h"
#include "kernel/machine.h"
#include "state.h"

/* From more addresses than this: from everywhere. */
enum { PEERS_MAX = 32 };

/* A flow, and the group that is to admit it. */
struct wish {
	const struct seen_flow *flow;
	const char *group;
	json_t *groups; /* all that could; owned */
	bool egress;
};

struct wishes {
	const struct keeper *keeper;
	const char *group; /* NULL: all */
	struct listening *listening;
	size_t n_listening;
	struct arena arena;
	struct wish *all;
	unsigned n;
	uint64_t unheard; /* flows to ports where nobody listens */
};

/* One rule: ports that the same peers want. */
struct advice {
	const struct wish *first;
	json_t *peers, *ports;
	unsigned n_peers;
	int port_first, port_last; /* the range that is not in `ports` yet */
	uint64_t packets, last_ms;
};

/* -- what is to be admitted ------------------------------------------------ */

/* No rule of now admits it: it still gets to the end of the chain. */
static bool is_unmet(const struct ruleset *rules, const struct seen_flow *f)
{
	const struct nft_chain *c = ruleset_chain(rules, f->key.chain);
	struct verdict v;

	if (!c)
		return false;
	verdict_of(rules, &f->sample.packet, &v);
	for (unsigned i = 0; i < v.n_steps; i++)
		if (v.steps[i].chain == c &&
		    v.steps[i].rule == &c->rules[c->n_rules - 1])
			return true;
	return false;
}

static bool is_heard(const struct wishes *w, const struct seen_flow *f)
{
	const struct nft_packet *p = &f->sample.packet;

	if (p->hook != HOOK_INPUT || seen_is_egress(f->key.chain) ||
	    (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP))
		return true;
	for (size_t i = 0; i < w->n_listening; i++)
		if (w->listening[i].protocol == p->protocol &&
		    w->listening[i].port == f->key.port)
			return true;
	return false;
}

static void wish_for(struct wishes *w, const struct ruleset *rules,
		     const struct seen_flow *f)
{
	json_t *groups;
	const char *group;

	if (!is_unmet(rules, f))
		return;
	groups = keeper_groups_of(rules, f->key.chain);
	group = json_string_value(json_array_get(groups, 0));
	if (w->group)
		group = keeper_names_group(groups, w->group) ? w->group : NULL;
	if (group && !is_heard(w, f))
		w->unheard++;
	else if (group)
		w->all[w->n++] = (struct wish){f, group, json_incref(groups),
					       seen_is_egress(f->key.chain)};
	json_decref(groups);
}

static int compare_numbers(int a, int b)
{
	return (a > b) - (a < b);
}

/* All but the peer. */
static int compare_services(const struct wish *a, const struct wish *b)
{
	const struct seen_key *x = &a->flow->key, *y = &b->flow->key;
	int by = strcmp(a->group, b->group);

	if (!by)
		by = compare_numbers(a->egress, b->egress);
	if (!by)
		by = compare_numbers(x->protocol, y->protocol);
	if (!by)
		by = compare_numbers(x->icmp_type, y->icmp_type);
	if (!by)
		by = compare_numbers(x->icmp_code, y->icmp_code);
	return by ? by : compare_numbers(x->port, y->port);
}

static int compare_wishes(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;
	int by = compare_services(x, y);

	return by ? by : cidr_cmp(&x->flow->key.peer, &y->flow->key.peer);
}

/* -- rules ----------------------------------------------------------------- */

static void add_peer(json_t *list, const struct cidr *peer)
{
	char words[CIDR_TEXT_MAX];

	json_array_append_new(list, json_string(cidr_format(peer, words)));
}

/* One service, from wish `at` on. Returns where the next begins. */
static unsigned read_service(const struct wishes *w, unsigned at,
			     struct advice *out)
{
	const struct wish *first = &w->all[at];
	const struct cidr *last = NULL;
	bool families[2] = {false};

	*out = (struct advice){.first = first, .peers = json_array()};
	out->port_first = out->port_last = first->flow->key.port;
	for (; at < w->n && compare_services(first, &w->all[at]) == 0; at++) {
		const struct seen_flow *f = w->all[at].flow;

		out->packets += f->packets;
		if (f->last_ms > out->last_ms)
			out->last_ms = f->last_ms;
		if (last && cidr_eq(last, &f->key.peer))
			continue;
		last = &f->key.peer;
		families[last->family == 6] = true;
		if (++out->n_peers <= PEERS_MAX)
			add_peer(out->peers, last);
	}
	if (out->n_peers <= PEERS_MAX)
		return at;
	json_array_clear(out->peers);
	for (unsigned i = 0; i < 2; i++) {
		const struct cidr all =
			cidr_make(i ? 6 : 4, (const uint8_t[16]){0}, 0);

		if (families[i])
			add_peer(out->peers, &all);
	}
	return at;
}

static bool has_ports(const struct advice *a)
{
	uint8_t protocol = a->first->flow->key.protocol;

	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static void end_range(struct advice *a)
{
	char words[24];

	if (a->port_first == a->port_last)
		snprintf(words, sizeof(words), "%d", a->port_first);
	else
		snprintf(words, sizeof(words), "%d-%d", a->port_first,
			 a->port_last);
	json_array_append_new(a->ports, json_string(words));
}

/* Ports come in their order. */
static void advice_merge(struct advice *into, const struct advice *a)
{
	if (a->port_first != into->port_last + 1) {
		end_range(into);
		into->port_first = a->port_first;
	}
	into->port_last = a->port_last;
	into->packets += a->packets;
	if (a->last_ms > into->last_ms)
		into->last_ms = a->last_ms;
}

static json_t *advice_json(struct advice *a)
{
	const struct seen_key *key = &a->first->flow->key;
	json_t *o = json_object();

	json_object_set_new(o, "group", json_string_nocheck(a->first->group));
	json_object_set(o, "groups", a->first->groups);
	json_object_set_new(
		o, "direction",
		json_string(a->first->egress ? "egress" : "ingress"));
	if (has_ports(a)) {
		end_range(a);
		json_object_set(o, "ports", a->ports);
	}
	if (key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6) {
		json_object_set_new(o, "type", json_integer(key->icmp_type));
		json_object_set_new(o, "code", json_integer(key->icmp_code));
	}
	json_object_set_new(o, "protocol", json_integer(key->protocol));
	json_object_set(o, "peers", a->peers);
	json_object_set_new(o, "addresses", json_integer(a->n_peers));
	json_object_set_new(o, "packets", json_integer((json_int_t)a->packets));
	json_object_set_new(o, "last_at",
			    json_integer((json_int_t)(a->last_ms / 1000)));
	return o;
}

/* Services of the same peers become one rule: by group, direction, protocol
 * and peers. */
static struct advice *same_rule(struct map *known, struct arena *arena,
				struct advice *a)
{
	char *peers = json_dumps(a->peers, JSON_COMPACT);
	const char *key = arena_printf(arena, "%s %d %d %s", a->first->group,
				       a->first->egress,
				       a->first->flow->key.protocol, peers);
	struct advice *there = map_get(known, slice_of(key));

	free(peers);
	if (!there)
		map_put(known, slice_of(key), a);
	return there;
}

static json_t *rules_json(struct wishes *w)
{
	struct advice *all = ARENA_ARRAY(&w->arena, w->n + 1, struct advice);
	json_t *list = json_array();
	struct map known = {0};
	unsigned n = 0;

	for (unsigned at = 0; at < w->n;) {
		struct advice *a = &all[n], *there;

		at = read_service(w, at, a);
		there = has_ports(a) ? same_rule(&known, &w->arena, a) : NULL;
		if (there) {
			advice_merge(there, a);
			json_decref(a->peers);
			continue;
		}
		a->ports = json_array();
		n++;
	}
	for (unsigned i = 0; i < n; i++) {
		json_array_append_new(list, advice_json(&all[i]));
		json_decref(all[i].peers);
		json_decref(all[i].ports);
	}
	map_release(&known);
	return list;
}

/* -- the answer ------------------------------------------------------------ */

static void set_number(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

static json_t *answer_with(struct wishes *w, const struct ruleset *rules)
{
	const struct keeper_watch *watch = &w->keeper->watch;
	const struct seen *seen = &watch->seen;
	json_t *answer = admin_ok();

	qsort(w->all, w->n, sizeof(*w->all), compare_wishes);
	json_object_set_new(answer, "reports",
			    json_boolean(rules && ruleset_reports(rules)));
	json_object_set_new(answer, "rules", rules_json(w));
	set_number(answer, "packets", seen->packets);
	set_number(answer, "unheard", w->unheard);
	set_number(answer, "middle", seen->middle);
	set_number(answer, "unread", seen->unread);
	set_number(answer, "others", seen->others);
	set_number(answer, "forgotten", seen->forgotten);
	set_number(answer, "lost", watch->lost);
	set_number(answer, "limited", watch->limited);
	if (watch->error)
		json_object_set_new(
			answer, "error_text",
			json_string_nocheck(strerror(watch->error)));
	return answer;
}

json_t *keeper_answer_suggest(struct keeper *k, const json_t *request)
{
	const struct ruleset *rules = keeper_wanted(k);
	const struct seen *seen = &k->watch.seen;
	struct wishes w = {.keeper = k};
	json_t *refusal = NULL, *answer;

	if (!k->keeps)
		return admin_error("packets are seen by the keeper, which does "
				   "not run: weir sg keep, or start "
				   "weir-sg.service");
	w.group = json_string_value(json_object_get(request, "group"));
	if (w.group)
		refusal = keeper_check_group(k, w.group);
	if (refusal)
		return refusal;
	w.all = ARENA_ARRAY(&w.arena, seen->n + 1, struct wish);
	w.n_listening = seen->n ? machine_listening(&w.listening) : 0;
	for (unsigned i = 0; rules && i < seen->n; i++)
		wish_for(&w, rules, &seen->flows[i]);
	answer = answer_with(&w, rules);
	for (unsigned i = 0; i < w.n; i++)
		json_decref(w.all[i].groups);
	free(w.listening);
	arena_release(&w.arena);
	return answer;
}
