/* What a keeper knows: counters of rules and drops, drift, edits, and ports
 * on which somebody waits in vain. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "control/admin.h"
#include "control/status.h"
#include "kernel/machine.h"
#include "state.h"

/* -- rules ----------------------------------------------------------------- */

static json_t *counted_json(const struct keeper_tally *tally)
{
	json_t *o = json_object();

	json_object_set_new(o, "packets",
			    json_integer((json_int_t)tally->packets));
	json_object_set_new(o, "octets",
			    json_integer((json_int_t)tally->octets));
	return o;
}

static void put_place(json_t *o, const struct place *at)
{
	if (!at->file)
		return;
	json_object_set_new(o, "file", json_string_nocheck(at->file));
	json_object_set_new(o, "line", json_integer(at->line));
}

struct rule_list {
	json_t *list;
	const struct keeper *keeper;
	const struct secgroup *group; /* NULL: firewall.management */
	enum sg_direction direction;
};

static void put_rule(struct rule_list *l, const struct sg_rule *rule,
		     const struct port_range *ports, const struct sg_peer *peer)
{
	char id[SG_RULE_ID_MAX], words[200];
	struct keeper_tally tally;
	json_t *o;

	sg_rule_id(l->group, l->direction, rule, ports, peer, id);
	tally = keeper_counted(l->keeper, id);
	o = counted_json(&tally);
	json_object_set_new(
		o, "group",
		json_string_nocheck(l->group ? l->group->name : "management"));
	json_object_set_new(
		o, "direction",
		json_string(l->direction == SG_INGRESS ? "ingress" : "egress"));
	json_object_set_new(
		o, "rule",
		json_string_nocheck(sg_rule_words(l->direction, rule, ports,
						  peer, words, sizeof(words))));
	json_object_set_new(o, "id", json_string(id));
	put_place(o, &rule->place);
	json_array_append_new(l->list, o);
}

static void put_rules(struct rule_list *l, enum sg_direction direction,
		      const struct sg_rule *rules, unsigned n)
{
	l->direction = direction;
	for (unsigned i = 0; i < n; i++)
		for (struct sg_term t = {0}; sg_rule_each(&rules[i], &t);)
			put_rule(l, &rules[i], t.ports, t.peer);
}

/* What "egress absent" stands for, in both families. */
static void put_open_rule(struct rule_list *l)
{
	struct keeper_tally sum = {0};
	char id[SG_RULE_ID_MAX];
	json_t *o;

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct keeper_tally tally;

		sg_open_rule_id(l->group, family, id);
		tally = keeper_counted(l->keeper, id);
		sum.packets += tally.packets;
		sum.octets += tally.octets;
	}
	o = counted_json(&sum);
	json_object_set_new(o, "group", json_string_nocheck(l->group->name));
	json_object_set_new(o, "direction", json_string("egress"));
	json_object_set_new(o, "rule", json_string("all to everybody"));
	put_place(o, &l->group->place);
	json_array_append_new(l->list, o);
}

static json_t *list_rules(const struct keeper *k)
{
	const struct firewall_config *c = &k->intent->config;
	struct rule_list l = {.list = json_array(), .keeper = k};

	put_rules(&l, SG_INGRESS, c->settings.management,
		  c->settings.n_management);
	for (unsigned i = 0; i < c->n_groups; i++) {
		l.group = &c->groups[i];
		put_rules(&l, SG_INGRESS, l.group->ingress, l.group->n_ingress);
		put_rules(&l, SG_EGRESS, l.group->egress, l.group->n_egress);
		if (l.group->egress_open)
			put_open_rule(&l);
	}
	return l.list;
}

/* -- drops ----------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n >= m && strcmp(name + n - m, suffix) == 0;
}

static const char *direction_of(const char *chain)
{
	if (has_suffix(chain, "-published"))
		return "published";
	return has_suffix(chain, "-out") || has_suffix(chain, "-local")
		       ? "egress"
		       : "ingress";
}

/* The rule that ends a chain of ours: whatever none of the others took. */
static const struct nft_rule *chain_ending(const struct nft_chain *chain)
{
	const struct nft_rule *last =
		chain->n_rules ? &chain->rules[chain->n_rules - 1] : NULL;

	return last && last->counter && last->n_matches == 0 ? last : NULL;
}

/* So many met the rule and were not told to the keeper: there were too many. */
static void put_not_told(json_t *o, const struct nft_chain *chain,
			 const struct nft_rule *rule)
{
	size_t at = (size_t)(rule - chain->rules);
	uint64_t told;

	if (at == 0 || !tell_is_laid(&rule[-1]))
		return;
	told = rule[-1].live.packets;
	json_object_set_new(
		o, "not_told",
		json_integer(rule->live.packets > told
				     ? (json_int_t)(rule->live.packets - told)
				     : 0));
}

