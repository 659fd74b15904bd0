/*
 * nft.c - netlink: batches out, dumps in.
 *
 * No message of a batch asks for an acknowledgement: the kernel works while
 * we are in sendmsg(), so whatever it has to complain about is waiting when
 * that returns, and silence is success. With 100,000 acknowledgements the
 * receive buffer would overflow, and a batch that was taken look like one
 * that was not.
 *
 * Floor: firewall.
 */
#include "nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>

#include "base/fail.h"
#include "nft_batch.h"
#include "nft_wire.h"

enum { REPLY_OCTETS = 128 * 1024 };

enum { READ_TRIES = 8, FAULTS_MAX = 20 };

/* NFT_TABLE_F_OWNER and _PERSIST; older headers lack the second. */
enum { TABLE_OWNER = 2, TABLE_PERSIST = 4 };

struct nft {
	struct mnl_socket *socket;
	uint32_t seq;
	char *reply; /* REPLY_OCTETS */
	uint32_t table_flags;
	int last_error; /* of the last batch that failed */
};

/* ---- the socket ------------------------------------------------------- */

struct nft *nft_open(void)
{
	struct nft *nft = xcalloc(1, sizeof(*nft));
	int on = 1;

	nft->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nft->socket || mnl_socket_bind(nft->socket, 0, MNL_SOCKET_AUTOPID))
		goto fail;
	/* Older kernels know neither: findings are less exact then. */
	mnl_socket_setsockopt(nft->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nft->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	nft->seq = (uint32_t)time(NULL);
	nft->reply = xmalloc(REPLY_OCTETS);
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

/* ---- reading ---------------------------------------------------------- */

static int dump(struct nft *nft, struct nlmsghdr *request, mnl_cb_t read,
		void *arg)
{
	unsigned port = mnl_socket_get_portid(nft->socket);
	uint32_t seq = request->nlmsg_seq;
	int rc = 1;

	if (mnl_socket_sendto(nft->socket, request, request->nlmsg_len) < 0)
		return -1;
	while (rc > 0) {
		ssize_t got = mnl_socket_recvfrom(nft->socket, nft->reply,
						  REPLY_OCTETS);

		if (got < 0)
			return -1;
		rc = mnl_cb_run(nft->reply, (size_t)got, seq, port, read, arg);
	}
	return rc;
}

static struct nlmsghdr *request_of(struct nft *nft, char *buffer, uint16_t type,
				   uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(buffer, type, NFPROTO_INET, flags,
				     ++nft->seq);
}

static int read_generation(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each(
		attr, message,
		sizeof(struct nfgenmsg)) if (mnl_attr_get_type(attr) ==
					     NFTA_GEN_ID) *
		(uint32_t *)arg = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

int nft_generation(struct nft *nft, uint32_t *generation)
{
	char buffer[256];
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(
		buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, ++nft->seq);

	*generation = 0;
	return dump(nft, request, read_generation, generation);
}

static int read_flags(const struct nlmsghdr *message, void *arg)
{
	struct nftnl_table *t = nftnl_table_alloc();

	if (t && nftnl_table_nlmsg_parse(message, t) == 0)
		*(uint32_t *)arg = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
	nftnl_table_free(t);
	return MNL_CB_OK;
}

static int find_table(struct nft *nft, const char *table, uint32_t *flags)
{
	char buffer[1024];
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *request =
		request_of(nft, buffer, NFT_MSG_GETTABLE, NLM_F_ACK);

	if (!t)
		return -1;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, table);
	nftnl_table_nlmsg_build_payload(request, t);
	nftnl_table_free(t);
	return dump(nft, request, read_flags, flags);
}

static int read_chain(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_chain *c = nftnl_chain_alloc();

	if (c && nftnl_chain_nlmsg_parse(message, c) == 0 &&
	    strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), rules->table) ==
		    0)
		unwire_chain(rules, c);
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static int read_rule(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (r && nftnl_rule_nlmsg_parse(message, r) == 0 &&
	    strcmp(nftnl_rule_get_str(r, NFTNL_RULE_TABLE), rules->table) == 0)
		unwire_rule(rules, r);
	nftnl_rule_free(r);
	return MNL_CB_OK;
}

static int read_set(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_set *s = nftnl_set_alloc();

	if (s && nftnl_set_nlmsg_parse(message, s) == 0 &&
	    strcmp(nftnl_set_get_str(s, NFTNL_SET_TABLE), rules->table) == 0)
		unwire_set(rules, s);
	nftnl_set_free(s);
	return MNL_CB_OK;
}

