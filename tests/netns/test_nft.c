/*
 * test_nft.c - the kernel gets what was compiled, and says it back.
 *
 * Runs in a network namespace of its own; skipped (77) where the kernel
 * gives us none. Listings of nft(8) are compared where nft is present.
 */
#include "unit/unit.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "firewall/compile.h"
#include "golden/random.h"
#include "golden/scenes.h"
#include "kernel/nft.h"
#include "kernel/nft_trouble.h"
#include "namespace.h"

static struct nft *nft;

static struct ruleset *compile(struct model *m)
{
	struct diag diag = {0};
	struct ruleset *rules = firewall_compile(&m->config, &diag);

	assert_non_null(rules);
	diag_release(&diag);
	return rules;
}

static void must_send(const struct ruleset *old, const struct ruleset *new)
{
	struct plan *plan = plan_make(old, new);
	struct diag diag = {0};
	enum nft_result result = nft_send(nft, plan, 0, &diag);

	if (result != NFT_DONE)
		diag_print(&diag, stderr, false);
	assert_int_equal(result, NFT_DONE);
	diag_release(&diag);
	plan_free(plan);
}

static struct ruleset *must_read(void)
{
	struct ruleset *rules = nft_read(nft, "weir");

	if (!rules)
		fail_msg("nft_read: %s", strerror(errno));
	return rules;
}

/* What the kernel has is what was compiled: nothing is left to do. */
static void assert_in_force(const struct ruleset *rules)
{
	struct ruleset *live = must_read();
	struct plan *plan = plan_make(live, rules);
	char *text = plan_text(plan);

	assert_string_equal(text, "");
	assert_int_equal(live->n_chains, rules->n_chains);
	assert_int_equal(live->n_sets, rules->n_sets);
	free(text);
	plan_free(plan);
	ruleset_free(live);
}

/* What is read back is the same member for member, so no text decides, and
 * what is there twice already is not kept a third time. */
static void assert_known(const struct ruleset *rules)
{
	struct ruleset *live = nft_read_like(nft, "weir", rules);
	struct plan *plan;

	assert_non_null(live);
	for (unsigned i = 0; i < live->n_chains; i++) {
		const struct nft_chain *twin =
			ruleset_chain(rules, live->chains[i]->name);

		if (twin->n_rules)
			assert_ptr_equal(live->chains[i]->same_as, twin);
		assert_int_equal(live->chains[i]->n_rules, 0);
	}
	plan = plan_make(live, rules);
	assert_true(plan_is_empty(plan));
	plan_free(plan);
	ruleset_free(live);
}

static void start_anew(void)
{
	if (nft_delete(nft, "weir"))
		assert_int_equal(errno, ENOENT);
}

/* -- nft's listing --------------------------------------------------------- */

static bool has_nft(void)
{
	return system("command -v nft >/dev/null 2>&1") == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_array(json_t *array)
{
	size_t n = json_array_size(array);
	char **texts = xcalloc(n + 1, sizeof(*texts));

	for (size_t i = 0; i < n; i++)
		texts[i] = json_dumps(json_array_get(array, i),
				      JSON_SORT_KEYS | JSON_ENCODE_ANY);
	qsort(texts, n, sizeof(*texts), by_text);
	json_array_clear(array);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(array, json_string(texts[i]));
		free(texts[i]);
	}
	free(texts);
}

/* Without handles; chains, sets and elements have no order, rules of a chain
 * do. Those of one chain stand together. */
static char *listing(void)
{
	FILE *f = popen("nft -j list table inet weir", "r");
	json_t *root = json_loadf(f, 0, NULL);
	json_t *objects = json_object_get(root, "nftables"), *object;
	const char *chain = "";
	char *text;
	size_t i;
	int at = 0;

	assert_non_null(root);
	assert_int_equal(pclose(f), 0);
	json_array_foreach (objects, i, object) {
		const char *kind;
		json_t *body;

		json_object_foreach (object, kind, body) {
			const char *of = json_string_value(
				json_object_get(body, "chain"));

			json_object_del(body, "handle");
			if (json_object_get(body, "elem"))
				sort_array(json_object_get(body, "elem"));
			if (strcmp(kind, "rule") != 0)
				continue;
			at = strcmp(of, chain) == 0 ? at + 1 : 0;
			chain = of;
			json_object_set_new(body, "at", json_integer(at));
		}
	}
	sort_array(objects);
	text = json_dumps(objects, JSON_SORT_KEYS | JSON_INDENT(1));
	json_decref(root);
	return text;
}

