/*
 * nft_read.c - the kernel's table as a ruleset.
 *
 * Reading takes many questions, and neighbours who change their tables ten
 * times a second must not keep us from it: only a change of our own table in
 * between makes an answer worthless.
 *
 * Floor: kernel.
 */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include <libnftnl/common.h>

#include "base/fail.h"
#include "nft_inside.h"
#include "nft_wire.h"

enum { READ_TRIES = 8, CHAIN_TRIES = 50 };

static int read_chain(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_chain *c = nft_need(nftnl_chain_alloc());

	if (nft_parsed(nftnl_chain_nlmsg_parse(message, c)) &&
	    strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), rules->table) ==
		    0)
		unwire_chain(rules, c);
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static int read_rule(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_rule *r = nft_need(nftnl_rule_alloc());

	if (nft_parsed(nftnl_rule_nlmsg_parse(message, r)) &&
	    strcmp(nftnl_rule_get_str(r, NFTNL_RULE_TABLE), rules->table) == 0)
		unwire_rule(rules, r);
	nftnl_rule_free(r);
	return MNL_CB_OK;
}

static int read_set(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_set *s = nft_need(nftnl_set_alloc());

	if (nft_parsed(nftnl_set_nlmsg_parse(message, s)) &&
	    strcmp(nftnl_set_get_str(s, NFTNL_SET_TABLE), rules->table) == 0)
		unwire_set(rules, s);
	nftnl_set_free(s);
	return MNL_CB_OK;
}

static int read_object(const struct nlmsghdr *message, void *arg)
{
	struct ruleset *rules = arg;
	struct nftnl_obj *o = nft_need(nftnl_obj_alloc());

	if (nft_parsed(nftnl_obj_nlmsg_parse(message, o)) &&
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
	struct nftnl_set *s = nft_need(nftnl_set_alloc());

	if (nft_parsed(nftnl_set_elems_nlmsg_parse(message, s)))
		unwire_elements(d->rules, d->set, s);
	nftnl_set_free(s);
	return MNL_CB_OK;
}

static int dump_elements(struct nft *nft, struct ruleset *rules,
			 struct nft_set *set)
{
	char buffer[1024];
	struct nlmsghdr *request =
		nft_request(nft, buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	struct element_dump d = {rules, set};

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, rules->table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, set->name);
	bool torn = false;

	if (nft_dump(nft, request, read_elements, &d, &torn) < 0)
		return -1;
	unwire_settle(set);
	return 0;
}

/*
 * The kernel counts through the chains of all tables, so a change of any of
 * them shifts the others: asked again until nobody did. Of the other things
 * it counts those of our table alone. What came twice is taken once.
 */
static int dump_things(struct nft *nft, struct ruleset *rules, uint16_t type,
		       uint16_t table_attr, mnl_cb_t read)
{
	for (unsigned try = 0; try < CHAIN_TRIES; try++) {
		char buffer[1024];
		struct nlmsghdr *request =
			nft_request(nft, buffer, type, NLM_F_DUMP);
		bool torn = false;

		mnl_attr_put_strz(request, table_attr, rules->table);
		if (nft_dump(nft, request, read, rules, &torn) < 0)
			return -1;
		if (!torn || type != NFT_MSG_GETCHAIN)
			return 0;
	}
	errno = EAGAIN;
	return -1;
}

/*
 * The rules of one chain. For each 32 KiB of a dump the kernel goes through a
 * table from its beginning, so that of 150,000 rules at once takes seconds.
 */
static int dump_rules(struct nft *nft, struct ruleset *rules, const char *chain)
{
	char buffer[1024];
	struct nlmsghdr *request =
		nft_request(nft, buffer, NFT_MSG_GETRULE, NLM_F_DUMP);
	bool torn = false;

	mnl_attr_put_strz(request, NFTA_RULE_TABLE, rules->table);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain);
	return nft_dump(nft, request, read_rule, rules, &torn);
}

static int dump_all(struct nft *nft, struct ruleset *rules)
{
	static const struct {
		uint16_t type, table;
		mnl_cb_t read;
	} dumps[] = {
		{NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, read_chain},
		{NFT_MSG_GETSET, NFTA_SET_TABLE, read_set},
		{NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, read_object},
	};

	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++)
		if (dump_things(nft, rules, dumps[i].type, dumps[i].table,
				dumps[i].read) < 0)
			return -1;
	for (unsigned i = 0; i < rules->n_chains; i++)
		if (dump_rules(nft, rules, rules->chains[i]->name) < 0)
			return -1;
	unwire_lookups(rules);
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (dump_elements(nft, rules, rules->sets[i]) < 0)
			return -1;
	ruleset_finish(rules);
	return 0;
}

static struct ruleset *read_once(struct nft *nft, const char *table)
{
	struct nft_table_info info = {0};
	struct ruleset *rules;

	if (nft_find_table(nft, table, &info) < 0)
		return NULL;
	rules = ruleset_new(table);
	rules->dormant = info.flags & TABLE_DORMANT;
	rules->other_flags = info.flags & ~(uint32_t)TABLE_DORMANT;
	if (dump_all(nft, rules) == 0)
		return rules;
	ruleset_free(rules);
	/* Something went between two dumps: the next try tells what. */
	if (errno == ENOENT)
		errno = EAGAIN;
	return NULL;
}

struct ruleset *nft_read(struct nft *nft, const char *table)
{
	for (unsigned try = 0; try < READ_TRIES; try++) {
		struct ruleset *rules;
		uint32_t before, after;

		if (nft_generation(nft, &before) < 0)
			return NULL;
		rules = read_once(nft, table);
		if (!rules && errno != EAGAIN)
			return NULL;
		if (rules && nft_generation(nft, &after) == 0 &&
		    before == after)
			return rules;
		ruleset_free(rules);
	}
	errno = EAGAIN;
	return NULL;
}
