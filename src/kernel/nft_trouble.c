#include "nft_trouble.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libnftnl/common.h>

#include "base/fail.h"
#include "nflog.h"
#include "nft_inside.h"

#define PROBE_TABLE  "weir-probe"
#define FLOWS_FOLDER "/proc/sys/net/netfilter"

enum { PROBE_OCTETS = 16 * 1024, FULL_PERCENT = 95 };

/* -- parts of the kernel --------------------------------------------------- */

enum { PART_CT, PART_LIMIT, PART_LOG, PART_LOG_GROUP, PART_TIMEOUT, N_PARTS };

static const struct nft_part known_parts[N_PARTS] = {
	[PART_CT] = {"ct", false, "modprobe nft_ct; CONFIG_NFT_CT",
		     "to let answers pass"},
	[PART_LIMIT] = {"limit", false, "modprobe nft_limit; CONFIG_NFT_LIMIT",
			"not to log too often"},
	[PART_LOG] = {"log", false,
		      "modprobe nft_log nf_log_syslog; CONFIG_NFT_LOG, "
		      "CONFIG_NF_LOG_SYSLOG",
		      "to log drops; \"firewall.log_drops: false\" goes "
		      "without"},
	[PART_LOG_GROUP] = {"log", true,
			    "modprobe nft_log nfnetlink_log; CONFIG_NFT_LOG, "
			    "CONFIG_NETFILTER_NETLINK_LOG",
			    "to log drops to an NFLOG group; "
			    "\"firewall.log_drops: false\" goes without"},
	[PART_TIMEOUT] = {NULL, false,
			  "modprobe nft_ct nf_conntrack; "
			  "CONFIG_NF_CONNTRACK_TIMEOUT",
			  "for connection_tracking_specification"},
};

/* A batch of a few small messages, with a number each. */
struct probe {
	char octets[PROBE_OCTETS];
	size_t n;
};

static struct nlmsghdr *add_message(struct nft *nft, struct probe *p,
				    uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(p->octets + p->n, type, NFPROTO_INET,
				     flags, ++nft->seq);
}

static void end_message(struct probe *p, const struct nlmsghdr *m)
{
	p->n += MNL_ALIGN(m->nlmsg_len);
}

static void probe_begin(struct nft *nft, struct probe *p)
{
	struct nlmsghdr *m;

	p->n = 0;
	m = nftnl_batch_begin(p->octets, ++nft->seq);
	end_message(p, m);
	m = add_message(nft, p, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	mnl_attr_put_strz(m, NFTA_TABLE_NAME, PROBE_TABLE);
	end_message(p, m);
	m = add_message(nft, p, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, PROBE_TABLE);
	mnl_attr_put_strz(m, NFTA_CHAIN_NAME, "c");
	end_message(p, m);
}

/* Without its data an expression is refused as invalid, if it is known; else
 * as not there. */
static void add_rule(struct nft *nft, struct probe *p,
		     const struct nft_part *part)
{
	struct nlmsghdr *m = add_message(nft, p, NFT_MSG_NEWRULE,
					 NLM_F_CREATE | NLM_F_APPEND);
	struct nlattr *list, *one, *data;

	mnl_attr_put_strz(m, NFTA_RULE_TABLE, PROBE_TABLE);
	mnl_attr_put_strz(m, NFTA_RULE_CHAIN, "c");
	list = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS);
	one = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
	mnl_attr_put_strz(m, NFTA_EXPR_NAME, part->expression);
	data = mnl_attr_nest_start(m, NFTA_EXPR_DATA);
	if (part->to_group)
		mnl_attr_put_u16(m, NFTA_LOG_GROUP, htons(1));
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, one);
	mnl_attr_nest_end(m, list);
	end_message(p, m);
}

static void add_object(struct nft *nft, struct probe *p)
{
	struct nlmsghdr *m = add_message(nft, p, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	struct nlattr *data;

	mnl_attr_put_strz(m, NFTA_OBJ_TABLE, PROBE_TABLE);
	mnl_attr_put_strz(m, NFTA_OBJ_NAME, "o");
	mnl_attr_put_u32(m, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_CT_TIMEOUT));
	data = mnl_attr_nest_start(m, NFTA_OBJ_DATA);
	mnl_attr_nest_end(m, data);
	end_message(p, m);
}

