#include "ruleset.h"

#include <stdlib.h>

#include "base/fail.h"
#include "set_index.h"

/* clang-format off */
const struct nft_field_info nft_fields[N_FIELDS] = {
	[FIELD_IIFNAME] = {"iifname", TYPE_IFNAME, 16, false},
	[FIELD_OIFNAME] = {"oifname", TYPE_IFNAME, 16, false},
	[FIELD_NFPROTO] = {"meta nfproto", N_TYPES, 1, false},
	[FIELD_L4PROTO] = {"meta l4proto", TYPE_INET_PROTO, 1, false},
	[FIELD_SKUID] = {"meta skuid", N_TYPES, 4, true},
	[FIELD_SADDR4] = {"ip saddr", TYPE_IPV4_ADDR, 4, false},
	[FIELD_DADDR4] = {"ip daddr", TYPE_IPV4_ADDR, 4, false},
	[FIELD_SADDR6] = {"ip6 saddr", TYPE_IPV6_ADDR, 16, false},
	[FIELD_DADDR6] = {"ip6 daddr", TYPE_IPV6_ADDR, 16, false},
	[FIELD_SPORT] = {"sport", TYPE_INET_SERVICE, 2, false},
	[FIELD_DPORT] = {"dport", TYPE_INET_SERVICE, 2, false},
	[FIELD_ICMP_TYPE] = {"icmp type", TYPE_ICMP_TYPE, 1, false},
	[FIELD_ICMP_CODE] = {"icmp code", TYPE_ICMP_CODE, 1, false},
	[FIELD_ICMPV6_TYPE] = {"icmpv6 type", TYPE_ICMPV6_TYPE, 1, false},
	[FIELD_ICMPV6_CODE] = {"icmpv6 code", TYPE_ICMPV6_CODE, 1, false},
	[FIELD_TCP_FLAGS] = {"tcp flags", N_TYPES, 1, false},
	[FIELD_CT_STATE] = {"ct state", N_TYPES, 4, true},
	[FIELD_CT_STATUS] = {"ct status", N_TYPES, 4, true},
	[FIELD_CT_DADDR4] = {"ct original ip daddr", TYPE_IPV4_ADDR, 4, false},
	[FIELD_CT_DADDR6] = {"ct original ip6 daddr", TYPE_IPV6_ADDR, 16, false},
	[FIELD_CT_DPORT] = {"ct original proto-dst", TYPE_INET_SERVICE, 2, false},
	[FIELD_FIB_DADDR] = {"fib daddr type", N_TYPES, 4, true},
};

const struct nft_type_info nft_types[N_TYPES] = {
	[TYPE_IPV4_ADDR] = {"ipv4_addr", 4, 7},
	[TYPE_IPV6_ADDR] = {"ipv6_addr", 16, 8},
	[TYPE_INET_PROTO] = {"inet_proto", 1, 12},
	[TYPE_INET_SERVICE] = {"inet_service", 2, 13},
	[TYPE_ICMP_TYPE] = {"icmp_type", 1, 14},
	[TYPE_ICMP_CODE] = {"icmp_code", 1, 32},
	[TYPE_ICMPV6_TYPE] = {"icmpv6_type", 1, 29},
	[TYPE_ICMPV6_CODE] = {"icmpv6_code", 1, 33},
	[TYPE_IFNAME] = {"ifname", 16, 41},
};
/* clang-format on */

struct ruleset *ruleset_new(const char *table)
{
	struct ruleset *rules = xcalloc(1, sizeof(*rules));

	rules->table = arena_strdup(&rules->arena, table);
	return rules;
}

void ruleset_free(struct ruleset *rules)
{
	if (!rules)
		return;
	for (unsigned i = 0; i < rules->n_chains; i++) {
		free(rules->chains[i]->rules);
		free(rules->chains[i]->counts);
	}
	for (unsigned i = 0; i < rules->n_sets; i++) {
		set_index_free(rules->sets[i]->index);
		free(rules->sets[i]->elements);
	}
	free(rules->chains);
	free(rules->sets);
	free(rules->timeouts);
	map_release(&rules->chain_of);
	map_release(&rules->set_of);
	arena_release(&rules->arena);
	free(rules);
}

struct nft_chain *ruleset_chain(const struct ruleset *rules, const char *name)
{
	return map_get(&rules->chain_of, slice_of(name));
}

struct nft_set *ruleset_set(const struct ruleset *rules, const char *name)
{
	return map_get(&rules->set_of, slice_of(name));
}

