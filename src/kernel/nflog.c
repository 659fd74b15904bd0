#include "nflog.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "base/fail.h"
#include "conntrack.h"

enum {
	BUNDLE_OCTETS = 16 * 1024,
	BUNDLE_PACKETS = 50,
	ROOM_OCTETS = 32 * 1024,
	/* Some thousand packets: a second of what is heard at most. */
	BUFFER_OCTETS = 1024 * 1024,
	/* Answers to a setting that may stand behind packets. */
	ANSWERS_MAX = 64,
	NAMES_MAX = 16,
	/* To which nothing is given while it is asked about. */
	PROBE_GROUP = 30566,
};

/* Interfaces by number: as a rule the same few. */
struct names {
	uint32_t numbers[NAMES_MAX];
	char names[NAMES_MAX][INTERFACE_NAME_MAX];
	unsigned n;
};

/* -- to begin -------------------------------------------------------------- */

static int wait_for_answer(int fd, uint32_t seq)
{
	_Alignas(struct nlmsghdr) char room[ROOM_OCTETS];

	for (unsigned i = 0; i < ANSWERS_MAX; i++) {
		const struct nlmsghdr *m = (const void *)room;
		ssize_t got = recv(fd, room, sizeof(room), MSG_DONTWAIT);

		if (got < 0 && errno != EINTR && errno != ENOBUFS)
			return -1;
		for (int left = (int)got; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);

			if (m->nlmsg_type != NLMSG_ERROR || m->nlmsg_seq != seq)
				continue;
			errno = -e->error;
			return e->error ? -1 : 0;
		}
	}
	errno = EIO;
	return -1;
}

