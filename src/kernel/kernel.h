/*
 * kernel.h - the table in the kernel, as those see it who bring it to the
 * rules of the file.
 *
 * An interface, so that apply, confirm, rollback and drift can be tested
 * without privileges: tests/ has one made of memory. The real one is made of
 * nft.h and conntrack.h.
 *
 * Floor: kernel.
 */
#ifndef WEIR_KERNEL_KERNEL_H
#define WEIR_KERNEL_KERNEL_H

#include "conntrack.h"
#include "nft.h"

struct kernel;

/* Each like the function of nft.h or conntrack.h of that name. */
struct kernel_ops {
	int (*generation)(struct kernel *k, uint32_t *generation);
	struct ruleset *(*read)(struct kernel *k);
	/* NULL: read() does, and keeps more. */
	struct ruleset *(*read_like)(struct kernel *k,
				     const struct ruleset *like);
	enum nft_result (*send)(struct kernel *k, const struct plan *plan,
				uint32_t generation, struct diag *diag);
	int (*delete)(struct kernel *k);
	int (*cut)(struct kernel *k, const struct firewall_config *config,
		   const struct ruleset *rules, struct conntrack_result *out);
	void (*warn_of_others)(struct kernel *k, struct diag *diag);
	void (*find_trouble)(struct kernel *k, const struct ruleset *wanted,
			     bool from_aside, struct diag *diag);
	void (*own)(struct kernel *k);
	void (*close)(struct kernel *k);
};

/* First in whatever implements it. */
struct kernel {
	const struct kernel_ops *ops;
};

/* The real one, or NULL with errno. */
struct kernel *kernel_open(void);
void kernel_close(struct kernel *k); /* NULL is allowed */

/*
 * From now on nobody else can change our table, where the kernel can do that
 * without taking the table along when we die; else it does nothing. One that
 * was made without an owner stays as it is.
 */
static inline void kernel_own(struct kernel *k)
{
	k->ops->own(k);
}

/* Warns of tables of others that drop by policy what we accept. */
static inline void kernel_warn_of_others(struct kernel *k, struct diag *diag)
{
	k->ops->warn_of_others(k, diag);
}

/* Warns of what keeps these rules from their effect on this machine; NULL: of
 * what does so with any. See nft_trouble.h. */
static inline void kernel_find_trouble(struct kernel *k,
				       const struct ruleset *wanted,
				       bool from_aside, struct diag *diag)
{
	k->ops->find_trouble(k, wanted, from_aside, diag);
}

/*
 * What is in force: *rules is NULL where there is no table. Returns 0, or -1
 * with errno. *generation is the one that *rules belongs to.
 */
int kernel_now(struct kernel *k, struct ruleset **rules, uint32_t *generation);

/* The same, to be compared with `like` (NULL is allowed) alone: see
 * nft_read_like(). */
int kernel_now_like(struct kernel *k, const struct ruleset *like,
		    struct ruleset **rules, uint32_t *generation);

/* What became of a change. */
struct kernel_change {
	struct ruleset *before; /* NULL: there was no table, n_steps is 0, or
				 * nobody asked for it; the caller's */
	bool is_read;           /* false: it was done, but not read back */
	struct ruleset *after;  /* as read back; the caller's */
	uint32_t generation;    /* that `after` belongs to */
	unsigned n_steps;       /* 0: nothing had to be sent */
};

/*
 * Brings the table to `wanted`, NULL for no table, and reads it back. Tries
 * again while others change tables meanwhile. `after` is to be compared with
 * `wanted` alone.
 *
 * known   what is in force at `generation`, if the caller knows; it is taken
 *         over and comes back as `before`. NULL: it is read
 * forget  what is known, compared with `wanted` alone, does not come back:
 *         there need not be room for it while the new rules are read
 *
 * Returns 0, or -1 after findings: nothing was changed, and `out` is empty.
 * A change that cannot be read back is one all the same, with a warning.
 */
int kernel_change(struct kernel *k, const struct ruleset *wanted,
		  struct ruleset *known_take, bool forget, uint32_t generation,
		  struct kernel_change *out, struct diag *diag);

#endif