static json_t *drop_json(const struct nft_chain *chain,
			 const struct nft_rule *rule, const char *words,
			 const char *direction)
{
	const struct keeper_tally tally = {rule->live.packets,
					   rule->live.octets};
	json_t *o = counted_json(&tally);

	json_object_set_new(o, "what", json_string_nocheck(words));
	json_object_set_new(o, "direction", json_string(direction));
	json_object_set_new(o, "chain", json_string_nocheck(chain->name));
	put_not_told(o, chain, rule);
	return o;
}

/* Profiles drop for their groups, other chains for what their name says. */
static json_t *drop_of(const struct keeper *k, const struct nft_chain *chain)
{
	const struct ruleset *wanted = keeper_wanted(k);
	const struct nft_chain *own =
		wanted ? ruleset_chain(wanted, chain->name) : NULL;
	const struct nft_rule *rule = chain_ending(chain);
	const char *words = own && own->comment ? own->comment : chain->comment;

	if (!rule)
		return NULL;
	if (strncmp(chain->name, "p-", 2) == 0)
		return drop_json(chain, rule, words ? words : chain->name,
				 direction_of(chain->name));
	if (strncmp(chain->name, "drop-", 5) == 0)
		return drop_json(chain, rule, words ? words : chain->name, "");
	return NULL;
}

static json_t *list_drops(const struct keeper *k, const struct ruleset *now)
{
	json_t *list = json_array();

	for (unsigned i = 0; now && i < now->n_chains; i++) {
		json_t *o = drop_of(k, now->chains[i]);

		if (o)
			json_array_append_new(list, o);
	}
	return list;
}

/* In mode: report a deny lets pass. What it would drop is logged by the rule
 * before it. */
static bool is_deny(const struct nft_chain *chain, unsigned at)
{
	const struct nft_rule *rule = &chain->rules[at];

	return rule->verdict.kind == VERDICT_DROP ||
	       (at > 0 && chain->rules[at - 1].log) ||
	       (rule->comment && strcmp(rule->comment, "rule *") == 0);
}

static json_t *list_acls(const struct keeper *k, const struct ruleset *now)
{
	const struct ruleset *wanted = keeper_wanted(k);
	json_t *list = json_array();

	for (unsigned i = 0; now && i < now->n_chains; i++) {
		const struct nft_chain *c = now->chains[i], *own;

		own = wanted ? ruleset_chain(wanted, c->name) : NULL;
		if (strncmp(c->name, "acl-", 4) != 0)
			continue;
		for (unsigned r = 0; r < c->n_rules; r++) {
			const struct nft_rule *rule = &c->rules[r];
			json_t *o;

			if (!rule->counter || rule->log)
				continue;
			o = drop_json(c, rule,
				      rule->comment ? rule->comment : "rule *",
				      direction_of(c->name));
			json_object_set_new(
				o, "action",
				json_string(is_deny(c, r) ? "deny" : "allow"));
			if (own && r < own->n_rules)
				put_place(o, &own->rules[r].place);
			json_array_append_new(list, o);
		}
	}
	return list;
}

/* -- ports that wait in vain ----------------------------------------------- */

static bool groups_have_port(const struct secgroup *const *groups, unsigned n,
			     const struct listening *l)
{
	for (unsigned g = 0; g < n; g++)
		for (unsigned i = 0; i < groups[g]->n_ingress; i++)
			if (sg_rule_has_port(&groups[g]->ingress[i],
					     l->protocol, l->port))
				return true;
	return false;
}

static bool is_named(const struct firewall_config *c,
		     const struct instance *host, const struct listening *l)
{
	for (unsigned i = 0; i < c->settings.n_management; i++)
		if (sg_rule_has_port(&c->settings.management[i], l->protocol,
				     l->port))
			return true;
	for (unsigned i = 0; i < c->n_balancers; i++) {
		const struct firewall_balancer *b = &c->balancers[i];

		for (unsigned p = 0; p < b->n_listeners && b->n_groups; p++)
			if (b->listeners[p].port == l->port &&
			    b->listeners[p].protocol == l->protocol)
				return true;
	}
	return groups_have_port(host->groups, host->n_groups, l);
}

static json_t *list_unnamed(const struct intent *in)
{
	const struct instance *host = firewall_host(&in->config);
	json_t *list = json_array();
	struct listening *all = NULL;
	size_t n = host ? machine_listening(&all) : 0;

	for (size_t i = 0; i < n; i++) {
		char address[CIDR_TEXT_MAX];

		if (is_named(&in->config, host, &all[i]))
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:i}", "protocol",
				  all[i].protocol == IPPROTO_TCP ? "tcp"
								 : "udp",
				  "address",
				  cidr_format_address(&all[i].address, address),
				  "port", (int)all[i].port));
	}
	free(all);
	return list;
}

/* -- all of it ------------------------------------------------------------- */

