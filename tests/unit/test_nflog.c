/* test_nflog.c - packets as the kernel gives them to an NFLOG group, with
 * messages that the test makes itself. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "kernel/nflog.h"
#include "unit.h"

/* To 10.0.1.11:80, as translated. */
static const uint8_t syn[] = {0x45, 0,  0,    60,   0, 0,    0x40, 0,  64,
			      6,    0,  0,    203,  0, 113,  7,    10, 0,
			      1,    11, 0x9c, 0x40, 0, 80,   0,    0,  0,
			      1,    0,  0,    0,    0, 0xa0, 2,    0,  0};

struct heard {
	struct nflog log;
	int kernel;
	struct sighting last;
	unsigned n;
};

static void saw(void *arg, const struct sighting *s)
{
	struct heard *h = arg;

	h->last = *s;
	h->n++;
}

static int setup(void **state)
{
	struct heard *h = xcalloc(1, sizeof(*h));
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	h->log.fd = ends[0];
	h->kernel = ends[1];
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct heard *h = *state;

	nflog_close(&h->log);
	close(h->kernel);
	free(h);
	return 0;
}

/* Of the flow as its client began it: to 10.255.255.1:8088. */
static void put_flow(struct nlmsghdr *m)
{
	struct nlattr *flow = mnl_attr_nest_start(m, NFULA_CT);
	struct nlattr *tuple = mnl_attr_nest_start(m, CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(m, CTA_TUPLE_IP);

	mnl_attr_put_u32(m, CTA_IP_V4_SRC, inet_addr("203.0.113.7"));
	mnl_attr_put_u32(m, CTA_IP_V4_DST, inet_addr("10.255.255.1"));
	mnl_attr_nest_end(m, part);
	part = mnl_attr_nest_start(m, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(m, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(m, CTA_PROTO_SRC_PORT, htons(40000));
	mnl_attr_put_u16(m, CTA_PROTO_DST_PORT, htons(8088));
	mnl_attr_nest_end(m, part);
	mnl_attr_nest_end(m, tuple);
	mnl_attr_nest_end(m, flow);
}

static size_t make_packet(char room[1024], uint32_t number, bool with_flow)
{
	const struct nfulnl_msg_packet_hdr header = {.hook = NF_INET_FORWARD};
	struct nlmsghdr *m = mnl_nlmsg_put_header(room);

	m->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
	mnl_attr_put(m, NFULA_PACKET_HDR, sizeof(header), &header);
	mnl_attr_put_strz(m, NFULA_PREFIX, "weir dropped p-1-in");
	mnl_attr_put_u32(m, NFULA_IFINDEX_INDEV, htonl(1));
	mnl_attr_put_u32(m, NFULA_SEQ, htonl(number));
	if (with_flow)
		put_flow(m);
	mnl_attr_put(m, NFULA_PAYLOAD, sizeof(syn), syn);
	return m->nlmsg_len;
}

static void give(struct heard *h, uint32_t number, bool with_flow)
{
	_Alignas(struct nlmsghdr) char room[1024];
	size_t n = make_packet(room, number, with_flow);

	assert_int_equal(send(h->kernel, room, n, 0), n);
}

static void regress_a_packet_is_heard(void **state)
{
	struct heard *h = *state;

	give(h, 0, true);
	nflog_hear(&h->log, 10, saw, h);
	assert_int_equal(h->n, 1);
	assert_string_equal(h->last.prefix, "weir dropped p-1-in");
	assert_string_equal(h->last.packet.iifname, "lo");
	assert_string_equal(h->last.packet.oifname, "");
	assert_int_equal(h->last.packet.hook, HOOK_FORWARD);
	assert_int_equal(h->last.packet.dport, 80);
	assert_true(h->last.packet.translated);
	assert_int_equal(h->last.packet.ct_dport, 8088);
	assert_true(h->last.at_ms > 1600000000000);
	give(h, 1, false);
	nflog_hear(&h->log, 10, saw, h);
	assert_int_equal(h->n, 2);
	assert_false(h->last.packet.translated);
	assert_int_equal(h->log.lost, 0);
}

static void regress_what_did_not_fit_is_counted(void **state)
{
	struct heard *h = *state;

	give(h, 0, false);
	give(h, 6, false);
	give(h, 7, false);
	nflog_hear(&h->log, 100, saw, h);
	assert_int_equal(h->n, 3);
	assert_int_equal(h->log.lost, 5);
}

/* What is asked for is a limit, and the rest is there the next time. */
static void regress_no_more_than_asked_for_is_read(void **state)
{
	struct heard *h = *state;

	for (unsigned i = 0; i < 8; i++)
		give(h, i, false);
	nflog_hear(&h->log, 4, saw, h);
	assert_in_range(h->n, 1, 4);
	nflog_hear(&h->log, 100, saw, h);
	assert_int_equal(h->n, 8);
}

/* A message that says less than it should is no packet. */
static void regress_messages_may_be_cut(void **state)
{
	_Alignas(struct nlmsghdr) char room[1024];
	struct nlmsghdr *m = (void *)room;
	struct heard *h = *state;
	size_t n = make_packet(room, 0, true);

	for (size_t i = sizeof(*m); i < n - sizeof(syn); i++) {
		make_packet(room, 0, true);
		m->nlmsg_len = (uint32_t)i;
		assert_int_equal(send(h->kernel, room, i, 0), i);
		nflog_hear(&h->log, 10, saw, h);
		assert_int_equal(h->n, 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regress_a_packet_is_heard),
		TEST(regress_what_did_not_fit_is_counted),
		TEST(regress_no_more_than_asked_for_is_read),
		TEST(regress_messages_may_be_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
