/*
 * store_check.h - does what was read from a state file make sense?
 *
 * The rest of the floor works on rulesets that the compiler made or the
 * kernel gave, and relies on what those guarantee. A file guarantees nothing.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_STORE_CHECK_H
#define WEIR_FIREWALL_STORE_CHECK_H

#include "ruleset.h"

/* Each operation has a field that it can be used on, each name is that of
 * something in the ruleset, texts are such as the kernel takes. */
bool store_check(const struct ruleset *rules);

#endif
