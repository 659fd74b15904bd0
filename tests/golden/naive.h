/*
 * naive.h - what the manual says, rule after rule, without any ruleset.
 *
 * Written from the description of security groups, not from the compiler:
 * slow, plain, and the judge in the property tests.
 */
#ifndef WEIR_TESTS_NAIVE_H
#define WEIR_TESTS_NAIVE_H

#include "firewall/verdict.h"

bool naive_accepts(const struct firewall_config *config,
		   const struct nft_packet *packet);

#endif
