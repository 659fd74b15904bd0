/*
 * nft_batch.c - steps -> messages, and from an error back to the step.
 *
 * Floor: kernel.
 */
#include "nft_batch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>

#include "base/fail.h"
#include "nft_wire.h"

/* An attribute that no kernel looks at. */
enum { GENERATION_UNKNOWN = 0 };

void batch_release(struct batch *b)
{
	free(b->octets);
	free(b->sent);
	free(b->owners);
	*b = (struct batch){0};
}

/* Room for one message of any kind at the end. */
static char *batch_tail(struct batch *b)
{
	if (b->room - b->n < MESSAGE_ROOM) {
		b->room = (b->room ? b->room * 2 : 0) + MESSAGE_ROOM;
		b->octets = xrealloc(b->octets, b->room);
	}
	return b->octets + b->n;
}

static void batch_end_message(struct batch *b, const struct nlmsghdr *message,
			      const struct plan_step *step, size_t first_owner)
{
	if (b->n_sent == b->sent_room) {
		b->sent_room = b->sent_room ? b->sent_room * 2 : 256;
		b->sent = xrealloc(b->sent, b->sent_room * sizeof(*b->sent));
	}
	b->sent[b->n_sent++] =
		(struct sent){b->n, message->nlmsg_seq, step, first_owner};
	b->n += MNL_ALIGN(message->nlmsg_len);
}

static struct nlmsghdr *batch_add_border(struct batch *b, uint32_t *seq,
					 uint16_t type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(batch_tail(b));
	struct nfgenmsg *nfg;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = ++*seq;
	nfg = mnl_nlmsg_put_extra_header(message, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return message;
}

void batch_begin(struct batch *b, uint32_t *seq)
{
	struct nlmsghdr *message;

	b->n = 0;
	b->n_sent = 0;
	b->n_owners = 0;
	b->first_seq = *seq + 1;
	message = batch_add_border(b, seq, NFNL_MSG_BATCH_BEGIN);
	/* Its type is set once the generation is known. */
	mnl_attr_put_u32(message, GENERATION_UNKNOWN, 0);
	batch_end_message(b, message, NULL, 0);
}

static struct nlmsghdr *batch_message(struct batch *b, uint32_t *seq,
				      uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(batch_tail(b), type, NFPROTO_INET, flags,
				     ++*seq);
}

static void add_table(struct batch *b, uint32_t *seq, uint16_t type,
		      const char *table, uint32_t flags,
		      const struct plan_step *step)
{
	bool create = type == NFT_MSG_NEWTABLE;
	struct nlmsghdr *message =
		batch_message(b, seq, type, create ? NLM_F_CREATE : 0);
	struct nftnl_table *t = nft_need(nftnl_table_alloc());

	nft_must(nftnl_table_set_str(t, NFTNL_TABLE_NAME, table));
	if (create)
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	nftnl_table_nlmsg_build_payload(message, t);
	nftnl_table_free(t);
	batch_end_message(b, message, step, 0);
}

/* Of something that goes, the names are enough. */
static void name_thing(struct nlmsghdr *message, uint16_t table_attr,
		       const char *table, uint16_t name_attr, const char *name)
{
	mnl_attr_put_strz(message, table_attr, table);
	mnl_attr_put_strz(message, name_attr, name);
}

static void put_chain(struct nlmsghdr *message, const char *table,
		      const struct plan_step *step)
{
	struct nftnl_chain *c = wire_chain(table, step->chain);

	nftnl_chain_nlmsg_build_payload(message, c);
	nftnl_chain_free(c);
}

static void put_set(struct nlmsghdr *message, const char *table,
		    const struct plan_step *step)
{
	struct nftnl_set *s = wire_set(table, step->set, message->nlmsg_seq);

	nftnl_set_nlmsg_build_payload(message, s);
	nftnl_set_free(s);
}

/* Makes a chain or a set, or takes it away. */
static void add_thing(struct batch *b, uint32_t *seq, uint16_t type,
		      const char *table, const struct plan_step *step)
{
	bool create = type == NFT_MSG_NEWCHAIN || type == NFT_MSG_NEWSET;
	struct nlmsghdr *message =
		batch_message(b, seq, type, create ? NLM_F_CREATE : 0);

	if (type == NFT_MSG_NEWCHAIN)
		put_chain(message, table, step);
	else if (type == NFT_MSG_NEWSET)
		put_set(message, table, step);
	else if (type == NFT_MSG_DELCHAIN)
		name_thing(message, NFTA_CHAIN_TABLE, table, NFTA_CHAIN_NAME,
			   step->chain->name);
	else
		name_thing(message, NFTA_SET_TABLE, table, NFTA_SET_NAME,
			   step->set->name);
	batch_end_message(b, message, step, 0);
}

static void add_timeout(struct batch *b, uint32_t *seq, uint16_t type,
			const char *table, const struct plan_step *step)
{
	bool create = type == NFT_MSG_NEWOBJ;
	struct nlmsghdr *message =
		batch_message(b, seq, type, create ? NLM_F_CREATE : 0);
	struct nftnl_obj *o = wire_timeout(table, step->timeout);

	nftnl_obj_nlmsg_build_payload(message, o);
	nftnl_obj_free(o);
	batch_end_message(b, message, step, 0);
}

/* Without NLM_F_APPEND a position means "before that rule". */
static void add_rule(struct batch *b, uint32_t *seq, const char *table,
		     const struct plan_step *step)
{
	bool create = step->kind == PLAN_ADD_RULE;
	uint16_t flags = NLM_F_CREATE | (step->before ? 0 : NLM_F_APPEND);
	struct nlmsghdr *message = batch_message(
		b, seq, create ? NFT_MSG_NEWRULE : NFT_MSG_DELRULE,
		create ? flags : 0);
	struct nftnl_rule *r;

	if (create) {
		r = wire_rule(table, step->chain, step->rule);
		if (step->before)
			nftnl_rule_set_u64(r, NFTNL_RULE_POSITION,
					   step->before->live.handle);
		nftnl_rule_nlmsg_build_payload(message, r);
		nftnl_rule_free(r);
	} else {
		mnl_attr_put_strz(message, NFTA_RULE_TABLE, table);
		mnl_attr_put_strz(message, NFTA_RULE_CHAIN, step->chain->name);
		mnl_attr_put_u64(message, NFTA_RULE_HANDLE,
				 htobe64(step->rule->live.handle));
	}
	batch_end_message(b, message, step, 0);
}

static void batch_own(struct batch *b, const struct plan_step *step, unsigned n)
{
	if (b->n_owners + n > b->owner_room) {
		b->owner_room = (b->owner_room + n) * 2;
		b->owners =
			xrealloc(b->owners, b->owner_room * sizeof(*b->owners));
	}
	while (n-- > 0)
		b->owners[b->n_owners++] = step;
}

/* Elements that the message took: they are numbered by their attributes. */
static size_t count_elements(const struct nlmsghdr *message)
{
	const struct nlattr *attr, *element;
	size_t n = 0;

	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_ELEMENTS)
			mnl_attr_for_each_nested (element, attr)
				n++;
	return n;
}

