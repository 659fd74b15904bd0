/*
 * nft.c - one netlink socket: questions, and word of what others change.
 *
 * Floor: kernel.
 */
#include "nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <libnftnl/common.h>
#include <libnftnl/table.h>

#include "base/fail.h"
#include "nft_inside.h"
#include "nft_watch.h"
#include "nft_wire.h"

enum {
	/* What the kernel sends after a change, it sends before the change is
	 * over: we wait for moments only. */
	HEAR_TRIES = 100,
	HEAR_MS = 10,
	/* Answers that were lost come never. */
	ANSWER_S = 60,
};

/* -- the socket ------------------------------------------------------------ */

struct nft *nft_open(void)
{
	struct nft *nft = xcalloc(1, sizeof(*nft));
	const struct timeval patience = {.tv_sec = ANSWER_S};
	int on = 1;

	nft->watch_fd = -1;
	nft->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nft->socket || mnl_socket_bind(nft->socket, 0, MNL_SOCKET_AUTOPID))
		goto fail;
	/* Older kernels know neither: findings are less exact then. */
	mnl_socket_setsockopt(nft->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nft->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(nft->socket), SOL_SOCKET, SO_RCVTIMEO,
		   &patience, sizeof(patience));
	nft->seq = (uint32_t)time(NULL);
	nft->reply = xmalloc(REPLY_OCTETS);
	nft->stamp = 1; /* 0 stands for any */
	nft->watch_fd = nft_watch_open();
	nft_kernel_generation(nft, &nft->heard);
	return nft;

fail:
	nft_close(nft);
	return NULL;
}

void nft_close(struct nft *nft)
{
	int saved = errno;

	if (!nft)
		return;
	if (nft->watch_fd >= 0)
		close(nft->watch_fd);
	if (nft->socket)
		mnl_socket_close(nft->socket);
	free(nft->reply);
	free(nft);
	errno = saved;
}

const char *nft_reason(int error)
{
	switch (error) {
	case EPERM:
		return "CAP_NET_ADMIN is missing here, or the table belongs to "
		       "another process";
	case ENOENT:
		return "it, or what it needs, is not there; perhaps the kernel "
		       "lacks a module";
	case EBUSY:
		return "it is still in use";
	case EEXIST:
		return "it is there already, in another form";
	case EMSGSIZE:
		return "the message is too large for the socket's buffer";
	case EAGAIN:
		return "somebody else changes it all the time";
	case ECANCELED:
		return "what did it ended before it was done";
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
		return "this kernel cannot do that";
	default:
		return strerror(error);
	}
}

void nft_own_tables(struct nft *nft)
{
	struct utsname kernel;
	unsigned major = 0, minor = 0;

	if (uname(&kernel) == 0 &&
	    sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 9)))
		nft->table_flags = TABLE_OWNER | TABLE_PERSIST;
}

/* -- asking ---------------------------------------------------------------- */

/* One message of an answer: 1: more may come; 0: that was all; or -1. */
static int take_message(const struct nlmsghdr *m, mnl_cb_t read, void *arg)
{
	int error = 0;

	switch (m->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		if (mnl_nlmsg_get_payload_len(m) >= sizeof(error))
			memcpy(&error, mnl_nlmsg_get_payload(m), sizeof(error));
		errno = -error;
		return error ? -1 : 0;
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		return 1;
	default:
		return read(m, arg) < 0 ? -1 : 1;
	}
}

int nft_dump(struct nft *nft, struct nlmsghdr *request, mnl_cb_t read,
	     void *arg, bool *torn)
{
	uint32_t seq = request->nlmsg_seq;
	int rc = 1;

	if (mnl_socket_sendto(nft->socket, request, request->nlmsg_len) < 0)
		return -1;
	while (rc > 0) {
		const struct nlmsghdr *m = (const void *)nft->reply;
		ssize_t got = mnl_socket_recvfrom(nft->socket, nft->reply,
						  REPLY_OCTETS);
		int left = (int)got;

		if (got < 0)
			return -1;
		for (; rc > 0 && mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			/* Left of something that was given up. */
			if (m->nlmsg_seq != seq)
				continue;
			*torn |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			rc = take_message(m, read, arg);
		}
	}
	return rc;
}

struct nlmsghdr *nft_request(struct nft *nft, char *buffer, uint16_t type,
			     uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, flags,
				     ++nft->seq);
}

