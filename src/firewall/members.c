/*
 * members.c - who carries a group, and the sets of addresses that follow.
 *
 * A reference to a group means the addresses of its members: instances, and
 * for load balancers the addresses from which they reach their targets.
 *
 * Floor: firewall.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "compiler.h"

bool has_family(const struct cidr *addresses, unsigned n, uint8_t family)
{
	for (unsigned i = 0; i < n; i++)
		if (addresses[i].family == family)
			return true;
	return false;
}

const struct cidr *host_addresses(const struct compiler *c, unsigned *n)
{
	if (c->host && c->host->n_addresses) {
		*n = c->host->n_addresses;
		return c->host->addresses;
	}
	*n = c->config->n_addresses;
	return c->config->addresses;
}

static struct member_list *list_of(struct compiler *c,
				   const struct secgroup *group)
{
	struct member_list *list = map_get(&c->members, slice_of(group->name));

	if (!list) {
		list = ARENA_NEW(&c->scratch, struct member_list);
		map_put(&c->members, slice_of(group->name), list);
	}
	return list;
}

static void add_member(struct member_list *list, const struct member *member)
{
	if (list->n == list->room) {
		list->room = list->room ? list->room * 2 : 4;
		list->members = xrealloc(list->members,
					 list->room * sizeof(*list->members));
	}
	list->members[list->n++] = *member;
}

/* No addresses of one's own: all that the machine has. */
static void add_members(struct compiler *c,
			const struct secgroup *const *groups, unsigned n_groups,
			const struct cidr *addresses, unsigned n,
			const struct member *who)
{
	struct member one = *who;

	if (one.own) {
		addresses = c->config->addresses;
		n = c->config->n_addresses;
	}
	for (unsigned g = 0; g < n_groups; g++) {
		struct member_list *list = list_of(c, groups[g]);

		list->follows |= one.own;
		for (unsigned i = 0; i < n; i++) {
			one.address = addresses[i];
			add_member(list, &one);
		}
	}
}

void members_collect(struct compiler *c)
{
	const struct firewall_config *config = c->config;

	for (unsigned i = 0; i < config->n_instances; i++) {
		const struct instance *in = &config->instances[i];
		const struct member who = {
			.name = in->name,
			.own = in->host && in->n_addresses == 0,
			.place = in->place,
		};

		add_members(c, in->groups, in->n_groups, in->addresses,
			    in->n_addresses, &who);
	}
	for (unsigned i = 0; i < config->n_balancers; i++) {
		const struct firewall_balancer *b = &config->balancers[i];
		const struct member who = {
			.name = b->name,
			.own = b->n_sources == 0,
			.place = b->place,
		};

		add_members(c, b->groups, b->n_groups, b->sources, b->n_sources,
			    &who);
	}
}

void members_release(struct compiler *c)
{
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&c->members, &at)) != NULL)
		free(((struct member_list *)slot->value)->members);
	map_release(&c->members);
}

struct member_list members_of(const struct compiler *c,
			      const struct secgroup *group)
{
	const struct member_list *list =
		map_get(&c->members, slice_of(group->name));

	return list ? *list : (struct member_list){0};
}

struct nft_element *add_network(struct nft_set *set, const struct cidr *cidr)
{
	struct nft_element *e = set_add_element(set);

	memcpy(e->first, cidr->octets, sizeof(cidr->octets));
	if (set->interval)
		cidr_last(cidr, e->last);
	else
		memcpy(e->last, cidr->octets, sizeof(cidr->octets));
	return e;
}

static struct nft_set *new_address_set(struct compiler *c, const char *name,
				       uint8_t family)
{
	const uint8_t type = family == 4 ? TYPE_IPV4_ADDR : TYPE_IPV6_ADDR;

	return ruleset_add_set(c->rules, name, &type, 1);
}

