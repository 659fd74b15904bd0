/*
 * secgroup.h - who may talk to whom: security groups, prefix lists, network
 * ACLs, as the file gives them.
 *
 * Values only: a reader fills them, nobody changes them afterwards, and all
 * that they point to lives in the same arena. Every object knows where in
 * the file it stands, so that a finding, or an error of the kernel many
 * steps later, can point there.
 *
 * One rule of the file may name several port ranges and several peers. AWS
 * makes one rule of each combination, with an id of its own; so does
 * sg_rule_id(), and so does the compiler.
 *
 * Floor: model.  Source: AWS: security groups, network ACLs, managed prefix
 * lists.
 */
#ifndef WEIR_MODEL_SECGROUP_H
#define WEIR_MODEL_SECGROUP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/diag.h"
#include "base/text.h"

enum sg_direction { SG_INGRESS, SG_EGRESS };

/* Protocols are the IPPROTO_ numbers of netinet/in.h. This stands for all of
 * them, for all types of ICMP, and for all codes of a type. */
enum { SG_ALL = -1 };

struct port_range {
	uint16_t first, last; /* first <= last */
};

enum peer_kind {
	PEER_CIDR,
	PEER_GROUP,       /* the members of a group; "self" is the own group */
	PEER_PREFIX_LIST, /* the entries of a prefix list */
};

struct sg_peer {
	enum peer_kind kind;
	struct cidr cidr;               /* PEER_CIDR */
	const struct secgroup *group;   /* PEER_GROUP; never NULL there */
	const struct prefix_list *list; /* PEER_PREFIX_LIST; likewise */
	struct place place;
};

/* One entry of ingress, egress or firewall.management. */
struct sg_rule {
	int protocol;                   /* 0 to 255, or SG_ALL */
	const struct port_range *ports; /* tcp and udp only: destination */
	unsigned n_ports;               /* 0 counts as all ports */
	int icmp_type, icmp_code; /* icmp and icmpv6 only; SG_ALL: all. Type
				   * SG_ALL implies code SG_ALL */
	const struct sg_peer *peers;
	unsigned n_peers; /* at least 1 */
	/* Ingress only: it came in by one of these; "*" at the end stands for
	 * anything. Sorted, each once. */
	const char *const *interfaces;
	unsigned n_interfaces;   /* 0: wherever */
	const char *description; /* NULL: none */
	struct place place;
};

struct secgroup {
	const char *name;        /* [A-Za-z0-9._-]{1,64} */
	const char *description; /* NULL: none */
	const struct sg_rule *ingress;
	unsigned n_ingress;
	const struct sg_rule *egress;
	unsigned n_egress;
	bool egress_open; /* no egress in the file: everything may leave, and
			   * n_egress is 0 */
	struct place place;
};

struct prefix_entry {
	struct cidr cidr;
	const char *description; /* NULL: none */
	struct place place;
};

/* Entries may nest and repeat, and be of both families. */
struct prefix_list {
	const char *name;
	const char *file; /* has more of them, a line each; NULL: none */
	const struct prefix_entry *entries;
	unsigned n_entries;
	struct place place;
};

struct acl_entry {
	unsigned number; /* 1 to 32766, ascending within a direction */
	bool allow;      /* false: deny */
	int protocol;    /* as in sg_rule, and so are the next three */
	const struct port_range *ports;
	unsigned n_ports;
	int icmp_type, icmp_code;
	struct cidr cidr; /* ingress: source; egress: destination */
	struct place place;
};

struct network_acl {
	const char *name;
	const struct acl_entry *ingress; /* in the order of their numbers */
	unsigned n_ingress;
	const struct acl_entry *egress; /* likewise */
	unsigned n_egress;
	struct place place;
};

/* One combination of a rule. */
struct sg_term {
	const struct port_range *ports; /* NULL: protocols without ports, and
					 * all ports */
	const struct sg_peer *peer;
	unsigned next; /* of sg_rule_each() */
};

/*
 * Walks the combinations of a rule, ports by ports and each with all peers;
 * false behind the last one:
 *
 *	for (struct sg_term t = {0}; sg_rule_each(rule, &t);)
 */
bool sg_rule_each(const struct sg_rule *rule, struct sg_term *t);

/* How many there are. */
unsigned sg_rule_terms(const struct sg_rule *rule);

/* The rule says something about this port of tcp or udp, from whomever. */
bool sg_rule_has_port(const struct sg_rule *rule, uint8_t protocol,
		      uint16_t port);

/*
 * One combination of a rule in words: "tcp 8000-8100 from 10.0.0.0/8". Returns
 * `out`, cut to its size.
 */
const char *sg_rule_words(enum sg_direction direction,
			  const struct sg_rule *rule,
			  const struct port_range *ports,
			  const struct sg_peer *peer, char *out, size_t size);

/* "tcp", "icmpv6", "protocol 50", "all". */
void sg_protocol_text(int protocol, struct text *out);

/* "sgr-", 17 hexadecimal digits, a zero. */
enum { SG_RULE_ID_MAX = 22 };

/*
 * The id of one combination of a rule: a hash of the group's name and what
 * makes a rule unique (direction, protocol, ports or ICMP part, peer). The
 * place in the file and the description do not count, so that a rule keeps
 * its id, and its counters, when the file is put in another order.
 *
 * ports  NULL for protocols without ports, and for all ports
 */
void sg_rule_id(const struct secgroup *group, enum sg_direction direction,
		const struct sg_rule *rule, const struct port_range *ports,
		const struct sg_peer *peer, char out[SG_RULE_ID_MAX]);

/* The id of the rule that "egress absent" stands for, in family 4 or 6. */
void sg_open_rule_id(const struct secgroup *group, uint8_t family,
		     char out[SG_RULE_ID_MAX]);

/* 17 hexadecimal digits of a hash that is the same on every machine. */
void sg_hash(struct slice text, char out[18]);

/*
 * Names of ICMP types and codes, for IPPROTO_ICMP and IPPROTO_ICMPV6. The
 * first two return -1 when there is no such name (then ask for a number),
 * the last NULL when a type has no name.
 */
int icmp_type_named(int protocol, struct slice name);
int icmp_code_named(int protocol, int type, struct slice name);
const char *icmp_type_name(int protocol, int type);

/* Walks the names for "did you mean": NULL behind the last one. */
const char *icmp_type_name_at(int protocol, size_t i);

#endif
