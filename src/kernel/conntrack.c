#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "base/fail.h"

enum {
	REPLY_OCTETS = 128 * 1024,
	MESSAGE_OCTETS = 4096,
	PACK_OCTETS = 16 * 1024, /* of deletions that go at once */
};

/* -- would it get in? ------------------------------------------------------ */

static bool is_multicast(const struct cidr *a)
{
	return a->family == 4 ? a->octets[0] >= 224 : a->octets[0] == 0xff;
}

static bool is_admitted(struct nft_packet p, uint32_t balancer_uid,
			const struct ruleset *rules, const struct flow *flow)
{
	struct verdict v;

	/* The kernel remembers no interface of a flow. */
	p.by_any = true;
	p.sport = flow->sport;
	p.dport = flow->dport;
	p.icmp_type = flow->icmp_type;
	p.icmp_code = flow->icmp_code;
	p.translated = flow->translated;
	p.ct_destination = flow->ct_destination;
	p.ct_dport = flow->ct_dport;
	verdict_of(rules, &p, &v);
	if (v.accepted || p.hook != HOOK_OUTPUT)
		return v.accepted;
	p.has_uid = true;
	p.uid = balancer_uid;
	verdict_of(rules, &p, &v);
	return v.accepted;
}

bool flow_is_admitted(const struct whereabouts *where, uint32_t balancer_uid,
		      const struct ruleset *rules, const struct flow *flow)
{
	return is_multicast(&flow->destination) ||
	       is_admitted(packet_between_known(where, &flow->source,
						&flow->destination,
						flow->protocol),
			   balancer_uid, rules, flow);
}

/* -- reading flows --------------------------------------------------------- */

struct tuple {
	struct cidr source, destination;
	uint8_t protocol, icmp_type, icmp_code;
	uint16_t sport, dport;
};

static void read_addresses(struct tuple *t, const struct nlattr *list)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, list) {
		const uint8_t *octets = mnl_attr_get_payload(a);
		uint16_t n = mnl_attr_get_payload_len(a);

		switch (mnl_attr_get_type(a)) {
		case CTA_IP_V4_SRC:
			if (n == 4)
				t->source = cidr_make(4, octets, 32);
			break;
		case CTA_IP_V4_DST:
			if (n == 4)
				t->destination = cidr_make(4, octets, 32);
			break;
		case CTA_IP_V6_SRC:
			if (n == 16)
				t->source = cidr_make(6, octets, 128);
			break;
		case CTA_IP_V6_DST:
			if (n == 16)
				t->destination = cidr_make(6, octets, 128);
			break;
		}
	}
}

static void read_part(struct tuple *t, const struct nlattr *list)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, list) {
		switch (mnl_attr_get_type(a)) {
		case CTA_PROTO_NUM:
			t->protocol = mnl_attr_get_u8(a);
			break;
		case CTA_PROTO_SRC_PORT:
			t->sport = ntohs(mnl_attr_get_u16(a));
			break;
		case CTA_PROTO_DST_PORT:
			t->dport = ntohs(mnl_attr_get_u16(a));
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			t->icmp_type = mnl_attr_get_u8(a);
			break;
		case CTA_PROTO_ICMP_CODE:
		case CTA_PROTO_ICMPV6_CODE:
			t->icmp_code = mnl_attr_get_u8(a);
			break;
		}
	}
}

static struct tuple read_tuple(const struct nlattr *list)
{
	struct tuple t = {0};
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, list) {
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
			read_addresses(&t, a);
		else if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			read_part(&t, a);
	}
	return t;
}

bool conntrack_destination(const struct nlattr *original,
			   struct cidr *destination, uint16_t *dport)
{
	struct tuple t = read_tuple(original);

	*destination = t.destination;
	*dport = t.dport;
	return t.destination.family != 0;
}

