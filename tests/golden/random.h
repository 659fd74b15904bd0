/*
 * random.h - configurations and packets by chance, from a small world where
 * everything meets everything: few addresses, few ports.
 *
 * The caller seeds rand(), or gives the octets that decide.
 */
#ifndef WEIR_TESTS_RANDOM_H
#define WEIR_TESTS_RANDOM_H

#include "firewall/verdict.h"
#include "model.h"

void random_model(struct model *m);
struct nft_packet random_packet(const struct model *m);

/* From now on these octets decide instead of rand(); behind the last one every
 * choice is 0. Borrowed until the next call; NULL: rand() again. */
void random_from(const uint8_t *octets, size_t n);

/* 0 to n - 1. */
unsigned any_of(unsigned n);

#endif
