/*
 * intent.h - what the file asks of the firewall: from a file to a ruleset.
 *
 * The snapshot, what the machine adds to it, and the compiled rules live and
 * die together, because the rules borrow from both.
 *
 * Floor: kernel.
 */
#ifndef WEIR_KERNEL_INTENT_H
#define WEIR_KERNEL_INTENT_H

#include "firewall/compile.h"
#include "model/snapshot.h"

struct intent {
	struct snapshot *snap; /* one reference */
	struct arena arena;    /* what was asked of the machine */
	struct firewall_config config;
	struct ruleset *rules;
	bool cuts;   /* as with firewall.revoke: cut, whatever the file says */
	bool warned; /* the file was read with findings */
	/* For intent_hash(); "": not known yet. */
	char hash[RULES_HASH_MAX];
};

/*
 * Loads and compiles. A file without a firewall half asks for no rules: an
 * empty ruleset. Reads no certificates and keys. Returns NULL after findings.
 */
struct intent *intent_load(const char *file, struct diag *diag);

/* The same file as it was, with the machine and the files of prefix lists as
 * they are now; NULL after findings. One of these files that does not read is a
 * warning, and what it said before holds. The old intent stays valid. */
struct intent *intent_renew(const struct intent *old, struct diag *diag);

/*
 * As intent_load(), where `old` may have come from the same file: if that and
 * all that it includes still say the same, octet for octet, its snapshot is
 * taken. NULL as `old` is allowed.
 */
struct intent *intent_load_again(const struct intent *old, const char *file,
				 struct diag *diag);

/* The file and all that it includes still say what they said, octet for
 * octet, and there was nothing to warn of. */
bool intent_is_current(const struct intent *intent, const char *file);

/* Of a snapshot that is there; NULL after findings. */
struct intent *intent_of(struct snapshot *snap, struct diag *diag);

/* The same file, with rules in which no flow can begin in its middle: what is
 * cut must not come back. NULL after findings; the old one stays valid. */
struct intent *intent_cutting(const struct intent *old, struct diag *diag);

/*
 * A hash of the rules that the file asks for, whatever addresses and resolvers
 * the machine has: the same file has the same one after a restart elsewhere.
 * Where the machine has a part in the rules, it compiles them once more.
 */
void intent_hash(struct intent *intent, char out[RULES_HASH_MAX]);

void intent_free(struct intent *intent); /* NULL is allowed */

/* Gives up the rules; until intent_unshed() has compiled them again, only the
 * functions take it that load, renew and free. */
void intent_shed(struct intent *intent);
void intent_unshed(struct intent *intent);

/* Nothing is asked for: no chain, so no table is needed. */
bool intent_is_empty(const struct intent *intent);

#endif
