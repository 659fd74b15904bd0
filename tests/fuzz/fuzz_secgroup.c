/*
 * fuzz_secgroup.c - the input decides about groups, instances and packets.
 *
 * The compiled rules say what the plain reading of the manual says; the way
 * from these rules to themselves is empty.
 */
#include "fuzz.h"

#include "firewall/compile.h"
#include "firewall/plan.h"
#include "golden/naive.h"
#include "golden/random.h"

enum { PACKETS = 30 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nothing[1];
	struct model *m = model_new();
	struct diag diag = {0};
	struct ruleset *rules;
	struct plan *plan;

	random_from(size ? data : nothing, size);
	random_model(m);
	rules = firewall_compile(&m->config, &diag);
	HOLDS(rules && diag.n_errors == 0);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct nft_packet p = random_packet(m);
		struct verdict v;

		verdict_of(rules, &p, &v);
		HOLDS(v.accepted == naive_accepts(&m->config, &p));
	}
	plan = plan_make(rules, rules);
	HOLDS(plan_is_empty(plan));
	plan_free(plan);
	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
	return 0;
}
