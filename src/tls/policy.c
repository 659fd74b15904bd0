#include "policy.h"

#include <openssl/ssl.h>

#include "base/fail.h"
#include "library.h"

/* clang-format off */
#define T13  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:" \
	     "TLS_CHACHA20_POLY1305_SHA256"
#define T13F "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
#define T256 "TLS_AES_256_GCM_SHA384"
#define E1   "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
#define E2   "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256"
#define E3   "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
#define E4   "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define E5   "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384"
#define E6   "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
/* AWS lists this pair the other way round in some policies. */
#define E6R  "ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA"
#define R1   "AES128-GCM-SHA256:AES128-SHA256"
#define R2   "AES128-SHA"
#define R3   "AES256-GCM-SHA384:AES256-SHA256"
#define R4   "AES256-SHA"

#define FS_ALL     E1 ":" E2 ":" E3 ":" E4 ":" E5 ":" E6R
#define ALL        E1 ":" E2 ":" E3 ":" E4 ":" E5 ":" E6 \
		   ":" R1 ":" R2 ":" R3 ":" R4
#define FIPS_ALL   E1 ":" E2 ":" E3 ":" E4 ":" E5 ":" E6R \
		   ":" R1 ":" R2 ":" R3 ":" R4
#define FS_SHA2    E1 ":" E2 ":" E4 ":" E5
#define SHA2       E1 ":" E2 ":" E4 ":" E5 ":" R1 ":" R3
#define INTEROP1   E4 ":" E1
#define INTEROP2   INTEROP1 ":" E5 ":" E2
#define INTEROP3   INTEROP2 ":" E6 ":" E3
#define INTEROP4   INTEROP3 ":" R3 ":" R4 ":" R1 ":" R2

#define V10 TLS1_VERSION
#define V11 TLS1_1_VERSION
#define V12 TLS1_2_VERSION
#define V13 TLS1_3_VERSION

#define P(name)     "ELBSecurityPolicy-" name
#define NEW         POLICY_TLS13
#define NEW_PQ      (POLICY_TLS13 | POLICY_PQ)
#define FIPS        (POLICY_TLS13 | POLICY_FIPS)
#define FIPS_PQ     (POLICY_TLS13 | POLICY_FIPS | POLICY_PQ)
#define RFC9151     (POLICY_TLS13 | POLICY_FIPS | POLICY_RFC9151)