static void load_text(const struct ruleset *rules)
{
	FILE *f = popen("nft -f -", "w");
	char *text = ruleset_text(rules);

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(pclose(f), 0);
	free(text);
}

/* A listing has thousands of lines: shows the first that differ. */
static void assert_same_lines(const char *a, const char *b)
{
	struct slice left = slice_of(a), right = slice_of(b);

	while (left.p || right.p) {
		struct slice x = slice_cut(&left, '\n');
		struct slice y = slice_cut(&right, '\n');

		if (!slice_eq(x, y))
			fail_msg("by batch: %.*s\nby text:  %.*s", SLICE_ARG(x),
				 SLICE_ARG(y));
	}
}

/* Our batch and our text are the same to the kernel, and to nft. */
static void check_both_ways(struct model *m)
{
	struct ruleset *rules = compile(m);
	char *by_batch, *by_text_;

	start_anew();
	must_send(NULL, rules);
	assert_in_force(rules);
	assert_known(rules);
	if (!has_nft()) {
		ruleset_free(rules);
		return;
	}
	by_batch = listing();
	start_anew();
	load_text(rules);
	assert_in_force(rules);
	by_text_ = listing();
	assert_same_lines(by_batch, by_text_);
	free(by_batch);
	free(by_text_);
	ruleset_free(rules);
}

static void test_scenes_by_batch_and_by_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_scenes; i++) {
		struct model *m = model_new();

		print_message("# %s\n", scenes[i].name);
		scenes[i].build(m);
		check_both_ways(m);
		model_free(m);
	}
}

static void test_random_rules_by_batch_and_by_text(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 15; round++) {
		struct model *m = model_new();

		srand(round + 1);
		random_model(m);
		check_both_ways(m);
		model_free(m);
	}
}

/* -- changes --------------------------------------------------------------- */

/* `like`: planned from as little as can be read. */
static void change_at_random(bool like)
{
	struct ruleset *live = NULL;

	start_anew();
	for (unsigned round = 0; round < 40; round++) {
		struct model *m = model_new();
		struct ruleset *rules;

		srand(round + 100);
		random_model(m);
		rules = compile(m);
		if (live && like) {
			ruleset_free(live);
			live = nft_read_like(nft, "weir", rules);
			assert_non_null(live);
		}
		must_send(live, rules);
		assert_in_force(rules);
		ruleset_free(live);
		live = must_read();
		ruleset_free(rules);
		model_free(m);
	}
	ruleset_free(live);
}

static void test_from_anything_to_anything(void **state)
{
	(void)state;
	change_at_random(false);
}

static void regress_from_anything_by_what_is_not_known(void **state)
{
	(void)state;
	change_at_random(true);
}

static struct model *small_model(void)
{
	struct model *m = model_new();

	model_machine(m, "127.0.0.1", "");
	model_allow(m, "app", SG_INGRESS, "tcp", "22", "10.0.0.0/8");
	model_open(m, "app");
	model_instance(m, "a", "10.0.0.1", NULL, "app");
	return m;
}

static void test_a_second_time_sends_nothing(void **state)
{
	struct model *m = small_model();
	struct ruleset *rules = compile(m), *live;
	uint32_t before, after;

	(void)state;
	start_anew();
	must_send(NULL, rules);
	live = must_read();
	assert_int_equal(nft_generation(nft, &before), 0);
	must_send(live, rules);
	assert_int_equal(nft_generation(nft, &after), 0);
	assert_int_equal(before, after);
	ruleset_free(live);
	ruleset_free(rules);
	model_free(m);
}