/* All answers are there when the question is sent. */
static void read_answers(struct nft *nft, uint32_t first, unsigned n,
			 bool *missing)
{
	int fd = mnl_socket_get_fd(nft->socket);
	ssize_t got;

	while ((got = recv(fd, nft->reply, REPLY_OCTETS, MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *m = (const void *)nft->reply;
		int left = (int)got;

		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
			uint32_t i = m->nlmsg_seq - first;

			if (m->nlmsg_type == NLMSG_ERROR && i < n)
				missing[i] = e->error == -ENOENT ||
					     e->error == -EOPNOTSUPP;
		}
	}
}

int nft_probe(struct nft *nft, const struct nft_part *parts, unsigned n,
	      bool *missing)
{
	struct probe *p = xcalloc(1, sizeof(*p));
	uint32_t first, generation;
	int rc;

	memset(missing, 0, n * sizeof(*missing));
	/* Who may not ask this would be told that everything is missing. */
	if (nft_kernel_generation(nft, &generation) < 0) {
		free(p);
		return -1;
	}
	probe_begin(nft, p);
	first = nft->seq + 1;
	for (unsigned i = 0; i < n; i++) {
		if (parts[i].expression)
			add_rule(nft, p, &parts[i]);
		else
			add_object(nft, p);
	}
	rc = mnl_socket_sendto(nft->socket, p->octets, p->n) < 0 ? -1 : 0;
	if (rc == 0)
		read_answers(nft, first, n, missing);
	free(p);
	return rc;
}

/* Ports that were published are known by their flows. */
static bool asks_published(const struct nft_rule *rule)
{
	for (unsigned i = 0; i < rule->n_matches; i++)
		if (memchr(rule->matches[i].fields, FIELD_CT_DPORT,
			   rule->matches[i].n_fields))
			return true;
	return false;
}

void nft_find_untold_ports(const struct ruleset *wanted, bool (*lacks)(void),
			   struct diag *diag)
{
	bool asks = false;

	for (unsigned i = 0; i < wanted->n_chains && !asks; i++)
		for (unsigned k = 0; k < wanted->chains[i]->n_rules; k++)
			asks |= asks_published(&wanted->chains[i]->rules[k]);
	if (asks && lacks())
		diag_warning(diag, NULL, NULL,
			     "this kernel does not tell which published port a "
			     "client asked for (modprobe nf_conntrack_netlink; "
			     "CONFIG_NETFILTER_NETLINK_GLUE_CT): sg watch "
			     "shows that of the container, and sg suggest "
			     "leaves it out");
}

static bool is_ct(enum nft_field field)
{
	return field == FIELD_CT_STATE || field == FIELD_CT_STATUS ||
	       field == FIELD_CT_DADDR4 || field == FIELD_CT_DADDR6 ||
	       field == FIELD_CT_DPORT;
}

static void note_needs(const struct nft_rule *rule, bool *needed)
{
	for (unsigned i = 0; i < rule->n_matches; i++)
		needed[PART_CT] |= is_ct(rule->matches[i].fields[0]);
	if (!rule->log)
		return;
	needed[PART_LIMIT] = true;
	needed[rule->log->group < 0 ? PART_LOG : PART_LOG_GROUP] = true;
}

static void find_missing(struct nft *nft, const struct ruleset *wanted,
			 struct diag *diag)
{
	bool needed[N_PARTS] = {false}, missing[N_PARTS];

	for (unsigned i = 0; i < wanted->n_chains; i++)
		for (unsigned k = 0; k < wanted->chains[i]->n_rules; k++)
			note_needs(&wanted->chains[i]->rules[k], needed);
	needed[PART_TIMEOUT] = wanted->n_timeouts > 0;
	if (nft->has_all_parts || nft_probe(nft, known_parts, N_PARTS, missing))
		return;
	nft->has_all_parts = true;
	for (unsigned i = 0; i < N_PARTS; i++) {
		nft->has_all_parts &= !missing[i];
		if (needed[i] && missing[i])
			diag_warning(diag, NULL, NULL,
				     "this kernel lacks what the rules need %s "
				     "(%s)",
				     known_parts[i].use, known_parts[i].help);
	}
}

/* -- an owner -------------------------------------------------------------- */

enum { NAME_OCTETS = 32 };

/* The name of a process; "" if there is none. */
static void name_of(uint32_t process, char out[NAME_OCTETS])
{
	char path[40];
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%u/comm", process);
	from = fopen(path, "re");
	if (!from || !fgets(out, NAME_OCTETS, from))
		out[0] = '\0';
	if (from)
		fclose(from);
	out[strcspn(out, "\n")] = '\0';
}

static void find_owner(struct nft *nft, bool from_aside, struct diag *diag)
{
	char name[NAME_OCTETS], own[NAME_OCTETS];
	struct nft_table_info info;

	if (nft->owns || nft_find_table(nft, KERNEL_TABLE, &info) < 0 ||
	    !(info.flags & TABLE_OWNER) || info.owner == 0)
		return;
	/* The first netlink socket of a process has its number. */
	name_of(info.owner, name);
	name_of((uint32_t)getpid(), own);
	if (from_aside && strcmp(name, own) == 0)
		return;
	diag_warning(diag, NULL, NULL,
		     "the table inet %s belongs to process %u (%s): until that "
		     "ends, nobody else can change it; if it is a keeper, "
		     "firewall.socket has to name its socket",
		     KERNEL_TABLE, info.owner, name[0] ? name : "?");
}

/* -- flows ----------------------------------------------------------------- */

static bool read_number(const char *folder, const char *name, uint64_t *out)
{
	char *path = xasprintf("%s/%s", folder, name), line[40] = "";
	FILE *from = fopen(path, "re");
	bool good =
		from && fgets(line, sizeof(line), from) &&
		slice_to_u64(slice_first(slice_of(line), strcspn(line, "\n")),
			     out);

	if (from)
		fclose(from);
	free(path);
	return good;
}

void nft_find_full_table(const char *folder, struct diag *diag)
{
	uint64_t count, max;

	if (!read_number(folder, "nf_conntrack_count", &count) ||
	    !read_number(folder, "nf_conntrack_max", &max) || max == 0 ||
	    count < max - max * (100 - FULL_PERCENT) / 100)
		return;
	diag_warning(diag, NULL, NULL,
		     "the table of flows is full (%llu of %llu): new "
		     "connections are dropped, whatever the rules say; raise "
		     "net.netfilter.nf_conntrack_max",
		     (unsigned long long)count, (unsigned long long)max);
}

void nft_find_trouble(struct nft *nft, const struct ruleset *wanted,
		      bool from_aside, struct diag *diag)
{
	if (wanted) {
		find_missing(nft, wanted, diag);
		nft_find_untold_ports(wanted, nflog_lacks_flows, diag);
	}
	find_owner(nft, from_aside, diag);
	nft_find_full_table(FLOWS_FOLDER, diag);
}
