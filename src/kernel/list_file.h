/*
 * list_file.h - networks of a prefix list that stand in a file of their own,
 * one a line, so that a cron job or fail2ban can write it.
 *
 *	# from the abuse desk
 *	192.0.2.0/24
 *	2001:db8::7      # an address is a network of its own
 *
 * Read when rules are compiled, like the addresses of the machine: what a
 * file says is no part of the configuration that names it.
 *
 * Floor: kernel.
 */
#ifndef WEIR_KERNEL_LIST_FILE_H
#define WEIR_KERNEL_LIST_FILE_H

#include "base/arena.h"
#include "base/diag.h"
#include "model/host.h"

/* Lines of a file, and octets of a line. */
enum { LIST_LINES_MAX = 1000000, LIST_LINE_OCTETS = 512 };

/*
 * Fills config->lines, one for each list. A file that cannot be read, or has a
 * line that is no network, is an error; then -1 is returned. With `old`, the
 * same configuration as it was filled before, it is a warning, and what the
 * file said then goes on to hold.
 *
 * arena  owns what is filled in; `old` need not outlive it
 */
int list_files_fill(struct firewall_config *config,
		    const struct firewall_config *old, struct arena *arena,
		    struct diag *diag);

/* Whether a file is another one than when it was read. */
bool list_files_changed(const struct firewall_config *config);

#endif