static int nflog_configure(int fd, uint16_t group, uint16_t flags)
{
	const struct nfulnl_msg_config_cmd bind = {NFULNL_CFG_CMD_BIND};
	const struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(SIGHTING_OCTETS),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	_Alignas(struct nlmsghdr) char room[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg;

	m->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->nlmsg_seq = flags;
	nfg = mnl_nlmsg_put_extra_header(m, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
	mnl_attr_put(m, NFULA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(m, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(m, NFULA_CFG_NLBUFSIZ, htonl(BUNDLE_OCTETS));
	mnl_attr_put_u32(m, NFULA_CFG_TIMEOUT, htonl(NFLOG_LATE_MS / 10));
	mnl_attr_put_u32(m, NFULA_CFG_QTHRESH, htonl(BUNDLE_PACKETS));
	mnl_attr_put_u16(m, NFULA_CFG_FLAGS, htons(flags));
	if (send(fd, m, m->nlmsg_len, 0) < 0)
		return -1;
	return wait_for_answer(fd, m->nlmsg_seq);
}

int nflog_open(struct nflog *l, uint16_t group)
{
	int size = BUFFER_OCTETS, error;

	*l = (struct nflog){
		.fd = socket(AF_NETLINK,
			     SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     NETLINK_NETFILTER)};
	if (l->fd < 0)
		return -1;
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (nflog_configure(l->fd, group,
			    NFULNL_CFG_F_SEQ | NFULNL_CFG_F_CONNTRACK) == 0 ||
	    (errno != EPERM &&
	     nflog_configure(l->fd, group, NFULNL_CFG_F_SEQ) == 0))
		return 0;
	error = errno == EINVAL ? EOPNOTSUPP : errno;
	nflog_close(l);
	errno = error;
	return -1;
}

bool nflog_lacks_flows(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	bool lacks = fd >= 0 &&
		     nflog_configure(fd, PROBE_GROUP, NFULNL_CFG_F_CONNTRACK) &&
		     errno == EOPNOTSUPP;

	if (fd >= 0)
		close(fd);
	return lacks;
}

void nflog_close(struct nflog *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* -- to hear --------------------------------------------------------------- */

static void put_name(struct names *names, const struct nlattr *a,
		     char out[INTERFACE_NAME_MAX])
{
	uint32_t number;
	unsigned i = 0;

	if (!a || mnl_attr_get_payload_len(a) != sizeof(number))
		return;
	number = ntohl(mnl_attr_get_u32(a));
	while (i < names->n && names->numbers[i] != number)
		i++;
	if (i == names->n) {
		i = i == NAMES_MAX ? 0 : names->n++;
		names->numbers[i] = number;
		if (!if_indextoname(number, names->names[i]))
			snprintf(names->names[i], INTERFACE_NAME_MAX, "#%u",
				 number % 1000000);
	}
	memcpy(out, names->names[i], INTERFACE_NAME_MAX);
}

static uint64_t time_of(const struct nlattr *a)
{
	const struct nfulnl_msg_packet_timestamp *stamp;
	struct timespec now;

	if (a && mnl_attr_get_payload_len(a) == sizeof(*stamp)) {
		struct nfulnl_msg_packet_timestamp copy;

		memcpy(&copy, mnl_attr_get_payload(a), sizeof(copy));
		return be64toh(copy.sec) * 1000 + be64toh(copy.usec) / 1000;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum nft_hook hook_of(const struct nlattr *a)
{
	const struct nfulnl_msg_packet_hdr *header;

	if (!a || mnl_attr_get_payload_len(a) < sizeof(*header))
		return HOOK_NONE;
	header = mnl_attr_get_payload(a);
	switch (header->hook) {
	case NF_INET_LOCAL_IN:
		return HOOK_INPUT;
	case NF_INET_FORWARD:
		return HOOK_FORWARD;
	case NF_INET_LOCAL_OUT:
		return HOOK_OUTPUT;
	case NF_INET_PRE_ROUTING:
		return HOOK_PREROUTING;
	default:
		return HOOK_NONE;
	}
}

static void read_flow(const struct nlattr *flow, struct nft_packet *p)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, flow) {
		if (mnl_attr_get_type(a) != CTA_TUPLE_ORIG ||
		    !conntrack_destination(a, &p->ct_destination, &p->ct_dport))
			continue;
		p->translated = !cidr_eq(&p->ct_destination, &p->destination) ||
				p->ct_dport != p->dport;
	}
}

static void note_number(struct nflog *l, const struct nlattr *a)
{
	uint32_t number;

	if (!a || mnl_attr_get_payload_len(a) != sizeof(number))
		return;
	number = ntohl(mnl_attr_get_u32(a));
	l->lost += number - l->next;
	l->next = number + 1;
}

static bool read_packet(struct nflog *l, const struct nlmsghdr *m,
			struct names *names, struct sighting *s)
{
	const struct nlattr *found[NFULA_CT + 1] = {0}, *a;

	mnl_attr_for_each (a, m, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) <= NFULA_CT)
			found[mnl_attr_get_type(a)] = a;
	}
	note_number(l, found[NFULA_SEQ]);
	*s = (struct sighting){.at_ms = time_of(found[NFULA_TIMESTAMP])};
	s->packet.ct_state = CT_NEW;
	s->packet.hook = hook_of(found[NFULA_PACKET_HDR]);
	if (!found[NFULA_PAYLOAD] || !found[NFULA_PREFIX] ||
	    !sighting_read(
		    slice_make(mnl_attr_get_payload(found[NFULA_PAYLOAD]),
			       mnl_attr_get_payload_len(found[NFULA_PAYLOAD])),
		    s))
		return false;
	snprintf(s->prefix, sizeof(s->prefix), "%.*s",
		 (int)mnl_attr_get_payload_len(found[NFULA_PREFIX]),
		 (const char *)mnl_attr_get_payload(found[NFULA_PREFIX]));
	put_name(names, found[NFULA_IFINDEX_INDEV], s->packet.iifname);
	put_name(names, found[NFULA_IFINDEX_OUTDEV], s->packet.oifname);
	if (found[NFULA_UID] &&
	    mnl_attr_get_payload_len(found[NFULA_UID]) == sizeof(uint32_t)) {
		s->packet.has_uid = true;
		s->packet.uid = ntohl(mnl_attr_get_u32(found[NFULA_UID]));
	}
	if (found[NFULA_CT])
		read_flow(found[NFULA_CT], &s->packet);
	return true;
}

unsigned nflog_hear(struct nflog *l, unsigned most,
		    void (*saw)(void *arg, const struct sighting *s), void *arg)
{
	_Alignas(struct nlmsghdr) char room[ROOM_OCTETS];
	struct names names = {.n = 0};
	unsigned n = 0;

	while (n < most) {
		const struct nlmsghdr *m = (const void *)room;
		ssize_t got = recv(l->fd, room, sizeof(room), MSG_DONTWAIT);
		struct sighting s;

		if (got == 0 || (got < 0 && errno != EINTR && errno != ENOBUFS))
			break;
		n++;
		for (int left = (int)got; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 |
					      NFULNL_MSG_PACKET) ||
			    mnl_nlmsg_get_payload_len(m) <
				    sizeof(struct nfgenmsg))
				continue;
			n++;
			if (read_packet(l, m, &names, &s))
				saw(arg, &s);
		}
	}
	return n;
}
