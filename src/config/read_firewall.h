/*
 * read_firewall.h - what the readers of the firewall half share.
 *
 * Floor: config.  Source: weir.yaml(5).
 */
#ifndef WEIR_CONFIG_READ_FIREWALL_H
#define WEIR_CONFIG_READ_FIREWALL_H

#include "model/host.h"
#include "read.h"

/* While the sections are read. What ends in the snapshot is its arena's; the
 * maps are released with the reader. */
struct firewall_reader {
	struct firewall_config *config; /* in the arena */
	bool is_given;                  /* some section stands in the file */
	struct map groups;    /* name -> struct secgroup, from the beginning:
			       * groups refer to each other */
	struct map lists;     /* name -> struct prefix_list */
	struct map acls;      /* name -> struct network_acl */
	struct map instances; /* name -> struct instance */
	struct map used;      /* address of an object -> itself */
	struct map sizes;     /* address of a prefix list -> max_entries + 1 */
	struct map networks;  /* address of a prefix list -> struct cidr_set, of
			       * those that the balancer asks */
	struct map carriers;  /* address of a group -> an instance that has it,
			       * another than the host if there is one */
};

/* -- read_traffic.c: what a rule says of packets, apart from the peer ------ */

/* Stands first in each draft of a rule, so that its rows have offset 0. */
struct traffic {
	bool has_protocol; /* false: it could not be read */
	int protocol;      /* 0 to 255, or SG_ALL */
	struct port_range *ports;
	unsigned n_ports;
	int icmp_type, icmp_code;
	/* Of the values; line 0: not given. */
	struct place ports_at, type_at, code_at;
};

extern const struct type type_protocol, type_ports, type_icmp_type,
	type_icmp_code;

/* clang-format off */
#define TRAFFIC_ROWS                                                           \
	{"protocol", &type_protocol, 0, .flags = KEY_REQUIRED,                 \
	 .any = {0, 255},                                                      \
	 .values = "tcp, udp, icmp, icmpv6, all, 0 to 255",                    \
	 .doc = "What a packet carries."},                                     \
	{"ports", &type_ports, 0,                                              \
	 .values = "0 to 65535, ranges such as 8000-8100, or a list of these", \
	 .doc = "Ports of the receiver.",                                      \
	 .absent = "required with tcp and udp"},                               \
	{"type", &type_icmp_type, 0, .any = {0, 255},                          \
	 .values = "0 to 255, names such as echo-request",                     \
	 .doc = "ICMP type.", .absent = "all"},                                \
	{"code", &type_icmp_code, 0, .any = {0, 255},                          \
	 .values = "0 to 255, names such as host-unreachable",                 \
	 .doc = "ICMP code.", .absent = "all"}
/* clang-format on */

/* Whether the parts go together; reports what does not. */
void check_traffic(struct reader *r, const struct place *rule,
		   const struct traffic *t);

/* A network; reports and returns false when it is none. */
bool want_cidr(struct reader *r, const struct node *v, struct cidr *out);
extern const struct type type_cidr; /* struct cidr */

/* The slot gets the node itself, for what needs all names first. */
extern const struct type type_later;

/* -- the sections ---------------------------------------------------------- */

extern const struct type type_prefix_lists;    /* read_network.c */
extern const struct type type_network_acls;    /* read_network.c */
extern const struct type type_subnets;         /* read_network.c */
extern const struct type type_security_groups; /* read_secgroup.c */
extern const struct type type_management;      /* read_secgroup.c */
extern const struct type type_instances;       /* read_instance.c */
extern const struct type type_firewall;        /* read_instance.c */

extern const struct key prefix_list_keys[], network_acl_keys[], subnet_keys[],
	secgroup_keys[], ingress_keys[], instance_keys[], firewall_keys[];

/* The object of that name, marked as used; NULL after a finding that says
 * what is defined. `what` is "security group". */
void *fw_find(struct reader *r, const struct map *map, const char *what,
	      const struct node *name);
bool fw_is_used(const struct reader *r, const void *object);
/* Groups of an instance, or of a load balancer that names them. */
const struct secgroup *const *fw_groups(struct reader *r, const struct node *v,
					unsigned *n);

/* Networks, and prefix lists by name ({prefix_list: NAME}), as one set. */
struct cidr_set;
void fw_networks(struct reader *r, const struct node *v, struct cidr_set *out);
extern const struct key network_peer_keys[];

/* -- the reader itself ----------------------------------------------------- */

void firewall_reader_release(struct firewall_reader *f);

/* -- check_firewall.c ------------------------------------------------------ */

/* Once everything is read: load balancers into the firewall's view, then what
 * only shows when all of it is there. */
void firewall_done(struct reader *r);

#endif
