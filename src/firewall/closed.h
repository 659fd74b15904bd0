/*
 * closed.h - the rules of a machine that knows no others: nearly nothing
 * passes, in no direction.
 *
 * Pure. Floor: firewall.
 */
#ifndef WEIR_FIREWALL_CLOSED_H
#define WEIR_FIREWALL_CLOSED_H

#include "compile.h"

/*
 * What passes: loopback, established flows, DHCP, neighbour discovery, and
 * firewall.management. The caller owns the result, which borrows nothing.
 */
struct ruleset *closed_rules(const struct firewall_settings *settings);

#endif
