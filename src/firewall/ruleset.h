/*
 * ruleset.h - the firewall's rules as data: chains, rules, sets, elements.
 *
 * One value is printed as text for nft(8), sent to the kernel as netlink
 * messages, compared with what the kernel has, and evaluated for `explain`.
 * So a rule is kept as what it means (this field, these octets), never as
 * text. Everything has an identity that survives a change elsewhere in the
 * file (a name, or the rule's id) and knows its place in the file.
 *
 * The vocabulary is the part of nftables that security groups need. All of
 * it lives in one table of family inet.
 *
 * Floor: firewall.  Source: nft(8); linux/netfilter/nf_tables.h.
 */
#ifndef WEIR_FIREWALL_RULESET_H
#define WEIR_FIREWALL_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cidr.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/text.h"

/* What a rule can look at in a packet. */
enum nft_field {
	FIELD_IIFNAME,
	FIELD_OIFNAME,
	FIELD_NFPROTO,
	FIELD_L4PROTO,
	FIELD_SKUID,
	FIELD_SADDR4,
	FIELD_DADDR4,
	FIELD_SADDR6,
	FIELD_DADDR6,
	FIELD_SPORT, /* of tcp and udp alike */
	FIELD_DPORT,
	FIELD_ICMP_TYPE,
	FIELD_ICMP_CODE,
	FIELD_ICMPV6_TYPE,
	FIELD_ICMPV6_CODE,
	FIELD_TCP_FLAGS,
	FIELD_CT_STATE,
	FIELD_CT_STATUS,
	FIELD_CT_DADDR4, /* of the original direction, before translation */
	FIELD_CT_DADDR6,
	FIELD_CT_DPORT,
	FIELD_FIB_DADDR, /* of what kind the destination is, to this machine */
	N_FIELDS
};

/* Types of keys, as nft names them in set definitions. */
enum nft_type {
	TYPE_IPV4_ADDR,
	TYPE_IPV6_ADDR,
	TYPE_INET_PROTO,
	TYPE_INET_SERVICE,
	TYPE_ICMP_TYPE,
	TYPE_ICMP_CODE,
	TYPE_ICMPV6_TYPE,
	TYPE_ICMPV6_CODE,
	TYPE_IFNAME,
	N_TYPES
};

/* Values of FIELD_NFPROTO, FIELD_CT_STATE, FIELD_CT_STATUS, FIELD_TCP_FLAGS;
 * numbers of the kernel's interface. */
enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 10 };
enum {
	CT_INVALID = 1,
	CT_ESTABLISHED = 2,
	CT_RELATED = 4,
	CT_NEW = 8,
	CT_UNTRACKED = 64,
};
enum { CT_STATUS_DNAT = 0x20 };
enum { FIB_LOCAL = 2 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct nft_field_info {
	const char *name; /* as in a rule; ports: behind the protocol */
	uint8_t type;     /* enum nft_type; N_TYPES: never in a key */
	uint8_t octets;   /* 1 to 16 */
	bool host_order;  /* a number in the byte order of the machine */
};

struct nft_type_info {
	const char *name;
	uint8_t octets;
	uint8_t number; /* of nft's data types, for its listings */
};

extern const struct nft_field_info nft_fields[N_FIELDS];
extern const struct nft_type_info nft_types[N_TYPES];

enum nft_op {
	OP_EQ,
	OP_NE,
	OP_RANGE,    /* value to last, both included */
	OP_PREFIX,   /* the first `bits` bits of an address */
	OP_ANY_BIT,  /* field & value is not 0 */
	OP_FLAGS_NE, /* field & last is not value */
	OP_LOOKUP,   /* the fields are in the set */
	OP_VMAP,     /* the element of the map says what to do; only last */
};

enum { KEY_FIELDS_MAX = 3, KEY_OCTETS_MAX = 32 };

/* Octets stand in network order, numbers of the machine's order as well:
 * only the netlink side knows the difference. */
struct nft_match {
	uint8_t op; /* enum nft_op */
	uint8_t n_fields;
	uint8_t fields[KEY_FIELDS_MAX]; /* more than one with a set or map */
	uint8_t bits;                   /* OP_PREFIX */
	uint8_t value[16], last[16];
	const char *set; /* OP_LOOKUP, OP_VMAP */
};

enum nft_verdict_kind {
	VERDICT_NONE, /* go on with the next rule */
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_RETURN,
	VERDICT_JUMP,
	VERDICT_GOTO,
};

struct nft_verdict {
	enum nft_verdict_kind kind;
	const char *chain; /* VERDICT_JUMP, VERDICT_GOTO */
};

/* Log at most so often; shared by the rules that log in the same words. */
struct nft_log {
	uint32_t rate_per_second, burst;
	const char *prefix; /* at most 127 octets, none of them a quote */
	int group;          /* NFLOG group; -1: the kernel's log */
};

enum { COMMENT_MAX = 128 }; /* with its zero */

/* What the kernel says of an object; zero in what was compiled. */
struct nft_live {
	uint64_t handle; /* of rules */
	uint64_t packets, octets;
	bool foreign; /* not in our vocabulary, so not made by us */
};

struct nft_count {
	uint64_t packets, octets;
};

/* How long the kernel remembers a silent flow; seconds, 0: its own default.
 * Cannot be changed once made, so the name says what is in it. */
struct nft_timeout {
	const char *name;
	uint8_t protocol;                /* tcp or udp */
	uint32_t established_s;          /* tcp */
	uint32_t unreplied_s, replied_s; /* udp */
	struct place place;
};

struct nft_rule {
	const struct nft_match *matches;
	unsigned n_matches;
	const char *timeout;       /* to give to the flow; NULL: none */
	const struct nft_log *log; /* NULL: none */
	bool counter;
	struct nft_verdict verdict;
	const char *comment; /* the rule's id, or words; NULL: none */
	struct place place;
	struct nft_live live;
};

enum nft_hook {
	HOOK_NONE,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_PREROUTING,
};

struct nft_chain {
	const char *name;
	enum nft_hook hook; /* HOOK_NONE: reached by jump or goto only */
	int priority;       /* with a hook; lower runs earlier */
	const char *comment;
	struct nft_rule *rules; /* owned by the ruleset */
	unsigned n_rules, n_room;
	struct place place;
	bool foreign; /* another type or policy than ours */
	/* Of another ruleset, borrowed: its rules are those of this one, which
	 * has none of its own then. What they counted is in `counts`, one for
	 * each of them; owned by the ruleset. NULL: see `rules`. */
	const struct nft_chain *same_as;
	struct nft_count *counts;
};

/* Keys are padded to four octets for each field, as the kernel wants them. */
struct nft_element {
	uint8_t first[KEY_OCTETS_MAX];
	uint8_t last[KEY_OCTETS_MAX]; /* as first, but in interval sets */
	struct nft_verdict verdict;   /* maps only */
	const char *comment;          /* ids of rules, or a name; NULL: none */
	uint64_t ends_ms; /* by clock_now_ms(), in sets with timeouts; 0: it
			   * stays */
	bool own;         /* there because the machine has this address */
	struct place place;
	struct nft_live live;
};

struct nft_set {
	const char *name;
	uint8_t types[KEY_FIELDS_MAX]; /* enum nft_type */
	unsigned n_types;
	bool interval;   /* elements are ranges */
	bool map;        /* elements carry verdicts */
	bool counter;    /* each element counts */
	bool timeout;    /* elements may have an end */
	bool follows;    /* has all addresses of the machine; not known of what
			  * the kernel gave */
	bool of_machine; /* and so are the rules that look into it: on another
			  * machine the same file has none; known of what was
			  * compiled alone */
	const char *comment;
	struct nft_element *elements; /* owned by the ruleset; sorted once
				       * ruleset_finish() was called */
	unsigned n_elements, n_room;
	struct set_index *index; /* for set_find(), made when it is asked */
	struct place place;
	bool foreign; /* types or flags that we do not use */
};

/* Flags of a table in the kernel; older headers lack the last. */
enum { TABLE_DORMANT = 1, TABLE_OWNER = 2, TABLE_PERSIST = 4 };

struct ruleset {
	struct arena arena;        /* names, comments, matches, logs */
	const char *table;         /* "weir" */
	bool dormant;              /* in the kernel, but switched off */
	uint32_t other_flags;      /* of the table in the kernel, as they are */
	struct nft_chain **chains; /* in the order they were added */
	unsigned n_chains, n_chain_room;
	struct nft_set **sets;
	unsigned n_sets, n_set_room;
	struct nft_timeout **timeouts;
	unsigned n_timeouts, n_timeout_room;
	struct map chain_of, set_of; /* by name */
};

struct ruleset *ruleset_new(const char *table);
void ruleset_free(struct ruleset *rules); /* NULL is allowed */

/* NULL when there is none of that name. */
struct nft_chain *ruleset_chain(const struct ruleset *rules, const char *name);
struct nft_set *ruleset_set(const struct ruleset *rules, const char *name);

/*
 * Add an empty one. The name is copied and must be new; everything else
 * that is a pointer must live as long as the ruleset (its arena is there for
 * that). What is returned is the ruleset's and stays where it is.
 */
struct nft_chain *ruleset_add_chain(struct ruleset *rules, const char *name);
struct nft_set *ruleset_add_set(struct ruleset *rules, const char *name,
				const uint8_t *types, unsigned n_types);

/* Take one away, if there is one; what still refers to it is the caller's to
 * mend. */
void ruleset_remove_chain(struct ruleset *rules, const char *name);
void ruleset_remove_set(struct ruleset *rules, const char *name);

/* NULL when there is none of that name. */
struct nft_timeout *ruleset_timeout(const struct ruleset *rules,
				    const char *name);
struct nft_timeout *ruleset_add_timeout(struct ruleset *rules,
					const char *name);

/* Append one, zeroed; borrowed until the next is added. */
struct nft_rule *chain_add_rule(struct nft_chain *chain);
struct nft_element *set_add_element(struct nft_set *set);

/*
 * Leaves out what others put into a table of ours and what we could not make
 * again: foreign rules and sets. Of a foreign rule only a part is known, and
 * a part of a rule is another rule.
 */
void ruleset_drop_foreign(struct ruleset *rules);

/*
 * Gives the sets that follow the machine these addresses in place of those
 * that it had. Returns whether that changed any.
 */
bool ruleset_follow(struct ruleset *rules, const struct cidr *addresses,
		    unsigned n);

/*
 * Adds a stage that shuts addresses which the machine has and the sets that
 * follow it do not know yet: new flows to them, before destinations are
 * translated. What always passes, passes here too. Only for rules whose host
 * has all addresses of the machine, and where somebody keeps them up to date.
 */
void ruleset_guard(struct ruleset *rules);
/* Takes it away again; whether it was there. */
bool ruleset_unguard(struct ruleset *rules);

/* The rules are of mode: report and drop nothing. */
bool ruleset_reports(const struct ruleset *rules);

/*
 * Puts everything in its canonical order: base chains by hook and priority,
 * other chains and sets by name, elements by key. Call once, before reading.
 */
void ruleset_finish(struct ruleset *rules);

/* Octets of a whole key: the fields, each padded to four octets. */
unsigned set_key_octets(const struct nft_set *set);

/* By first key, octet for octet. */
int element_cmp(const struct nft_element *a, const struct nft_element *b);

/* The element that covers this key (padded), or NULL. The first question may
 * cost a sort. */
const struct nft_element *set_find(const struct nft_set *set,
				   const uint8_t *key);

/*
 * The whole table as text that `nft -f` takes; loaded where no such table
 * is, it gives the state that ruleset_apply() gives. The caller frees it.
 */
char *ruleset_text(const struct ruleset *rules);

/* 17 hexadecimal digits and a zero. */
enum { RULES_HASH_MAX = 18 };

/*
 * A hash of all that the ruleset says, the same on machines of one byte order;
 * what others put into it does not count. Two with the same places in the file
 * are written to a file in the same octets.
 *
 * with_places  else neither places nor sets of_machine count
 */
void ruleset_hash(const struct ruleset *rules, bool with_places,
		  char out[RULES_HASH_MAX]);

/* One rule, without indentation and line end. Two rules of a chain are the
 * same rule exactly when their texts are. */
void rule_text(const struct nft_rule *rule, struct text *out);

/* The key of an element, with ranges, as nft writes it. */
void element_key_text(const struct nft_set *set, const struct nft_element *e,
		      struct text *out);

/* One element as it stands within the braces. */
void element_text(const struct nft_set *set, const struct nft_element *e,
		  struct text *out);

#endif
