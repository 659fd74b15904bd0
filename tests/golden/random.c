#include "random.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

enum { N_GROUPS = 4, N_INSTANCES_MAX = 6 };

static const uint8_t *octets_left;
static size_t n_octets_left;

void random_from(const uint8_t *octets, size_t n)
{
	octets_left = octets;
	n_octets_left = n;
}

unsigned any_of(unsigned n)
{
	if (!octets_left)
		return (unsigned)rand() % n;
	if (n_octets_left == 0)
		return 0;
	n_octets_left--;
	return *octets_left++ % n;
}

static bool one_in(unsigned n)
{
	return any_of(n) == 0;
}

static const char *const networks[] = {
	"0.0.0.0/0",       "::/0",
	"10.0.0.0/16",     "10.0.1.0/24",
	"10.0.2.0/23",     "10.0.1.2/32",
	"10.0.1.0/30",     "192.0.2.0/30",
	"192.0.2.2/32",    "10.0.3.4/31",
	"fd00::/16",       "fd00:0:0:1::/64",
	"fd00:0:0:2::/63", "fd00:0:0:1::2/128",
	"2001:db8::/126",  "10.0.0.0/8",
};

static const char *peers_by_chance(char *out, size_t size)
{
	int n = 0;

	for (unsigned i = 0; i <= any_of(3); i++) {
		switch (any_of(5)) {
		case 0:
			n = snprintf(out, size, "@g%u ", any_of(N_GROUPS));
			break;
		case 1:
			n = snprintf(out, size, "%%l%u ", any_of(2));
			break;
		default:
			n = snprintf(out, size, "%s ",
				     networks[any_of(ARRAY_SIZE(networks))]);
		}
		out += n;
		size -= (size_t)n;
	}
	return out;
}

/* A protocol and its part. */
static const char *part_by_chance(char part[40])
{
	unsigned first = 20 + any_of(10), second = 20 + any_of(10);

	part[0] = '\0';
	switch (any_of(8)) {
	case 0:
		return "all";
	case 1:
		return "47";
	case 2:
		if (!one_in(3))
			snprintf(part, 40, one_in(2) ? "%u" : "%u/%u",
				 one_in(2) ? 8 : any_of(4), any_of(3));
		return "icmp";
	case 3:
		if (!one_in(3))
			snprintf(part, 40, one_in(2) ? "%u" : "%u/%u",
				 one_in(2) ? 128 : any_of(4), any_of(3));
		return "icmpv6";
	case 4:
		snprintf(part, 40, "%u", first);
		return "udp";
	case 5:
		snprintf(part, 40, "%u-%u", first, first + any_of(5));
		return one_in(3) ? "udp" : "tcp";
	case 6:
		snprintf(part, 40, "%u,%u-%u", second, first,
			 first + any_of(4));
		return "tcp";
	default:
		snprintf(part, 40, "%s", one_in(4) ? "0-65535" : "");
		if (!part[0])
			snprintf(part, 40, "%u", first);
		return "tcp";
	}
}

static void random_rules(struct model *m, const char *group,
			 enum sg_direction d)
{
	unsigned n = one_in(4) ? 20 + any_of(20) : any_of(6);

	for (unsigned i = 0; i < n; i++) {
		char peers[300], part[40];
		const char *protocol = part_by_chance(part);

		peers_by_chance(peers, sizeof(peers));
		model_allow(m, group, d, protocol, part, peers);
	}
}

static void random_lists(struct model *m)
{
	for (unsigned i = 0; i < 2; i++) {
		char name[4], text[300] = "";
		size_t at = 0;

		for (unsigned k = 0; k < any_of(6); k++)
			at += (size_t)snprintf(
				text + at, sizeof(text) - at, "%s ",
				networks[any_of(ARRAY_SIZE(networks))]);
		snprintf(name, sizeof(name), "l%u", i);
		model_list(m, name, text);
	}
}

static void random_instances(struct model *m)
{
	unsigned n = any_of(N_INSTANCES_MAX);

	for (unsigned i = 0; i < n; i++) {
		char name[20], addresses[100], interface[20], groups[20];

		snprintf(name, sizeof(name), "i%u", i);
		snprintf(addresses, sizeof(addresses),
			 one_in(3) ? "10.0.%u.%u"
				   : "10.0.%u.%u fd00:0:0:%u::%u",
			 1 + i % 3, i, 1 + i % 3, i);
		snprintf(interface, sizeof(interface), "veth%u", i / 2);
		snprintf(groups, sizeof(groups), one_in(2) ? "g%u" : "g%u g%u",
			 any_of(N_GROUPS), any_of(N_GROUPS));
		model_instance(m, name, addresses, one_in(2) ? interface : NULL,
			       groups);
		if (one_in(4))
			m->instances[m->config.n_instances - 1].tracking =
				(struct tracking_times){
					one_in(2) ? 100 + any_of(3) : 0, 0,
					100 + any_of(2)};
	}
	if (one_in(2))
		model_host(m, one_in(3) ? "10.0.1.100 2001:db8::100" : "",
			   one_in(2) ? "g0" : "g1 g2");
}

static void random_acls(struct model *m)
{
	char part[40];

	for (unsigned a = 0; a < 2; a++) {
		char name[4];

		snprintf(name, sizeof(name), "a%u", a);
		for (unsigned i = 0; i < any_of(8); i++) {
			const char *protocol = part_by_chance(part);

			model_acl(m, name, one_in(2) ? SG_INGRESS : SG_EGRESS,
				  (i + 1) * 10, !one_in(4), protocol, part,
				  networks[any_of(ARRAY_SIZE(networks))]);
		}
	}
	model_subnet(m, "s1", "10.0.1.0/24 fd00:0:0:1::/64", "a0");
	model_subnet(m, "s2", "10.0.2.0/24", one_in(2) ? "a0" : "a1");
	model_subnet(m, "s3", "10.0.3.0/24 fd00:0:0:3::/64",
		     one_in(2) ? NULL : "a1");
}