/* The answers come from where the flow really goes. */
static struct flow flow_of(const struct tuple *original,
			   const struct tuple *reply)
{
	struct flow f = {
		.source = original->source,
		.destination = reply->source,
		.protocol = original->protocol,
		.sport = original->sport,
		.dport = reply->sport,
		.icmp_type = original->icmp_type,
		.icmp_code = original->icmp_code,
		.ct_destination = original->destination,
		.ct_dport = original->dport,
	};

	f.translated = !cidr_eq(&f.destination, &f.ct_destination) ||
		       f.dport != f.ct_dport;
	return f;
}

/* -- ending them ----------------------------------------------------------- */

struct cut {
	const struct whereabouts *where;
	uint32_t balancer_uid;
	const struct ruleset *rules;
	struct conntrack_result *out;
	char *doomed; /* copies of attributes, one message's worth each */
	size_t n, room;
};

/* A flow to end: its family, and what names it to the kernel. */
struct doomed {
	uint32_t octets; /* of the whole */
	uint8_t family;
	uint8_t attributes[];
};

/* Takes down what names the flow, for after the dump. */
static void cut_doom(struct cut *c, uint8_t family,
		     const struct nlattr *const *named, unsigned n)
{
	struct doomed *d;
	size_t need = MNL_ALIGN(sizeof(*d));

	for (unsigned i = 0; i < n; i++)
		need += named[i] ? MNL_ALIGN(named[i]->nla_len) : 0;
	if (need > MESSAGE_OCTETS / 2)
		return;
	if (c->room - c->n < need) {
		c->room = (c->room + need) * 2;
		c->doomed = xrealloc(c->doomed, c->room);
	}
	d = (void *)(c->doomed + c->n);
	*d = (struct doomed){.octets = (uint32_t)need, .family = family};
	need = MNL_ALIGN(sizeof(*d));
	for (unsigned i = 0; i < n; i++) {
		if (!named[i])
			continue;
		memset(c->doomed + c->n + need, 0,
		       MNL_ALIGN(named[i]->nla_len));
		memcpy(c->doomed + c->n + need, named[i], named[i]->nla_len);
		need += MNL_ALIGN(named[i]->nla_len);
	}
	c->n += d->octets;
	c->out->n_cut++;
}

static int read_flow(const struct nlmsghdr *message, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(message);
	enum { ORIGINAL, REPLY, ID, ZONE, STATUS, N_WANTED };
	static const uint16_t types[N_WANTED] = {
		CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_ID, CTA_ZONE, CTA_STATUS};
	const struct nlattr *found[N_WANTED] = {0}, *a;
	const struct nlattr *named[3];
	struct tuple original, reply;
	struct cut *c = arg;
	struct flow flow;

	mnl_attr_for_each (a, message, sizeof(*nfg))
		for (unsigned i = 0; i < N_WANTED; i++)
			if (mnl_attr_get_type(a) == types[i])
				found[i] = a;
	if (!found[ORIGINAL] || !found[REPLY])
		return MNL_CB_OK;
	c->out->n_seen++;

	/* Announced by a flow that was let in: it belongs to that one. */
	if (found[STATUS] &&
	    ntohl(mnl_attr_get_u32(found[STATUS])) & IPS_EXPECTED)
		return MNL_CB_OK;
	original = read_tuple(found[ORIGINAL]);
	reply = read_tuple(found[REPLY]);
	if (!original.source.family ||
	    original.source.family != reply.source.family)
		return MNL_CB_OK;
	flow = flow_of(&original, &reply);
	if (flow_is_admitted(c->where, c->balancer_uid, c->rules, &flow))
		return MNL_CB_OK;
	named[0] = found[ORIGINAL];
	named[1] = found[ID];
	named[2] = found[ZONE];
	cut_doom(c, nfg->nfgen_family, named, 3);
	return MNL_CB_OK;
}

