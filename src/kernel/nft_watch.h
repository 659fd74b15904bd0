/*
 * nft_watch.h - hears that somebody changed our table, among all that others
 * change in theirs.
 *
 * What changed is not read here: whoever hears reads the table. That it was
 * another table must cost nothing, for there are neighbours who change theirs
 * ten times a second.
 *
 * Floor: kernel.  Source: linux/netfilter/nf_tables.h.
 */
#ifndef WEIR_KERNEL_NFT_WATCH_H
#define WEIR_KERNEL_NFT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* A socket that becomes readable with each change of any table. -1 with
 * errno. */
int nft_watch_open(void);

struct nft_news {
	bool touched; /* our table, or nobody knows which: more came than fits
		       */
	bool opened;  /* it, or a chain as a whole, came, went or changed: what
		       * it guards may be open */
	bool overflowed; /* more came than fits */
	bool has_generation;
	uint32_t generation; /* that the last change led to */
};

/*
 * Empties it. `by` is the port of the netlink socket whose own changes are no
 * news; 0: all are. Adds to what is in *news.
 */
void nft_watch_heard(int fd, const char *table, uint32_t by,
		     struct nft_news *news);

#endif
