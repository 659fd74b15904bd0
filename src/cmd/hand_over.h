/*
 * hand_over.h - files of root for a daemon that is not.
 *
 * A private key may belong to root alone: then root, who asks for a reload,
 * opens it and gives the daemon the descriptor.
 *
 * Floor: cmd.  Source: unix(7), SCM_RIGHTS; setfsuid(2).
 */
#ifndef WEIR_CMD_HAND_OVER_H
#define WEIR_CMD_HAND_OVER_H

#include <jansson.h>

#include "base/file.h"

/* Zeroed it is empty. */
struct handed {
	char *paths[FILE_LENT_MAX]; /* owned */
	int fds[FILE_LENT_MAX];     /* likewise */
	size_t n;
};

/*
 * Opens the files that a configuration names and the process `pid` may not open
 * itself. Nothing unless we are root, the configuration is good and the process
 * another user's.
 */
void hand_collect(struct handed *h, const char *config, long pid);

/* An array of their names. A new reference. */
json_t *hand_names(const struct handed *h);

void hand_release(struct handed *h);

#endif