static int read_object(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_obj *o = nftnl_obj_alloc();

	if (o && nftnl_obj_nlmsg_parse(message, o) == 0 &&
	    strcmp(nftnl_obj_get_str(o, NFTNL_OBJ_TABLE), rules->table) == 0)
		unwire_timeout(rules, o);
	nftnl_obj_free(o);
	return MNL_CB_OK;
}

struct element_dump {
	struct ruleset *rules;
	struct nft_set *set;
};

static int read_elements(const struct nlmsghdr *message, void *arg)
{
	struct element_dump *d = arg;
	struct nftnl_set *s = nftnl_set_alloc();

	if (s && nftnl_set_elems_nlmsg_parse(message, s) == 0)
		unwire_elements(d->rules, d->set, s);
	nftnl_set_free(s);
	return MNL_CB_OK;
}

static int dump_elements(struct nft *nft, struct ruleset *rules,
			 struct nft_set *set)
{
	char buffer[1024];
	struct nlmsghdr *request =
		request_of(nft, buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	struct element_dump d = {rules, set};

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, rules->table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, set->name);
	if (dump(nft, request, read_elements, &d) < 0)
		return -1;
	unwire_settle(set);
	return 0;
}

static int dump_all(struct nft *nft, struct ruleset *rules)
{
	static const struct {
		uint16_t type, table;
		mnl_cb_t read;
	} dumps[] = {
		{NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, read_chain},
		{NFT_MSG_GETRULE, NFTA_RULE_TABLE, read_rule},
		{NFT_MSG_GETSET, NFTA_SET_TABLE, read_set},
		{NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, read_object},
	};
	char buffer[1024];

	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		struct nlmsghdr *request =
			request_of(nft, buffer, dumps[i].type, NLM_F_DUMP);

		mnl_attr_put_strz(request, dumps[i].table, rules->table);
		if (dump(nft, request, dumps[i].read, rules) < 0)
			return -1;
	}
	unwire_lookups(rules);
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (dump_elements(nft, rules, rules->sets[i]) < 0)
			return -1;
	ruleset_finish(rules);
	return 0;
}

struct ruleset *nft_read(struct nft *nft, const char *table)
{
	for (unsigned try = 0; try < READ_TRIES; try++) {
		struct ruleset *rules;
		uint32_t before, after, flags = 0;
		int rc;

		if (nft_generation(nft, &before) < 0 ||
		    find_table(nft, table, &flags) < 0)
			return NULL;
		rules = ruleset_new(table);
		rules->dormant = flags & NFT_TABLE_F_DORMANT;
		rules->other_flags = flags & ~(uint32_t)NFT_TABLE_F_DORMANT;
		rc = dump_all(nft, rules);
		if (rc == 0 && nft_generation(nft, &after) == 0 &&
		    before == after)
			return rules;
		ruleset_free(rules);
		/* EINTR: the kernel noticed itself that the dump was torn. */
		if (rc < 0 && errno != EINTR && errno != ENOENT)
			return NULL;
	}
	errno = EAGAIN;
	return NULL;
}

struct others {
	const char *ours;
	struct diag *diag;
};