/* Somebody else's table, and somebody else's rule in ours. */
static void test_foreign_things(void **state)
{
	struct model *m;
	struct ruleset *rules, *live;

	(void)state;
	if (!has_nft())
		skip();
	m = small_model();
	rules = compile(m);
	start_anew();
	must_send(NULL, rules);
	assert_int_equal(system("nft 'add table inet other; add chain inet "
				"other c; add rule inet weir sg-app-in meta "
				"mark 7 accept; add rule inet weir sg-app-in "
				"tcp dport 99 accept'"),
			 0);
	live = must_read();
	must_send(live, rules);
	ruleset_free(live);
	assert_in_force(rules);
	assert_int_equal(system("nft list chain inet other c >/dev/null"), 0);

	assert_int_equal(system("nft 'chain inet weir input-egress { policy "
				"drop; }'"),
			 0);
	live = must_read();
	must_send(live, rules);
	ruleset_free(live);
	assert_in_force(rules);
	assert_int_equal(system("nft delete table inet other"), 0);
	ruleset_free(rules);
	model_free(m);
}

/* Somebody switches our table off: no rule of it is asked any more. */
static void test_a_dormant_table_is_woken(void **state)
{
	struct model *m;
	struct ruleset *rules, *live;
	struct plan *plan;
	char *text;

	(void)state;
	if (!has_nft())
		skip();
	m = small_model();
	rules = compile(m);
	start_anew();
	must_send(NULL, rules);
	assert_int_equal(system("nft 'add table inet weir { flags dormant; }'"),
			 0);
	live = must_read();
	assert_true(live->dormant);
	plan = plan_make(live, rules);
	text = plan_text(plan);
	assert_string_equal(text, "+ table inet weir\n");
	free(text);
	plan_free(plan);
	must_send(live, rules);
	ruleset_free(live);
	live = must_read();
	assert_false(live->dormant);
	ruleset_free(live);
	assert_in_force(rules);
	ruleset_free(rules);
	model_free(m);
}

static void test_a_stale_plan_is_refused(void **state)
{
	struct model *m = small_model();
	struct ruleset *rules = compile(m), *live;
	struct plan *plan;
	struct diag diag = {0};
	uint32_t generation;

	(void)state;
	start_anew();
	must_send(NULL, rules);
	live = must_read();
	assert_int_equal(nft_generation(nft, &generation), 0);
	model_instance(m, "b", "10.0.0.2", NULL, "app");
	ruleset_free(rules);
	rules = compile(m);
	plan = plan_make(live, rules);
	assert_int_equal(nft_send(nft, plan, generation - 1, &diag), NFT_RACED);
	assert_int_equal(diag.n_errors, 0);
	assert_int_equal(nft_send(nft, plan, generation, &diag), NFT_DONE);
	assert_in_force(rules);
	plan_free(plan);
	ruleset_free(live);
	ruleset_free(rules);
	diag_release(&diag);
	model_free(m);
}

/* The kernel's word about the fourth element has the place of the fourth. */
static void test_errors_point_to_the_file(void **state)
{
	static const uint8_t key = TYPE_IPV4_ADDR;
	struct ruleset *rules = ruleset_new("weir");
	struct nft_set *set = ruleset_add_set(rules, "broken", &key, 1);
	struct plan *plan;
	struct diag diag = {0};
	char *text;

	(void)state;
	start_anew();
	set->map = true;
	for (uint8_t i = 0; i < 5; i++) {
		struct nft_element *e = set_add_element(set);

		e->first[0] = e->last[0] = i;
		e->verdict.kind = i == 3 ? VERDICT_GOTO : VERDICT_DROP;
		e->verdict.chain = i == 3 ? "nowhere" : NULL;
		e->place = (struct place){"weir.yaml", 10u + i, 5, 1};
	}
	plan = plan_make(NULL, rules);
	assert_int_equal(nft_send(nft, plan, 0, &diag), NFT_FAILED);
	text = diag_to_text(&diag);
	print_message("%s", text);
	assert_non_null(strstr(text, "weir.yaml:13:5: error:"));
	assert_null(nft_read(nft, "weir"));
	assert_int_equal(errno, ENOENT);
	free(text);
	plan_free(plan);
	diag_release(&diag);
	ruleset_free(rules);
}