/* Room for one more; the arrays double, so that 100,000 cost little. */
static void *room_for_one(void *items, unsigned n, unsigned *n_room,
			  size_t size)
{
	if (n < *n_room)
		return items;
	*n_room = *n_room ? *n_room * 2 : 4;
	return xrealloc(items, *n_room * size);
}

struct nft_chain *ruleset_add_chain(struct ruleset *rules, const char *name)
{
	struct nft_chain *chain = ARENA_NEW(&rules->arena, struct nft_chain);

	chain->name = arena_strdup(&rules->arena, name);
	rules->chains = room_for_one(rules->chains, rules->n_chains,
				     &rules->n_chain_room,
				     sizeof(struct nft_chain *));
	rules->chains[rules->n_chains++] = chain;
	if (map_put(&rules->chain_of, slice_of(chain->name), chain))
		BUG("chain %s added twice", name);
	return chain;
}

struct nft_set *ruleset_add_set(struct ruleset *rules, const char *name,
				const uint8_t *types, unsigned n_types)
{
	struct nft_set *set = ARENA_NEW(&rules->arena, struct nft_set);

	assert(n_types > 0 && n_types <= KEY_FIELDS_MAX);
	set->name = arena_strdup(&rules->arena, name);
	memcpy(set->types, types, n_types);
	set->n_types = n_types;
	rules->sets = room_for_one(rules->sets, rules->n_sets,
				   &rules->n_set_room,
				   sizeof(struct nft_set *));
	rules->sets[rules->n_sets++] = set;
	if (map_put(&rules->set_of, slice_of(set->name), set))
		BUG("set %s added twice", name);
	return set;
}

void ruleset_remove_chain(struct ruleset *rules, const char *name)
{
	struct nft_chain *chain = map_remove(&rules->chain_of, slice_of(name));
	unsigned kept = 0;

	if (!chain)
		return;
	for (unsigned i = 0; i < rules->n_chains; i++)
		if (rules->chains[i] != chain)
			rules->chains[kept++] = rules->chains[i];
	rules->n_chains = kept;
	free(chain->rules);
	free(chain->counts);
}

void ruleset_remove_set(struct ruleset *rules, const char *name)
{
	struct nft_set *set = map_remove(&rules->set_of, slice_of(name));
	unsigned kept = 0;

	if (!set)
		return;
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (rules->sets[i] != set)
			rules->sets[kept++] = rules->sets[i];
	rules->n_sets = kept;
	free(set->elements);
}

struct nft_timeout *ruleset_timeout(const struct ruleset *rules,
				    const char *name)
{
	for (unsigned i = 0; i < rules->n_timeouts; i++)
		if (strcmp(rules->timeouts[i]->name, name) == 0)
			return rules->timeouts[i];
	return NULL;
}

struct nft_timeout *ruleset_add_timeout(struct ruleset *rules, const char *name)
{
	struct nft_timeout *t = ARENA_NEW(&rules->arena, struct nft_timeout);

	t->name = arena_strdup(&rules->arena, name);
	rules->timeouts = room_for_one(rules->timeouts, rules->n_timeouts,
				       &rules->n_timeout_room,
				       sizeof(struct nft_timeout *));
	rules->timeouts[rules->n_timeouts++] = t;
	return t;
}

struct nft_rule *chain_add_rule(struct nft_chain *chain)
{
	chain->rules = room_for_one(chain->rules, chain->n_rules,
				    &chain->n_room, sizeof(*chain->rules));
	chain->rules[chain->n_rules] = (struct nft_rule){0};
	return &chain->rules[chain->n_rules++];
}

static void forget_index(struct nft_set *set)
{
	set_index_free(set->index);
	set->index = NULL;
}

struct nft_element *set_add_element(struct nft_set *set)
{
	forget_index(set);
	set->elements = room_for_one(set->elements, set->n_elements,
				     &set->n_room, sizeof(*set->elements));
	set->elements[set->n_elements] = (struct nft_element){0};
	return &set->elements[set->n_elements++];
}

unsigned set_key_octets(const struct nft_set *set)
{
	unsigned octets = 0;

	for (unsigned i = 0; i < set->n_types; i++)
		octets += (nft_types[set->types[i]].octets + 3u) & ~3u;
	return octets;
}

int element_cmp(const struct nft_element *a, const struct nft_element *b)
{
	return memcmp(a->first, b->first, sizeof(a->first));
}

static int by_key(const void *a, const void *b)
{
	return element_cmp(a, b);
}