/* In the order of AWS's page. */
static const struct tls_policy policies[] = {
	{P("TLS13-1-3-2021-06"), NEW, V13, V13, T13, ""},
	{P("TLS13-1-3-PQ-2025-09"), NEW_PQ, V13, V13, T13, ""},
	{P("TLS13-1-2-2021-06"), NEW, V12, V13, T13, FS_SHA2},
	{P("TLS13-1-2-PQ-2025-09"), NEW_PQ, V12, V13, T13, FS_SHA2},
	{P("TLS13-1-2-Res-2021-06"), NEW, V12, V13, T13, E1 ":" E4},
	{P("TLS13-1-2-Res-PQ-2025-09"), NEW_PQ, V12, V13, T13, E1 ":" E4},
	{P("TLS13-1-2-Ext1-2021-06"), NEW, V12, V13, T13, SHA2},
	{P("TLS13-1-2-Ext1-PQ-2025-09"), NEW_PQ, V12, V13, T13, SHA2},
	{P("TLS13-1-2-Ext2-2021-06"), NEW, V12, V13, T13, ALL},
	{P("TLS13-1-2-Ext2-PQ-2025-09"), NEW_PQ, V12, V13, T13, ALL},
	{P("TLS13-1-1-2021-06"), NEW, V11, V13, T13, ALL},
	{P("TLS13-1-0-2021-06"), NEW, V10, V13, T13, ALL},
	{P("TLS13-1-0-PQ-2025-09"), NEW_PQ, V10, V13, T13, ALL},

	{P("2016-08"), 0, V10, V12, "", ALL},
	{P("TLS-1-1-2017-01"), 0, V11, V12, "", ALL},
	{P("TLS-1-2-Ext-2018-06"), 0, V12, V12, "", ALL},
	{P("TLS-1-2-2017-01"), 0, V12, V12, "", SHA2},

	{P("FS-2018-06"), 0, V10, V12, "", FS_ALL},
	{P("FS-1-1-2019-08"), 0, V11, V12, "", FS_ALL},
	{P("FS-1-2-2019-08"), 0, V12, V12, "", FS_ALL},
	{P("FS-1-2-Res-2019-08"), 0, V12, V12, "", FS_SHA2},
	{P("FS-1-2-Res-2020-10"), 0, V12, V12, "", E1 ":" E4},

	{P("TLS13-1-3-FIPS-2023-04"), FIPS, V13, V13, T13F, ""},
	{P("TLS13-1-3-FIPS-PQ-2025-09"), FIPS_PQ, V13, V13, T13F, ""},
	{P("TLS13-1-2-FIPS-2023-04"), FIPS, V12, V13, T13F, FS_SHA2},
	{P("TLS13-1-2-FIPS-PQ-2025-09"), FIPS_PQ, V12, V13, T13F, FS_SHA2},
	{P("TLS13-1-2-Res-FIPS-2023-04"), FIPS, V12, V13, T13F, E1 ":" E4},
	{P("TLS13-1-2-Res-FIPS-PQ-2025-09"), FIPS_PQ, V12, V13, T13F,
	 E1 ":" E4},
	{P("TLS13-1-2-Ext0-FIPS-2023-04"), FIPS, V12, V13, T13F, FS_ALL},
	{P("TLS13-1-2-Ext0-FIPS-PQ-2025-09"), FIPS_PQ, V12, V13, T13F,
	 FS_ALL},
	{P("TLS13-1-2-Ext1-FIPS-2023-04"), FIPS, V12, V13, T13F, SHA2},
	{P("TLS13-1-2-Ext1-FIPS-PQ-2025-09"), FIPS_PQ, V12, V13, T13F, SHA2},
	{P("TLS13-1-2-Ext2-FIPS-2023-04"), FIPS, V12, V13, T13F, FIPS_ALL},
	{P("TLS13-1-2-Ext2-FIPS-PQ-2025-09"), FIPS_PQ, V12, V13, T13F,
	 FIPS_ALL},
	{P("TLS13-1-1-FIPS-2023-04"), FIPS, V11, V13, T13F, FIPS_ALL},
	{P("TLS13-1-0-FIPS-2023-04"), FIPS, V10, V13, T13F, FIPS_ALL},
	{P("TLS13-1-0-FIPS-PQ-2025-09"), FIPS_PQ, V10, V13, T13F, FIPS_ALL},

	{P("TLS13-1-3-RFC9151-FIPS-2023-07"), RFC9151, V13, V13, T256, ""},
	{P("TLS13-1-2-RFC9151-FIPS-2023-07"), RFC9151, V12, V13, T256, E4},
	{P("TLS13-1-2-Ext0-RFC9151-FIPS-2023-07"), RFC9151, V12, V13, T256,
	 E4 ":AES256-GCM-SHA384"},
	/* The 256 bits come first, on top as below. */
	{P("TLS13-1-2-RFC9151-INTEROP1-FIPS-2023-07"), RFC9151, V12, V13,
	 T256 ":TLS_AES_128_GCM_SHA256", INTEROP1},
	{P("TLS13-1-2-RFC9151-INTEROP2-FIPS-2023-07"), RFC9151, V12, V13,
	 T256 ":TLS_AES_128_GCM_SHA256", INTEROP2},
	{P("TLS13-1-2-RFC9151-INTEROP3-FIPS-2023-07"), RFC9151, V12, V13,
	 T256 ":TLS_AES_128_GCM_SHA256", INTEROP3},
	{P("TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07"), RFC9151, V12, V13,
	 T256 ":TLS_AES_128_GCM_SHA256", INTEROP4},
};

