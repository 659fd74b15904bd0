#include "kernel.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fail.h"
#include "nft_trouble.h"

/* Others may change their tables all the time; each try costs a dump. */
enum { CHANGE_TRIES = 8 };

/* -- the real one ---------------------------------------------------------- */

struct real {
	struct kernel kernel;
	struct nft *nft;
};

static struct nft *nft_of(struct kernel *k)
{
	return ((struct real *)k)->nft;
}

static int real_generation(struct kernel *k, uint32_t *generation)
{
	return nft_generation(nft_of(k), generation);
}

static struct ruleset *real_read(struct kernel *k)
{
	return nft_read(nft_of(k), KERNEL_TABLE);
}

static struct ruleset *real_read_like(struct kernel *k,
				      const struct ruleset *like)
{
	return nft_read_like(nft_of(k), KERNEL_TABLE, like);
}

static enum nft_result real_send(struct kernel *k, const struct plan *plan,
				 uint32_t generation, struct diag *diag)
{
	return nft_send(nft_of(k), plan, generation, diag);
}

static int real_delete(struct kernel *k)
{
	return nft_delete(nft_of(k), KERNEL_TABLE);
}

static int real_cut(struct kernel *k, const struct firewall_config *config,
		    const struct ruleset *rules, struct conntrack_result *out)
{
	(void)k;
	return conntrack_cut(config, rules, out);
}

static void real_warn_of_others(struct kernel *k, struct diag *diag)
{
	/* Who cannot look has been told so by the change before. */
	nft_warn_of_others(nft_of(k), KERNEL_TABLE, diag);
}

static void real_find_trouble(struct kernel *k, const struct ruleset *wanted,
			      bool from_aside, struct diag *diag)
{
	nft_find_trouble(nft_of(k), wanted, from_aside, diag);
}

static void real_own(struct kernel *k)
{
	nft_own_tables(nft_of(k));
	/* Without a table there is nothing to adopt, and one that was made
	 * without an owner is watched and repaired instead. */
	nft_adopt(nft_of(k), KERNEL_TABLE);
}

static void real_close(struct kernel *k)
{
	nft_close(nft_of(k));
	free(k);
}

static const struct kernel_ops real_ops = {
	.generation = real_generation,
	.read = real_read,
	.read_like = real_read_like,
	.send = real_send,
	.delete = real_delete,
	.cut = real_cut,
	.warn_of_others = real_warn_of_others,
	.find_trouble = real_find_trouble,
	.own = real_own,
	.close = real_close,
};

struct kernel *kernel_open(void)
{
	struct nft *nft = nft_open();
	struct real *r;

	if (!nft)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->kernel.ops = &real_ops;
	r->nft = nft;
	return &r->kernel;
}

void kernel_close(struct kernel *k)
{
	if (k)
		k->ops->close(k);
}

/* -- reading --------------------------------------------------------------- */

static struct ruleset *kernel_read_like(struct kernel *k,
					const struct ruleset *like)
{
	return like && k->ops->read_like ? k->ops->read_like(k, like)
					 : k->ops->read(k);
}

int kernel_now_like(struct kernel *k, const struct ruleset *like,
		    struct ruleset **rules, uint32_t *generation)
{
	for (unsigned try = 0; try < CHANGE_TRIES; try++) {
		uint32_t after;

		if (k->ops->generation(k, generation))
			return -1;
		*rules = kernel_read_like(k, like);
		if (!*rules && errno != ENOENT)
			return -1;
		if (k->ops->generation(k, &after)) {
			ruleset_free(*rules);
			return -1;
		}
		if (after == *generation)
			return 0;
		ruleset_free(*rules);
	}
	errno = EAGAIN;
	return -1;
}

int kernel_now(struct kernel *k, struct ruleset **rules, uint32_t *generation)
{
	return kernel_now_like(k, NULL, rules, generation);
}

/* -- changing -------------------------------------------------------------- */

static void change_release(struct kernel_change *change)
{
	ruleset_free(change->before);
	ruleset_free(change->after);
	*change = (struct kernel_change){0};
}

static int complain_errno(struct diag *diag, const char *what)
{
	diag_error(diag, NULL, NULL, "cannot %s: %s", what, nft_reason(errno));
	return -1;
}

