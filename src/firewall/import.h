/*
 * import.h - what the files of other firewalls say, as security groups.
 *
 * A group can only admit. What another firewall refuses is refused here by
 * being said nowhere, so an admission that an earlier line refuses in part is
 * not carried over: it stands as a comment in the YAML and in the list of what
 * is left. Nothing that could be wider than the original is said.
 *
 * Floor: firewall; pure.  Source: ufw-framework(8), firewalld.zone(5),
 * iptables-save(8); weir-sg(8).
 */
#ifndef WEIR_FIREWALL_IMPORT_H
#define WEIR_FIREWALL_IMPORT_H

#include "base/text.h"

enum import_kind {
	IMPORT_UFW,       /* user.rules, user6.rules */
	IMPORT_FIREWALLD, /* a zone's XML */
	IMPORT_IPTABLES,  /* what iptables-save and ip6tables-save print */
};

/* Where the XML of a service of firewalld comes from: appends it to `xml`, or
 * returns false when there is no such service. */
struct import_services {
	bool (*find)(void *context, struct slice name, struct text *xml);
	void *context;
};

/* A zeroed one is ready to be filled. */
struct import {
	struct text yaml; /* a whole file that `weir check` takes */
	struct text left; /* a line for each thing that is not in it */
	unsigned n_said;  /* rules in the YAML */
	unsigned n_left;  /* lines of `left` */
};

/* Rules, and jumps that were followed, that one text may hold. */
enum { IMPORT_RULES_MAX = 100000 };

/*
 * Fills `out` from a text. Each line of `left` begins with "file:line: ".
 *
 * services  NULL: none are known; only IMPORT_FIREWALLD asks
 *
 * Returns false when the text is none of that kind; then out->left has one
 * line that says why. The caller releases out->yaml and out->left.
 */
bool import_text(enum import_kind kind, struct slice text, const char *file,
		 const struct import_services *services, struct import *out);

#endif
