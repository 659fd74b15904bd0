/* test_import.c - other firewalls' files as security groups. */
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "firewall/import.h"
#include "unit.h"

/* What one row of a file becomes: a rule said, a comment, or a line left. */
struct row {
	const char *name;
	const char *text;  /* between what every such file has */
	const char *rules; /* lines below ingress, each with its newline */
	const char *left;  /* a word of what is left, or NULL: nothing is */
};

static bool find_service(void *context, struct slice name, struct text *xml)
{
	(void)context;
	if (slice_eq(name, SLICE("ssh")))
		text_addf(xml, "<service><port protocol='tcp' port='22'/>"
			       "</service>");
	else if (slice_eq(name, SLICE("both")))
		text_addf(xml, "<service><include service='ssh'/>"
			       "<port protocol='udp' port='53'/></service>");
	else if (slice_eq(name, SLICE("loop")))
		text_addf(xml, "<service><include service='loop'/></service>");
	else if (slice_eq(name, SLICE("broken")))
		text_addf(xml, "<service><port");
	else
		return false;
	return true;
}

static const struct import_services services = {.find = find_service};

/* The result is a file that check takes. */
static void assert_loads(const char *yaml)
{
	const struct config_options options = {.without_secrets = true};
	struct diag diag = {0};
	struct snapshot *snap;

	/* The key of rules by interface is for the host's groups alone. */
	if (strstr(yaml, "interfaces:"))
		return;
	snap = config_load_text("out", slice_of(yaml), &options, &diag);
	if (!snap)
		diag_print(&diag, stderr, false);
	assert_non_null(snap);
	snapshot_unref(snap);
	diag_release(&diag);
}

/* The lines between "ingress:" and "instances:". */
static char *rules_of(const char *yaml)
{
	const char *from = strstr(yaml, "    ingress:\n");
	const char *to = strstr(yaml, "\ninstances:");

	assert_non_null(from);
	assert_non_null(to);
	from += strlen("    ingress:\n");
	return slice_dup(slice_make(from, (size_t)(to - from)));
}

static void check_row(enum import_kind kind, const char *format,
		      const struct row *row)
{
	struct import result = {0};
	struct text text = {0};
	char *rules;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	text_addf(&text, format, row->text);
#pragma GCC diagnostic pop
	if (!import_text(kind, text_slice(&text), "f", &services, &result))
		fail_msg("%s: %s", row->name, text_str(&result.left));
	assert_loads(text_str(&result.yaml));
	rules = rules_of(text_str(&result.yaml));
	if (strcmp(rules, row->rules) != 0)
		fail_msg("%s: rules are\n%s", row->name, rules);
	if (!row->left != !result.n_left ||
	    (row->left && !strstr(text_str(&result.left), row->left)))
		fail_msg("%s: left is\n%s", row->name, text_str(&result.left));
	free(rules);
	text_release(&text);
	text_release(&result.yaml);
	text_release(&result.left);
}

#define SAID(rule) "      - {" rule "}\n"
#define NOTHING    "      []\n"

