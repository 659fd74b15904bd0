#include "intent.h"

#include <stdlib.h>

#include "base/fail.h"
#include "config/config.h"
#include "list_file.h"
#include "machine.h"

static const struct firewall_config nothing = {
	.settings = {.log_rate_per_second = 1, .nflog_group = -1},
};

/* What is found on it may count, beside what the file says. Resolvers do not:
 * see nft_set.of_machine. */
static bool has_machine(const struct firewall_config *c)
{
	for (unsigned i = 0; i < c->n_lists; i++)
		if (c->lists[i].file)
			return true;
	return c->n_balancers || firewall_host(c);
}

/* `old`: what files said before, should one of them be broken now; or NULL. */
static struct intent *intent_compile(struct snapshot *snap_take, bool cuts,
				     const struct intent *old,
				     struct diag *diag)
{
	struct intent *in = xcalloc(1, sizeof(*in));

	in->snap = snap_take;
	in->cuts = cuts;
	in->config = snap_take->firewall ? *snap_take->firewall : nothing;
	if (cuts)
		in->config.settings.revoke = REVOKE_CUT;
	if (machine_fill(&in->config, &snap_take->settings, &in->arena, diag) ==
		    0 &&
	    list_files_fill(&in->config, old ? &old->config : NULL, &in->arena,
			    diag) == 0)
		in->rules = firewall_compile(&in->config, diag);
	if (!in->rules) {
		intent_free(in);
		return NULL;
	}
	if (!has_machine(&in->config))
		ruleset_hash(in->rules, false, in->hash);
	return in;
}

struct intent *intent_of(struct snapshot *snap, struct diag *diag)
{
	return intent_compile(snapshot_ref(snap), false, NULL, diag);
}

struct intent *intent_load(const char *file, struct diag *diag)
{
	const struct config_options options = {.without_secrets = true};
	unsigned before = diag->n_findings;
	struct snapshot *snap = config_load(file, &options, diag);
	bool warned = diag->n_findings > before;
	struct intent *in = snap ? intent_compile(snap, false, NULL, diag)
				 : NULL;

	if (in)
		in->warned = warned;
	return in;
}

bool intent_is_current(const struct intent *intent, const char *file)
{
	return !intent->warned && config_is_same(file, intent->snap);
}

struct intent *intent_load_again(const struct intent *old, const char *file,
				 struct diag *diag)
{
	struct intent *in;

	/* Warnings are told each time. */
	if (!old || !intent_is_current(old, file))
		return intent_load(file, diag);
	in = intent_of(old->snap, diag);
	/* Of the file alone. */
	if (in && !old->cuts)
		memcpy(in->hash, old->hash, RULES_HASH_MAX);
	return in;
}

struct intent *intent_renew(const struct intent *old, struct diag *diag)
{
	return intent_compile(snapshot_ref(old->snap), old->cuts, old, diag);
}

struct intent *intent_cutting(const struct intent *old, struct diag *diag)
{
	return intent_compile(snapshot_ref(old->snap), true, old, diag);
}

void intent_hash(struct intent *intent, char out[RULES_HASH_MAX])
{
	struct firewall_config config = intent->config;
	struct ruleset *rules;
	struct diag diag = {0};

	memcpy(out, intent->hash, RULES_HASH_MAX);
	if (out[0])
		return;
	config.n_addresses = config.n_resolvers = 0;
	config.balancer_uid = 0;
	config.lines = NULL; /* of prefix lists in files of their own */
	rules = firewall_compile(&config, &diag);
	if (rules)
		ruleset_hash(rules, false, out);
	memcpy(intent->hash, out, RULES_HASH_MAX);
	ruleset_free(rules);
	diag_release(&diag);
}

void intent_free(struct intent *intent)
{
	if (!intent)
		return;
	ruleset_free(intent->rules);
	arena_release(&intent->arena);
	snapshot_unref(intent->snap);
	free(intent);
}

void intent_unshed(struct intent *intent)
{
	struct diag ignored = {0};

	/* It was compiled of the same value before. */
	intent->rules = firewall_compile(&intent->config, &ignored);
	if (!intent->rules)
		BUG("rules that compiled do not compile again");
	diag_release(&ignored);
}

void intent_shed(struct intent *intent)
{
	ruleset_free(intent->rules);
	intent->rules = NULL;
}

bool intent_is_empty(const struct intent *intent)
{
	return intent->rules->n_chains == 0;
}