static int read_generation(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID)
			*(uint32_t *)arg = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

int nft_kernel_generation(struct nft *nft, uint32_t *generation)
{
	char buffer[256];
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(
		buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, ++nft->seq);
	bool torn = false;

	*generation = 0;
	return nft_dump(nft, request, read_generation, generation, &torn);
}

static int read_info(const struct nlmsghdr *message, void *arg)
{
	struct nftnl_table *t = nft_need(nftnl_table_alloc());
	struct nft_table_info *info = arg;

	if (nftnl_table_nlmsg_parse(message, t) == 0) {
		info->flags = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
		info->owner = nftnl_table_get_u32(t, NFTNL_TABLE_OWNER);
	}
	nftnl_table_free(t);
	return MNL_CB_OK;
}

int nft_find_table(struct nft *nft, const char *table,
		   struct nft_table_info *info)
{
	char buffer[1024];
	struct nftnl_table *t = nft_need(nftnl_table_alloc());
	struct nlmsghdr *request =
		nft_request(nft, buffer, NFT_MSG_GETTABLE, NLM_F_ACK);
	bool torn = false;

	*info = (struct nft_table_info){0};
	nft_must(nftnl_table_set_str(t, NFTNL_TABLE_NAME, table));
	nftnl_table_nlmsg_build_payload(request, t);
	nftnl_table_free(t);
	return nft_dump(nft, request, read_info, info, &torn);
}

/* -- what others change ---------------------------------------------------- */

/* Takes in what was said of changes. False: a part of it was lost. */
static bool nft_hear(struct nft *nft)
{
	struct nft_news news = {0};

	nft_watch_heard(nft->watch_fd, KERNEL_TABLE,
			mnl_socket_get_portid(nft->socket), &news);
	/* What is ours alone, nobody else can have changed. */
	if (news.touched && !(nft->owns && news.overflowed))
		nft->stamp++;
	if (news.has_generation)
		nft->heard = news.generation;
	return !news.overflowed;
}

int nft_hear_all(struct nft *nft, uint32_t *generation)
{
	for (unsigned try = 0; try < HEAR_TRIES; try++) {
		struct pollfd p = {.fd = nft->watch_fd, .events = POLLIN};

		if (nft_kernel_generation(nft, generation) < 0)
			return -1;
		if (!nft_hear(nft))
			break;
		/* Numbers wrap. */
		if ((int32_t)(nft->heard - *generation) >= 0)
			return 0;
		poll(&p, 1, HEAR_MS);
	}
	/* Word of it was lost: it may have been our table. */
	nft->heard = *generation;
	if (!nft->owns)
		nft->stamp++;
	return 0;
}

int nft_generation(struct nft *nft, uint32_t *generation)
{
	uint32_t now;

	if (nft->watch_fd < 0)
		return nft_kernel_generation(nft, generation);
	if (nft_hear_all(nft, &now) < 0)
		return -1;
	*generation = nft->stamp;
	return 0;
}

/* -- neighbours ------------------------------------------------------------ */

struct others {
	const char *ours;
	struct diag *diag;
};

static int look_at_chain(const struct nlmsghdr *message, void *arg)
{
	const struct others *o = arg;
	struct nftnl_chain *c = nft_need(nftnl_chain_alloc());
	uint32_t family, hook;

	if (nftnl_chain_nlmsg_parse(message, c) ||
	    !nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) ||
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) != NF_DROP)
		goto out;
	family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
	hook = nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM);
	if ((family != NFPROTO_INET && family != NFPROTO_IPV4 &&
	     family != NFPROTO_IPV6) ||
	    hook < NF_INET_LOCAL_IN || hook > NF_INET_LOCAL_OUT ||
	    (family == NFPROTO_INET &&
	     strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), o->ours) == 0))
		goto out;
	diag_warning(o->diag, NULL, NULL,
		     "chain %s of table %s, which is not ours, drops what its "
		     "rules do not accept, whatever the security groups say",
		     nftnl_chain_get_str(c, NFTNL_CHAIN_NAME),
		     nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE));
out:
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

int nft_warn_of_others(struct nft *nft, const char *table, struct diag *diag)
{
	char buffer[256];
	struct nlmsghdr *request =
		nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC,
				      NLM_F_DUMP, ++nft->seq);
	struct others o = {table, diag};
	bool torn = false;

	return nft_dump(nft, request, look_at_chain, &o, &torn);
}
