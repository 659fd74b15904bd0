/*
 * draft.h - a rule under construction.
 *
 * Collects matches in the order in which the kernel will try them, and adds
 * by itself what a match depends on: the family before an address, once.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_DRAFT_H
#define WEIR_FIREWALL_DRAFT_H

#include "base/cidr.h"
#include "model/secgroup.h"
#include "ruleset.h"

enum { DRAFT_MATCHES_MAX = 10 };

/* A zeroed draft matches every packet. */
struct draft {
	struct nft_match matches[DRAFT_MATCHES_MAX];
	unsigned n_matches;
	int family;   /* already matched; 0: not yet */
	int protocol; /* likewise; one more than its number */
};

/* Which address of the packet. */
enum side { SIDE_SOURCE, SIDE_DESTINATION, SIDE_CT_DESTINATION };

enum nft_field address_field(enum side side, uint8_t family);

void draft_family(struct draft *d, uint8_t family); /* 4 or 6 */
void draft_protocol(struct draft *d, int protocol); /* 0 to 255 */
void draft_interface(struct draft *d, enum nft_field field, const char *name);

/* A network of length 0 matches its family only. */
/* A packet that came in there; "*" at the end stands for anything. */
void draft_came_in(struct draft *d, const char *name);
void draft_address(struct draft *d, enum side side, const struct cidr *cidr);

/* `protocol` is tcp or udp. All ports: the protocol only. */
void draft_ports(struct draft *d, int protocol, enum nft_field field,
		 uint16_t first, uint16_t last);

/* SG_ALL for all types, or all codes. In the family that the protocol is not
 * made for, only the protocol is compared. */
void draft_icmp(struct draft *d, uint8_t family, int protocol, int type,
		int code);

/* Any of these bits of ct state or ct status. */
void draft_ct(struct draft *d, enum nft_field field, uint32_t bits);

void draft_skuid(struct draft *d, uint32_t uid);

/* The destination is no address of this machine. */
void draft_not_local(struct draft *d);

/* TCP whose flags among FIN, SYN, RST, ACK are not SYN alone. */
void draft_not_syn(struct draft *d);

/* The fields are in the set. Fields are N_FIELDS when not used. */
void draft_lookup(struct draft *d, const char *set, enum nft_field a,
		  enum nft_field b, enum nft_field c);
/* The map decides; nothing may follow. */
void draft_vmap(struct draft *d, const char *map, enum nft_field a,
		enum nft_field b, enum nft_field c);

/* Appends the rule to the chain and returns it; the draft stays usable. */
struct nft_rule *draft_put(const struct draft *d, struct ruleset *rules,
			   struct nft_chain *chain, enum nft_verdict_kind kind,
			   const char *target);

#endif