/*
 * A run of steps for the same set. libnftnl starts another message when the
 * list of elements would outgrow its 16 bits of length.
 */
static void add_elements(struct batch *b, uint32_t *seq, const char *table,
			 const struct plan_step *steps, size_t n)
{
	bool create = steps->kind == PLAN_ADD_ELEMENT;
	struct nftnl_set *s = nft_need(nftnl_set_alloc());
	struct nftnl_set_elems_iter *iter;
	size_t owner = b->n_owners;
	int more;

	nft_must(nftnl_set_set_str(s, NFTNL_SET_TABLE, table));
	nft_must(nftnl_set_set_str(s, NFTNL_SET_NAME, steps->set->name));
	for (size_t i = 0; i < n; i++)
		batch_own(b, &steps[i],
			  wire_element(s, steps[i].set, steps[i].element,
				       create));
	iter = nftnl_set_elems_iter_create(s);
	if (!iter)
		fail_no_memory();
	do {
		struct nlmsghdr *message = batch_message(
			b, seq,
			create ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
			create ? NLM_F_CREATE | NLM_F_EXCL : 0);

		more = nftnl_set_elems_nlmsg_build_payload_iter(message, iter);
		batch_end_message(b, message, steps, owner);
		owner += count_elements(message);
	} while (more > 0);
	nftnl_set_elems_iter_destroy(iter);
	nftnl_set_free(s);
}

static bool is_element_step(const struct plan_step *step)
{
	return step->kind == PLAN_ADD_ELEMENT ||
	       step->kind == PLAN_DELETE_ELEMENT;
}

