/*
 * test_packets.c - the kernel does with real packets what the evaluator says.
 *
 * A router with four neighbours, each in a network namespace of its own:
 *
 *	veth0  veth1  veth2     behind which bound instances live
 *	eth0                    everything else
 *
 * Random rules are put in force on the router, random packets written to the
 * neighbours' ends (forward, input) or sent by the router (output), and what
 * comes out is compared with verdict_of(). After each round a packet that
 * no rule touches follows on the same way: once it has arrived, all others
 * have, or never will.
 */
#include "unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "craft.h"
#include "firewall/compile.h"
#include "golden/random.h"
#include "kernel/nft.h"
#include "namespace.h"

enum { N_LINKS = 4, ROUNDS = 100, PACKETS = 120, WAIT_MS = 10000 };

static const char *const links[N_LINKS] = {"veth0", "veth1", "veth2", "eth0"};
static const uint8_t local_protocols[] = {IPPROTO_TCP, IPPROTO_UDP,
					  IPPROTO_ICMP, IPPROTO_GRE};
static const uint8_t local_protocols6[] = {IPPROTO_TCP, IPPROTO_UDP,
					   IPPROTO_ICMPV6, IPPROTO_GRE};

static struct {
	int tap[N_LINKS]; /* packet sockets at the neighbours' ends */
	uint8_t mac[N_LINKS][6];
	int local4[4], local6[4]; /* raw sockets: what input let through */
	int out4, out6;
	struct nft *nft;
	bool publishes; /* with nft(8), where there is one */
} world;

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool run(const char *format, ...)
{
	char command[400];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

static bool set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* A packet socket in a neighbour's new namespace, on its end of the link. */
static bool make_link(unsigned i, int router)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL)};
	char path[60];
	int neighbour, room = 4 << 20;
	struct ifreq ifr = {0};

	if (unshare(CLONE_NEWNET))
		return false;
	neighbour = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (neighbour < 0 || setns(router, CLONE_NEWNET))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(),
		 neighbour);
	if (!run("ip link add %s type veth peer name link netns %s", links[i],
		 path) ||
	    !run("ip link set %s arp off up", links[i]))
		return false;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", links[i]);
	if (ioctl(world.out4, SIOCGIFHWADDR, &ifr))
		return false;
	memcpy(world.mac[i], ifr.ifr_hwaddr.sa_data, 6);
	if (setns(neighbour, CLONE_NEWNET) || !run("ip link set dev link up"))
		return false;
	world.tap[i] =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	at.sll_ifindex = (int)if_nametoindex("link");
	if (world.tap[i] < 0 ||
	    bind(world.tap[i], (struct sockaddr *)&at, sizeof(at)))
		return false;
	setsockopt(world.tap[i], SOL_SOCKET, SO_RCVBUFFORCE, &room,
		   sizeof(room));
	return setns(router, CLONE_NEWNET) == 0;
}