/* -- size ------------------------------------------------------------------ */

static struct model *large_model(unsigned n)
{
	struct model *m = small_model();
	struct prefix_entry *entries =
		ARENA_ARRAY(&m->arena, n, struct prefix_entry);

	model_allow(m, "app", SG_INGRESS, "tcp", "443", "%many");
	model_list(m, "many", "");
	for (unsigned i = 0; i < n; i++) {
		uint8_t octets[4] = {11, (uint8_t)(i >> 15), (uint8_t)(i >> 7),
				     (uint8_t)(i << 1)};

		entries[i].cidr = cidr_make(4, octets, 32);
		entries[i].place = (struct place){"weir.yaml", i + 1, 1, 1};
	}
	m->lists[0].entries = entries;
	m->lists[0].n_entries = n;
	return m;
}

static void test_a_hundred_thousand_elements(void **state)
{
	struct model *m = large_model(100000);
	struct ruleset *rules = compile(m), *live;
	struct plan *plan;

	(void)state;
	start_anew();
	must_send(NULL, rules);
	assert_in_force(rules);

	m->lists[0].n_entries--;
	ruleset_free(rules);
	rules = compile(m);
	live = must_read();
	plan = plan_make(live, rules);
	assert_int_equal(plan->n_steps, 1);
	plan_free(plan);
	must_send(live, rules);
	assert_in_force(rules);
	ruleset_free(live);
	ruleset_free(rules);
	model_free(m);
	start_anew();
}

/* A first load in parts that fails leaves nothing behind. */
static void test_a_large_load_that_fails(void **state)
{
	struct model *m = large_model(60000);
	struct ruleset *rules = compile(m);
	struct plan *plan;
	struct diag diag = {0};

	(void)state;
	start_anew();
	ruleset_chain(rules, "sg-app-in")->rules[0].verdict =
		(struct nft_verdict){VERDICT_JUMP, "sg-app-in"};
	ruleset_set(rules, "pl-many-v4")->elements[59999] =
		ruleset_set(rules, "pl-many-v4")->elements[0];
	plan = plan_make(NULL, rules);
	assert_int_equal(nft_send(nft, plan, 0, &diag), NFT_FAILED);
	assert_null(nft_read(nft, "weir"));
	assert_int_equal(errno, ENOENT);
	plan_free(plan);
	diag_release(&diag);
	ruleset_free(rules);
	model_free(m);
}

/* Others may neither change nor flush what is owned; it outlives its owner,
 * and the next one takes it over. */
