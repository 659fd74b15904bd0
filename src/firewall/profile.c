/*
 * profile.c - one chain for each combination of groups, and what ends it.
 *
 * The groups of an instance are a union: the profile's chain jumps to each of
 * their chains, and whatever none of them accepted is dropped at its end.
 *
 * Floor: firewall.  Source: AWS: security groups.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "compiler.h"

enum { PROFILE_DIGITS = 12, PREFIX_MAX = 127 };

struct profile {
	const char *words; /* the groups' names, sorted: "db,web" */
	const struct secgroup **groups;
	unsigned n_groups;
	char digits[18];
};

static int by_name(const void *a, const void *b)
{
	const struct secgroup *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The groups in order, each once. */
static void sort_groups(struct compiler *c, struct profile *p,
			const struct secgroup *const *groups, unsigned n)
{
	struct text words = {0};

	p->groups = ARENA_ARRAY(&c->scratch, n, const struct secgroup *);
	memcpy(p->groups, groups, n * sizeof(*groups));
	qsort(p->groups, n, sizeof(*p->groups), by_name);
	for (unsigned i = 0; i < n; i++) {
		if (p->n_groups && p->groups[p->n_groups - 1] == p->groups[i])
			continue;
		text_addf(&words, "%s%s", p->n_groups ? "," : "",
			  p->groups[i]->name);
		p->groups[p->n_groups++] = p->groups[i];
	}
	p->words = arena_strdup(&c->scratch, text_str(&words));
	text_release(&words);
}

static const struct profile *
profile_of(struct compiler *c, const struct secgroup *const *groups, unsigned n)
{
	struct profile *p = ARENA_NEW(&c->scratch, struct profile);
	struct profile *known;
	const char *salted;

	sort_groups(c, p, groups, n);
	known = map_get(&c->profiles, slice_of(p->words));
	if (known)
		return known;

	/* Two combinations with one hash: the later one in the file takes
	 * another. Names come from outside, so this can be made to happen. */
	salted = p->words;
	do {
		sg_hash(slice_of(salted), p->digits);
		p->digits[PROFILE_DIGITS] = '\0';
		salted = arena_printf(&c->scratch, "%s,", salted);
	} while (map_get(&c->digits, slice_of(p->digits)));
	map_put(&c->digits, slice_of(p->digits), p);
	map_put(&c->profiles, slice_of(p->words), p);
	return p;
}

static const struct nft_log *log_of(struct compiler *c, const char *words)
{
	const struct firewall_settings *s = &c->config->settings;
	bool report = s->mode == FIREWALL_REPORT;
	struct nft_log *log;
	char prefix[PREFIX_MAX + 1];

	if (!s->log_drops && !report)
		return NULL;
	log = ARENA_NEW(&c->rules->arena, struct nft_log);
	snprintf(prefix, sizeof(prefix), "weir %s %.90s ",
		 report ? "would drop" : "drop", words);
	log->prefix = arena_strdup(&c->rules->arena, prefix);
	log->rate_per_second = s->log_rate_per_second ? s->log_rate_per_second
						      : 1;
	log->burst = 5;
	log->group = s->nflog_group;
	return log;
}

void deny(struct compiler *c, struct nft_chain *chain, const struct draft *d,
	  const char *log_words, enum nft_verdict_kind pass,
	  const char *comment)
{
	bool report = c->config->settings.mode == FIREWALL_REPORT;
	const struct nft_log *log = log_words ? log_of(c, log_words) : NULL;
	struct nft_rule *rule;

	if (log) {
		rule = draft_put(d, c->rules, chain, VERDICT_NONE, NULL);
		rule->log = log;
		rule->place = chain->place;
	}
	rule = draft_put(d, c->rules, chain, report ? pass : VERDICT_DROP,
			 NULL);
	rule->counter = true;
	rule->comment = comment;
	rule->place = chain->place;
}

static const char *ending_chain(struct compiler *c, const char *name,
				const char *words, const char *comment)
{
	struct nft_chain *chain = ruleset_chain(c->rules, name);
	struct draft all = {0};

	if (chain)
		return chain->name;
	chain = ruleset_add_chain(c->rules, name);
	chain->comment = comment;
	deny(c, chain, &all, words, VERDICT_ACCEPT, NULL);
	return chain->name;
}

const char *stray_chain(struct compiler *c)
{
	return ending_chain(c, "drop-stray", "stray",
			    "no instance has this address at this interface");
}

/*
 * A flow that was cut would come back to life with the next segment that its
 * sender writes: as a new one, from inside. So where flows are cut, none may
 * begin in its middle.
 *
 * Where they are kept, they may. What nothing has tracked before begins for
 * the kernel with its next segment, so the first load would else end all that
 * is open. Egress rules decide about such a segment as about any other.
 */
static void put_guards(struct compiler *c, struct nft_chain *chain)
{
	const char *end = ending_chain(c, "drop-invalid", "invalid",
				       "of no flow that could have begun");
	struct draft invalid = {0}, revived = {0};

	draft_ct(&invalid, FIELD_CT_STATE, CT_INVALID);
	draft_put(&invalid, c->rules, chain, VERDICT_GOTO, end);
	if (c->config->settings.revoke != REVOKE_CUT)
		return;
	draft_not_syn(&revived);
	draft_ct(&revived, FIELD_CT_STATE, CT_NEW);
	draft_put(&revived, c->rules, chain, VERDICT_GOTO, end);
}

const char *profile_chain(struct compiler *c,
			  const struct secgroup *const *groups,
			  unsigned n_groups, enum variant variant,
			  const struct place *place)
{
	static const char *const suffix[N_VARIANTS] = {"in", "out", "local",
						       "published"};
	bool out = variant == VARIANT_OUT || variant == VARIANT_LOCAL;
	const struct profile *p = profile_of(c, groups, n_groups);
	struct draft all = {0};
	struct nft_chain *chain;
	char name[40], words[PREFIX_MAX];

	snprintf(name, sizeof(name), "p-%s-%s", p->digits, suffix[variant]);
	chain = ruleset_chain(c->rules, name);
	if (chain)
		return chain->name;

	chain = ruleset_add_chain(c->rules, name);
	chain->comment = comment_of(c, p->words);
	chain->place = *place;
	if (out)
		put_guards(c, chain);
	for (unsigned i = 0; i < p->n_groups; i++)
		draft_put(&all, c->rules, chain, VERDICT_JUMP,
			  group_chain(c, p->groups[i], variant))
			->place = p->groups[i]->place;
	snprintf(words, sizeof(words), "%s %.80s", out ? "out" : "in",
		 p->words);
	deny(c, chain, &all, words, VERDICT_ACCEPT, NULL);
	return chain->name;
}
