#include "explain_reason.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"

/* -- the decisions of the stages ------------------------------------------- */

static const struct {
	const char *suffix, *words;
} stages[] = {
	{"-egress", "groups of the sender"},
	{"-block", "blocks at run time"},
	{"-acl", "network ACLs"},
	{"-published", "groups of this machine (published port)"},
	{"-ingress", "groups of the receiver"},
};

const char *stage_words(const struct nft_chain *base)
{
	size_t n = strlen(base->name);

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		size_t m = strlen(stages[i].suffix);

		if (n > m && strcmp(base->name + n - m, stages[i].suffix) == 0)
			return stages[i].words;
	}
	return base->name;
}

const struct verdict_step *stage_decision(const struct verdict *v,
					  const struct nft_chain *base)
{
	const struct verdict_step *last = NULL;
	const struct nft_chain *at = NULL;

	for (unsigned i = 0; i < v->n_steps; i++) {
		if (v->steps[i].chain->hook != HOOK_NONE)
			at = v->steps[i].chain;
		if (at == base)
			last = &v->steps[i];
	}
	return last;
}

bool step_denies(const struct verdict_step *s)
{
	const char *name = s->chain->name;

	if (s->rule->verdict.kind == VERDICT_DROP)
		return true;
	if (s->rule->comment && strcmp(s->rule->comment, "rule *") == 0)
		return true;
	/* firewall.mode: report gives an accept in place of the drop. */
	if (strncmp(name, "acl-", 4) == 0 && s->rule > s->chain->rules)
		return s->rule[-1].log != NULL;
	return s->rule->n_matches == 0 && s->rule->counter &&
	       !s->rule->comment &&
	       (strncmp(name, "p-", 2) == 0 || strncmp(name, "drop-", 5) == 0);
}

static bool rule_has_id(const struct secgroup *g, enum sg_direction d,
			const struct sg_rule *r, const char *id, char *words,
			size_t size)
{
	char own[SG_RULE_ID_MAX];

	for (struct sg_term t = {0}; sg_rule_each(r, &t);) {
		sg_rule_id(g, d, r, t.ports, t.peer, own);
		if (strcmp(own, id) != 0)
			continue;
		sg_rule_words(d, r, t.ports, t.peer, words, size);
		return true;
	}
	return false;
}

/* The rule that "egress absent" stands for. */
static bool is_open_rule(const struct secgroup *group, const char *id)
{
	char four[SG_RULE_ID_MAX], six[SG_RULE_ID_MAX];

	if (!group->egress_open)
		return false;
	sg_open_rule_id(group, 4, four);
	sg_open_rule_id(group, 6, six);
	return strcmp(four, id) == 0 || strcmp(six, id) == 0;
}

/* The words of the rule with this id: "web: tcp 80 from 0.0.0.0/0". */
static bool words_of_id(const struct firewall_config *c, const char *id,
			char *out, size_t size)
{
	char words[200];

	for (unsigned i = 0; i < c->settings.n_management; i++)
		if (rule_has_id(NULL, SG_INGRESS, &c->settings.management[i],
				id, words, sizeof(words))) {
			snprintf(out, size, "firewall.management: %s", words);
			return true;
		}
	for (unsigned g = 0; g < c->n_groups; g++) {
		const struct secgroup *group = &c->groups[g];

		if (is_open_rule(group, id)) {
			snprintf(out, size, "%s: everything may leave",
				 group->name);
			return true;
		}
		for (unsigned i = 0; i < group->n_ingress + group->n_egress;
		     i++) {
			bool in = i < group->n_ingress;
			const struct sg_rule *r =
				in ? &group->ingress[i]
				   : &group->egress[i - group->n_ingress];

			if (!rule_has_id(group, in ? SG_INGRESS : SG_EGRESS, r,
					 id, words, sizeof(words)))
				continue;
			snprintf(out, size, "%s: %s", group->name, words);
			return true;
		}
	}
	return false;
}

#define RUN_TIME "run-time entries"

const char REASON_ESTABLISHED[] = "established flow";

static const char *id_of(const struct verdict_step *s)
{
	if (s->element && s->element->comment &&
	    strncmp(s->element->comment, "sgr-", 4) == 0)
		return s->element->comment;
	if (s->rule->comment && strncmp(s->rule->comment, "sgr-", 4) == 0)
		return s->rule->comment;
	return NULL;
}

static void explain_rule(const struct firewall_config *c,
			 const struct verdict_step *s, const char *id,
			 struct reason *out)
{
	struct text text = {0};

	/* In a large group the element is the rule; in a small one it is a
	 * member, or a network of a list. */
	if (s->element && id == s->element->comment)
		out->place = &s->element->place;
	snprintf(out->id, sizeof(out->id), "%.*s", (int)strcspn(id, ", "), id);
	if (words_of_id(c, out->id, out->words, sizeof(out->words)))
		return;
	rule_text(s->rule, &text);
	snprintf(out->words, sizeof(out->words), "%s: %s", s->chain->name,
		 text_str(&text));
	text_release(&text);
}

static bool looks_at(const struct nft_rule *rule, enum nft_field field)
{
	return rule->n_matches == 1 && rule->matches[0].fields[0] == field;
}

/* What passes without a rule of a group. */
static const char *words_of_pass(const struct verdict_step *s)
{
	if (looks_at(s->rule, FIELD_CT_STATE))
		return REASON_ESTABLISHED;
	if (looks_at(s->rule, FIELD_IIFNAME) ||
	    looks_at(s->rule, FIELD_OIFNAME))
		return "loopback";
	if (strncmp(s->chain->name, "net-", 4) == 0)
		return "stays inside its subnet";
	return "always let through";
}

void step_reason(const struct firewall_config *c, const struct verdict_step *s,
		 struct reason *out)
{
	const char *name = s->chain->name, *id = id_of(s);
	const char *comment = s->rule->comment ? s->rule->comment : "rule *";
	const char *groups = s->chain->comment ? s->chain->comment : "";

	*out = (struct reason){.place = &s->rule->place};
	if (id)
		explain_rule(c, s, id, out);
	else if (step_denies(s) && strncmp(name, "p-", 2) == 0)
		snprintf(out->words, sizeof(out->words),
			 "no rule of %s admits it", groups);
	else if (step_denies(s) && strncmp(name, "drop-", 5) == 0)
		snprintf(out->words, sizeof(out->words), "%s", groups);
	else if (strncmp(comment, RUN_TIME, strlen(RUN_TIME)) == 0)
		snprintf(out->words, sizeof(out->words), "%s", comment);
	else if (strncmp(name, "acl-", 4) == 0)
		snprintf(out->words, sizeof(out->words), "%s: %s", name,
			 comment);
	else
		snprintf(out->words, sizeof(out->words), "%s",
			 words_of_pass(s));
}
