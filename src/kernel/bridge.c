#include "bridge.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"

const struct bridge_paths bridge_paths = {"/sys/class/net",
					  "/proc/sys/net/bridge"};

/* -- what the kernel tells ------------------------------------------------- */

/* Whether the file begins with a 1. */
static bool is_on(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char octet = '0';
	bool on = fd >= 0 && read(fd, &octet, 1) == 1 && octet == '1';

	if (fd >= 0)
		close(fd);
	return on;
}

static bool bridge_of(const struct bridge_paths *paths, const char *interface,
		      char out[INTERFACE_NAME_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s/brport/bridge", paths->interfaces,
		 interface);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strlen(name) >= INTERFACE_NAME_MAX)
		return false;
	memcpy(out, name, strlen(name) + 1);
	return true;
}

static bool is_filtered(const struct bridge_paths *paths, const char *bridge,
			uint8_t family)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bridge-nf-call-ip%stables",
		 paths->settings, family == 4 ? "" : "6");
	if (is_on(path))
		return true;
	snprintf(path, sizeof(path), "%s/%s/bridge/nf_call_ip%stables",
		 paths->interfaces, bridge, family == 4 ? "" : "6");
	return is_on(path);
}

/* A bridge with one port routes all that comes by it. */
static bool has_others(const struct bridge_paths *paths, const char *bridge)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned n = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/%s/brif", paths->interfaces, bridge);
	folder = opendir(path);
	while (folder && n < 2 && (entry = readdir(folder)) != NULL)
		n += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return n > 1;
}

/* -- what follows ---------------------------------------------------------- */

bool bridge_between(const struct bridge_paths *paths, const struct instance *a,
		    const struct instance *b, uint8_t family,
		    char out[INTERFACE_NAME_MAX])
{
	char other[INTERFACE_NAME_MAX];

	return a && b && a != b && a->interface && b->interface &&
	       bridge_of(paths, a->interface, out) &&
	       bridge_of(paths, b->interface, other) &&
	       strcmp(out, other) == 0 && !is_filtered(paths, out, family);
}

static void complain_bridge(const struct instance *in, const char *bridge,
			    uint8_t family, bool is_error, struct diag *diag)
{
	static const char *const words =
		"the interface %s of the instance \"%s\" is a port of the "
		"bridge %s, and what others send there goes past all rules: "
		"set net.bridge.bridge-nf-call-ip%stables to 1 (modprobe "
		"br_netfilter), or filter in a table of family bridge and "
		"write firewall.bridges: ignore";
	const char *six = family == 4 ? "" : "6";

	if (is_error)
		diag_error(diag, &in->place, NULL, words, in->interface,
			   in->name, bridge, six);
	else
		diag_warning(diag, &in->place, NULL, words, in->interface,
			     in->name, bridge, six);
}

static bool has_address_of(const struct instance *in, uint8_t family)
{
	for (unsigned i = 0; i < in->n_addresses; i++)
		if (in->addresses[i].family == family)
			return true;
	return false;
}

void bridge_check(const struct bridge_paths *paths,
		  const struct firewall_config *config, bool is_error,
		  struct diag *diag)
{
	char bridge[INTERFACE_NAME_MAX];

	if (config->settings.ignores_bridges)
		return;
	for (unsigned i = 0; i < config->n_instances; i++) {
		const struct instance *in = &config->instances[i];

		if (!in->interface ||
		    !bridge_of(paths, in->interface, bridge) ||
		    !has_others(paths, bridge))
			continue;
		for (uint8_t family = 4; family <= 6; family += 2)
			if (has_address_of(in, family) &&
			    !is_filtered(paths, bridge, family))
				complain_bridge(in, bridge, family, is_error,
						diag);
	}
}