static int raw_socket(int family, int protocol)
{
	int room = 4 << 20, fd;

	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

/* Ports 20 to 29 of 203.0.113.1 are published, as a container's would be. */
static bool publish(void)
{
	return run("nft 'add table ip published; add chain ip published c { "
		   "type nat hook prerouting priority dstnat; }; "
		   "add rule ip published c ip daddr 203.0.113.1 udp "
		   "dport 20-29 dnat to 10.0.3.6:25' 2>/dev/null");
}

/* The kernel takes its time with an IPv6 address, also on lo: packets come in
 * once the local route is there. */
static bool wait_for_address(const char *address)
{
	for (unsigned i = 0; i < 2000; i++)
		if (run("ip -6 route show table local %s 2>/dev/null | "
			"grep -q .",
			address))
			return true;
	errno = ETIMEDOUT;
	return false;
}

static bool make_world(void)
{
	static const char *const addresses[] = {
		"10.0.1.100/32", "10.0.2.100/32", "203.0.113.1/32",
		"2001:db8::100/128"};
	int router = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cpu_set_t one;

	/* On one processor the packets keep their order. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);

	world.out4 = raw_socket(AF_INET, IPPROTO_RAW);
	world.out6 = raw_socket(AF_INET6, IPPROTO_RAW);
	if (router < 0 || world.out4 < 0 || world.out6 < 0 ||
	    !set("/proc/sys/net/ipv4/ip_forward", "1") ||
	    !set("/proc/sys/net/ipv6/conf/all/forwarding", "1") ||
	    !set("/proc/sys/net/ipv4/conf/all/rp_filter", "0") ||
	    !set("/proc/sys/net/ipv4/conf/default/rp_filter", "0") ||
	    !set("/proc/sys/net/ipv4/conf/all/send_redirects", "0") ||
	    !set("/proc/sys/net/ipv4/conf/default/send_redirects", "0") ||
	    !run("ip link set lo up"))
		return false;
	for (unsigned i = 0; i < N_LINKS; i++)
		if (!make_link(i, router))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		if (!run("ip addr add %s dev lo", addresses[i]))
			return false;
	if (!wait_for_address("2001:db8::100"))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		world.local4[i] = raw_socket(AF_INET, local_protocols[i]);
		world.local6[i] = raw_socket(AF_INET6, local_protocols6[i]);
	}
	world.publishes = publish();
	world.nft = nft_open();
	return world.nft != NULL;
}

/* -- routes and rules ------------------------------------------------------ */

static const char *route_of(const struct model *m, const struct cidr *a)
{
	const struct instance *in = firewall_instance_at(&m->config, a);

	return in && !in->host && in->interface ? in->interface : "eth0";
}

static void set_routes(const struct model *m)
{
	assert_true(run("ip route flush table main; ip -6 route flush proto "
			"static; ip route add default dev eth0; "
			"ip -6 route replace default dev eth0 proto static"));
	for (unsigned i = 0; i < m->config.n_instances; i++) {
		const struct instance *in = &m->config.instances[i];

		for (unsigned k = 0;
		     !in->host && in->interface && k < in->n_addresses; k++) {
			char text[CIDR_TEXT_MAX];

			assert_true(run("ip route replace %s dev %s proto "
					"static",
					cidr_format(&in->addresses[k], text),
					in->interface));
		}
	}
}

static void set_rules(const struct ruleset *rules)
{
	struct diag diag = {0};
	struct plan *plan;

	if (nft_delete(world.nft, "weir"))
		assert_int_equal(errno, ENOENT);
	plan = plan_make(NULL, rules);
	assert_int_equal(nft_send(world.nft, plan, 0, &diag), NFT_DONE);
	plan_free(plan);
	diag_release(&diag);
}

/* -- packets --------------------------------------------------------------- */

/* Without ports and ids a flow is its addresses: a second packet between two
 * that have met, in whatever direction, is not the first of a flow. */
static bool have_met(const struct nft_packet *p)
{
	static struct cidr met[2000][2];
	static unsigned n_met;

	for (unsigned i = 0; i < n_met; i++)
		if ((cidr_eq(&met[i][0], &p->source) &&
		     cidr_eq(&met[i][1], &p->destination)) ||
		    (cidr_eq(&met[i][1], &p->source) &&
		     cidr_eq(&met[i][0], &p->destination)))
			return true;
	if (n_met == ARRAY_SIZE(met))
		return true;
	met[n_met][0] = p->source;
	met[n_met++][1] = p->destination;
	return false;
}

/* Only what the kernel's tracking makes of it for certain. */
static bool can_be_sent(const struct model *m, struct nft_packet *p,
			unsigned number)
{
	uint8_t flags = p->tcp_flags & 0x3f;

	if (p->translated || strcmp(p->iifname, "lo") == 0)
		return false;
	p->sport = (uint16_t)(10000 + number);
	p->ct_state = CT_NEW;
	switch (p->protocol) {
	case IPPROTO_TCP:
		if (flags != TCP_SYN && flags != TCP_ACK)
			p->ct_state = CT_INVALID;
		break;
	case IPPROTO_ICMP:
		p->icmp_type = 8;
		if (p->source.family == 6)
			return false;
		break;
	case IPPROTO_ICMPV6:
		p->icmp_type = 128;
		if (p->source.family == 4)
			return false;
		break;
	case IPPROTO_UDP:
		break;
	default:
		if (have_met(p))
			return false;
	}
	p->oifname[0] = '\0';
	if (p->hook != HOOK_INPUT)
		snprintf(p->oifname, sizeof(p->oifname), "%s",
			 route_of(m, &p->destination));
	p->has_uid = p->hook == HOOK_OUTPUT;
	p->uid = 0;
	return true;
}

/* What the rules will see of the packet. */
static struct nft_packet translate(const struct model *m,
				   const struct nft_packet *sent)
{
	struct nft_packet p = *sent;
	struct cidr published;

	cidr_parse_address(SLICE("203.0.113.1"), &published);
	if (!world.publishes || p.hook != HOOK_INPUT ||
	    p.protocol != IPPROTO_UDP || p.dport < 20 || p.dport > 29 ||
	    !cidr_eq(&p.destination, &published))
		return p;
	p.hook = HOOK_FORWARD;
	p.translated = true;
	p.ct_destination = published;
	p.ct_dport = p.dport;
	cidr_parse_address(SLICE("10.0.3.6"), &p.destination);
	p.dport = 25;
	snprintf(p.oifname, sizeof(p.oifname), "%s",
		 route_of(m, &p.destination));
	return p;
}

static unsigned link_named(const char *name)
{
	for (unsigned i = 0; i < N_LINKS; i++)
		if (strcmp(links[i], name) == 0)
			return i;
	fail_msg("no link %s", name);
	return 0;
}

static void inject(const struct nft_packet *p, uint32_t mark)
{
	unsigned i = link_named(p->iifname);
	uint8_t frame[14 + CRAFT_MAX] = {0};
	bool four = p->source.family == 4;
	size_t n;

	memcpy(frame, world.mac[i], 6);
	frame[6] = 2;
	frame[12] = four ? 0x08 : 0x86;
	frame[13] = four ? 0x00 : 0xdd;
	n = craft(p, mark, frame + 14);
	assert_int_equal(send(world.tap[i], frame, 14 + n, 0), 14 + n);
}

/* A drop in output is an error of the sender. */
static void send_out(const struct nft_packet *p, uint32_t mark)
{
	struct sockaddr_in six_or_four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	uint8_t packet[CRAFT_MAX];
	size_t n = craft(p, mark, packet);
	ssize_t sent;

	if (p->source.family == 4) {
		memcpy(&six_or_four.sin_addr, p->destination.octets, 4);
		sent = sendto(world.out4, packet, n, 0,
			      (struct sockaddr *)&six_or_four,
			      sizeof(six_or_four));
	} else {
		memcpy(&six.sin6_addr, p->destination.octets, 16);
		sent = sendto(world.out6, packet, n, 0, (struct sockaddr *)&six,
			      sizeof(six));
	}
	if (sent < 0 && errno != EPERM)
		fail_msg("sendto: %s", strerror(errno));
}

struct arrivals {
	bool arrived[PACKETS + 1]; /* the last is the follower */
};

static void note(struct arrivals *a, const uint8_t *packet, size_t n)
{
	uint32_t mark = craft_mark(packet, n);

	if (mark >= 1 && mark <= PACKETS + 1)
		a->arrived[mark - 1] = true;
}

/* Whatever left the router through this link; not what we wrote ourselves. */
static void read_tap(struct arrivals *a, unsigned link)
{
	uint8_t frame[2048];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(world.tap[link], frame, sizeof(frame),
			     MSG_DONTWAIT, (struct sockaddr *)&from, &size)) >
	       0) {
		if (from.sll_pkttype != PACKET_OUTGOING && n > 14)
			note(a, frame + 14, (size_t)n - 14);
		size = sizeof(from);
	}
}

