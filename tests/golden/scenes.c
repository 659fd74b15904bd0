#include "scenes.h"

#include <stdio.h>

#include "base/fail.h"

#define IN  SG_INGRESS
#define OUT SG_EGRESS

static void nothing(struct model *m)
{
	(void)m;
}

/* A server with ssh from the office. */
static void host(struct model *m)
{
	model_machine(m, "192.0.2.10 2001:db8::10", "192.0.2.53 127.0.0.53");
	model_list(m, "office",
		   "198.51.100.0/24 198.51.100.7/32 "
		   "2001:db8:1::/48");
	model_allow(m, "ssh-only", IN, "tcp", "22", "%office");
	model_allow(m, "ssh-only", IN, "icmp", "8", "0.0.0.0/0");
	model_open(m, "ssh-only");
	model_host(m, "", "ssh-only");
	model_manage(m, "tcp", "22", "203.0.113.7/32");
}

static void host_addresses(struct model *m)
{
	model_machine(m, "192.0.2.10 192.0.2.11", "");
	model_allow(m, "web", IN, "tcp", "80", "0.0.0.0/0 ::/0");
	model_allow(m, "web", OUT, "udp", "123", "0.0.0.0/0");
	model_host(m, "192.0.2.10", "web");
}

/* Two instances behind this machine; references, self, two groups on one. */
static void gateway(struct model *m)
{
	model_group(m, "app")->description = "the \"app\" tier";
	model_allow(m, "app", IN, "tcp", "3000-3001", "@web");
	model_allow(m, "app", IN, "all", "", "@app");
	model_allow(m, "app", OUT, "tcp", "5432", "10.0.1.20/32");
	model_allow(m, "web", IN, "tcp", "80,443", "0.0.0.0/0 ::/0");
	model_allow(m, "web", IN, "icmpv6", "1/4", "2001:db8::/32");
	model_open(m, "web");
	model_instance(m, "web1", "10.0.1.11 fd00:0:0:1::11", "veth-web1",
		       "web");
	model_instance(m, "app1", "10.0.1.12", NULL, "app");
	model_instance(m, "both", "10.0.1.13", "veth-both", "web app");
}

/* Every kind of protocol, every kind of peer. */
static void protocols(struct model *m)
{
	model_list(m, "empty", "");
	model_list(m, "six", "2001:db8::/32");
	model_allow(m, "all", IN, "tcp", "", "10.0.0.0/8");
	model_allow(m, "all", IN, "tcp", "0-65535", "10.1.0.0/16");
	model_allow(m, "all", IN, "udp", "53,5000-5010", "10.0.0.1/32");
	model_allow(m, "all", IN, "icmp", "", "10.0.0.0/9");
	model_allow(m, "all", IN, "icmp", "3/4", "@all");
	model_allow(m, "all", IN, "icmp", "200", "10.0.0.0/8");
	model_allow(m, "all", IN, "icmp", "8", "fd00::/8");
	model_allow(m, "all", IN, "icmpv6", "128", "%six");
	model_allow(m, "all", IN, "icmpv6", "2/0", "fd00::/8");
	model_allow(m, "all", IN, "47", "", "10.0.0.0/8 fd00::/8");
	model_allow(m, "all", IN, "0", "", "10.0.0.0/8");
	model_allow(m, "all", IN, "all", "", "192.0.2.1/32 %empty");
	model_allow(m, "all", IN, "all", "", "192.0.2.1/32");
	model_allow(m, "all", OUT, "all", "", "0.0.0.0/0 ::/0 @all");
	model_instance(m, "one", "10.9.0.1 fd00::1", NULL, "all");
}

