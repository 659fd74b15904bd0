/*
 * nft_trouble.h - what in this machine stands between the rules and their
 * effect, in the words of who can mend it.
 *
 * Floor: kernel.
 */
#ifndef WEIR_KERNEL_NFT_TROUBLE_H
#define WEIR_KERNEL_NFT_TROUBLE_H

#include "nft.h"

/* A part of the kernel without which some rules cannot be loaded. */
struct nft_part {
	const char *expression; /* as the kernel names it; NULL: the object that
				 * holds timeouts */
	bool to_group;          /* log: to an NFLOG group */
	const char *help;       /* module and option */
	const char *use;        /* what it is needed for */
};

/* missing[i] gets whether the kernel lacks parts[i]. Changes nothing: it is a
 * batch without its end. 0, or -1 with errno. */
int nft_probe(struct nft *nft, const struct nft_part *parts, unsigned n,
	      bool *missing);

/*
 * Warnings: parts of the kernel that `wanted` needs (NULL: nothing), a table
 * of our name that belongs to another process, a table of flows that is full,
 * published ports that sg watch cannot know.
 * Silent where nobody can tell.
 *
 * from_aside  somebody looks who is not to change anything: that the owner is
 *             a keeper is as it should be
 */
void nft_find_trouble(struct nft *nft, const struct ruleset *wanted,
		      bool from_aside, struct diag *diag);

/* That published ports cannot be told to who watches, where the rules have
 * such and lacks() says so: nflog_lacks_flows(). */
void nft_find_untold_ports(const struct ruleset *wanted, bool (*lacks)(void),
			   struct diag *diag);

/* A full table of flows alone; `folder` is /proc/sys/net/netfilter. */
void nft_find_full_table(const char *folder, struct diag *diag);

#endif