static int by_set_name(const void *a, const void *b)
{
	const struct nft_set *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int by_timeout_name(const void *a, const void *b)
{
	const struct nft_timeout *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Packets meet base chains first, in this order. */
static int by_chain_order(const void *a, const void *b)
{
	const struct nft_chain *x = *(const struct nft_chain *const *)a;
	const struct nft_chain *y = *(const struct nft_chain *const *)b;

	if ((x->hook == HOOK_NONE) != (y->hook == HOOK_NONE))
		return x->hook == HOOK_NONE ? 1 : -1;
	if (x->hook != y->hook)
		return x->hook < y->hook ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void sort(void *items, unsigned n, size_t size,
		 int (*compare)(const void *, const void *))
{
	if (n)
		qsort(items, n, size, compare);
}

/* Chains are many and small, and what they could grow to adds up. */
static void give_back_room(struct nft_chain *chain)
{
	if (!chain->n_rules || chain->n_rules == chain->n_room)
		return;
	chain->rules =
		xrealloc(chain->rules, chain->n_rules * sizeof(*chain->rules));
	chain->n_room = chain->n_rules;
}

void ruleset_finish(struct ruleset *rules)
{
	sort(rules->chains, rules->n_chains, sizeof(*rules->chains),
	     by_chain_order);
	sort(rules->sets, rules->n_sets, sizeof(*rules->sets), by_set_name);
	sort(rules->timeouts, rules->n_timeouts, sizeof(*rules->timeouts),
	     by_timeout_name);
	for (unsigned i = 0; i < rules->n_chains; i++)
		give_back_room(rules->chains[i]);
	for (unsigned i = 0; i < rules->n_sets; i++) {
		forget_index(rules->sets[i]);
		sort(rules->sets[i]->elements, rules->sets[i]->n_elements,
		     sizeof(struct nft_element), by_key);
	}
}

static void drop_foreign_rules(struct nft_chain *chain)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < chain->n_rules; i++)
		if (!chain->rules[i].live.foreign)
			chain->rules[kept++] = chain->rules[i];
	chain->n_rules = kept;
	chain->foreign = false;
}

void ruleset_drop_foreign(struct ruleset *rules)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < rules->n_chains; i++)
		drop_foreign_rules(rules->chains[i]);
	for (unsigned i = 0; i < rules->n_sets; i++) {
		struct nft_set *set = rules->sets[i];

		if (!set->foreign) {
			rules->sets[kept++] = set;
			continue;
		}
		map_remove(&rules->set_of, slice_of(set->name));
		free(set->elements);
	}
	rules->n_sets = kept;
}

/* Each field lies in the range of its own: an element is a box. */
/* Fewer elements are as well looked at one by one. */
enum { INDEXED_FROM = 16 };

static bool covers(const struct nft_set *set, const struct nft_element *e,
		   const uint8_t *key)
{
	unsigned at = 0;

	for (unsigned i = 0; i < set->n_types; i++) {
		unsigned octets = nft_types[set->types[i]].octets;

		if (memcmp(key + at, e->first + at, octets) < 0 ||
		    memcmp(key + at, e->last + at, octets) > 0)
			return false;
		at += (octets + 3u) & ~3u;
	}
	return true;
}

static const struct nft_element *find_exact(const struct nft_set *set,
					    const uint8_t *key)
{
	unsigned octets = set_key_octets(set), low = 0, high = set->n_elements;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = memcmp(set->elements[middle].first, key, octets);

		if (order == 0)
			return &set->elements[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Ranges of one field do not overlap: only the last that begins at or before
 * the key can hold it. */
static const struct nft_element *find_range(const struct nft_set *set,
					    const uint8_t *key)
{
	unsigned octets = set_key_octets(set), low = 0, high = set->n_elements;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (memcmp(set->elements[middle].first, key, octets) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !covers(set, &set->elements[low - 1], key))
		return NULL;
	return &set->elements[low - 1];
}

const struct nft_element *set_find(const struct nft_set *set,
				   const uint8_t *key)
{
	if (!set->interval)
		return find_exact(set, key);
	if (set->n_types == 1)
		return find_range(set, key);
	if (set->n_elements > INDEXED_FROM && !set->index)
		((struct nft_set *)(uintptr_t)set)->index = set_index_new(set);
	if (set->index && set_index_is_ordered(set->index))
		return set_index_find(set->index, key);
	for (unsigned i = 0; i < set->n_elements; i++)
		if (covers(set, &set->elements[i], key))
			return &set->elements[i];
	return NULL;
}
