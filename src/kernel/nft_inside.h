/*
 * nft_inside.h - one netlink socket and what is known by way of it; private
 * to nft*.c.
 *
 * Floor: kernel.
 */
#ifndef WEIR_KERNEL_NFT_INSIDE_H
#define WEIR_KERNEL_NFT_INSIDE_H

#include <libmnl/libmnl.h>

#include "nft.h"

enum { REPLY_OCTETS = 128 * 1024 };

struct nft {
	struct mnl_socket *socket;
	uint32_t seq;
	char *reply; /* REPLY_OCTETS */
	uint32_t table_flags;
	bool owns; /* the table is this socket's: nobody else can change
		    * it */
	bool has_all_parts; /* of this kernel; false: ask again */
	bool has_begun;     /* a part of what is being sent was taken */
	int last_error;     /* of the last batch that failed */

	int watch_fd;   /* changes of others; -1: cannot be heard */
	uint32_t heard; /* the generation up to which they were heard */
	uint32_t stamp; /* grows with each change of KERNEL_TABLE */
};

struct nlmsghdr *nft_request(struct nft *nft, char *buffer, uint16_t type,
			     uint16_t flags);

/*
 * Asks, and gives each answer to `read`. *torn gets true when somebody
 * changed tables meanwhile: then answers may be missing, or come twice, where
 * the kernel counts through the things of all tables. Returns 0, or -1 with
 * errno.
 */
int nft_dump(struct nft *nft, struct nlmsghdr *request, mnl_cb_t read,
	     void *arg, bool *torn);

/* The generation of all tables, as the kernel counts. 0, or -1 with errno. */
int nft_kernel_generation(struct nft *nft, uint32_t *generation);

/*
 * Waits until everything was heard that led to the generation of now. Returns
 * 0 with *generation, or -1 with errno.
 */
int nft_hear_all(struct nft *nft, uint32_t *generation);

/* Flags and owner (a port of netlink; 0: none) of the table. */
struct nft_table_info {
	uint32_t flags, owner;
};
int nft_find_table(struct nft *nft, const char *table,
		   struct nft_table_info *info);

#endif
