/*
 * fuzz_store.c - state files of the keeper.
 *
 * A text is no ruleset, or one that can be kept again and comes back the
 * same, and that can be printed and planned.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "firewall/plan.h"
#include "firewall/store.h"

static struct ruleset *again(const struct ruleset *rules)
{
	json_t *json = store_to_json(rules);
	struct ruleset *copy;

	HOLDS(json && store_from_json(json, &copy) == 0);
	json_decref(json);
	return copy;
}

static void use(struct ruleset *rules)
{
	struct ruleset *copy = again(rules);
	char *was = ruleset_text(rules), *is = ruleset_text(copy);
	struct plan *plan = plan_make(NULL, rules);

	HOLDS(strcmp(was, is) == 0);
	plan_free(plan);
	ruleset_free(copy);
	free(was);
	free(is);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size,
				  JSON_REJECT_DUPLICATES, NULL);
	struct ruleset *rules;

	if (json_is_object(json) && store_from_json(json, &rules) == 0 &&
	    rules) {
		use(rules);
		ruleset_free(rules);
	}
	json_decref(json);
	return 0;
}
