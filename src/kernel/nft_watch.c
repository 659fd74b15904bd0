#include "nft_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

enum {
	ROOM_OCTETS = 32 * 1024,
	/* A neighbour that loads some thousand rules at once still fits. */
	BUFFER_OCTETS = 2 * 1024 * 1024,
	/* At a time: whoever never stops must not keep us for ever. */
	READS_MAX = 4096,
};

/* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE and so on: the same in all messages but
 * that of the generation. */
enum { ATTR_TABLE = 1 };

int nft_watch_open(void)
{
	const struct sockaddr_nl anyone = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES, size = BUFFER_OCTETS, error;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_NETFILTER);

	if (fd < 0)
		return -1;
	/* A smaller buffer only overflows earlier, which is heard as well. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&anyone, sizeof(anyone)) == 0 &&
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static const struct nlattr *find_attr(const struct nlmsghdr *m, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, m, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static void note_generation(const struct nlmsghdr *m, struct nft_news *news)
{
	const struct nlattr *a = find_attr(m, NFTA_GEN_ID);

	if (!a || mnl_attr_get_payload_len(a) != sizeof(uint32_t))
		return;
	news->has_generation = true;
	news->generation = ntohl(mnl_attr_get_u32(a));
}

static bool is_of_table(const struct nlmsghdr *m, const char *table)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(m);
	const struct nlattr *a;

	if (nfg->nfgen_family != NFPROTO_INET)
		return false;
	a = find_attr(m, ATTR_TABLE);
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 &&
	       strcmp(mnl_attr_get_str(a), table) == 0;
}

static void news_hear(const struct nlmsghdr *m, const char *table, uint32_t by,
		      struct nft_news *news)
{
	if (m->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(m) < sizeof(struct nfgenmsg))
		return;
	if ((m->nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
		note_generation(m, news);
		return;
	}
	if ((by && m->nlmsg_pid == by) || !is_of_table(m, table))
		return;
	news->touched = true;
	switch (m->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
		news->opened = true;
		break;
	default:
		break;
	}
}

void nft_watch_heard(int fd, const char *table, uint32_t by,
		     struct nft_news *news)
{
	_Alignas(struct nlmsghdr) char room[ROOM_OCTETS];

	for (unsigned i = 0; i < READS_MAX; i++) {
		const struct nlmsghdr *m = (const void *)room;
		ssize_t got =
			recv(fd, room, sizeof(room), MSG_DONTWAIT | MSG_TRUNC);
		int left = (int)got;

		if (got == 0 || (got < 0 && errno != ENOBUFS && errno != EINTR))
			return;
		if ((got < 0 && errno == ENOBUFS) ||
		    got > (ssize_t)sizeof(room))
			news->touched = news->opened = news->overflowed = true;
		else if (got > 0)
			for (; mnl_nlmsg_ok(m, left);
			     m = mnl_nlmsg_next(m, &left))
				news_hear(m, table, by, news);
	}
}