static void read_local(struct arrivals *a, int fd,
		       const struct nft_packet *sent)
{
	uint8_t packet[2048];
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		/* IPv6 sockets give no header; the mark is at the end, and
		 * an answer of ours would not come in here. */
		uint32_t mark = craft_mark(packet, (size_t)n);

		if (!mark && n >= 8 && memcmp(packet + n - 8, "weir", 4) == 0)
			mark = (uint32_t)packet[n - 2] << 8 | packet[n - 1];
		if (mark >= 1 && mark <= PACKETS &&
		    sent[mark - 1].hook == HOOK_INPUT)
			a->arrived[mark - 1] = true;
	}
}

static void send_follower(void)
{
	struct nft_packet p = {.hook = HOOK_FORWARD,
			       .iifname = "eth0",
			       .protocol = IPPROTO_UDP,
			       .sport = 9,
			       .dport = 9};

	cidr_parse_address(SLICE("198.18.0.1"), &p.source);
	cidr_parse_address(SLICE("198.18.0.2"), &p.destination);
	inject(&p, PACKETS + 1);
}

static void wait_for_follower(struct arrivals *a)
{
	struct pollfd eth0 = {.fd = world.tap[N_LINKS - 1], .events = POLLIN};

	while (!a->arrived[PACKETS]) {
		if (poll(&eth0, 1, WAIT_MS) != 1)
			fail_msg("the follower did not arrive");
		read_tap(a, N_LINKS - 1);
	}
}

