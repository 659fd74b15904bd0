/*
 * compile.h - security groups and network ACLs -> rules for the kernel.
 *
 * Pure: the same configuration gives the same ruleset, octet for octet, on
 * every machine. The layout, and why it is so:
 *
 * Three stages, each with base chains of its own, so that `accept` means
 * "this stage passed" and a packet must pass them all:
 *
 *	egress   -30  the groups of the sender
 *	acl      -20  the network ACLs of both subnets; no state
 *	ingress  -10  the groups of the receiver
 *
 * They stand in the hooks that the file asks for: in `forward` for
 * instances behind this machine (gateway shape), in `input` and `output`
 * for this machine itself (host shape) and for what instances and machine
 * say to each other. Between the first two stages of `forward`, one more
 * guards the ports that local containers publish.
 *
 * A group stage first accepts what is established; what is new is found by
 * its address in a verdict map, which sends it to the chain of a profile: a
 * combination of groups. A profile's chain jumps to the chains of its groups
 * and ends in a drop. So a packet costs the same with ten instances and with
 * a hundred thousand. A group of more than 32 rules is one interval set.
 *
 * Base policies are `accept`, so that nobody else's traffic is touched.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_COMPILE_H
#define WEIR_FIREWALL_COMPILE_H

#include "base/diag.h"
#include "model/host.h"
#include "ruleset.h"

/* More plain rules than this, for a direction and family of a group, become
 * sets: the break-even is near 8, memory pleads for more. */
enum { PLAIN_RULES_MAX = 32 };

/* Sets are searched in sequence by the kernel. Beyond this many, groups stay
 * plain rules, with a warning. */
enum { SETS_MAX = 1000 };

/*
 * Compiles. The caller owns the result. It borrows from the configuration
 * (names, places), which must outlive it. Returns NULL after findings that
 * are errors: one address for two instances, subnets that overlap.
 */
struct ruleset *firewall_compile(const struct firewall_config *config,
				 struct diag *diag);

#endif