/* AWS: "Backend connections"; the first row of which all traits are met by
 * one listener. */
static const struct {
	unsigned traits;
	struct slice name;
} towards_targets[TARGET_RANKS] = {
	{POLICY_RFC9151,
	 SLICE_INIT(P("TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07"))},
	{POLICY_FIPS | POLICY_PQ, SLICE_INIT(P("TLS13-1-0-FIPS-PQ-2025-09"))},
	{POLICY_FIPS, SLICE_INIT(P("TLS13-1-0-FIPS-2023-04"))},
	{POLICY_PQ, SLICE_INIT(P("TLS13-1-0-PQ-2025-09"))},
	{POLICY_TLS13, SLICE_INIT(P("TLS13-1-0-2021-06"))},
	{0, SLICE_INIT(P("2016-08"))},
};
/* clang-format on */

#define CLASSICAL "X25519:P-256:P-384"
#define HYBRID    "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024"

const struct tls_policy *tls_policy_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (slice_eq(name, slice_of(policies[i].name)))
			return &policies[i];
	return NULL;
}

const struct tls_policy *tls_policy_at(size_t index)
{
	return index < ARRAY_SIZE(policies) ? &policies[index] : NULL;
}

static bool some_has(const struct tls_policy *const *listeners, size_t n,
		     unsigned traits)
{
	for (size_t i = 0; i < n; i++)
		if (listeners[i] && (listeners[i]->traits & traits) == traits)
			return true;
	return traits == 0;
}

unsigned tls_target_rank(const struct tls_policy *const *listeners, size_t n)
{
	unsigned rank = 0;

	while (!some_has(listeners, n, towards_targets[rank].traits))
		rank++;
	return rank;
}

const struct tls_policy *tls_target_policy(unsigned rank)
{
	assert(rank < TARGET_RANKS);
	return tls_policy_find(towards_targets[rank].name);
}

static bool set_groups(const struct tls_policy *policy, SSL_CTX *ctx,
		       const struct place *at, struct diag *diag)
{
	if (policy->traits & POLICY_PQ) {
		if (SSL_CTX_set1_groups_list(ctx, HYBRID ":" CLASSICAL) == 1)
			return true;
		library_forget();
		diag_warning(diag, at, NULL,
			     "ssl_policy %s: this OpenSSL has no post-quantum "
			     "key exchange; only the classical groups are "
			     "offered",
			     policy->name);
	}
	return SSL_CTX_set1_groups_list(ctx, CLASSICAL) == 1;
}

int tls_policy_apply(const struct tls_policy *policy, SSL_CTX *ctx,
		     const struct place *at, struct diag *diag)
{
	/* Before TLS 1.2 handshakes are signed with SHA-1 and MD5, which
	 * OpenSSL 3 allows on level 0 only. Keys are judged on load. */
	SSL_CTX_set_security_level(ctx, policy->oldest < V12 ? 0 : 1);

	if (SSL_CTX_set_min_proto_version(ctx, policy->oldest) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, policy->newest) != 1)
		goto fail;
	if (policy->suites[0] &&
	    SSL_CTX_set_ciphersuites(ctx, policy->suites) != 1)
		goto fail;
	if (policy->ciphers[0] &&
	    SSL_CTX_set_cipher_list(ctx, policy->ciphers) != 1)
		goto fail;
	if (!set_groups(policy, ctx, at, diag))
		goto fail;
	return 0;

fail:
	diag_error(diag, at, NULL, "ssl_policy %s: OpenSSL cannot do it: %s",
		   policy->name, library_reason());
	return -1;
}

bool tls_policy_has_hybrid_groups(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	bool has = ctx && SSL_CTX_set1_groups_list(ctx, HYBRID) == 1;

	SSL_CTX_free(ctx);
	library_forget();
	return has;
}
