/*
 * overlay.h - what is allowed or blocked at run time, beside the file.
 *
 *	allow  an address may reach a port of all who carry a group
 *	block  nothing from there passes, before all groups are asked
 *
 * Each may have an end. Entries are laid over a ruleset, wherever that came
 * from: compiled, or brought back from a state file. The kernel gets them as
 * elements with timeouts, so that they end even where nobody is left to take
 * them away.
 *
 * Sets are called ov-..., which no name of the file begins with. Blocks stand
 * in base chains of their own, input-block and forward-block, before all
 * other stages and before what is established; firewall.management and what
 * keeps the links alive pass them.
 *
 * Floor: firewall.  Source: weir-sg(8).
 */
#ifndef WEIR_FIREWALL_OVERLAY_H
#define WEIR_FIREWALL_OVERLAY_H

#include <jansson.h>
#include <time.h>

#include "base/cidr.h"
#include "ruleset.h"

/* Entries of one machine; groups' names are no longer than 64 octets. */
enum { OVERLAY_MAX = 4096, OVERLAY_GROUP_MAX = 65 };

struct overlay_entry {
	char group[OVERLAY_GROUP_MAX]; /* "": a block */
	uint8_t protocol;              /* of an allow: tcp or udp */
	uint16_t port;
	struct cidr cidr;
	time_t ends_s; /* wall clock; 0: never */
};

struct overlay {
	struct overlay_entry *entries; /* from malloc */
	unsigned n, room;
};

void overlay_release(struct overlay *o);

/* Adds it, or gives the one that says the same another end. False: there are
 * OVERLAY_MAX already. */
bool overlay_add(struct overlay *o, const struct overlay_entry *entry);

/* Takes away the one that says the same; false: there is none. */
bool overlay_remove(struct overlay *o, const struct overlay_entry *entry);

/* Takes away what has ended; whether there was any. */
bool overlay_expire(struct overlay *o, time_t now_s);

/* {"entries":[...]}; with what is left of their time at `now_s`, unless that
 * is 0. A new reference. */
json_t *overlay_to_json(const struct overlay *o, time_t now_s);

/* Returns 0, or -1 when it is no overlay; then it is empty. */
int overlay_from_json(const json_t *json, struct overlay *out);

/* "web: tcp 22 from 192.0.2.7/32", "block 198.51.100.0/24". Returns `out`. */
const char *overlay_words(const struct overlay_entry *entry, char *out,
			  size_t size);

/*
 * Lays the entries over the rules, in place of those that were laid before.
 * Allows of a group that nobody carries do nothing. Ends are given to the
 * kernel by the clocks of this thread.
 */
void overlay_lay(struct ruleset *rules, const struct overlay *o);

/* Takes away what was laid over them. */
void overlay_strip(struct ruleset *rules);

#endif