static struct nlmsghdr *request_of(char *buffer, uint8_t family, uint16_t type,
				   uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg;

	m->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(m, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = 0;
	return m;
}

static int socket_talk(struct mnl_socket *socket,
		       const struct nlmsghdr *request, mnl_cb_t read, void *arg)
{
	unsigned port = mnl_socket_get_portid(socket);
	char *reply = xmalloc(REPLY_OCTETS);
	int rc = 1;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		rc = -1;
	while (rc > 0) {
		ssize_t got = mnl_socket_recvfrom(socket, reply, REPLY_OCTETS);

		rc = got < 0 ? -1
			     : mnl_cb_run(reply, (size_t)got,
					  request->nlmsg_seq, port, read, arg);
	}
	free(reply);
	return rc;
}

/* What came of a pack of deletions: only errors are answered. ENOENT: the
 * flow has ended by itself meanwhile. ENOBUFS: more of them than fit. */
static int take_errors(struct mnl_socket *socket)
{
	_Alignas(struct nlmsghdr) char reply[MESSAGE_OCTETS * 2];
	int fd = mnl_socket_get_fd(socket), error = 0;
	ssize_t got;

	while ((got = recv(fd, reply, sizeof(reply), MSG_DONTWAIT)) > 0 ||
	       (got < 0 && (errno == ENOBUFS || errno == EINTR))) {
		const struct nlmsghdr *m = (const void *)reply;
		int left = (int)got;

		for (; got > 0 && mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);

			if (m->nlmsg_type == NLMSG_ERROR && e->error &&
			    e->error != -ENOENT)
				error = -e->error;
		}
	}
	errno = error;
	return error ? -1 : 0;
}

static void put_deletion(char *to, const struct doomed *d, uint32_t seq)
{
	size_t start = MNL_ALIGN(sizeof(*d));
	struct nlmsghdr *m =
		request_of(to, d->family, IPCTNL_MSG_CT_DELETE, 0, seq);

	memcpy(mnl_nlmsg_get_payload_tail(m), (const char *)d + start,
	       d->octets - start);
	m->nlmsg_len += d->octets - (uint32_t)start;
}

/* In packs, none of which is waited for: the kernel has done its work when
 * the call returns. */
static int end_flows(struct mnl_socket *socket, struct cut *c, uint32_t seq)
{
	char *pack = xmalloc(PACK_OCTETS + MESSAGE_OCTETS);
	size_t n = 0;
	int rc = 0;

	for (size_t at = 0; at < c->n && rc == 0;) {
		const struct doomed *d = (const void *)(c->doomed + at);

		put_deletion(pack + n, d, ++seq);
		n += MNL_ALIGN(
			((const struct nlmsghdr *)(pack + n))->nlmsg_len);
		at += d->octets;
		if (n < PACK_OCTETS && at < c->n)
			continue;
		rc = mnl_socket_sendto(socket, pack, n) < 0
			     ? -1
			     : take_errors(socket);
		n = 0;
	}
	free(pack);
	return rc;
}

int conntrack_cut(const struct firewall_config *config,
		  const struct ruleset *rules, struct conntrack_result *out)
{
	struct whereabouts *where = whereabouts_new(config);
	struct cut c = {.where = where,
			.balancer_uid = config->balancer_uid,
			.rules = rules,
			.out = out};
	struct mnl_socket *socket =
		mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	uint32_t seq = (uint32_t)time(NULL);
	char buffer[MESSAGE_OCTETS];
	int rc = -1, saved;

	*out = (struct conntrack_result){0};
	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
		rc = socket_talk(socket,
				 request_of(buffer, AF_UNSPEC,
					    IPCTNL_MSG_CT_GET, NLM_F_DUMP, seq),
				 read_flow, &c);
	if (rc >= 0)
		rc = end_flows(socket, &c, seq);
	saved = errno == EINVAL ? ENOTSUP : errno;
	if (socket)
		mnl_socket_close(socket);
	free(c.doomed);
	whereabouts_free(where);
	errno = saved;
	return rc < 0 ? -1 : 0;
}
