#include "nft_watch.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int nft_watch_open(void)
{
	const struct sockaddr_nl anyone = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES, error;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_NETFILTER);

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&anyone, sizeof(anyone)) == 0 &&
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void nft_watch_heard(int fd)
{
	char room[32768];

	/* ENOBUFS: more came than fitted, which is a change all the same. */
	while (recv(fd, room, sizeof(room), 0) > 0 || errno == ENOBUFS)
		errno = 0;
}
