/*
 * nft_watch.h - hears that somebody changed the tables of the kernel.
 *
 * What changed is not read here: whoever hears looks at the generation, and
 * reads the table when it is not the one that was left.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_NFT_WATCH_H
#define WEIR_FIREWALL_NFT_WATCH_H

/* A socket that becomes readable with each change. -1 with errno. */
int nft_watch_open(void);
/* Empties it. */
void nft_watch_heard(int fd);

#endif
