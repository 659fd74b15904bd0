/*
 * nft.h - the kernel's tables: read ours back, send a plan.
 *
 * One netlink socket. Each phase of a plan becomes one batch, of which the
 * kernel takes all or nothing; only what is prepared for a new table is cut
 * into several, before it has base chains. Nothing here touches a table that
 * is not ours.
 *
 * Floor: kernel.  Not thread-safe.  Blocks while the kernel works.
 * Source: linux/netfilter/nf_tables.h, nfnetlink.h.
 */
#ifndef WEIR_KERNEL_NFT_H
#define WEIR_KERNEL_NFT_H

#include "base/diag.h"
#include "firewall/plan.h"
#include "firewall/ruleset.h"

/* The name of our table, of family inet. */
#define KERNEL_TABLE "weir"

struct nft;

/* NULL with errno set: no netfilter in this kernel, or no descriptors. */
struct nft *nft_open(void);
void nft_close(struct nft *nft); /* NULL is allowed */

/*
 * A number that changes with every change of KERNEL_TABLE; what others do to
 * their own tables is not counted, unless nobody can say whose it was. 0, or
 * -1 with errno.
 */
int nft_generation(struct nft *nft, uint32_t *generation);

/*
 * Reads a table of family inet: chains, rules with handles and counters,
 * sets, elements. What we would never have made is marked as foreign. Tries
 * again while others change tables meanwhile.
 *
 * Returns a ruleset that the caller owns, or NULL with errno: ENOENT where
 * there is no such table, EPERM without CAP_NET_ADMIN.
 */
struct ruleset *nft_read(struct nft *nft, const char *table);

/*
 * The same, where `like` is there already and lives longer: what it has is
 * borrowed from there. Of a chain that has the same rules, only what they
 * counted is kept, see nft_chain.same_as. NULL is allowed.
 */
struct ruleset *nft_read_like(struct nft *nft, const char *table,
			      const struct ruleset *like);

enum nft_result {
	NFT_DONE,
	NFT_RACED,  /* the generation has moved: read and plan again */
	NFT_FAILED, /* findings say where and why; nothing was changed */
	NFT_UNSURE, /* answers were lost: only reading back tells */
};

/*
 * Carries the plan out. `generation` is the one at which the old ruleset was
 * read; 0: whatever it is. What was prepared for a change that fails is taken
 * back. Once the rules are switched, a failure to tidy up is a warning.
 */
enum nft_result nft_send(struct nft *nft, const struct plan *plan,
			 uint32_t generation, struct diag *diag);

/* Deletes the table. 0, or -1 with errno; ENOENT: there is none. */
int nft_delete(struct nft *nft, const char *table);

/*
 * Tables that are made from now on belong to this socket: others can neither
 * change nor flush them. When the socket closes they stay, and whoever has
 * CAP_NET_ADMIN may take them over. Does nothing before Linux 6.9: there an
 * owner takes its tables along, and a crash would open all ports.
 */
void nft_own_tables(struct nft *nft);

/* Takes over a table that an owner has left behind. 0, or -1 with errno:
 * EOPNOTSUPP when it was not made that way or this kernel cannot, EPERM when
 * it has another owner. */
int nft_adopt(struct nft *nft, const char *table);

/*
 * Looks for base chains of others on our hooks that drop by policy: what we
 * accept they may still drop. One warning for each. 0, or -1 with errno.
 */
int nft_warn_of_others(struct nft *nft, const char *table, struct diag *diag);

/* A reason in words, for errno values of this file: "CAP_NET_ADMIN is
 * missing". */
const char *nft_reason(int error);

#endif
