/*
 * compiler.h - what the parts of the compiler share; private to them.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_COMPILER_H
#define WEIR_FIREWALL_COMPILER_H

#include "compile.h"
#include "draft.h"

/* A group's rules are compiled once for each use. */
enum variant {
	VARIANT_IN,
	VARIANT_OUT,
	VARIANT_LOCAL,     /* egress, sent by this machine itself */
	VARIANT_PUBLISHED, /* ingress, but the port before translation counts */
	N_VARIANTS
};

struct compiler {
	const struct firewall_config *config;
	struct diag *diag;
	struct ruleset *rules;
	struct arena scratch; /* dies with the compiler */
	struct map members;   /* struct member_list, by group name */
	struct map profiles;  /* struct profile, by its groups */
	struct map digits;    /* the same, by the hash in its name */
	bool warned_of_sets;

	/* What the file asks for. */
	const struct instance *host; /* NULL: not filtered */
	bool has_instances;          /* others than the host */
	bool has_bound;              /* some of them have an interface */
	bool has_balancers;          /* some with groups */
	bool has_acls;
};

/* -- members.c: sets of addresses ------------------------------------------ */

struct member {
	struct cidr address;
	const char *name; /* of the instance or load balancer */
	bool own;         /* as all addresses of this machine are */
	struct place place;
};

struct member_list {
	struct member *members; /* from malloc */
	unsigned n, room;
	bool follows; /* all addresses of this machine are in it */
};

void members_collect(struct compiler *c);
void members_release(struct compiler *c);
/* Borrowed; empty when nobody carries the group. */
struct member_list members_of(const struct compiler *c,
			      const struct secgroup *group);

/* The name of the set, which is made at first use. */
const char *member_set(struct compiler *c, const struct secgroup *group,
		       uint8_t family);
const char *prefix_set(struct compiler *c, const struct prefix_list *list,
		       uint8_t family);
bool prefix_list_has(const struct prefix_list *list, uint8_t family);
/* A set of single addresses: host4, resolvers6 and the like. */
struct nft_set *address_set(struct compiler *c, const char *name,
			    uint8_t family, const struct cidr *addresses,
			    unsigned n, const char *comment);
/* Is there any of this family? */
bool has_family(const struct cidr *addresses, unsigned n, uint8_t family);
/* The addresses of the machine as an instance. */
const struct cidr *host_addresses(const struct compiler *c, unsigned *n);

/* Adds a network as an element; ranges in an interval set. */
struct nft_element *add_network(struct nft_set *set, const struct cidr *cidr);

/* -- group.c --------------------------------------------------------------- */

/* One rule of AWS: one range of ports, one peer. */
struct grant {
	const struct sg_rule *rule;
	const struct port_range *ports; /* NULL: all */
	const struct sg_peer *peer;
	char id[SG_RULE_ID_MAX];
};

/* The chain sg-NAME-in, -out or -published, made at first use. */
const char *group_chain(struct compiler *c, const struct secgroup *group,
			enum variant variant);

/* Appends what admits this grant in this family to the chain. */
void grant_put(struct compiler *c, struct nft_chain *chain,
	       const struct grant *g, uint8_t family, enum variant variant);

/* Does the grant say anything about this family? */
bool grant_has(const struct grant *g, uint8_t family);

/* -- group_sets.c ---------------------------------------------------------- */

/*
 * Makes the sets of a large group and the rules that ask them. Grants that
 * refer to groups or lists are spelled out as networks.
 */
void group_sets_put(struct compiler *c, const struct secgroup *group,
		    struct nft_chain *chain, const struct grant *const *grants,
		    size_t n, uint8_t family, enum variant variant);

/* -- profile.c ------------------------------------------------------------- */

/* The chain p-HASH-in, -out, -local or -published of this combination of
 * groups. */
const char *profile_chain(struct compiler *c,
			  const struct secgroup *const *groups,
			  unsigned n_groups, enum variant variant,
			  const struct place *place);

/* Ends a chain: logs if asked to, counts, and drops; in report mode it gives
 * `pass` instead. The draft says which packets. */
void deny(struct compiler *c, struct nft_chain *chain, const struct draft *d,
	  const char *log_words, enum nft_verdict_kind pass,
	  const char *comment);

/* The chain where packets end that no instance may send or get there. */
const char *stray_chain(struct compiler *c);

/* -- acl.c ----------------------------------------------------------------- */

/* Makes the maps acl-out4 … acl-in6 and the chains behind them. */
void acl_maps(struct compiler *c);
/* Asks them: what leaves a subnet, then what enters one. */
void acl_ask(struct compiler *c, struct nft_chain *chain);

/* -- dispatch.c ------------------------------------------------------------ */

/* Makes eg4, in4, eg-if4, inst-if and so on. */
void instance_maps(struct compiler *c);
/* Makes lb-in4, lb-any4, lb-out4 and so on. */
void balancer_maps(struct compiler *c);
/* Ask them, in a chain of the egress or ingress stage. */
void instances_ask_egress(struct compiler *c, struct nft_chain *chain);
void instances_ask_ingress(struct compiler *c, struct nft_chain *chain);
void balancers_ask_ingress(struct compiler *c, struct nft_chain *chain);
void balancers_ask_egress(struct compiler *c, struct nft_chain *chain);

/* -- times.c --------------------------------------------------------------- */

/* Makes the stage that gives flows their times, where anybody asks for it. */
void times_put(struct compiler *c);

/* -- stages.c -------------------------------------------------------------- */

/* Makes the base chains, and what always passes. */
void stages_put(struct compiler *c);

/* -- compile.c ------------------------------------------------------------- */

/* Printable, without quotes, within nft's limit; in the ruleset's arena. NULL
 * and empty text give NULL. */
const char *comment_of(struct compiler *c, const char *text);

#endif
