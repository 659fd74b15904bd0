/*
 * random.h - configurations and packets by chance, from a small world where
 * everything meets everything: few addresses, few ports.
 *
 * The caller seeds rand().
 */
#ifndef WEIR_TESTS_RANDOM_H
#define WEIR_TESTS_RANDOM_H

#include "firewall/verdict.h"
#include "model.h"

void random_model(struct model *m);
struct nft_packet random_packet(const struct model *m);

/* 0 to n - 1. */
unsigned any_of(unsigned n);

#endif