/* One try. Returns NFT_DONE with change->before and n_steps filled in. */
static enum nft_result send_once(struct kernel *k, const struct ruleset *wanted,
				 struct kernel_change *change,
				 struct diag *diag)
{
	enum nft_result result;
	struct plan *plan;

	if (!wanted) {
		change->n_steps = change->before != NULL;
		if (!change->before || k->ops->delete (k) == 0)
			return NFT_DONE;
		complain_errno(diag, "remove the table");
		return NFT_FAILED;
	}
	plan = plan_make(change->before, wanted);
	change->n_steps = plan->n_steps;
	result = k->ops->send(k, plan, change->generation, diag);
	plan_free(plan);
	return result;
}

/* What is in force, unless the caller knows and still knows rightly: *known
 * becomes false. */
static int kernel_learn(struct kernel *k, bool *known, struct kernel_change *c,
			struct diag *diag)
{
	uint32_t now;

	if (*known && k->ops->generation(k, &now) == 0 && now == c->generation)
		return 0;
	*known = false;
	ruleset_free(c->before);
	c->before = NULL;
	if (kernel_now(k, &c->before, &c->generation))
		return complain_errno(diag, "read the rules in force");
	return 0;
}

/*
 * Reads back what was sent. A kernel that took it without a word is believed
 * even then when that fails. Where words were lost, the table alone is: what
 * it does not have is sent again (NFT_RACED).
 */
static enum nft_result read_back(struct kernel *k, const struct ruleset *wanted,
				 enum nft_result sent, struct kernel_change *c,
				 struct diag *diag)
{
	c->is_read = kernel_now_like(k, wanted, &c->after, &c->generation) == 0;
	if (!c->is_read && sent == NFT_UNSURE) {
		diag_error(diag, NULL, NULL,
			   "nobody knows whether the kernel took the rules: "
			   "its answers were lost, and the rules in force "
			   "cannot be read: %s",
			   nft_reason(errno));
		return NFT_FAILED;
	}
	if (!c->is_read)
		diag_warning(diag, NULL, NULL,
			     "cannot read the new rules back: %s",
			     nft_reason(errno));
	if (sent == NFT_DONE || !plan_differs(c->after, wanted))
		return NFT_DONE;
	ruleset_free(c->after);
	c->after = NULL;
	return NFT_RACED;
}

/* One try. Returns NFT_DONE with *c filled in. */
static enum nft_result change_once(struct kernel *k,
				   const struct ruleset *wanted, bool forget,
				   struct kernel_change *c, struct diag *diag)
{
	enum nft_result result = send_once(k, wanted, c, diag);

	if (result != NFT_DONE && result != NFT_UNSURE)
		return result;
	if (c->n_steps > 0 && forget) {
		ruleset_free(c->before);
		c->before = NULL;
	}
	if (c->n_steps > 0)
		return read_back(k, wanted, result, c, diag);
	/* What was read is what is in force: no need to ask again. */
	c->is_read = true;
	c->after = c->before;
	c->before = NULL;
	return NFT_DONE;
}

int kernel_change(struct kernel *k, const struct ruleset *wanted,
		  struct ruleset *known_take, bool forget, uint32_t generation,
		  struct kernel_change *out, struct diag *diag)
{
	struct kernel_change change = {.before = known_take,
				       .generation = generation};
	enum nft_result result = NFT_RACED;
	bool known = known_take != NULL;

	*out = (struct kernel_change){0};
	for (unsigned i = 0; i < CHANGE_TRIES && result == NFT_RACED; i++) {
		if (kernel_learn(k, &known, &change, diag))
			return -1;
		result = change_once(k, wanted, known && forget, &change, diag);
		known = false;
	}
	if (result == NFT_RACED)
		diag_error(diag, NULL, NULL,
			   "others change the table %s all the time: the rules "
			   "of the file are not in force",
			   KERNEL_TABLE);
	if (result != NFT_DONE) {
		/* Perhaps it says why. */
		if (result == NFT_FAILED)
			kernel_find_trouble(k, wanted, false, diag);
		change_release(&change);
		return -1;
	}
	*out = change;
	return 0;
}
