/*
 * explain_reason.h - why a stage of the rules decided about a packet as it did,
 * in the words of the file.
 *
 * Floor: cmd.
 */
#ifndef WEIR_CMD_EXPLAIN_REASON_H
#define WEIR_CMD_EXPLAIN_REASON_H

#include "firewall/verdict.h"

/* What passes because its flow does. */
extern const char REASON_ESTABLISHED[];

struct reason {
	char words[400];
	char id[SG_RULE_ID_MAX];   /* "": no rule of a group */
	const struct place *place; /* borrowed; NULL or without a file: none */
};

/* "groups of the sender"; the chain's own name for a stage that decides
 * nothing. */
const char *stage_words(const struct nft_chain *base);

/* The step that decided in this base chain; NULL: none did. */
const struct verdict_step *stage_decision(const struct verdict *v,
					  const struct nft_chain *base);

/* The step drops the packet, or would if firewall.mode were enforce. */
bool step_denies(const struct verdict_step *s);

void step_reason(const struct firewall_config *c, const struct verdict_step *s,
		 struct reason *out);

#endif
