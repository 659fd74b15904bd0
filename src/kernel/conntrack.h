/*
 * conntrack.h - ends the flows that no rule admits any more.
 *
 * The kernel lets established flows pass, so a flow outlives the rule that
 * let it in, as on AWS. With firewall.revoke: cut it does not: after the new
 * rules are in force, every tracked flow is asked about again, as if its
 * first packet came now, and those that would not get in are forgotten. What
 * they send next is a new flow, and meets the rules.
 *
 * Floor: kernel.  Not thread-safe.
 * Source: linux/netfilter/nfnetlink_conntrack.h.
 */
#ifndef WEIR_KERNEL_CONNTRACK_H
#define WEIR_KERNEL_CONNTRACK_H

#include "firewall/ruleset.h"
#include "firewall/verdict.h"
#include "model/host.h"

struct whereabouts; /* firewall/whereabouts.h */

/* A tracked flow, by its first packet. */
struct flow {
	struct cidr source, destination; /* of full length; the destination
					  * after translation */
	uint8_t protocol;
	uint16_t sport, dport; /* likewise */
	uint8_t icmp_type, icmp_code;
	bool translated;
	struct cidr ct_destination; /* as the sender wrote it */
	uint16_t ct_dport;
};

/*
 * Would the rules let the flow begin now? Who sent it is not known any more,
 * so a flow from this machine stays if it could be a load balancer's.
 * Multicast stays: it has no end to cut. Pure.
 */
bool flow_is_admitted(const struct whereabouts *where, uint32_t balancer_uid,
		      const struct ruleset *rules, const struct flow *flow);

struct nlattr;

/* Where the first packet of a flow went, as its sender wrote it: of a
 * CTA_TUPLE_ORIG. False: it does not say. */
bool conntrack_destination(const struct nlattr *original,
			   struct cidr *destination, uint16_t *dport);

struct conntrack_result {
	unsigned n_seen, n_cut;
};

/*
 * Ends the flows. Call after the rules are in force. 0, or -1 with errno:
 * EPERM without CAP_NET_ADMIN, ENOTSUP where the kernel cannot tell flows.
 */
int conntrack_cut(const struct firewall_config *config,
		  const struct ruleset *rules, struct conntrack_result *out);

#endif
