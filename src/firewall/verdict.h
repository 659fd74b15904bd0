/*
 * verdict.h - what a ruleset makes of one packet, and why.
 *
 * The same ruleset that goes to the kernel is walked here as the kernel
 * walks it: base chains of the hook by priority, accept ends one base chain,
 * drop ends the packet. Rate limits and logs are passed over: they decide
 * nothing.
 *
 * Pure. Floor: firewall.  Source: nft(8).
 */
#ifndef WEIR_FIREWALL_VERDICT_H
#define WEIR_FIREWALL_VERDICT_H

#include "model/host.h"
#include "ruleset.h"
#include "whereabouts.h"

/* A packet, or the first one of a flow, as it crosses this machine. */
struct nft_packet {
	enum nft_hook hook; /* input, forward or output */
	char iifname[INTERFACE_NAME_MAX], oifname[INTERFACE_NAME_MAX];
	struct cidr source, destination; /* of one family and full length */
	bool by_any; /* nobody knows where it came in, so a rule that names an
		      * interface may be meant. Never loopback, and never in
		      * sets and maps */
	uint8_t protocol;
	uint16_t sport, dport;        /* tcp and udp */
	uint8_t icmp_type, icmp_code; /* icmp and icmpv6 */
	uint8_t tcp_flags;
	uint32_t ct_state;          /* one of the CT_ bits */
	bool translated;            /* destination: by a published port */
	struct cidr ct_destination; /* as the sender wrote it */
	uint16_t ct_dport;
	bool has_uid; /* sent by a process of this machine */
	uint32_t uid;
};

/* A rule that matched and said where to go. */
struct verdict_step {
	const struct nft_chain *chain; /* in which it stands */
	const struct nft_rule *rule;
	const struct nft_element *element; /* that matched, or NULL */
};

/* More steps than this are not recorded. */
enum { VERDICT_STEPS_MAX = 64 };

struct verdict {
	bool accepted;
	struct verdict_step steps[VERDICT_STEPS_MAX];
	unsigned n_steps;
};

/*
 * Walks the chains. The steps point into the ruleset. Of jumps that came
 * back without a verdict no step is kept, so the steps are the path, and the
 * last step of each base chain is the one that decided there.
 */
void verdict_of(const struct ruleset *rules, const struct nft_packet *packet,
		struct verdict *out);

/*
 * A new flow from one address to another, by way of this machine: fills
 * hook, interfaces (of bound instances; a name that nobody has, else) and
 * the state. For tcp it is a SYN. The caller sets ports or ICMP part.
 * Addresses must be of one family and of full length.
 */
struct nft_packet packet_between(const struct firewall_config *config,
				 const struct cidr *from, const struct cidr *to,
				 uint8_t protocol);

/* The same for those who ask often. */
struct nft_packet packet_between_known(const struct whereabouts *w,
				       const struct cidr *from,
				       const struct cidr *to, uint8_t protocol);

#endif
