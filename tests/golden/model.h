/*
 * model.h - a firewall configuration in a few words, for tests.
 *
 *	model_allow(m, "web", SG_INGRESS, "tcp", "80,443", "0.0.0.0/0 @lb");
 *
 * Peers: a network, @GROUP, %PREFIX-LIST. Names that are not known yet are
 * made. Words that cannot be read end the test.
 */
#ifndef WEIR_TESTS_MODEL_H
#define WEIR_TESTS_MODEL_H

#include "model/host.h"

enum { MODEL_MAX = 400 }; /* of each kind */

struct model {
	struct arena arena;
	struct firewall_config config; /* points into what follows */
	struct secgroup groups[MODEL_MAX];
	struct prefix_list lists[MODEL_MAX];
	struct network_acl acls[MODEL_MAX];
	struct subnet subnets[MODEL_MAX];
	struct instance instances[MODEL_MAX];
	struct firewall_balancer balancers[MODEL_MAX];
	unsigned line; /* of the last thing added; each stands in its own */
};

struct model *model_new(void);
void model_free(struct model *m);

struct secgroup *model_group(struct model *m, const char *name);

/* protocol: tcp, udp, icmp, icmpv6, all, or a number. part: ports for tcp and
 * udp, "TYPE" or "TYPE/CODE" for ICMP; "" for all. */
void model_allow(struct model *m, const char *group, enum sg_direction d,
		 const char *protocol, const char *part, const char *peers);
/* The same for firewall.management. */
void model_manage(struct model *m, const char *protocol, const char *part,
		  const char *peers);
void model_list(struct model *m, const char *name, const char *networks);

/* Everything may leave, as when the file has no egress. */
void model_open(struct model *m, const char *group);

/* interface NULL: not bound. */
void model_instance(struct model *m, const char *name, const char *addresses,
		    const char *interface, const char *groups);
void model_host(struct model *m, const char *addresses, const char *groups);
/* What the machine has, and asks. */
void model_machine(struct model *m, const char *addresses,
		   const char *resolvers);
void model_subnet(struct model *m, const char *name, const char *networks,
		  const char *acl);
void model_acl(struct model *m, const char *acl, enum sg_direction d,
	       unsigned number, bool allow, const char *protocol,
	       const char *part, const char *network);
/* points: "tcp 0.0.0.0/0 80, udp 10.0.0.1/32 53" */
void model_balancer(struct model *m, const char *name, const char *groups,
		    const char *listeners, const char *targets);

#endif
