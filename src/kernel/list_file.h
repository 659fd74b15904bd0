/*
 * list_file.h - the files of prefix lists, for the rules.
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