static int look_at_chain(const struct nlmsghdr *message, void *arg)
{
	const struct others *o = arg;
	struct nftnl_chain *c = nftnl_chain_alloc();
	uint32_t family, hook;

	if (!c || nftnl_chain_nlmsg_parse(message, c) ||
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

	return dump(nft, request, look_at_chain, &o);
}

/* ---- sending ---------------------------------------------------------- */

static void make_room(struct nft *nft, size_t octets)
{
	int fd = mnl_socket_get_fd(nft->socket);
	int size = (int)(octets + MESSAGE_ROOM);

	/* Force needs CAP_NET_ADMIN; without it nothing will work anyway. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static uint32_t bad_offset(const struct nlmsghdr *reply)
{
	const struct nlattr *attr;

	if (!(reply->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	/* The failed message's header alone is echoed (NLM_F_CAPPED). */
	mnl_attr_for_each(attr, reply, sizeof(struct nlmsgerr)) if (
		mnl_attr_get_type(attr) ==
		NLMSGERR_ATTR_OFFS) return mnl_attr_get_u32(attr);
	return 0;
}

static void complain(const struct plan *plan, const struct plan_step *step,
		     int error, struct diag *diag)
{
	struct place place = step ? plan_place(step) : (struct place){0};
	struct plan one = {.table = plan->table, .n_steps = 1};
	struct plan_step copy;
	char *words;

	if (!step) {
		diag_error(diag, NULL, NULL,
			   "the kernel refuses the firewall rules: %s",
			   nft_reason(error));
		return;
	}
	copy = *step;
	one.steps = &copy;
	words = plan_text(&one);
	words[strcspn(words, "\n")] = '\0';
	diag_error(diag, place.file ? &place : NULL, NULL,
		   "the kernel refuses \"%s\": %s", words, nft_reason(error));
	free(words);
}

/* Everything that waits on the socket. Returns what the batch came to. */
static enum nft_result collect(struct nft *nft, const struct batch *b,
			       const struct plan *plan, struct diag *diag)
{
	int fd = mnl_socket_get_fd(nft->socket);
	enum nft_result result = NFT_DONE;
	unsigned n_faults = 0;
	ssize_t got;

	while ((got = recv(fd, nft->reply, REPLY_OCTETS, MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *m = (const void *)nft->reply;
		int left = (int)got;

		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
			const struct sent *s;

			if (m->nlmsg_type != NLMSG_ERROR || e->error == 0)
				continue;
			s = batch_find(b, m->nlmsg_seq);
			if (!s)
				continue;
			if (-e->error == ERESTART && result == NFT_DONE) {
				result = NFT_RACED;
				continue;
			}
			result = NFT_FAILED;
			nft->last_error = -e->error;
			if (diag && n_faults++ < FAULTS_MAX)
				complain(plan,
					 batch_step_at(b, s, bad_offset(m)),
					 -e->error, diag);
		}
	}
	return result;
}

static enum nft_result batch_send(struct nft *nft, struct batch *b,
				  const struct plan *plan, struct diag *diag)
{
	batch_end(b, &nft->seq);
	make_room(nft, b->n);
	if (mnl_socket_sendto(nft->socket, b->octets, b->n) < 0) {
		nft->last_error = errno;
		if (diag)
			complain(plan, NULL, errno, diag);
		return NFT_FAILED;
	}
	return collect(nft, b, plan, diag);
}

/*
 * A first load in parts. Until the last one the table is dormant: none of
 * its hooks is called. A table that is made anew cannot go this way, the old
 * one has to guard until the new one does.
 */
static enum nft_result send_parts(struct nft *nft, struct batch *b,
				  const struct plan *plan, uint32_t generation,
				  struct diag *diag)
{
	enum nft_result result = NFT_DONE;
	size_t at = 0;

	while (at < plan->n_steps && result == NFT_DONE) {
		batch_begin(b, &nft->seq, at == 0 ? generation : 0);
		while (at < plan->n_steps && b->n < PART_OCTETS)
			at += batch_add_step(b, &nft->seq, plan, at,
					     NFT_TABLE_F_DORMANT);
		if (at == plan->n_steps)
			batch_add_table(b, &nft->seq, plan->table,
					nft->table_flags);
		result = batch_send(nft, b, plan, diag);
	}
	if (result == NFT_FAILED)
		nft_delete(nft, plan->table);
	return result;
}

enum nft_result nft_send(struct nft *nft, const struct plan *plan,
			 uint32_t generation, struct diag *diag)
{
	struct batch b = {0};
	enum nft_result result;
	size_t at = 0;

	if (plan_is_empty(plan))
		return NFT_DONE;
	batch_begin(&b, &nft->seq, generation);
	while (at < plan->n_steps)
		at += batch_add_step(&b, &nft->seq, plan, at, nft->table_flags);
	if (b.n > PART_OCTETS && plan->fresh &&
	    plan->steps[0].kind == PLAN_ADD_TABLE)
		result = send_parts(nft, &b, plan, generation, diag);
	else
		result = batch_send(nft, &b, plan, diag);
	batch_release(&b);
	return result;
}

int nft_delete(struct nft *nft, const char *table)
{
	struct plan_step step = {.kind = PLAN_DELETE_TABLE};
	struct plan plan = {.table = table, .steps = &step, .n_steps = 1};
	struct batch b = {0};
	enum nft_result result;
	uint32_t flags;

	if (find_table(nft, table, &flags) < 0)
		return -1;
	batch_begin(&b, &nft->seq, 0);
	batch_add_step(&b, &nft->seq, &plan, 0, 0);
	result = batch_send(nft, &b, &plan, NULL);
	batch_release(&b);
	if (result == NFT_DONE)
		return 0;
	errno = nft->last_error;
	return -1;
}

int nft_adopt(struct nft *nft, const char *table)
{
	struct batch b = {0};
	struct plan plan = {.table = table};
	enum nft_result result;
	uint32_t flags;

	if (!nft->table_flags) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (find_table(nft, table, &flags) < 0)
		return -1;
	batch_begin(&b, &nft->seq, 0);
	batch_add_table(&b, &nft->seq, table, nft->table_flags);
	result = batch_send(nft, &b, &plan, NULL);
	batch_release(&b);
	if (result == NFT_DONE)
		return 0;
	errno = nft->last_error;
	return -1;
}
