#include "tell.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "model/host.h"

#define DROPS   "weir dropped "
#define REPORTS "weir reported "

/* The last rule of a chain that ends so: of no group's, of a stray and the
 * like. */
static bool is_ending(const struct nft_chain *chain, unsigned at)
{
	const struct nft_rule *rule = &chain->rules[at];

	return at + 1 == chain->n_rules && rule->n_matches == 0 &&
	       (strncmp(chain->name, "p-", 2) == 0 ||
		strncmp(chain->name, "drop-", 5) == 0);
}

/* Where nothing is dropped, a deny of a network ACL returns as an allow does,
 * but behind a rule that logs. */
static bool is_acl_deny(const struct nft_chain *chain, unsigned at)
{
	return strncmp(chain->name, "acl-", 4) == 0 && at > 0 &&
	       chain->rules[at - 1].log;
}

static bool is_deny(const struct nft_chain *chain, unsigned at, bool reports)
{
	const struct nft_rule *rule = &chain->rules[at];

	if (!rule->counter || rule->log)
		return false;
	return rule->verdict.kind == VERDICT_DROP || is_acl_deny(chain, at) ||
	       (reports && is_ending(chain, at));
}

static const struct nft_log *log_of(struct ruleset *rules,
				    const struct nft_chain *chain,
				    const struct nft_rule *deny)
{
	struct nft_log *log = ARENA_NEW(&rules->arena, struct nft_log);
	bool drops = deny->verdict.kind == VERDICT_DROP;

	log->rate_per_second = TELL_RATE_PER_SECOND;
	log->burst = TELL_BURST;
	log->group = KEEPER_NFLOG_GROUP;
	log->prefix = arena_printf(&rules->arena, "%s%.75s%s%.30s",
				   drops ? DROPS : REPORTS, chain->name,
				   deny->comment ? " " : "",
				   deny->comment ? deny->comment : "");
	return log;
}

/* Rules that were brought back are laid over again and again. */
static bool is_laid_in(const struct nft_chain *chain, bool reports)
{
	for (unsigned i = 0; i < chain->n_rules; i++) {
		bool told = i > 0 && tell_is_laid(&chain->rules[i - 1]);

		if (is_deny(chain, i, reports) != told)
			return false;
		if (told &&
		    slice_starts(slice_of(chain->rules[i - 1].log->prefix),
				 SLICE(DROPS)) !=
			    (chain->rules[i].verdict.kind == VERDICT_DROP))
			return false;
	}
	return true;
}

static bool strip_from(struct nft_chain *chain)
{
	unsigned kept = 0;
	bool was;

	for (unsigned k = 0; k < chain->n_rules; k++)
		if (!tell_is_laid(&chain->rules[k]))
			chain->rules[kept++] = chain->rules[k];
	was = kept < chain->n_rules;
	chain->n_rules = kept;
	return was;
}

static void lay_in(struct ruleset *rules, struct nft_chain *chain, bool reports)
{
	unsigned was = chain->n_rules, n = 0, to;
	bool *denies = xcalloc(was + 1, sizeof(*denies));

	for (unsigned i = 0; i < was; i++) {
		denies[i] = is_deny(chain, i, reports);
		n += denies[i];
	}
	for (unsigned i = 0; i < n; i++)
		chain_add_rule(chain);
	to = chain->n_rules;
	for (unsigned i = was; i-- > 0 && n > 0;) {
		const struct nft_rule deny = chain->rules[i];

		chain->rules[--to] = deny;
		if (!denies[i])
			continue;
		n--;
		chain->rules[--to] = (struct nft_rule){
			.matches = deny.matches,
			.n_matches = deny.n_matches,
			.log = log_of(rules, chain, &deny),
			.counter = true,
			.place = deny.place,
		};
	}
	free(denies);
}

void tell_lay(struct ruleset *rules)
{
	bool reports = ruleset_reports(rules);

	for (unsigned i = 0; i < rules->n_chains; i++) {
		if (is_laid_in(rules->chains[i], reports))
			continue;
		strip_from(rules->chains[i]);
		lay_in(rules, rules->chains[i], reports);
	}
}

void tell_lay_as_in(struct ruleset *rules, const struct ruleset *now)
{
	for (unsigned i = 0; i < now->n_chains; i++)
		for (unsigned k = 0; k < now->chains[i]->n_rules; k++)
			if (tell_is_laid(&now->chains[i]->rules[k])) {
				tell_lay(rules);
				return;
			}
}

bool tell_is_laid(const struct nft_rule *rule)
{
	return rule->log && rule->log->group == KEEPER_NFLOG_GROUP;
}

bool tell_strip(struct ruleset *rules)
{
	bool was = false;

	for (unsigned i = 0; i < rules->n_chains; i++)
		was |= strip_from(rules->chains[i]);
	return was;
}

bool tell_parse(struct slice prefix, struct tell_words *out)
{
	const struct slice drops = SLICE(DROPS), reports = SLICE(REPORTS);

	*out = (struct tell_words){.would = slice_starts(prefix, reports)};
	if (!out->would && !slice_starts(prefix, drops))
		return false;
	prefix = slice_from(prefix, out->would ? reports.n : drops.n);
	out->chain = slice_cut(&prefix, ' ');
	if (prefix.p)
		out->rule = prefix;
	return out->chain.n > 0;
}
