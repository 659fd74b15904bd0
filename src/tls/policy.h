/*
 * policy.h - the named security policies: versions and ciphers in order.
 *
 * Floor: tls.  Source: AWS: "Security policies for your Application Load
 * Balancer".
 */
#ifndef WEIR_TLS_POLICY_H
#define WEIR_TLS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/slice.h"

struct ssl_ctx_st;

/* Bits of tls_policy.traits; they decide the policy towards targets. */
enum {
	POLICY_TLS13 = 1,   /* TLS 1.3 is offered */
	POLICY_PQ = 2,      /* hybrid post-quantum key exchange is wanted */
	POLICY_FIPS = 4,    /* "FIPS" is in the name */
	POLICY_RFC9151 = 8, /* "RFC9151" is in the name */
};

struct tls_policy {
	const char *name;
	unsigned traits;
	int oldest, newest;  /* TLS1_VERSION .. TLS1_3_VERSION of OpenSSL */
	const char *suites;  /* for TLS 1.3, in order; "" for none */
	const char *ciphers; /* up to TLS 1.2, in order; "" for none */
};

/* What a listener without ssl_policy has. */
#define POLICY_DEFAULT "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

/* By its full name, case and all; NULL when there is no such policy. */
const struct tls_policy *tls_policy_find(struct slice name);

/* All policies, for "did you mean" and for lists; NULL behind the last. */
const struct tls_policy *tls_policy_at(size_t index);

/*
 * The policy towards targets, which nobody can choose: it follows those of
 * the load balancer's TLS listeners. It is one of TARGET_RANKS, each of which
 * stands for a policy.
 *
 * n may be 0; a NULL among them is a listener without TLS.
 */
enum { TARGET_RANKS = 6 };

unsigned tls_target_rank(const struct tls_policy *const *listeners, size_t n);
const struct tls_policy *tls_target_policy(unsigned rank);

/*
 * Applies a policy to a fresh context. Where the OpenSSL that we run with has
 * no hybrid groups, the classical ones remain and a warning says so; `at` may
 * be NULL. Returns 0, or -1 after an error.
 */
int tls_policy_apply(const struct tls_policy *policy, struct ssl_ctx_st *ctx,
		     const struct place *at, struct diag *diag);

/* True when this OpenSSL can do what POLICY_PQ asks for. */
bool tls_policy_has_hybrid_groups(void);

#endif
