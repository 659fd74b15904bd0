/*
 * overlay_lay.c - run-time entries into a ruleset, and out of it.
 *
 * Sets of the kernel refuse what overlaps, and each of their elements has one
 * end. So networks within networks are cut into ranges, each of which lasts
 * as long as the longest entry that covers it.
 *
 * Floor: firewall.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "draft.h"
#include "overlay.h"

/* Before the groups of the sender, -30. */
enum { BLOCK_PRIORITY = -35 };

/* Networks nest no deeper than an address has bits. */
enum { NEST_MAX = 130 };

#define SET_PREFIX    "ov-"
#define BLOCKED_CHAIN "drop-blocked"

static const char *const block_chains[] = {"input-block", "forward-block"};

/* -- ranges ---------------------------------------------------------------- */

struct open_network {
	uint8_t last[16];
	time_t ends_s;
};

struct sweep {
	struct nft_set *set;
	const struct overlay_entry *entry; /* protocol and port of them all */
	unsigned octets;                   /* of an address: 4 or 16 */
	struct open_network open[NEST_MAX];
	unsigned n_open;
	uint8_t at[16]; /* where the next range begins */
	bool is_past;   /* behind the last address of all */
};

/* The kernel counts from now, on a clock that nobody sets. */
static uint64_t end_ms(time_t ends_s)
{
	time_t now = clock_steady_s();

	if (!ends_s)
		return 0;
	return clock_now_ms() +
	       (ends_s > now ? (uint64_t)(ends_s - now) * 1000 : 1);
}

static void put_range(struct sweep *s, const uint8_t *last, time_t ends_s)
{
	struct nft_element *e;

	if (s->is_past || memcmp(s->at, last, s->octets) > 0)
		return;
	e = set_add_element(s->set);
	memcpy(e->first, s->at, s->octets);
	memcpy(e->last, last, s->octets);
	e->ends_ms = end_ms(ends_s);
	if (!s->entry->group[0])
		return;
	e->first[s->octets] = e->last[s->octets] = s->entry->protocol;
	e->first[s->octets + 4] = e->last[s->octets + 4] =
		(uint8_t)(s->entry->port >> 8);
	e->first[s->octets + 5] = e->last[s->octets + 5] =
		(uint8_t)s->entry->port;
}

static void begin_behind(struct sweep *s, const uint8_t *last)
{
	memcpy(s->at, last, s->octets);
	s->is_past = true;
	for (unsigned i = s->octets; i > 0 && s->is_past; i--)
		s->is_past = ++s->at[i - 1] == 0;
}

static void close_one(struct sweep *s)
{
	const struct open_network *top = &s->open[--s->n_open];

	put_range(s, top->last, top->ends_s);
	if (!s->is_past && memcmp(s->at, top->last, s->octets) <= 0)
		begin_behind(s, top->last);
}

static void open_one(struct sweep *s, const struct overlay_entry *e)
{
	struct open_network *top;
	uint8_t before[16];

	while (s->n_open && memcmp(s->open[s->n_open - 1].last, e->cidr.octets,
				   s->octets) < 0)
		close_one(s);
	top = s->n_open ? &s->open[s->n_open - 1] : NULL;
	if (top && (!top->ends_s || (e->ends_s && e->ends_s <= top->ends_s)))
		return;
	if (top && memcmp(s->at, e->cidr.octets, s->octets) < 0) {
		memcpy(before, e->cidr.octets, s->octets);
		for (unsigned i = s->octets; i > 0 && before[i - 1]-- == 0;)
			i--;
		put_range(s, before, top->ends_s);
	}
	assert(s->n_open < NEST_MAX);
	memcpy(s->at, e->cidr.octets, s->octets);
	s->is_past = false;
	s->open[s->n_open].ends_s = e->ends_s;
	cidr_last(&e->cidr, s->open[s->n_open++].last);
}

static bool is_of_one_sweep(const struct overlay_entry *a,
			    const struct overlay_entry *b)
{
	return strcmp(a->group, b->group) == 0 &&
	       a->cidr.family == b->cidr.family && a->protocol == b->protocol &&
	       a->port == b->port;
}

/* The entries from `at` on that differ in nothing but their networks. Returns
 * where the next begin. */
static unsigned put_ranges(struct nft_set *set, const struct overlay *o,
			   unsigned at)
{
	struct sweep s = {.set = set, .entry = &o->entries[at]};

	s.octets = s.entry->cidr.family == 4 ? 4 : 16;
	while (at < o->n && is_of_one_sweep(&o->entries[at], s.entry))
		open_one(&s, &o->entries[at++]);
	while (s.n_open)
		close_one(&s);
	return at;
}

/* -- sets ------------------------------------------------------------------ */

static struct nft_set *add_set(struct ruleset *rules, const char *name,
			       const struct overlay_entry *e)
{
	const uint8_t types[KEY_FIELDS_MAX] = {
		e->cidr.family == 4 ? TYPE_IPV4_ADDR : TYPE_IPV6_ADDR,
		TYPE_INET_PROTO, TYPE_INET_SERVICE};
	struct nft_set *set =
		ruleset_add_set(rules, name, types, e->group[0] ? 3 : 1);

	set->interval = true;
	set->timeout = true;
	return set;
}

/* -- allow ----------------------------------------------------------------- */

static void allow_in(struct ruleset *rules, struct nft_chain *chain,
		     const char *set, const struct overlay_entry *e)
{
	struct draft d = {0};
	struct nft_rule *rule;

	draft_lookup(&d, set, address_field(SIDE_SOURCE, e->cidr.family),
		     FIELD_L4PROTO, FIELD_DPORT);
	rule = draft_put(&d, rules, chain, VERDICT_ACCEPT, NULL);
	rule->counter = true;
	rule->comment =
		arena_printf(&rules->arena, "run-time entries of %s", e->group);
}