static int by_address(const void *a, const void *b)
{
	const struct nft_element *x = a, *y = b;
	int order = element_cmp(x, y);

	if (order == 0)
		order = memcmp(y->last, x->last, sizeof(x->last));
	/* Of two that say the same, the one with the lesser name stays. */
	if (order == 0 && x->comment && y->comment)
		order = strcmp(x->comment, y->comment);
	return order;
}

/* The same address twice is one element, and so is a network in another:
 * the kernel refuses sets that overlap. */
static void drop_covered(struct nft_set *set)
{
	unsigned kept = 0;

	if (set->n_elements)
		qsort(set->elements, set->n_elements, sizeof(*set->elements),
		      by_address);
	for (unsigned i = 0; i < set->n_elements; i++) {
		const struct nft_element *e = &set->elements[i];

		if (kept && memcmp(e->first, set->elements[kept - 1].last,
				   sizeof(e->first)) <= 0)
			continue;
		set->elements[kept++] = *e;
	}
	set->n_elements = kept;
}

struct nft_set *address_set(struct compiler *c, const char *name,
			    uint8_t family, const struct cidr *addresses,
			    unsigned n, const char *comment)
{
	struct nft_set *set = new_address_set(c, name, family);

	set->comment = comment;
	for (unsigned i = 0; i < n; i++)
		if (addresses[i].family == family)
			add_network(set, &addresses[i]);
	drop_covered(set);
	return set;
}

const char *member_set(struct compiler *c, const struct secgroup *group,
		       uint8_t family)
{
	struct member_list list = members_of(c, group);
	struct nft_set *set;
	char name[100];

	snprintf(name, sizeof(name), "sg-%s-v%u", group->name,
		 (unsigned)family);
	set = ruleset_set(c->rules, name);
	if (set)
		return set->name;

	set = new_address_set(c, name, family);
	set->comment = comment_of(c, "members");
	set->follows = list.follows;
	set->place = group->place;
	for (unsigned i = 0; i < list.n; i++) {
		struct nft_element *e;

		if (list.members[i].address.family != family)
			continue;
		e = add_network(set, &list.members[i].address);
		e->comment = comment_of(c, list.members[i].name);
		e->own = list.members[i].own;
		e->place = list.members[i].place;
	}
	drop_covered(set);
	return set->name;
}

/* What its file says; of a list of this configuration. */
static const struct prefix_lines *
prefix_lines_of(const struct compiler *c, const struct prefix_list *list)
{
	static const struct prefix_lines none;

	return list->file && c->config->lines
		       ? &c->config->lines[list - c->config->lists]
		       : &none;
}

bool prefix_list_has(const struct prefix_list *list, uint8_t family)
{
	/* A file may say something else soon, and no rule is to change then. */
	if (list->file)
		return true;
	for (unsigned i = 0; i < list->n_entries; i++)
		if (list->entries[i].cidr.family == family)
			return true;
	return false;
}

const char *prefix_set(struct compiler *c, const struct prefix_list *list,
		       uint8_t family)
{
	const struct prefix_lines *lines = prefix_lines_of(c, list);
	struct nft_set *set;
	char name[100];

	snprintf(name, sizeof(name), "pl-%s-v%u", list->name, (unsigned)family);
	set = ruleset_set(c->rules, name);
	if (set)
		return set->name;

	set = new_address_set(c, name, family);
	set->interval = true;
	set->place = list->place;
	for (unsigned i = 0; i < list->n_entries; i++) {
		const struct prefix_entry *entry = &list->entries[i];
		struct nft_element *e;

		if (entry->cidr.family != family)
			continue;
		e = add_network(set, &entry->cidr);
		e->comment = comment_of(c, entry->description);
		e->place = entry->place;
	}
	for (unsigned i = 0; i < lines->n; i++)
		if (lines->networks[i].family == family)
			add_network(set, &lines->networks[i])->place =
				list->place;
	drop_covered(set);
	return set->name;
}