static void show(const struct nft_packet *p, bool arrived)
{
	char from[CIDR_TEXT_MAX], to[CIDR_TEXT_MAX];

	print_message("hook %d %s -> %s: %s -> %s proto %u port %u icmp %u/%u "
		      "flags %u state %u: %s\n",
		      (int)p->hook, p->iifname, p->oifname,
		      cidr_format_address(&p->source, from),
		      cidr_format_address(&p->destination, to), p->protocol,
		      p->dport, p->icmp_type, p->icmp_code, p->tcp_flags,
		      p->ct_state, arrived ? "arrived" : "did not arrive");
}

static unsigned n_published;

static unsigned probe(const struct model *m, const struct ruleset *rules)
{
	struct nft_packet packets[PACKETS]; /* as the rules see them */
	struct arrivals a = {0};
	static unsigned number;
	unsigned n_accepted = 0;

	for (unsigned i = 0; i < PACKETS; i++) {
		struct nft_packet sent;

		do
			sent = random_packet(m);
		while (!can_be_sent(m, &sent, number));
		number++;
		packets[i] = translate(m, &sent);
		n_published += packets[i].translated;
		if (sent.hook == HOOK_OUTPUT)
			send_out(&sent, i + 1);
		else
			inject(&sent, i + 1);
	}
	send_follower();
	wait_for_follower(&a);
	for (unsigned i = 0; i < N_LINKS; i++) {
		read_tap(&a, i);
		read_local(&a, world.local4[i], packets);
		read_local(&a, world.local6[i], packets);
	}
	for (unsigned i = 0; i < PACKETS; i++) {
		struct verdict v;

		verdict_of(rules, &packets[i], &v);
		n_accepted += v.accepted;
		if (v.accepted == a.arrived[i])
			continue;
		show(&packets[i], a.arrived[i]);
		fail_msg("%s", ruleset_text(rules));
	}
	return n_accepted;
}

static void test_kernel_and_evaluator_agree(void **state)
{
	unsigned n_accepted = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model *m = model_new();
		struct diag diag = {0};
		struct ruleset *rules;

		print_message("# round %u\n", round);
		srand(round + 1);
		random_model(m);
		m->config.balancer_uid = round % 2 ? 0 : 990;
		rules = firewall_compile(&m->config, &diag);
		assert_non_null(rules);
		set_routes(m);
		set_rules(rules);
		n_accepted += probe(m, rules);
		ruleset_free(rules);
		diag_release(&diag);
		model_free(m);
	}
	print_message("# %u of %u packets arrived, %u to published ports\n",
		      n_accepted, ROUNDS * PACKETS, n_published);
	if (world.publishes)
		assert_true(n_published > 0);
	assert_in_range(n_accepted, ROUNDS * PACKETS / 10,
			ROUNDS * PACKETS / 10 * 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_and_evaluator_agree),
	};

	if (!namespace_enter())
		return SKIPPED;
	if (!make_world()) {
		fprintf(stderr, "cannot make the network: %s\n",
			strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
