/*
 * tell.h - rules that tell the keeper which packets are dropped, or would be.
 *
 * Before each rule that drops stands one that gives the packet to an NFLOG
 * group: so many a second for each of them, and no more, so that whoever sends
 * many neither hides the others nor costs much. Without a listener the kernel
 * throws it away at once. They are laid over a ruleset, as run-time entries
 * are, wherever a keeper stays that can listen.
 *
 * What firewall.log_drops asks for are other rules; see deny() of compiler.h.
 *
 * Pure. Floor: firewall.
 */
#ifndef WEIR_FIREWALL_TELL_H
#define WEIR_FIREWALL_TELL_H

#include "ruleset.h"

/* For each rule that drops. */
enum { TELL_RATE_PER_SECOND = 100, TELL_BURST = 100 };

/* With its zero; nft's own limit for prefixes. */
enum { TELL_PREFIX_MAX = 128 };

/* In place of those that were laid before. */
void tell_lay(struct ruleset *rules);
/* Takes them away; whether there were any. */
bool tell_strip(struct ruleset *rules);

/* Lays them where `now` has some: a keeper that is gone has left them, and
 * that is no difference. */
void tell_lay_as_in(struct ruleset *rules, const struct ruleset *now);

/* The rule was laid by tell_lay(). */
bool tell_is_laid(const struct nft_rule *rule);

/* Which rule a packet met. */
struct tell_words {
	bool would;         /* it passed: mode: report */
	struct slice chain; /* of the rule that drops */
	struct slice rule;  /* its comment, "rule 90"; empty: it has none */
};

/* Reads the prefix that the kernel gives along; borrows from it. False: no
 * rule of ours said so. */
bool tell_parse(struct slice prefix, struct tell_words *out);

#endif