static void random_balancers(struct model *m)
{
	model_balancer(m, "lb0", one_in(4) ? "" : "g1 g3",
		       "tcp 0.0.0.0/0 20, tcp ::/0 20, udp 10.0.1.100/32 21",
		       "tcp 10.0.1.0/32 22, tcp fd00:0:0:1::/128 22");
	model_balancer(m, "lb1", "g2", "tcp 10.0.1.100/32 20",
		       "tcp 10.0.1.0/32 22, udp 10.0.2.1/32 23");
}

void random_model(struct model *m)
{
	model_machine(m, "10.0.1.100 10.0.2.100 203.0.113.1 2001:db8::100",
		      one_in(2) ? "192.0.2.1 2001:db8::1" : "");
	m->config.settings.revoke = one_in(2) ? REVOKE_CUT : REVOKE_KEEP;
	random_lists(m);
	for (unsigned i = 0; i < N_GROUPS; i++) {
		char name[4];

		snprintf(name, sizeof(name), "g%u", i);
		random_rules(m, name, SG_INGRESS);
		if (one_in(2))
			model_open(m, name);
		else
			random_rules(m, name, SG_EGRESS);
	}
	random_instances(m);
	if (one_in(2))
		random_acls(m);
	if (one_in(2))
		random_balancers(m);
	if (one_in(3))
		model_manage(m, "tcp", "20-22,29",
			     "192.0.2.0/30 2001:db8::/126 %l0");
}

static struct cidr address(const char *text)
{
	struct cidr c = {0};

	if (!cidr_parse_address(slice_of(text), &c))
		BUG("\"%s\" is no address", text);
	return c;
}

static struct cidr far_address(uint8_t family)
{
	char text[40];

	if (family == 4 && one_in(2))
		snprintf(text, sizeof(text), "192.0.2.%u", any_of(6));
	else if (family == 4)
		snprintf(text, sizeof(text), "10.0.%u.%u", 1 + any_of(3),
			 any_of(8));
	else if (one_in(2))
		snprintf(text, sizeof(text), "2001:db8::%u", any_of(6));
	else
		snprintf(text, sizeof(text), "fd00:0:0:%u::%u", 1 + any_of(3),
			 any_of(8));
	return address(text);
}

static struct cidr near_address(uint8_t family)
{
	static const char *const four[] = {"10.0.1.100", "10.0.2.100",
					   "203.0.113.1"};

	return address(family == 4 ? four[any_of(3)] : "2001:db8::100");
}

static void interface_by_chance(char out[INTERFACE_NAME_MAX],
				const struct model *m, const struct cidr *a)
{
	const struct instance *in = firewall_instance_at(&m->config, a);

	if (in && in->interface && !one_in(6))
		snprintf(out, INTERFACE_NAME_MAX, "%s", in->interface);
	else if (one_in(6))
		snprintf(out, INTERFACE_NAME_MAX, "veth%u", any_of(3));
	else
		snprintf(out, INTERFACE_NAME_MAX, "%s",
			 one_in(20) ? "lo" : "eth0");
}

static void random_part(struct nft_packet *p)
{
	static const uint8_t protocols[] = {
		IPPROTO_TCP, IPPROTO_TCP,  IPPROTO_TCP,    IPPROTO_UDP,
		IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 47};
	static const uint16_t known[] = {53, 67, 68, 546, 547, 1024};
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN,           TCP_SYN,
					TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST,
					0,       TCP_SYN | 0x40};

	p->protocol = protocols[any_of(ARRAY_SIZE(protocols))];
	p->sport = known[any_of(ARRAY_SIZE(known))];
	p->dport = one_in(6) ? known[any_of(ARRAY_SIZE(known))]
			     : (uint16_t)(19 + any_of(14));
	p->icmp_type = (uint8_t)(one_in(3)   ? 8
				 : one_in(3) ? 128 + any_of(16)
					     : any_of(4));
	p->icmp_code = (uint8_t)any_of(3);
	p->tcp_flags = flags[any_of(ARRAY_SIZE(flags))];
}

struct nft_packet random_packet(const struct model *m)
{
	static const uint32_t states[] = {CT_ESTABLISHED, CT_RELATED,
					  CT_INVALID, CT_UNTRACKED};
	uint8_t family = one_in(3) ? 6 : 4;
	struct nft_packet p = {.hook = HOOK_INPUT + any_of(3)};

	p.source = p.hook == HOOK_OUTPUT ? near_address(family)
					 : far_address(family);
	p.destination = p.hook == HOOK_INPUT ? near_address(family)
					     : far_address(family);
	if (p.hook != HOOK_OUTPUT)
		interface_by_chance(p.iifname, m, &p.source);
	if (p.hook != HOOK_INPUT)
		interface_by_chance(p.oifname, m, &p.destination);
	random_part(&p);
	p.ct_state = one_in(6) ? states[any_of(4)] : CT_NEW;
	if (p.hook == HOOK_FORWARD && one_in(3)) {
		p.translated = true;
		p.ct_destination = one_in(4) ? far_address(family)
					     : near_address(family);
		p.ct_dport = (uint16_t)(20 + any_of(10));
	}
	if (p.hook == HOOK_OUTPUT && !one_in(3)) {
		p.has_uid = true;
		p.uid = one_in(2) ? m->config.balancer_uid : 0;
		if (one_in(2))
			p.dport = (uint16_t)(22 + any_of(2));
	}
	return p;
}
