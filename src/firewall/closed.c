#include "closed.h"

#include "base/fail.h"
#include "draft.h"
#include "store.h"

enum { CLOSED_PRIORITY = -30 };

/* What is forwarded for others is nobody's here: no file says whose. */
static void close_forward(struct ruleset *rules)
{
	struct nft_chain *chain = ruleset_add_chain(rules, "forward-closed");
	struct draft established = {0}, all = {0};

	chain->hook = HOOK_FORWARD;
	chain->priority = CLOSED_PRIORITY;
	draft_ct(&established, FIELD_CT_STATE, CT_ESTABLISHED | CT_RELATED);
	draft_put(&established, rules, chain, VERDICT_ACCEPT, NULL);
	draft_put(&all, rules, chain, VERDICT_DROP, NULL)->counter = true;
}

/* They outlive the settings. */
static struct ruleset *own_copy(struct ruleset *rules_take)
{
	json_t *json = store_to_json(rules_take);
	struct ruleset *copy;

	if (store_from_json(json, &copy))
		BUG("the smallest rules cannot be kept");
	json_decref(json);
	ruleset_free(rules_take);
	return copy;
}

struct ruleset *closed_rules(const struct firewall_settings *settings)
{
	/* A group without rules: nothing comes in, nothing leaves. */
	static const struct secgroup nobody = {.name = "closed"};
	static const struct secgroup *const groups[] = {&nobody};
	static const struct instance host = {
		.name = "closed",
		.host = true,
		.groups = groups,
		.n_groups = 1,
	};
	struct firewall_config config = {
		.instances = &host,
		.n_instances = 1,
		.settings = *settings,
	};
	struct diag diag = {0};
	struct ruleset *rules;

	config.settings.mode = FIREWALL_ENFORCE;
	rules = firewall_compile(&config, &diag);
	diag_release(&diag);
	if (!rules)
		BUG("the smallest rules do not compile");
	close_forward(rules);
	ruleset_finish(rules);
	return own_copy(rules);
}