/* The port before translation has a type only behind a protocol. */
static void allow_published(struct ruleset *rules, struct nft_chain *chain,
			    const char *set, const struct overlay_entry *e)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct draft d = {0};
		struct nft_rule *rule;

		draft_protocol(&d, protocols[i]);
		draft_lookup(&d, set,
			     address_field(SIDE_SOURCE, e->cidr.family),
			     FIELD_L4PROTO, FIELD_CT_DPORT);
		rule = draft_put(&d, rules, chain, VERDICT_ACCEPT, NULL);
		rule->counter = true;
		rule->comment = arena_printf(
			&rules->arena, "run-time entries of %s", e->group);
	}
}

/* All entries of one group and family. Returns where the next begin. */
static unsigned lay_allows(struct ruleset *rules, const struct overlay *o,
			   unsigned at)
{
	const struct overlay_entry *e = &o->entries[at];
	struct nft_chain *in, *published;
	struct nft_set *set = NULL;
	char name[100];

	snprintf(name, sizeof(name), "sg-%s-in", e->group);
	in = ruleset_chain(rules, name);
	snprintf(name, sizeof(name), "sg-%s-published", e->group);
	published = ruleset_chain(rules, name);
	snprintf(name, sizeof(name), SET_PREFIX "sg-%s-v%u", e->group,
		 (unsigned)e->cidr.family);
	if (in || published)
		set = add_set(rules, name, e);
	while (at < o->n && strcmp(o->entries[at].group, e->group) == 0 &&
	       o->entries[at].cidr.family == e->cidr.family)
		at = set ? put_ranges(set, o, at) : at + 1;
	if (in)
		allow_in(rules, in, set->name, e);
	if (published)
		allow_published(rules, published, set->name, e);
	return at;
}

/* -- block ----------------------------------------------------------------- */

static void add_blocked_chain(struct ruleset *rules)
{
	struct nft_chain *chain = ruleset_add_chain(rules, BLOCKED_CHAIN);
	struct draft all = {0};

	chain->comment = "blocked at run time";
	draft_put(&all, rules, chain,
		  ruleset_reports(rules) ? VERDICT_ACCEPT : VERDICT_DROP, NULL)
		->counter = true;
}

static void block_in(struct ruleset *rules, const char *const *sets,
		     struct nft_chain *chain)
{
	struct draft lo = {0}, all = {0};

	if (chain->hook == HOOK_INPUT) {
		draft_interface(&lo, FIELD_IIFNAME, "lo");
		draft_put(&lo, rules, chain, VERDICT_ACCEPT, NULL);
		if (ruleset_chain(rules, "always-in"))
			draft_put(&all, rules, chain, VERDICT_JUMP,
				  "always-in");
	}
	for (unsigned i = 0; i < 2; i++) {
		struct draft d = {0};

		if (!sets[i])
			continue;
		draft_lookup(&d, sets[i],
			     address_field(SIDE_SOURCE, i == 0 ? 4 : 6),
			     N_FIELDS, N_FIELDS);
		draft_put(&d, rules, chain, VERDICT_GOTO, BLOCKED_CHAIN);
	}
}

/* Blocks come first in the order of entries. Returns where they end. */
static unsigned lay_blocks(struct ruleset *rules, const struct overlay *o)
{
	static const enum nft_hook hooks[] = {HOOK_INPUT, HOOK_FORWARD};
	const char *sets[2] = {NULL, NULL};
	unsigned at = 0;

	while (at < o->n && !o->entries[at].group[0]) {
		bool four = o->entries[at].cidr.family == 4;
		struct nft_set *set = add_set(
			rules, four ? SET_PREFIX "block4" : SET_PREFIX "block6",
			&o->entries[at]);

		sets[four ? 0 : 1] = set->name;
		at = put_ranges(set, o, at);
	}
	if (at == 0)
		return 0;
	add_blocked_chain(rules);
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct nft_chain *chain =
			ruleset_add_chain(rules, block_chains[i]);

		chain->hook = hooks[i];
		chain->priority = BLOCK_PRIORITY;
		block_in(rules, sets, chain);
	}
	return at;
}

/* -- all of it ------------------------------------------------------------- */

void overlay_lay(struct ruleset *rules, const struct overlay *o)
{
	unsigned at;

	overlay_strip(rules);
	at = lay_blocks(rules, o);
	while (at < o->n)
		at = lay_allows(rules, o, at);
	ruleset_finish(rules);
}

static bool is_laid(const struct nft_rule *rule)
{
	for (unsigned i = 0; i < rule->n_matches; i++)
		if (rule->matches[i].set &&
		    strncmp(rule->matches[i].set, SET_PREFIX,
			    strlen(SET_PREFIX)) == 0)
			return true;
	return false;
}

static void strip_chain(struct nft_chain *chain)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < chain->n_rules; i++)
		if (!is_laid(&chain->rules[i]))
			chain->rules[kept++] = chain->rules[i];
	chain->n_rules = kept;
}

void overlay_strip(struct ruleset *rules)
{
	for (size_t i = 0; i < ARRAY_SIZE(block_chains); i++)
		ruleset_remove_chain(rules, block_chains[i]);
	ruleset_remove_chain(rules, BLOCKED_CHAIN);
	for (unsigned i = 0; i < rules->n_chains; i++)
		strip_chain(rules->chains[i]);
	for (unsigned i = rules->n_sets; i > 0; i--)
		if (strncmp(rules->sets[i - 1]->name, SET_PREFIX,
			    strlen(SET_PREFIX)) == 0)
			ruleset_remove_set(rules, rules->sets[i - 1]->name);
}