static const char *const edits[] = {
	[EDIT_NONE] = "none",
	[EDIT_PENDING] = "edited and not applied",
	[EDIT_INVALID] = "edited and invalid",
	[EDIT_REFUSED] = "refused (not confirmed, or rolled back) and not "
			 "applied",
};

static json_t *drift_json(const struct keeper *k)
{
	const struct keeper_drift *d = &k->drift;
	json_t *o = json_object();

	json_object_set_new(o, "is_there", json_boolean(d->is_there));
	json_object_set_new(o, "seen", json_integer(d->n_seen));
	json_object_set_new(o, "repaired", json_integer(d->n_repaired));
	if (d->at_s)
		json_object_set_new(o, "at", json_integer(d->at_s));
	if (d->text)
		json_object_set_new(o, "text", json_string_nocheck(d->text));
	return o;
}

static void put_waiting(json_t *answer, const struct keeper *k)
{
	uint64_t now = clock_now_ms();
	uint64_t left = k->deadline_ms > now ? k->deadline_ms - now : 0;

	if (keeper_waits(k))
		json_object_set_new(
			answer, "seconds_to_confirm",
			json_integer((json_int_t)(left + 999) / 1000));
	else if (keeper_has(k, FILE_WAITING))
		json_object_set_new(answer, "unconfirmed", json_true());
}

/* In a process that applied nothing itself: compare with the file. */
static void compare_with_file(struct keeper *k, const struct ruleset *now)
{
	struct diag diag = {0};
	struct intent *in = keeper_load_intent(k, &diag);
	struct plan *plan = NULL;

	if (!in) {
		k->edit = EDIT_INVALID;
		free(k->edit_text);
		k->edit_text = diag_to_text(&diag);
	} else {
		keeper_adopt(k, in, NULL);
		if (now)
			tell_lay_as_in(in->rules, now);
		if (now && keeper_wanted(k))
			plan = plan_make(now, keeper_wanted(k));
		k->edit = (plan ? plan_is_empty(plan)
				: (now != NULL) == (keeper_wanted(k) != NULL))
				  ? EDIT_NONE
				  : EDIT_PENDING;
		plan_free(plan);
	}
	diag_release(&diag);
}

static void put_edit(json_t *answer, const struct keeper *k)
{
	json_object_set_new(answer, "edit", json_string(edits[k->edit]));
	if (k->edit == EDIT_INVALID && k->edit_text)
		json_object_set_new(answer, "edit_text",
				    json_string_nocheck(k->edit_text));
}

static void put_counters(json_t *answer, struct keeper *k,
			 const struct ruleset *now)
{
	keeper_count(k, now, false);
	if (k->intent) {
		json_object_set_new(
			answer, "mode",
			json_string(k->intent->config.settings.mode ==
						    FIREWALL_REPORT
					    ? "report"
					    : "enforce"));
		json_object_set_new(answer, "rules", list_rules(k));
		json_object_set_new(answer, "unnamed_ports",
				    list_unnamed(k->intent));
	}
	json_object_set_new(answer, "drops", list_drops(k, now));
	json_object_set_new(answer, "network_acls", list_acls(k, now));
}

static json_t *list_trouble(struct keeper *k)
{
	json_t *list = json_array();
	struct diag diag = {0};

	keeper_find_trouble(k, &diag);
	for (unsigned i = 0; i < diag.n_findings; i++)
		json_array_append_new(
			list, json_string_nocheck(diag.findings[i].sentence));
	diag_release(&diag);
	return list;
}

json_t *keeper_status(struct keeper *k)
{
	struct ruleset *now;
	uint32_t generation;
	json_t *answer;

	if (kernel_now(k->kernel, &now, &generation))
		return admin_error("cannot read the rules in force: %s",
				   nft_reason(errno));
	if (!keeper_is_in_force(k))
		compare_with_file(k, now);
	answer = admin_ok();
	json_object_set_new(answer, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(answer, "file", json_string_nocheck(k->file));
	json_object_set_new(answer, "keeper",
			    json_boolean(k->keeps || keeper_is_in_force(k)));
	json_object_set_new(answer, "in_force",
			    json_boolean(now && !now->dormant));
	if (now && now->dormant)
		json_object_set_new(answer, "dormant", json_true());
	if (k->applied_s)
		json_object_set_new(answer, "applied_at",
				    json_integer(k->applied_s));
	if (k->keeps)
		json_object_set_new(answer, "logs", status_of_logs(NULL));
	put_waiting(answer, k);
	put_edit(answer, k);
	json_object_set_new(answer, "drift", drift_json(k));
	json_object_set_new(answer, "closed",
			    json_boolean(k->state == KEEPER_CLOSED));
	json_object_set_new(answer, "overlay",
			    overlay_to_json(&k->overlay, clock_steady_s()));
	json_object_set_new(answer, "trouble", list_trouble(k));
	if (k->keeps)
		json_object_set_new(answer, "watch", keeper_watch_json(k));
	put_counters(answer, k, now);
	ruleset_free(now);
	return answer;
}