static void test_ownership(void **state)
{
	struct model *m = small_model();
	struct ruleset *rules = compile(m);
	struct nft *owner = nft_open(), *ours = nft;

	(void)state;
	start_anew();
	nft_own_tables(owner);
	nft = owner;
	must_send(NULL, rules);
	assert_in_force(rules);
	nft = ours;
	if (nft_adopt(owner, "weir") && errno == EOPNOTSUPP) {
		print_message("# this kernel has no persistent owners\n");
		nft_close(owner);
		ruleset_free(rules);
		model_free(m);
		skip();
	}
	assert_int_equal(nft_delete(nft, "weir"), -1);
	assert_int_equal(errno, EPERM);
	nft_close(owner);
	assert_in_force(rules);

	owner = nft_open();
	nft_own_tables(owner);
	assert_int_equal(nft_adopt(owner, "weir"), 0);
	assert_int_equal(nft_delete(nft, "weir"), -1);
	nft_close(owner);
	start_anew();

	/* What was made without an owner cannot get one. */
	must_send(NULL, rules);
	owner = nft_open();
	nft_own_tables(owner);
	assert_int_equal(nft_adopt(owner, "weir"), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	nft_close(owner);
	ruleset_free(rules);
	model_free(m);
}

/* -- owners, and who else is there ----------------------------------------- */

static bool owners_outlive(void)
{
	struct nft *owner = nft_open();
	bool can;

	start_anew();
	nft_own_tables(owner);
	can = nft_adopt(owner, "weir") && errno == ENOENT;
	nft_close(owner);
	return can;
}

/* Runs with a socket whose tables have no owner, and with one that owns. */
static void both_ways(void (*run)(void))
{
	struct nft *ours = nft;

	start_anew();
	run();
	if (!owners_outlive())
		return;
	print_message("# the same, owned\n");
	nft = nft_open();
	nft_own_tables(nft);
	start_anew();
	run();
	nft_close(nft);
	nft = ours;
	start_anew();
}

static void load_in_parts(void)
{
	struct model *m = large_model(40000);
	struct ruleset *rules = compile(m);

	must_send(NULL, rules);
	assert_in_force(rules);
	ruleset_free(rules);
	model_free(m);
}

/* An owned table takes no change of flags, so none may be needed. */
static void regress_a_large_first_load(void **state)
{
	(void)state;
	both_ways(load_in_parts);
}

/* Hundreds of errors overflow the socket. */
static void refuse_many(void)
{
	struct ruleset *rules = ruleset_new("weir");
	struct nft_chain *chain = ruleset_add_chain(rules, "broken");
	struct plan *plan;
	struct diag diag = {0};

	for (unsigned i = 0; i < 3000; i++)
		chain_add_rule(chain)->verdict =
			(struct nft_verdict){VERDICT_JUMP, "nowhere"};
	plan = plan_make(NULL, rules);
	assert_int_equal(nft_send(nft, plan, 0, &diag), NFT_FAILED);
	assert_true(diag.n_errors > 0);
	assert_null(nft_read(nft, "weir"));
	assert_int_equal(errno, ENOENT);
	plan_free(plan);
	diag_release(&diag);
	ruleset_free(rules);
}

static void regress_many_refusals_are_a_refusal(void **state)
{
	(void)state;
	both_ways(refuse_many);
}

/* Whoever would own what it makes wakes what has no owner. */
static void regress_an_owner_wakes_what_it_does_not_own(void **state)
{
	struct model *m;
	struct ruleset *rules, *live;
	struct nft *ours = nft;

	(void)state;
	if (!has_nft())
		skip();
	m = small_model();
	rules = compile(m);
	start_anew();
	must_send(NULL, rules);
	assert_int_equal(system("nft 'add table inet weir { flags dormant; }'"),
			 0);
	nft = nft_open();
	nft_own_tables(nft);
	live = must_read();
	assert_true(live->dormant);
	must_send(live, rules);
	ruleset_free(live);
	assert_in_force(rules);
	nft_close(nft);
	nft = ours;
	ruleset_free(rules);
	model_free(m);
}

/* A neighbour that never stops changing a table of its own. */
struct neighbour {
	pthread_t thread;
	atomic_bool ends;
};

static void *change_always(void *arg)
{
	struct neighbour *n = arg;
	struct nft *own = nft_open();
	struct ruleset *rules = ruleset_new("neighbour");
	struct plan *plan;

	ruleset_add_chain(rules, "c");
	plan = plan_make(NULL, rules);
	while (!atomic_load(&n->ends)) {
		struct diag diag = {0};

		nft_send(own, plan, 0, &diag);
		diag_release(&diag);
		nft_delete(own, "neighbour");
		usleep(2000);
	}
	plan_free(plan);
	ruleset_free(rules);
	nft_close(own);
	return NULL;
}

/* One element less is planned at what was read, and sent at it. */
static void change_beside(void)
{
	struct model *m = large_model(60000);
	struct ruleset *rules = compile(m), *live;
	struct diag diag = {0};
	struct plan *plan;
	uint32_t generation;

	must_send(NULL, rules);
	for (unsigned i = 0; i < 3; i++) {
		m->lists[0].n_entries--;
		ruleset_free(rules);
		rules = compile(m);
		assert_int_equal(nft_generation(nft, &generation), 0);
		live = must_read();
		plan = plan_make(live, rules);
		assert_int_equal(plan->n_steps, 1);
		assert_int_equal(nft_send(nft, plan, generation, &diag),
				 NFT_DONE);
		plan_free(plan);
		ruleset_free(live);
	}
	assert_in_force(rules);
	diag_release(&diag);
	ruleset_free(rules);
	model_free(m);
}

static void regress_beside_a_busy_neighbour(void **state)
{
	struct neighbour n = {0};

	(void)state;
	assert_int_equal(pthread_create(&n.thread, NULL, change_always, &n), 0);
	both_ways(change_beside);
	atomic_store(&n.ends, true);
	pthread_join(n.thread, NULL);
}

/* What others do to their own tables is no reason to look at ours. */
static void regress_the_tables_of_others_are_no_news(void **state)
{
	struct model *m;
	struct ruleset *rules;
	uint32_t before, after;

	(void)state;
	if (!has_nft())
		skip();
	m = small_model();
	rules = compile(m);
	start_anew();
	must_send(NULL, rules);
	assert_int_equal(nft_generation(nft, &before), 0);
	assert_int_equal(system("nft 'add table inet other; add chain inet "
				"other c; add table ip weir; delete table inet "
				"other; delete table ip weir'"),
			 0);
	assert_int_equal(nft_generation(nft, &after), 0);
	assert_int_equal(before, after);
	assert_int_equal(system("nft flush chain inet weir sg-app-in"), 0);
	assert_int_equal(nft_generation(nft, &after), 0);
	assert_int_not_equal(before, after);
	ruleset_free(rules);
	model_free(m);
}

/* -- trouble --------------------------------------------------------------- */

static void regress_a_missing_part_is_known(void **state)
{
	static const struct nft_part parts[] = {
		{"cmp", false, "", ""},
		{"weir_has_none", false, "", ""},
		{"counter", false, "", ""},
	};
	bool missing[ARRAY_SIZE(parts)];
	uint32_t before, after;

	(void)state;
	start_anew();
	assert_int_equal(nft_generation(nft, &before), 0);
	assert_int_equal(nft_probe(nft, parts, ARRAY_SIZE(parts), missing), 0);
	assert_false(missing[0]);
	assert_true(missing[1]);
	assert_false(missing[2]);
	/* Nothing was made. */
	assert_null(nft_read(nft, "weir-probe"));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(nft_generation(nft, &after), 0);
	assert_int_equal(before, after);
}

static void assert_trouble(const struct ruleset *wanted, const char *words)
{
	struct diag diag = {0};
	char *text;

	nft_find_trouble(nft, wanted, false, &diag);
	text = diag_to_text(&diag);
	if (words)
		assert_non_null(strstr(text, words));
	else
		assert_string_equal(text, "");
	free(text);
	diag_release(&diag);
}

static bool yes(void)
{
	return true;
}

static bool no(void)
{
	return false;
}

static void regress_ports_that_cannot_be_told_are_named(void **state)
{
	static const char words[] = "CONFIG_NETFILTER_NETLINK_GLUE_CT";
	struct model *m = small_model(), *host = model_new();
	struct ruleset *plain = compile(m), *published;
	struct diag diag = {0};
	char *text;

	(void)state;
	model_machine(host, "127.0.0.1", "");
	model_allow(host, "app", SG_INGRESS, "tcp", "80", "10.0.0.0/8");
	model_host(host, NULL, "app");
	published = compile(host);
	nft_find_untold_ports(plain, yes, &diag);
	nft_find_untold_ports(published, no, &diag);
	assert_int_equal(diag.n_findings, 0);
	nft_find_untold_ports(published, yes, &diag);
	text = diag_to_text(&diag);
	assert_int_equal(diag.n_findings, 1);
	assert_non_null(strstr(text, words));
	free(text);
	diag_release(&diag);
	ruleset_free(plain);
	ruleset_free(published);
	model_free(m);
	model_free(host);
}

static void regress_an_owner_is_named(void **state)
{
	struct model *m = small_model();
	struct ruleset *rules = compile(m);
	struct nft *ours = nft, *owner;

	(void)state;
	start_anew();
	assert_trouble(rules, NULL);
	if (owners_outlive()) {
		nft = nft_open();
		nft_own_tables(nft);
		must_send(NULL, rules);
		assert_trouble(rules, NULL);
		owner = nft;
		nft = ours;
		assert_trouble(rules, "belongs to process ");
		nft_close(owner);
		assert_trouble(rules, NULL);
	}
	start_anew();
	ruleset_free(rules);
	model_free(m);
}

static void put_number(const char *folder, const char *name, unsigned number)
{
	char path[120];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	to = fopen(path, "w");
	assert_non_null(to);
	fprintf(to, "%u\n", number);
	fclose(to);
}

static void regress_a_full_table_of_flows_is_told(void **state)
{
	char folder[] = "/tmp/weir-nft-XXXXXX", path[80];
	struct diag diag = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	nft_find_full_table(folder, &diag);
	put_number(folder, "nf_conntrack_max", 1000);
	put_number(folder, "nf_conntrack_count", 949);
	nft_find_full_table(folder, &diag);
	assert_int_equal(diag.n_warnings, 0);
	put_number(folder, "nf_conntrack_count", 950);
	nft_find_full_table(folder, &diag);
	assert_int_equal(diag.n_warnings, 1);
	snprintf(path, sizeof(path), "%s/nf_conntrack_max", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/nf_conntrack_count", folder);
	unlink(path);
	rmdir(folder);
	diag_release(&diag);
}

static void test_others_that_drop(void **state)
{
	struct diag diag = {0};
	char *text;

	(void)state;
	if (!has_nft())
		skip();
	assert_int_equal(nft_warn_of_others(nft, "weir", &diag), 0);
	assert_int_equal(diag.n_warnings, 0);
	assert_int_equal(system("nft 'add table ip docker; add chain ip docker "
				"FORWARD { type filter hook forward priority "
				"0; policy drop; }'"),
			 0);
	assert_int_equal(nft_warn_of_others(nft, "weir", &diag), 0);
	assert_int_equal(system("nft delete table ip docker"), 0);
	text = diag_to_text(&diag);
	assert_non_null(strstr(text, "chain FORWARD of table docker"));
	free(text);
	diag_release(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes_by_batch_and_by_text),
		cmocka_unit_test(test_random_rules_by_batch_and_by_text),
		cmocka_unit_test(test_from_anything_to_anything),
		cmocka_unit_test(regress_from_anything_by_what_is_not_known),
		cmocka_unit_test(test_a_second_time_sends_nothing),
		cmocka_unit_test(test_foreign_things),
		cmocka_unit_test(test_a_dormant_table_is_woken),
		cmocka_unit_test(test_a_stale_plan_is_refused),
		cmocka_unit_test(test_errors_point_to_the_file),
		cmocka_unit_test(test_a_hundred_thousand_elements),
		cmocka_unit_test(test_a_large_load_that_fails),
		cmocka_unit_test(test_ownership),
		cmocka_unit_test(regress_a_large_first_load),
		cmocka_unit_test(regress_many_refusals_are_a_refusal),
		cmocka_unit_test(regress_an_owner_wakes_what_it_does_not_own),
		cmocka_unit_test(regress_beside_a_busy_neighbour),
		cmocka_unit_test(regress_the_tables_of_others_are_no_news),
		cmocka_unit_test(regress_a_missing_part_is_known),
		cmocka_unit_test(regress_ports_that_cannot_be_told_are_named),
		cmocka_unit_test(regress_an_owner_is_named),
		cmocka_unit_test(regress_a_full_table_of_flows_is_told),
		cmocka_unit_test(test_others_that_drop),
	};
	struct ruleset *rules;
	int rc;

	if (!namespace_enter())
		return SKIPPED;
	nft = nft_open();
	rules = nft ? nft_read(nft, "weir") : NULL;
	if (!nft || (!rules && errno != ENOENT)) {
		fprintf(stderr, "no nftables here: %s\n", strerror(errno));
		return SKIPPED;
	}
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	nft_close(nft);
	return rc;
}
