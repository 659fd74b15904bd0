/*
 * test_conntrack.c - flows that no rule admits any more end, others stay.
 *
 * The kernel part runs in a network namespace of its own, with flows that
 * conntrack(8) writes into its table; skipped where there is neither.
 */
#include "unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall/compile.h"
#include "firewall/whereabouts.h"
#include "golden/model.h"
#include "kernel/conntrack.h"
#include "kernel/nft.h"
#include "namespace.h"

static bool has_namespace;

static struct cidr at(const char *text)
{
	struct cidr c = {0};

	assert_true(cidr_parse_address(slice_of(text), &c));
	return c;
}

static struct flow tcp_flow(const char *from, const char *to, uint16_t port)
{
	return (struct flow){.source = at(from),
			     .destination = at(to),
			     .ct_destination = at(to),
			     .protocol = IPPROTO_TCP,
			     .sport = 40000,
			     .dport = port,
			     .ct_dport = port};
}

static struct model *some_model(void)
{
	struct model *m = model_new();

	model_machine(m, "192.0.2.10 10.0.0.254", "");
	model_allow(m, "app", SG_INGRESS, "tcp", "22", "10.0.0.0/8");
	model_open(m, "app");
	model_allow(m, "ssh", SG_INGRESS, "tcp", "22,8080", "0.0.0.0/0");
	model_allow(m, "lb", SG_INGRESS, "tcp", "80", "0.0.0.0/0");
	model_allow(m, "lb", SG_EGRESS, "tcp", "3000", "192.0.2.77/32");
	model_host(m, "", "ssh");
	model_instance(m, "app1", "10.0.0.1", "veth-app1", "app");
	model_balancer(m, "front", "lb", "tcp 0.0.0.0/0 80",
		       "tcp 192.0.2.77/32 3000");
	return m;
}

static void test_who_would_get_in(void **state)
{
	struct model *m = some_model();
	struct diag diag = {0};
	struct ruleset *rules = firewall_compile(&m->config, &diag);
	struct whereabouts *where = whereabouts_new(&m->config);
	struct flow published = tcp_flow("198.51.100.7", "172.17.0.2", 80);
	const struct {
		const char *name, *from, *to;
		uint16_t port;
		bool admitted;
	} flows[] = {
		{"a rule", "10.0.0.9", "10.0.0.1", 22, true},
		{"no rule", "10.0.0.9", "10.0.0.1", 23, false},
		{"from the instance", "10.0.0.1", "192.0.2.1", 443, true},
		{"nobody's", "192.0.2.1", "192.0.2.2", 443, true},
		{"to the machine", "198.51.100.7", "192.0.2.10", 22, true},
		{"to its other port", "198.51.100.7", "192.0.2.10", 23, false},
		{"to the balancer", "198.51.100.7", "192.0.2.10", 80, true},
		{"by the balancer", "192.0.2.10", "192.0.2.77", 3000, true},
		{"not by it", "192.0.2.10", "192.0.2.77", 3001, false},
		{"loopback", "127.0.0.1", "127.0.0.1", 9, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		struct flow f =
			tcp_flow(flows[i].from, flows[i].to, flows[i].port);

		print_message("# %s\n", flows[i].name);
		assert_int_equal(flow_is_admitted(where, m->config.balancer_uid,
						  rules, &f),
				 flows[i].admitted);
	}

	published.translated = true;
	published.ct_destination = at("192.0.2.10");
	published.ct_dport = 8080;
	assert_true(flow_is_admitted(where, m->config.balancer_uid, rules,
				     &published));
	published.ct_dport = 8081;
	assert_false(flow_is_admitted(where, m->config.balancer_uid, rules,
				      &published));
	whereabouts_free(where);
	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
}

static bool insert(const char *from, const char *to, unsigned port)
{
	char command[300];

	snprintf(command, sizeof(command),
		 "conntrack -I -s %s -d %s -p tcp --sport 40000 --dport %u "
		 "--state ESTABLISHED -u ASSURED,SEEN_REPLY -t 300 "
		 ">/dev/null 2>&1",
		 from, to, port);
	return system(command) == 0;
}

static bool is_there(unsigned port)
{
	char command[200];

	snprintf(command, sizeof(command),
		 "conntrack -L -p tcp --orig-port-dst %u 2>/dev/null | "
		 "grep -q dport=%u",
		 port, port);
	return system(command) == 0;
}

static void test_the_kernel_forgets_them(void **state)
{
	struct model *m = some_model();
	struct diag diag = {0};
	struct ruleset *rules = firewall_compile(&m->config, &diag);
	struct conntrack_result result = {0};

	(void)state;
	if (!has_namespace || !insert("10.0.0.9", "10.0.0.1", 22)) {
		ruleset_free(rules);
		model_free(m);
		skip();
	}
	assert_true(insert("10.0.0.9", "10.0.0.1", 23));
	assert_true(insert("192.0.2.1", "192.0.2.2", 24));
	assert_true(insert("2001:db8::1", "2001:db8::2", 25));
	if (conntrack_cut(&m->config, rules, &result))
		fail_msg("conntrack_cut: %s", strerror(errno));
	assert_int_equal(result.n_seen, 4);
	assert_int_equal(result.n_cut, 1);
	assert_true(is_there(22));
	assert_false(is_there(23));
	assert_true(is_there(24));
	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
}

/* A datagram to the instance, and how long the kernel means to remember it. */
static void test_flows_get_their_times(void **state)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct model *m = model_new();
	struct diag diag = {0};
	struct ruleset *rules;
	struct plan *plan;
	struct nft *nft;
	int fd;

	(void)state;
	if (!has_namespace || system("ip link set lo up") != 0 ||
	    system("conntrack -L >/dev/null 2>&1") != 0) {
		model_free(m);
		skip();
	}
	model_open(m, "app");
	model_instance(m, "app1", "127.0.0.2", NULL, "app");
	m->instances[0].tracking.udp_s = 4000;
	rules = firewall_compile(&m->config, &diag);
	nft = nft_open();
	plan = plan_make(NULL, rules);
	assert_int_equal(nft_send(nft, plan, 0, &diag), NFT_DONE);

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	to.sin_addr.s_addr = htonl(0x7f000002);
	assert_int_equal(
		sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
	assert_int_equal(system("conntrack -L -p udp --orig-port-dst 9 "
				"2>/dev/null | grep -Eq '^udp +17 "
				"(39[0-9][0-9]|4000) '"),
			 0);
	plan_free(plan);
	nft_close(nft);
	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_would_get_in),
		cmocka_unit_test(test_the_kernel_forgets_them),
		cmocka_unit_test(test_flows_get_their_times),
	};

	has_namespace = namespace_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
