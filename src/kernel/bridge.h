/*
 * bridge.h - bridges past which no rule of ours looks.
 *
 * Frames between two ports of one bridge are not routed: they meet the hooks
 * of our table only where net.bridge.bridge-nf-call-iptables is 1 (for IPv6
 * bridge-nf-call-ip6tables), for all bridges or for that one.
 *
 * Floor: kernel.  Source: linux/Documentation/networking/bridge.rst.
 */
#ifndef WEIR_KERNEL_BRIDGE_H
#define WEIR_KERNEL_BRIDGE_H

#include "base/diag.h"
#include "model/host.h"

/* Where the kernel tells of them; tests have folders of their own. */
struct bridge_paths {
	const char *interfaces; /* /sys/class/net */
	const char *settings;   /* /proc/sys/net/bridge */
};

extern const struct bridge_paths bridge_paths;

/*
 * The bridge by which both ends of a packet talk past this machine's routing,
 * in `out`. Returns false when there is none: NULL for an end that is no
 * instance, instances without an interface, or frames that are filtered.
 */
bool bridge_between(const struct bridge_paths *paths, const struct instance *a,
		    const struct instance *b, uint8_t family,
		    char out[INTERFACE_NAME_MAX]);

/*
 * A finding for each instance whose interface is a port of a bridge that has
 * others and is not filtered; nothing where firewall.bridges is ignore.
 *
 * is_error  else they are warnings
 */
void bridge_check(const struct bridge_paths *paths,
		  const struct firewall_config *config, bool is_error,
		  struct diag *diag);

#endif