static void acls(struct model *m)
{
	model_acl(m, "private", IN, 90, false, "all", "", "10.0.0.66/32");
	model_acl(m, "private", IN, 100, true, "tcp", "3000-3001,22",
		  "10.0.0.0/16");
	model_acl(m, "private", IN, 110, true, "icmpv6", "", "0.0.0.0/0");
	model_acl(m, "private", OUT, 100, true, "tcp", "1024-65535",
		  "10.0.0.0/16");
	model_acl(m, "private", OUT, 110, true, "icmp", "0", "0.0.0.0/0");
	model_acl(m, "open", IN, 100, true, "all", "", "0.0.0.0/0");
	model_acl(m, "open", IN, 101, true, "all", "", "::/0");
	model_acl(m, "open", OUT, 100, true, "all", "", "0.0.0.0/0");
	model_acl(m, "open", OUT, 101, true, "all", "", "::/0");
	model_subnet(m, "a", "10.0.1.0/24 fd00:0:0:1::/64", "private");
	model_subnet(m, "b", "10.0.2.0/24", "private");
	model_subnet(m, "c", "10.0.3.0/24", "open");
	model_subnet(m, "free", "10.0.4.0/24", NULL);
	model_machine(m, "10.0.1.1 10.0.2.1", "10.0.3.53");
	model_manage(m, "tcp", "22", "10.0.9.0/24");
	model_open(m, "app");
	model_instance(m, "app1", "10.0.1.12", NULL, "app");
}

/* No groups, so nothing else asks the kernel to track connections. */
static void acls_alone(struct model *m)
{
	model_acl(m, "dns", IN, 100, true, "udp", "53", "0.0.0.0/0");
	model_acl(m, "dns", OUT, 100, true, "udp", "1024-65535", "0.0.0.0/0");
	model_subnet(m, "a", "10.0.1.0/24", "dns");
	model_manage(m, "icmp", "8/0", "10.0.9.0/24");
	model_manage(m, "icmp", "3", "10.0.9.0/24");
	model_manage(m, "icmpv6", "128", "fd00::/8");
}

/* The machine trusts its tunnels. */
static void interfaces(struct model *m)
{
	static const char *const tunnels[] = {"wg*", "wg-office"};
	struct sg_rule rule;
	struct secgroup *group = model_group(m, "own");

	model_machine(m, "192.0.2.10", "");
	model_allow(m, "own", IN, "tcp", "22", "0.0.0.0/0 ::/0");
	model_host(m, "", "own");
	rule = group->ingress[0];
	rule.interfaces = tunnels;
	rule.n_interfaces = 2;
	group->ingress = memcpy(ARENA_NEW(&m->arena, struct sg_rule), &rule,
				sizeof(rule));
}

/* Both shapes and a load balancer with groups of its own. */
static void balancer(struct model *m)
{
	model_machine(m, "192.0.2.10 10.0.1.1 2001:db8::10", "");
	model_allow(m, "web-lb", IN, "tcp", "80,443", "0.0.0.0/0 ::/0");
	model_allow(m, "web-lb", OUT, "tcp", "3000", "@app");
	model_allow(m, "app", IN, "tcp", "3000", "@web-lb");
	model_allow(m, "ssh", IN, "tcp", "22", "198.51.100.0/24");
	model_open(m, "ssh");
	model_open(m, "app");
	model_host(m, "", "ssh");
	model_instance(m, "app1", "10.0.1.11", "veth-app1", "app");
	model_balancer(m, "front", "web-lb",
		       "tcp 0.0.0.0/0 80, tcp ::/0 80, tcp 192.0.2.10/32 443",
		       "tcp 10.0.1.11/32 3000, tcp 10.0.1.11/32 3000");
	model_balancer(m, "second", "ssh", "tcp 10.0.1.1/32 8080",
		       "tcp 10.0.1.11/32 3000");
	model_balancer(m, "bare", "", "tcp 0.0.0.0/0 9000", "");
}

