/*
 * acl.c - network ACLs: ordered, without state, at the borders of subnets.
 *
 * A subnet's chain lets through what stays inside it, then goes to the chain
 * of its ACL. There, allow is `return`: the packet must still be asked about
 * the second subnet, and an accept would end the whole stage.
 *
 * Floor: firewall.  Source: AWS: network ACLs.
 */
#include <stdio.h>

#include "compiler.h"

static void draft_entry(struct draft *d, const struct acl_entry *entry,
			const struct port_range *ports, enum side side)
{
	int protocol = entry->protocol;

	draft_address(d, side, &entry->cidr);
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		draft_ports(d, protocol, FIELD_DPORT, ports ? ports->first : 0,
			    ports ? ports->last : UINT16_MAX);
	else if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		draft_icmp(d, entry->cidr.family, protocol, entry->icmp_type,
			   entry->icmp_code);
	else if (protocol != SG_ALL)
		draft_protocol(d, protocol);
}

static void put_entry(struct compiler *c, struct nft_chain *chain,
		      const struct acl_entry *entry, enum side side,
		      const char *log_words)
{
	bool ported = entry->protocol == IPPROTO_TCP ||
		      entry->protocol == IPPROTO_UDP;
	unsigned n = ported && entry->n_ports ? entry->n_ports : 1;
	const char *comment =
		arena_printf(&c->rules->arena, "rule %u", entry->number);

	for (unsigned i = 0; i < n; i++) {
		struct draft d = {0};
		unsigned before = chain->n_rules;

		draft_entry(&d, entry,
			    ported && entry->n_ports ? &entry->ports[i] : NULL,
			    side);
		if (entry->allow) {
			struct nft_rule *rule = draft_put(&d, c->rules, chain,
							  VERDICT_RETURN, NULL);

			rule->counter = true;
			rule->comment = comment;
		} else {
			deny(c, chain, &d, log_words, VERDICT_RETURN, comment);
		}
		for (unsigned k = before; k < chain->n_rules; k++)
			chain->rules[k].place = entry->place;
	}
}

static const char *acl_chain(struct compiler *c, const struct network_acl *acl,
			     enum sg_direction direction)
{
	bool in = direction == SG_INGRESS;
	const struct acl_entry *entries = in ? acl->ingress : acl->egress;
	unsigned n = in ? acl->n_ingress : acl->n_egress;
	struct draft all = {0};
	struct nft_chain *chain;
	char name[100], words[100];

	snprintf(name, sizeof(name), "acl-%s-%s", acl->name, in ? "in" : "out");
	chain = ruleset_chain(c->rules, name);
	if (chain)
		return chain->name;

	chain = ruleset_add_chain(c->rules, name);
	chain->place = acl->place;
	snprintf(words, sizeof(words), "%s acl %s", in ? "in" : "out",
		 acl->name);
	for (unsigned i = 0; i < n; i++)
		put_entry(c, chain, &entries[i],
			  in ? SIDE_SOURCE : SIDE_DESTINATION, words);
	deny(c, chain, &all, words, VERDICT_RETURN, "rule *");
	return chain->name;
}

static const char *subnet_chain(struct compiler *c, const struct subnet *subnet,
				enum sg_direction direction)
{
	bool in = direction == SG_INGRESS;
	struct draft all = {0};
	struct nft_chain *chain;
	char name[100];

	snprintf(name, sizeof(name), "net-%s-%s", subnet->name,
		 in ? "in" : "out");
	chain = ruleset_add_chain(c->rules, name);
	chain->place = subnet->place;
	for (unsigned i = 0; i < subnet->n_cidrs; i++) {
		struct draft d = {0};

		draft_address(&d, in ? SIDE_SOURCE : SIDE_DESTINATION,
			      &subnet->cidrs[i]);
		draft_put(&d, c->rules, chain, VERDICT_RETURN, NULL)->place =
			subnet->place;
	}
	draft_put(&all, c->rules, chain, VERDICT_GOTO,
		  acl_chain(c, subnet->acl, direction))
		->place = subnet->place;
	return chain->name;
}

static struct nft_set *new_map(struct compiler *c, const char *name,
			       uint8_t type)
{
	struct nft_set *map = ruleset_add_set(c->rules, name, &type, 1);

	map->map = true;
	map->interval = true;
	return map;
}

void acl_maps(struct compiler *c)
{
	struct nft_set *out4 = new_map(c, "acl-out4", TYPE_IPV4_ADDR);
	struct nft_set *out6 = new_map(c, "acl-out6", TYPE_IPV6_ADDR);
	struct nft_set *in4 = new_map(c, "acl-in4", TYPE_IPV4_ADDR);
	struct nft_set *in6 = new_map(c, "acl-in6", TYPE_IPV6_ADDR);

	for (unsigned i = 0; i < c->config->n_subnets; i++) {
		const struct subnet *subnet = &c->config->subnets[i];
		const char *out, *in;

		if (!subnet->acl)
			continue;
		out = subnet_chain(c, subnet, SG_EGRESS);
		in = subnet_chain(c, subnet, SG_INGRESS);
		for (unsigned k = 0; k < subnet->n_cidrs; k++) {
			const struct cidr *cidr = &subnet->cidrs[k];
			bool four = cidr->family == 4;
			struct nft_element *e;

			e = add_network(four ? out4 : out6, cidr);
			e->verdict = (struct nft_verdict){VERDICT_JUMP, out};
			e->place = subnet->place;
			e = add_network(four ? in4 : in6, cidr);
			e->verdict = (struct nft_verdict){VERDICT_JUMP, in};
			e->place = subnet->place;
		}
	}
}

void acl_ask(struct compiler *c, struct nft_chain *chain)
{
	static const struct {
		const char *map;
		enum nft_field field;
	} steps[] = {
		{"acl-out4", FIELD_SADDR4},
		{"acl-out6", FIELD_SADDR6},
		{"acl-in4", FIELD_DADDR4},
		{"acl-in6", FIELD_DADDR6},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct draft d = {0};

		draft_vmap(&d, steps[i].map, steps[i].field, N_FIELDS,
			   N_FIELDS);
		draft_put(&d, c->rules, chain, VERDICT_NONE, NULL);
	}
}