size_t batch_add_step(struct batch *b, uint32_t *seq, const struct plan *plan,
		      size_t at, uint32_t table_flags)
{
	const struct plan_step *step = &plan->steps[at];
	size_t n = 1;

	switch (step->kind) {
	case PLAN_DELETE_TABLE:
		add_table(b, seq, NFT_MSG_DELTABLE, plan->table, 0, step);
		return 1;
	case PLAN_ADD_TABLE:
		add_table(b, seq, NFT_MSG_NEWTABLE, plan->table, table_flags,
			  step);
		return 1;
	case PLAN_ADD_CHAIN:
		add_thing(b, seq, NFT_MSG_NEWCHAIN, plan->table, step);
		return 1;
	case PLAN_DELETE_CHAIN:
		add_thing(b, seq, NFT_MSG_DELCHAIN, plan->table, step);
		return 1;
	case PLAN_ADD_SET:
		add_thing(b, seq, NFT_MSG_NEWSET, plan->table, step);
		return 1;
	case PLAN_DELETE_SET:
		add_thing(b, seq, NFT_MSG_DELSET, plan->table, step);
		return 1;
	case PLAN_ADD_TIMEOUT:
		add_timeout(b, seq, NFT_MSG_NEWOBJ, plan->table, step);
		return 1;
	case PLAN_DELETE_TIMEOUT:
		add_timeout(b, seq, NFT_MSG_DELOBJ, plan->table, step);
		return 1;
	case PLAN_ADD_RULE:
	case PLAN_DELETE_RULE:
		add_rule(b, seq, plan->table, step);
		return 1;
	case PLAN_ADD_ELEMENT:
	case PLAN_DELETE_ELEMENT:
		while (at + n < plan->n_steps && n < PART_OCTETS / 64 &&
		       is_element_step(step + n) &&
		       step[n].kind == step->kind && step[n].set == step->set &&
		       step[n].phase == step->phase)
			n++;
		add_elements(b, seq, plan->table, step, n);
		return n;
	}
	BUG("plan step %d", (int)step->kind);
}

/* All rules of a chain. */
static void flush_chain(struct batch *b, uint32_t *seq, const char *table,
			const struct plan_step *step)
{
	struct nlmsghdr *message = batch_message(b, seq, NFT_MSG_DELRULE, 0);

	mnl_attr_put_strz(message, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, step->chain->name);
	batch_end_message(b, message, step, 0);
}

/* All elements of a set. */
static void flush_set(struct batch *b, uint32_t *seq, const char *table,
		      const struct plan_step *step)
{
	struct nlmsghdr *message = batch_message(b, seq, NFT_MSG_DELSETELEM, 0);

	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, step->set->name);
	batch_end_message(b, message, step, 0);
}

static void undo_step(struct batch *b, uint32_t *seq, const char *table,
		      const struct plan_step *step)
{
	switch (step->kind) {
	case PLAN_ADD_TABLE:
		add_table(b, seq, NFT_MSG_DELTABLE, table, 0, step);
		return;
	case PLAN_ADD_CHAIN:
		add_thing(b, seq, NFT_MSG_DELCHAIN, table, step);
		return;
	case PLAN_ADD_SET:
		add_thing(b, seq, NFT_MSG_DELSET, table, step);
		return;
	case PLAN_ADD_TIMEOUT:
		add_timeout(b, seq, NFT_MSG_DELOBJ, table, step);
		return;
	default:
		/* Rules and elements are gone by now. */
		return;
	}
}

void batch_add_undo(struct batch *b, uint32_t *seq, const struct plan *plan,
		    size_t n)
{
	/* What points to others first. */
	for (size_t i = 0; i < n; i++) {
		const struct plan_step *step = &plan->steps[i];

		if (step->kind == PLAN_ADD_CHAIN)
			flush_chain(b, seq, plan->table, step);
		else if (step->kind == PLAN_ADD_SET)
			flush_set(b, seq, plan->table, step);
	}
	for (size_t i = n; i > 0; i--)
		undo_step(b, seq, plan->table, &plan->steps[i - 1]);
}

void batch_end(struct batch *b, uint32_t *seq)
{
	batch_end_message(b, batch_add_border(b, seq, NFNL_MSG_BATCH_END), NULL,
			  0);
}

void batch_at_generation(struct batch *b, uint32_t generation)
{
	struct nlmsghdr *message = (void *)b->octets;
	uint32_t number = htonl(generation);
	struct nlattr *attr =
		mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));

	attr->nla_type = generation ? NFNL_BATCH_GENID : GENERATION_UNKNOWN;
	memcpy(mnl_attr_get_payload(attr), &number, sizeof(number));
}

void batch_add_table(struct batch *b, uint32_t *seq, const char *table,
		     uint32_t flags)
{
	add_table(b, seq, NFT_MSG_NEWTABLE, table, flags, NULL);
}

const struct sent *batch_find(const struct batch *b, uint32_t seq)
{
	uint32_t i = seq - b->first_seq;

	return i < b->n_sent ? &b->sent[i] : NULL;
}

const struct plan_step *batch_step_at(const struct batch *b,
				      const struct sent *s, uint32_t offset)
{
	const struct nlmsghdr *message =
		(const void *)(b->octets + s->at); /* aligned to 4 */
	const struct nlattr *attr, *element;
	size_t n = s->first_owner;

	if (!s->step || !is_element_step(s->step) || offset == 0)
		return s->step;
	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested (element, attr) {
			if ((const char *)element - (const char *)message ==
				    (ptrdiff_t)offset &&
			    n < b->n_owners)
				return b->owners[n];
			n++;
		}
	}
	return s->step;
}
