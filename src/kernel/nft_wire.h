/*
 * nft_wire.h - rules and sets as libnftnl objects; private to nft*.c.
 *
 * Floor: kernel.  Source: linux/netfilter/nf_tables.h; the expressions are
 * those that nft(8) makes of the same text, so its listings read the same.
 */
#ifndef WEIR_KERNEL_NFT_WIRE_H
#define WEIR_KERNEL_NFT_WIRE_H

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

#include "base/fail.h"
#include "firewall/ruleset.h"

/* libnftnl copies what it is given, and fails when memory is out: a rule would
 * lack a part. */
static inline void nft_must(int result)
{
	if (result < 0)
		fail_no_memory();
}

static inline void *nft_need(void *p)
{
	if (!p)
		fail_no_memory();
	return p;
}

/* The result of a parser. What is no message of ours to understand is left
 * out; for want of memory nothing is. */
static inline bool nft_parsed(int result)
{
	if (result < 0 && errno == ENOMEM)
		fail_no_memory();
	return result >= 0;
}

/* How the kernel gets at a field. */
enum wire_source { WIRE_META, WIRE_CT, WIRE_FIB, WIRE_NETWORK, WIRE_TRANSPORT };

struct wire_field {
	enum wire_source source;
	uint32_t key;  /* meta or ct key; offset in a header */
	bool original; /* ct: of the original direction */
};

extern const struct wire_field wire_fields[N_FIELDS];

/* All of these are the caller's, to be freed with libnftnl's functions. */
struct nftnl_chain *wire_chain(const char *table,
			       const struct nft_chain *chain);
struct nftnl_rule *wire_rule(const char *table, const struct nft_chain *chain,
			     const struct nft_rule *rule);
struct nftnl_set *wire_set(const char *table, const struct nft_set *set,
			   uint32_t id);

struct nftnl_obj *wire_timeout(const char *table,
			       const struct nft_timeout *timeout);

/* Adds the element: one, or two where a range has an end of its own. Returns
 * how many. `with_data` false: the key alone, for deletion. */
unsigned wire_element(struct nftnl_set *to, const struct nft_set *set,
		      const struct nft_element *e, bool with_data);

/* And back. They add to the ruleset; what cannot be ours is foreign. */
void unwire_chain(struct ruleset *rules, const struct nftnl_chain *chain);
void unwire_rule(struct ruleset *rules, const struct nftnl_rule *rule);
void unwire_set(struct ruleset *rules, const struct nftnl_set *set);
void unwire_elements(struct ruleset *rules, struct nft_set *set,
		     const struct nftnl_set *from);
void unwire_timeout(struct ruleset *rules, const struct nftnl_obj *from);
/* Once all rules and sets have come: a rule that asks a set which is not ours,
 * or has none to ask, is foreign. */
void unwire_lookups(struct ruleset *rules);
/* Once all elements of an interval set have come: joins starts and ends. */
void unwire_settle(struct nft_set *set);

/* The comment of this type in userdata, in the ruleset's arena, or NULL. */
const char *unwire_comment(struct ruleset *rules, uint8_t type,
			   const void *data, uint32_t octets);
/* False when the number is no verdict of ours. */
bool unwire_verdict(struct ruleset *rules, uint32_t number, const char *chain,
		    struct nft_verdict *out);

#endif
