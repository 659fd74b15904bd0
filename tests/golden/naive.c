#include "naive.h"

#include <string.h>

enum way { IN, OUT, PUBLISHED };

static bool is_icmp(int protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool is_ported(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static bool in_list(const struct cidr *list, unsigned n, const struct cidr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (cidr_contains(&list[i], a))
			return true;
	return false;
}

static bool has_address(const struct firewall_config *c,
			const struct instance *in, const struct cidr *a)
{
	if (in->host && in->n_addresses == 0)
		return in_list(c->addresses, c->n_addresses, a);
	return in_list(in->addresses, in->n_addresses, a);
}

static bool carries(const struct secgroup *const *groups, unsigned n,
		    const struct secgroup *group)
{
	for (unsigned i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool is_member(const struct firewall_config *c,
		      const struct secgroup *group, const struct cidr *a)
{
	for (unsigned i = 0; i < c->n_instances; i++)
		if (carries(c->instances[i].groups, c->instances[i].n_groups,
			    group) &&
		    has_address(c, &c->instances[i], a))
			return true;
	for (unsigned i = 0; i < c->n_balancers; i++)
		if (carries(c->balancers[i].groups, c->balancers[i].n_groups,
			    group) &&
		    in_list(c->addresses, c->n_addresses, a))
			return true;
	return false;
}

static bool peer_matches(const struct firewall_config *c,
			 const struct sg_peer *peer, const struct cidr *a)
{
	if (peer->kind == PEER_CIDR)
		return cidr_contains(&peer->cidr, a);
	if (peer->kind == PEER_GROUP)
		return is_member(c, peer->group, a);
	for (unsigned i = 0; i < peer->list->n_entries; i++)
		if (cidr_contains(&peer->list->entries[i].cidr, a))
			return true;
	return false;
}

static bool part_matches(const struct nft_packet *p, int protocol,
			 const struct port_range *ports, unsigned n_ports,
			 int type, int code, uint16_t port)
{
	bool at_home = (protocol == IPPROTO_ICMP) == (p->source.family == 4);

	if (protocol == SG_ALL)
		return true;
	if (protocol != p->protocol)
		return false;
	if (is_icmp(protocol))
		return !at_home || type == SG_ALL ||
		       (type == p->icmp_type &&
			(code == SG_ALL || code == p->icmp_code));
	if (!is_ported(protocol) || n_ports == 0)
		return true;
	for (unsigned i = 0; i < n_ports; i++)
		if (ports[i].first <= port && port <= ports[i].last)
			return true;
	return false;
}

static bool rule_matches(const struct firewall_config *c,
			 const struct sg_rule *r, const struct nft_packet *p,
			 enum way way)
{
	uint16_t port = way == PUBLISHED ? p->ct_dport : p->dport;
	bool abroad = (r->protocol == IPPROTO_ICMP && p->source.family == 6) ||
		      (r->protocol == IPPROTO_ICMPV6 && p->source.family == 4);

	if (!part_matches(p, r->protocol, r->ports, r->n_ports, r->icmp_type,
			  r->icmp_code, port))
		return false;
	for (unsigned i = 0; i < r->n_peers; i++) {
		if (abroad && r->peers[i].kind != PEER_CIDR)
			continue;
		if (peer_matches(c, &r->peers[i],
				 way == OUT ? &p->destination : &p->source))
			return true;
	}
	return false;
}

static bool group_admits(const struct firewall_config *c,
			 const struct secgroup *g, const struct nft_packet *p,
			 enum way way)
{
	const struct sg_rule *rules = way == OUT ? g->egress : g->ingress;
	unsigned n = way == OUT ? g->n_egress : g->n_ingress;

	if (way == OUT && g->egress_open)
		return true;
	for (unsigned i = 0; i < n; i++)
		if (rule_matches(c, &rules[i], p, way))
			return true;
	return false;
}

static bool groups_admit(const struct firewall_config *c,
			 const struct secgroup *const *groups, unsigned n,
			 const struct nft_packet *p, enum way way)
{
	uint8_t flags = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK;

	if (way == OUT && p->ct_state == CT_INVALID)
		return false;
	if (way == OUT && p->ct_state == CT_NEW && p->protocol == IPPROTO_TCP &&
	    (p->tcp_flags & flags) != TCP_SYN &&
	    c->settings.revoke == REVOKE_CUT)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (group_admits(c, groups[i], p, way))
			return true;
	return false;
}

static bool is_established(const struct nft_packet *p)
{
	return p->ct_state == CT_ESTABLISHED || p->ct_state == CT_RELATED;
}

static const struct instance *host_of(const struct firewall_config *c)
{
	for (unsigned i = 0; i < c->n_instances; i++)
		if (c->instances[i].host)
			return &c->instances[i];
	return NULL;
}

static bool on_loopback(const struct nft_packet *p)
{
	return (p->hook == HOOK_INPUT && strcmp(p->iifname, "lo") == 0) ||
	       (p->hook == HOOK_OUTPUT && strcmp(p->oifname, "lo") == 0);
}

static bool is_bound_interface(const struct firewall_config *c,
			       const char *name)
{
	for (unsigned i = 0; i < c->n_instances; i++)
		if (!c->instances[i].host && c->instances[i].interface &&
		    strcmp(c->instances[i].interface, name) == 0)
			return true;
	return false;
}

static bool is_udp(const struct nft_packet *p, uint8_t family, uint16_t from,
		   uint16_t to)
{
	return p->protocol == IPPROTO_UDP && p->source.family == family &&
	       p->sport == from && p->dport == to;
}

static bool is_discovery(const struct nft_packet *p)
{
	return p->protocol == IPPROTO_ICMPV6 && p->source.family == 6 &&
	       ((p->icmp_type >= 130 && p->icmp_type <= 137) ||
		p->icmp_type == 143);
}

static bool is_management(const struct firewall_config *c,
			  const struct nft_packet *p)
{
	for (unsigned i = 0; i < c->settings.n_management; i++)
		if (rule_matches(c, &c->settings.management[i], p, IN))
			return true;
	return false;
}

/* What input and output let through before anybody is asked. */
static bool always(const struct firewall_config *c, const struct nft_packet *p)
{
	bool in = p->hook == HOOK_INPUT;
	bool bound = is_bound_interface(c, in ? p->iifname : p->oifname);

	if (p->hook == HOOK_FORWARD)
		return false;
	if (is_discovery(p))
		return true;
	if ((in || bound) && (is_udp(p, 4, 67, 68) || is_udp(p, 6, 547, 546)))
		return true;
	if ((!in || bound) && (is_udp(p, 4, 68, 67) || is_udp(p, 6, 546, 547)))
		return true;
	if (in)
		return is_management(c, p);
	return is_ported(p->protocol) && p->dport == 53 &&
	       in_list(c->resolvers, c->n_resolvers, &p->destination);
}

static const struct instance *instance_with(const struct firewall_config *c,
					    const struct cidr *a)
{
	for (unsigned i = 0; i < c->n_instances; i++)
		if (!c->instances[i].host &&
		    in_list(c->instances[i].addresses,
			    c->instances[i].n_addresses, a))
			return &c->instances[i];
	return NULL;
}

static bool instance_sends(const struct firewall_config *c,
			   const struct nft_packet *p)
{
	const struct instance *in = instance_with(c, &p->source);

	if (is_bound_interface(c, p->iifname)) {
		if (!in || !in->interface ||
		    strcmp(in->interface, p->iifname) != 0)
			return false;
	} else if (in && in->interface) {
		return false;
	}
	return !in || groups_admit(c, in->groups, in->n_groups, p, OUT);
}

static bool point_matches(const struct balancer_point *point,
			  const struct nft_packet *p)
{
	return point->protocol == p->protocol && point->port == p->dport &&
	       cidr_contains(&point->address, &p->destination);
}

static bool machine_sends(const struct firewall_config *c,
			  const struct nft_packet *p)
{
	const struct instance *host = host_of(c);
	bool by_balancer = false, admitted = false;

	for (unsigned i = 0; i < c->n_balancers; i++) {
		const struct firewall_balancer *b = &c->balancers[i];
		bool mine = false;

		for (unsigned k = 0; k < b->n_targets; k++)
			mine |= point_matches(&b->targets[k], p);
		if (!mine || !b->n_groups || !p->has_uid ||
		    p->uid != c->balancer_uid)
			continue;
		by_balancer = true;
		admitted |= groups_admit(c, b->groups, b->n_groups, p, OUT);
	}
	if (by_balancer)
		return admitted;
	if (!host || (host->n_addresses && !has_address(c, host, &p->source)))
		return true;
	return groups_admit(c, host->groups, host->n_groups, p, OUT);
}

static bool egress_passes(const struct firewall_config *c,
			  const struct nft_packet *p)
{
	if (is_established(p) || always(c, p))
		return true;
	return p->hook == HOOK_OUTPUT ? machine_sends(c, p)
				      : instance_sends(c, p);
}

static bool machine_gets(const struct firewall_config *c,
			 const struct nft_packet *p)
{
	const struct instance *host = host_of(c);

	/* A listener on one address comes before one on all. */
	for (unsigned all = 0; all < 2; all++) {
		for (unsigned i = 0; i < c->n_balancers; i++) {
			const struct firewall_balancer *b = &c->balancers[i];

			for (unsigned k = 0; b->n_groups && k < b->n_listeners;
			     k++)
				if ((b->listeners[k].address.bits == 0) ==
					    (all == 1) &&
				    point_matches(&b->listeners[k], p))
					return groups_admit(c, b->groups,
							    b->n_groups, p, IN);
		}
	}
	if (!host ||
	    (host->n_addresses && !has_address(c, host, &p->destination)))
		return true;
	return groups_admit(c, host->groups, host->n_groups, p, IN);
}

static bool ingress_passes(const struct firewall_config *c,
			   const struct nft_packet *p)
{
	const struct instance *in;

	if (is_established(p) || always(c, p))
		return true;
	if (p->hook == HOOK_INPUT)
		return machine_gets(c, p);
	in = instance_with(c, &p->destination);
	if (in)
		return groups_admit(c, in->groups, in->n_groups, p, IN);
	return !is_bound_interface(c, p->oifname);
}

static bool published_passes(const struct firewall_config *c,
			     const struct nft_packet *p)
{
	const struct instance *host = host_of(c);

	if (!host || p->hook != HOOK_FORWARD || !p->translated ||
	    is_established(p) || !has_address(c, host, &p->ct_destination))
		return true;
	return groups_admit(c, host->groups, host->n_groups, p, PUBLISHED);
}

static bool acl_admits(const struct acl_entry *entries, unsigned n,
		       const struct nft_packet *p, const struct cidr *peer)
{
	for (unsigned i = 0; i < n; i++)
		if (cidr_contains(&entries[i].cidr, peer) &&
		    part_matches(p, entries[i].protocol, entries[i].ports,
				 entries[i].n_ports, entries[i].icmp_type,
				 entries[i].icmp_code, p->dport))
			return entries[i].allow;
	return false;
}

/* The type of ICMP to which this one answers; one that no rule names, if it
 * answers none. */
static uint8_t question_of(int protocol, uint8_t answer)
{
	enum { NOBODYS = 253 };

	if (protocol == IPPROTO_ICMPV6)
		return answer == 129 ? 128 : NOBODYS;
	return answer == 0    ? 8
	       : answer == 14 ? 13
	       : answer == 16 ? 15
	       : answer == 18 ? 17
			      : NOBODYS;
}

/* The other side of management and resolvers: no state remembers them. */
static bool is_answer(const struct firewall_config *c,
		      const struct nft_packet *p)
{
	struct nft_packet asked = *p;

	if (p->hook == HOOK_INPUT)
		return is_ported(p->protocol) && p->sport == 53 &&
		       in_list(c->resolvers, c->n_resolvers, &p->source);
	if (p->hook == HOOK_FORWARD)
		return false;
	asked.source = p->destination;
	asked.dport = p->sport;
	if (is_icmp(p->protocol))
		asked.icmp_type = question_of(p->protocol, p->icmp_type);
	return is_management(c, &asked);
}

static const struct subnet *subnet_at(const struct firewall_config *config,
				      const struct cidr *address)
{
	for (unsigned i = 0; i < config->n_subnets; i++)
		for (unsigned k = 0; k < config->subnets[i].n_cidrs; k++)
			if (cidr_contains(&config->subnets[i].cidrs[k],
					  address))
				return &config->subnets[i];
	return NULL;
}

static bool acl_passes(const struct firewall_config *c,
		       const struct nft_packet *p)
{
	const struct subnet *from = subnet_at(c, &p->source);
	const struct subnet *to = subnet_at(c, &p->destination);

	if (from == to || always(c, p) || is_answer(c, p))
		return true;
	if (from && from->acl &&
	    !acl_admits(from->acl->egress, from->acl->n_egress, p,
			&p->destination))
		return false;
	return !to || !to->acl ||
	       acl_admits(to->acl->ingress, to->acl->n_ingress, p, &p->source);
}

bool naive_accepts(const struct firewall_config *config,
		   const struct nft_packet *packet)
{
	return on_loopback(packet) ||
	       (egress_passes(config, packet) && acl_passes(config, packet) &&
		published_passes(config, packet) &&
		ingress_passes(config, packet));
}
