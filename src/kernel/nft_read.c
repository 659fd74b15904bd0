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

static struct nft_count *counts_of(const struct nft_chain *chain)
{
	struct nft_count *counts = xcalloc(chain->n_rules, sizeof(*counts));

	for (unsigned i = 0; i < chain->n_rules; i++)
		counts[i] = (struct nft_count){chain->rules[i].live.packets,
					       chain->rules[i].live.octets};
	return counts;
}

static const char *own_text(struct ruleset *rules, const char *text)
{
	return text ? arena_strdup(&rules->arena, text) : NULL;
}

static const struct nft_match *own_matches(struct ruleset *rules,
					   const struct nft_rule *from)
{
	struct nft_match *m =
		ARENA_ARRAY(&rules->arena, from->n_matches, struct nft_match);

	for (unsigned i = 0; i < from->n_matches; i++) {
		m[i] = from->matches[i];
		m[i].set = own_text(rules, m[i].set);
	}
	return m;
}

static const struct nft_log *own_log(struct ruleset *rules,
				     const struct nft_log *from)
{
	struct nft_log *log;

	if (!from)
		return NULL;
	log = ARENA_NEW(&rules->arena, struct nft_log);
	*log = *from;
	log->prefix = own_text(rules, from->prefix);
	return log;
}

/* One of another ruleset, which goes. */
static void take_rule(struct ruleset *rules, struct nft_rule *to,
		      const struct nft_rule *from)
{
	*to = *from;
	to->matches = own_matches(rules, from);
	to->timeout = own_text(rules, from->timeout);
	to->log = own_log(rules, from->log);
	to->verdict.chain = own_text(rules, from->verdict.chain);
	to->comment = own_text(rules, from->comment);
}

/* What `like` has of it in the same place is borrowed from there. */
static void take_rules(struct ruleset *rules, struct nft_chain *to,
		       const struct nft_chain *from,
		       const struct nft_chain *like)
{
	for (unsigned i = 0; i < from->n_rules; i++) {
		struct nft_rule *rule = chain_add_rule(to);

		if (i >= like->n_rules ||
		    !plan_same_rule(&from->rules[i], &like->rules[i])) {
			take_rule(rules, rule, &from->rules[i]);
			continue;
		}
		*rule = like->rules[i];
		rule->live = from->rules[i].live;
	}
}

/*
 * Reads the chain aside. Where it has the rules of `like`, what they counted
 * is all that is news of them: a hundred thousand rules that are there twice
 * already need no third place.
 */
static int dump_like(struct nft *nft, struct ruleset *rules,
		     struct nft_chain *chain, const struct nft_chain *like)
{
	struct ruleset *aside = ruleset_new(rules->table);
	struct nft_chain *read = ruleset_add_chain(aside, chain->name);
	int result = dump_rules(nft, aside, chain->name);

	if (result == 0 && like->n_rules && plan_same_rules(read, like)) {
		chain->same_as = like;
		chain->counts = counts_of(read);
	} else if (result == 0) {
		take_rules(rules, chain, read, like);
	}
	ruleset_free(aside);
	return result;
}

static int dump_chain(struct nft *nft, struct ruleset *rules,
		      struct nft_chain *chain, const struct ruleset *like)
{
	const struct nft_chain *twin = like ? ruleset_chain(like, chain->name)
					    : NULL;

	return twin ? dump_like(nft, rules, chain, twin)
		    : dump_rules(nft, rules, chain->name);
}

static int dump_all(struct nft *nft, struct ruleset *rules,
		    const struct ruleset *like)
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
		if (dump_chain(nft, rules, rules->chains[i], like) < 0)
			return -1;
	unwire_lookups(rules);
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (dump_elements(nft, rules, rules->sets[i]) < 0)
			return -1;
	ruleset_finish(rules);
	return 0;
}

static struct ruleset *read_once(struct nft *nft, const char *table,
				 const struct ruleset *like)
{
	struct nft_table_info info = {0};
	struct ruleset *rules;

	if (nft_find_table(nft, table, &info) < 0)
		return NULL;
	rules = ruleset_new(table);
	rules->dormant = info.flags & TABLE_DORMANT;
	rules->other_flags = info.flags & ~(uint32_t)TABLE_DORMANT;
	if (dump_all(nft, rules, like) == 0)
		return rules;
	ruleset_free(rules);
	/* Something went between two dumps: the next try tells what. */
	if (errno == ENOENT)
		errno = EAGAIN;
	return NULL;
}

struct ruleset *nft_read_like(struct nft *nft, const char *table,
			      const struct ruleset *like)
{
	for (unsigned try = 0; try < READ_TRIES; try++) {
		struct ruleset *rules;
		uint32_t before, after;

		if (nft_generation(nft, &before) < 0)
			return NULL;
		rules = read_once(nft, table, like);
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

struct ruleset *nft_read(struct nft *nft, const char *table)
{
	return nft_read_like(nft, table, NULL);
}
