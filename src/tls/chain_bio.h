/*
 * chain_bio.h - lets OpenSSL read from one chain and write to another.
 *
 * OpenSSL's memory BIOs would copy every octet once more and keep what they
 * have ever needed.
 *
 * Floor: tls.
 */
#ifndef WEIR_TLS_CHAIN_BIO_H
#define WEIR_TLS_CHAIN_BIO_H

#include "net/filter.h"

struct bio_st;

enum {
	/* Limit of raw_out; encode stops there. */
	RAW_OUT_OCTETS = 64 * 1024,
	/* Over the limit so far, for what OpenSSL answers on its own. A peer
	 * that makes us answer more, and reads none of it, is cut off. */
	RAW_OUT_EXCESS = 64 * 1024,
};

/* Reads raw_in and writes raw_out of a filter, which is borrowed. NULL when
 * memory is out. */
struct bio_st *chain_bio_new(struct filter *f);

#endif