static void test_ufw(void **state)
{
	static const struct row rows[] = {
		{"a port, with a comment",
		 "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=533a22\n",
		 SAID("protocol: tcp, ports: 22, from: \"0.0.0.0/0\", "
		      "description: \"S:_\"")},
		{"ports of tcp and udp",
		 "allow any 53,6000:6007 ::/0 any 2001:db8::/32 in\n",
		 SAID("protocol: tcp, ports: [53, 6000-6007], from: "
		      "\"2001:db8::/32\"")
			 SAID("protocol: udp, ports: [53, 6000-6007], from: "
			      "\"2001:db8::/32\"")},
		{"an application",
		 "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 "
		 "Nginx%20HTTP - in_eth1\n",
		 SAID("protocol: tcp, ports: 80, from: \"0.0.0.0/0\", "
		      "interfaces: [\"eth1\"]")},
		{"said twice",
		 "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n"
		 "### tuple ### allow tcp 80 0.0.0.0/0 any "
		 "0.0.0.0/0 in\n",
		 SAID("protocol: tcp, ports: 80, from: \"0.0.0.0/0\"")},
		{"a limit", "limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n",
		 SAID("protocol: tcp, ports: 22, from: \"0.0.0.0/0\""),
		 "\"limit\""},
		{"routed", "route:allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n",
		 NOTHING, "f:1: \"route:allow\""},
		{"one of our addresses",
		 "allow tcp 22 192.0.2.1 any 0.0.0.0/0 in\n", NOTHING,
		 "one address of this machine"},
		{"the sender's port",
		 "allow udp any 0.0.0.0/0 53 0.0.0.0/0 in\n", NOTHING,
		 "the sender's port"},
		{"ports of a protocol without ports",
		 "allow esp 80 0.0.0.0/0 any 0.0.0.0/0 in\n", NOTHING,
		 "ports of protocol 50"},
		{"no port", "allow tcp 80x 0.0.0.0/0 any 0.0.0.0/0 in\n",
		 NOTHING, "cannot be read"},
		{"few words", "allow tcp 22\n", NOTHING, "3 words"},
		{"no word", "\n", NOTHING, "0 words"},
		{"a refusal, and nothing behind it",
		 "deny tcp 25 0.0.0.0/0 any 0.0.0.0/0 in\n", NOTHING},
		{"a refusal of a part",
		 "deny any any 0.0.0.0/0 any 192.0.2.66 in\n"
		 "### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n"
		 "### tuple ### allow tcp 81 0.0.0.0/0 any 10.0.0.0/8 in\n",
		 "      # - {protocol: tcp, ports: 80, from: \"0.0.0.0/0\"}  # "
		 "line 2; line 1 refuses a part of it first\n" SAID(
			 "protocol: tcp, ports: 81, from: \"10.0.0.0/8\""),
		 "good after: weir sg block 192.0.2.66/32"},
		{"a refusal on the way out",
		 "reject tcp 25 0.0.0.0/0 any 0.0.0.0/0 out\n", NOTHING,
		 "network ACL"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(IMPORT_UFW, "### tuple ### %s", &rows[i]);
}

static void test_iptables(void **state)
{
	static const struct row rows[] = {
		{"what weir does anyway",
		 "-A INPUT -i lo -j ACCEPT\n"
		 "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n"
		 "-A INPUT -m conntrack --ctstate INVALID -j DROP\n",
		 NOTHING},
		{"a port with a comment",
		 "-A INPUT -s 10.0.0.0/255.0.0.0 -p tcp -m tcp --dport 22 "
		 "-m comment --comment \"a \\\"b\\\" -j DROP\" -m conntrack "
		 "--ctstate NEW -j ACCEPT\n",
		 SAID("protocol: tcp, ports: 22, from: \"10.0.0.0/8\", "
		      "description: \"a _b_ -j DROP\"")},
		{"counted",
		 "[12:30] -A INPUT -p udp -m multiport --dports "
		 "53,5000:5010 -j ACCEPT\n",
		 SAID("protocol: udp, ports: [53, 5000-5010], from: "
		      "\"0.0.0.0/0\"")},
		{"icmp", "-A INPUT -p icmp -m icmp --icmp-type 3/4 -j ACCEPT\n",
		 SAID("protocol: icmp, type: 3, code: 4, from: "
		      "\"0.0.0.0/0\"")},
		{"interfaces", "-A INPUT -i wg+ -j ACCEPT\n",
		 SAID("protocol: all, from: \"0.0.0.0/0\", interfaces: "
		      "[\"wg*\"]")},
		{"a chain of one's own",
		 ":web - [0:0]\n-A INPUT -j web\n"
		 "-A web -p tcp --dport 80 -j ACCEPT\n-A web -j RETURN\n"
		 "-A web -p tcp --dport 81 -j ACCEPT\n",
		 SAID("protocol: tcp, ports: 80, from: \"0.0.0.0/0\"")},
		{"behind the end",
		 "-A INPUT -j REJECT --reject-with tcp-reset\n"
		 "-A INPUT -p tcp --dport 80 -j ACCEPT\n",
		 NOTHING},
		{"a jump under a condition",
		 ":f2b - [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j f2b\n"
		 "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
		 "-A f2b -s 192.0.2.1 -j DROP\n",
		 "      # - {protocol: tcp, ports: 22, from: \"0.0.0.0/0\"}  # "
		 "line 5; line 4 refuses a part of it first\n" NOTHING,
		 "leads to \"f2b\" under a condition"},
		/* A refusal of all but one network is a refusal of all. */
		{"negated",
		 "-A INPUT ! -s 10.0.0.0/8 -p tcp --dport 22 -j DROP\n"
		 "-A INPUT -s 10.1.0.0/16 -p tcp --dport 22 -j ACCEPT\n",
		 "      # - {protocol: tcp, ports: 22, from: \"10.1.0.0/16\"}  "
		 "# line 4; line 3 refuses a part of it first\n" NOTHING,
		 "f:4: "},
		{"negated, and admitted",
		 "-A INPUT ! -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT\n",
		 NOTHING, "do not have: -s"},
		{"a strange match",
		 "-A INPUT -p tcp --dport 25 -m limit "
		 "--limit 3/sec -j ACCEPT\n",
		 NOTHING, "do not have: -m limit"},
		/* A match half read must not be taken for less. */
		{"ports half read",
		 "-A INPUT -p tcp --dports 80,x -j DROP\n"
		 "-A INPUT -p tcp --dport 443 -j ACCEPT\n",
		 "      # - {protocol: tcp, ports: 443, from: \"0.0.0.0/0\"}  "
		 "# "
		 "line 4; line 3 refuses a part of it first\n" NOTHING,
		 "f:4: "},
		{"an open quote",
		 "-A INPUT -p tcp --dport 80 -m comment "
		 "--comment \"x -j ACCEPT\n",
		 NOTHING, "counts or logs"},
		{"a loop", ":a - [0:0]\n-A INPUT -j a\n-A a -j a\n", NOTHING,
		 "leads to \"a\""},
		{"what is forwarded", "-A FORWARD -j ACCEPT\n", NOTHING,
		 "chain FORWARD"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(IMPORT_IPTABLES,
			  "*filter\n:INPUT DROP [0:0]\n%sCOMMIT\n", &rows[i]);
}

static void test_iptables_policies(void **state)
{
	static const char *const text =
		"# Generated by ip6tables-save v1.8.9\n*filter\n"
		":INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n"
		"-A OUTPUT -d 2001:db8::1 -p tcp --dport 443 -j ACCEPT\n"
		"-A OUTPUT -o eth0 -j ACCEPT\nCOMMIT\n"
		"*nat\n-A PREROUTING -j DNAT\nCOMMIT\n";
	struct import result = {0};

	(void)state;
	assert_true(import_text(IMPORT_IPTABLES, slice_of(text), "f", NULL,
				&result));
	assert_loads(text_str(&result.yaml));
	assert_non_null(strstr(text_str(&result.yaml),
			       "    egress:\n      - {protocol: tcp, ports: "
			       "443, to: \"2001:db8::1/128\"}\n"));
	assert_non_null(strstr(text_str(&result.left),
			       "whatever no rule names comes in"));
	assert_non_null(strstr(text_str(&result.left), "the interface that"));
	assert_non_null(strstr(text_str(&result.left), "table \"nat\""));
	assert_int_equal(result.n_left, 3);
	text_release(&result.yaml);
	text_release(&result.left);
}

static void test_firewalld(void **state)
{
	static const struct row rows[] = {
		{"a service of services",
		 "<zone target='DROP'><service name='both'/>"
		 "<short>x</short></zone>",
		 SAID("protocol: tcp, ports: 22, from: [\"0.0.0.0/0\", "
		      "\"::/0\"], description: \"ssh\"")
			 SAID("protocol: udp, ports: 53, from: [\"0.0.0.0/0\", "
			      "\"::/0\"], description: \"both\"")},
		{"ICMP comes in by default", "<zone/>",
		 SAID("protocol: icmp, from: \"0.0.0.0/0\"")
			 SAID("protocol: icmpv6, from: \"::/0\"")},
		{"unless it is blocked",
		 "<zone><icmp-block name='echo-request'/></zone>", NOTHING,
		 "<icmp-block>"},
		{"for sources and interfaces",
		 "<zone target='DROP'><source address='10.0.0.0/8'/>"
		 "<interface name='wg0'/><port port='80' protocol='tcp'/>"
		 "</zone>",
		 SAID("protocol: tcp, ports: 80, from: \"10.0.0.0/8\"")
			 SAID("protocol: tcp, ports: 80, from: [\"0.0.0.0/0\", "
			      "\"::/0\"], interfaces: [\"wg0\"]")},
		{"a rich rule",
		 "<zone target='DROP'><rule family='ipv4'><source "
		 "address='192.0.2.0/24'/><port port='1-9' protocol='udp'/>"
		 "<log/><accept/></rule></zone>",
		 SAID("protocol: udp, ports: 1-9, from: \"192.0.2.0/24\"")},
		{"refusals come first",
		 "<zone target='DROP'><port port='80' protocol='tcp'/>"
		 "<rule family='ipv6'><source address='2001:db8::1'/><drop/>"
		 "</rule></zone>",
		 "      # - {protocol: tcp, ports: 80, from: [\"0.0.0.0/0\", "
		 "\"::/0\"]}  # line 1; line 1 refuses a part of it "
		 "first\n" NOTHING,
		 "weir sg block 2001:db8::1/128"},
		{"a limit in it",
		 "<zone target='DROP'><rule><service name='ssh'/><accept>"
		 "<limit value='1/s'/></accept></rule></zone>",
		 NOTHING, "no word for"},
		{"a refusal of a part is a refusal of all",
		 "<zone target='DROP'><port port='80' protocol='tcp'/>"
		 "<rule><source invert='true' address='10.0.0.1'/><port "
		 "port='443' protocol='tcp'/><reject/></rule></zone>",
		 "      # - {protocol: tcp, ports: 80, from: [\"0.0.0.0/0\", "
		 "\"::/0\"]}  # line 1; line 1 refuses a part of it "
		 "first\n" NOTHING,
		 "f:1: "},
		{"services that are none",
		 "<zone target='DROP'><service name='loop'/>"
		 "<service name='none'/><service name='broken'/></zone>",
		 NOTHING, "\"none\": what it means"},
		{"everything", "<zone target='ACCEPT'/>", NOTHING,
		 "whatever no rule names"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(IMPORT_FIREWALLD, "%s", &rows[i]);
}

static void test_none_of_that_kind(void **state)
{
	static const struct {
		enum import_kind kind;
		const char *text, *left;
	} rows[] = {
		{IMPORT_UFW, "", "user.rules"},
		{IMPORT_UFW, "*filter\n", "user.rules"},
		{IMPORT_IPTABLES, "*nat\nCOMMIT\n", "iptables-save"},
		{IMPORT_IPTABLES, "", "iptables-save"},
		{IMPORT_FIREWALLD, "<a>", "no XML"},
		{IMPORT_FIREWALLD, "<service/>", "<zone>"},
		{IMPORT_FIREWALLD, "", "no XML"},
		/* An entity is never followed, however deep. */
		{IMPORT_FIREWALLD,
		 "<!DOCTYPE z [<!ENTITY a 'x'><!ENTITY b SYSTEM 'file:///'>]>"
		 "<y>&b;</y>",
		 "<zone>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct import result = {0};

		assert_false(import_text(rows[i].kind, slice_of(rows[i].text),
					 "f", NULL, &result));
		assert_non_null(strstr(text_str(&result.left), rows[i].left));
		assert_true(result.n_left > 0);
		assert_int_equal(result.yaml.n, 0);
		text_release(&result.left);
	}
}

/* Chains that jump to the next one twice are 2^n long when walked. */
static void test_steps_are_bounded(void **state)
{
	struct import result = {0};
	struct text text = {0};

	(void)state;
	text_addf(&text, "*filter\n:INPUT DROP [0:0]\n-A INPUT -j c0\n");
	for (int i = 0; i < 64; i++)
		text_addf(&text, ":c%d - [0:0]\n-A c%d -j c%d\n-A c%d -j c%d\n",
			  i, i, i + 1, i, i + 1);
	assert_true(import_text(IMPORT_IPTABLES, text_slice(&text), "f", NULL,
				&result));
	assert_non_null(strstr(text_str(&result.left), "leads to"));
	text_release(&text);
	text_release(&result.yaml);
	text_release(&result.left);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ufw),
		cmocka_unit_test(test_iptables),
		cmocka_unit_test(test_iptables_policies),
		cmocka_unit_test(test_firewalld),
		cmocka_unit_test(test_none_of_that_kind),
		cmocka_unit_test(test_steps_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