/* More than 32 rules: sets. */
static void large(struct model *m)
{
	char net[40], port[12];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(net, sizeof(net), "10.%u.0.0/16", i / 4 * 2);
		snprintf(port, sizeof(port), "%u-%u", 1000 + i * 10,
			 1014 + i * 10);
		model_allow(m, "big", IN, i % 2 ? "tcp" : "udp", port, net);
	}
	model_allow(m, "big", IN, "tcp", "80", "0.0.0.0/0 ::/0 @peer %office");
	model_allow(m, "big", IN, "tcp", "80-81", "192.0.2.0/24");
	model_allow(m, "big", IN, "icmp", "8", "10.0.0.0/8");
	model_allow(m, "big", IN, "icmp", "3/4", "0.0.0.0/0");
	model_allow(m, "big", IN, "icmp", "", "10.1.0.0/16");
	model_allow(m, "big", IN, "47", "", "10.0.0.0/8");
	model_allow(m, "big", IN, "all", "", "172.16.0.0/12");
	model_list(m, "office", "192.0.2.0/24 198.51.100.0/24");
	model_open(m, "big");
	model_machine(m, "192.0.2.10", "");
	model_host(m, "", "big");
	model_instance(m, "p", "10.0.0.9", NULL, "peer");
}

/* So many references that they are spelled out. */
static void references(struct model *m)
{
	char name[20], address[20], peer[21];

	for (unsigned i = 0; i < 34; i++) {
		snprintf(name, sizeof(name), "g%02u", i);
		snprintf(peer, sizeof(peer), "@%s", name);
		snprintf(address, sizeof(address), "10.0.%u.1", i);
		model_allow(m, "hub", IN, "tcp", "80", peer);
		model_instance(m, name, address, NULL, name);
	}
	model_instance(m, "hub", "10.1.0.1", NULL, "hub");
}

/* Flows are cut, so none may come back from its middle. */
static void cut(struct model *m)
{
	host(m);
	m->config.settings.revoke = REVOKE_CUT;
}

static void report(struct model *m)
{
	model_machine(m, "192.0.2.10", "");
	model_allow(m, "web", IN, "tcp", "80", "0.0.0.0/0");
	model_host(m, "", "web");
	model_instance(m, "a", "10.0.0.1", "veth-a", "web");
	model_acl(m, "acl", IN, 10, false, "tcp", "22", "0.0.0.0/0");
	model_acl(m, "acl", IN, 20, true, "all", "", "0.0.0.0/0");
	model_subnet(m, "net", "10.0.0.0/24", "acl");
	m->config.settings.mode = FIREWALL_REPORT;
}

static void logging(struct model *m)
{
	model_machine(m, "192.0.2.10", "");
	model_allow(m, "web", IN, "tcp", "80", "0.0.0.0/0");
	model_host(m, "", "web");
	model_instance(m, "a", "10.0.0.1", "veth-a", "web");
	model_acl(m, "acl", IN, 10, false, "tcp", "22", "0.0.0.0/0");
	model_subnet(m, "net", "10.0.0.0/24", "acl");
	m->config.settings.log_drops = true;
	m->config.settings.log_rate_per_second = 7;
	m->config.settings.nflog_group = 5;
}

/* Flows of the database are long and silent. */
static void times(struct model *m)
{
	model_machine(m, "192.0.2.10 2001:db8::10", "");
	model_open(m, "db");
	model_host(m, "", "db");
	model_instance(m, "db1", "10.0.0.1 fd00::1", NULL, "db");
	model_instance(m, "db2", "10.0.0.2", NULL, "db");
	model_instance(m, "web", "10.0.0.3", NULL, "db");
	m->instances[0].tracking.udp_stream_s = 60;
	m->instances[1].tracking.tcp_established_s = 86400;
	m->instances[1].tracking.udp_s = 45;
	m->instances[1].tracking.udp_stream_s = 170;
	m->instances[2].tracking = m->instances[1].tracking;
}

const struct scene scenes[] = {
	{"nothing", nothing},
	{"host", host},
	{"host-addresses", host_addresses},
	{"gateway", gateway},
	{"protocols", protocols},
	{"acls", acls},
	{"acls-alone", acls_alone},
	{"interfaces", interfaces},
	{"balancer", balancer},
	{"large", large},
	{"references", references},
	{"cut", cut},
	{"report", report},
	{"logging", logging},
	{"times", times},
};

const size_t n_scenes = ARRAY_SIZE(scenes);
