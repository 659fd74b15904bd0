/*
 * trouble.c - what in this machine keeps the rules, or their keeper,
 * from working: told at check, at the start and by status.
 *
 * Floor: keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "kernel/bridge.h"
#include "state.h"

/* CAP_NET_ADMIN is all that a keeper has: root, too, writes only where its
 * user may. */
/* NULL: none is used. */
static void find_folder_trouble(const char *folder, struct diag *diag)
{
	const struct passwd *pw;
	struct stat st;
	char *user;

	if (!folder || stat(folder, &st) || st.st_uid == geteuid())
		return;
	pw = getpwuid(st.st_uid);
	user = pw ? xstrdup(pw->pw_name) : xasprintf("%u", st.st_uid);
	diag_warning(diag, NULL, NULL,
		     "the state folder %s belongs to user %s: rules could not "
		     "be kept over a restart; chown it to the user that the "
		     "keeper runs as",
		     folder, user);
	free(user);
}

void keeper_find_trouble(struct keeper *k, struct diag *diag)
{
	if (k->intent)
		bridge_check(&bridge_paths, &k->intent->config, false, diag);
	kernel_find_trouble(k->kernel, keeper_wanted(k), false, diag);
	find_folder_trouble(k->folder, diag);
}

void keeper_check(const struct ruleset *wanted, struct diag *diag)
{
	struct kernel *kernel;
	char *folder;
	uint32_t generation;

	/* Who may not apply anything is not told about it. */
	if (geteuid() != 0)
		return;
	kernel = kernel_open();
	if (!kernel || kernel->ops->generation(kernel, &generation)) {
		if (errno != EPERM)
			diag_warning(diag, NULL, NULL,
				     "this kernel has no nftables, which "
				     "security groups need (modprobe "
				     "nf_tables; CONFIG_NF_TABLES): %s",
				     strerror(errno));
		kernel_close(kernel);
		return;
	}
	kernel_find_trouble(kernel, wanted, true, diag);
	kernel_close(kernel);
	folder = keeper_folder();
	find_folder_trouble(folder, diag);
	free(folder);
}
