/* A hash of a ruleset's value. */
#include <stdio.h>
#include <xxhash.h>

#include "base/fail.h"
#include "ruleset.h"

struct digest {
	XXH3_state_t *state;
	const struct ruleset *rules;
	bool with_places;
};

static void add(struct digest *d, const void *octets, size_t n)
{
	XXH3_128bits_update(d->state, octets, n);
}

static void add_number(struct digest *d, uint64_t number)
{
	add(d, &number, sizeof(number));
}

/* With its zero, so that no two texts run into each other. */
static void add_text(struct digest *d, const char *text)
{
	add_number(d, text != NULL);
	if (text)
		add(d, text, strlen(text) + 1);
}

static void add_place(struct digest *d, const struct place *at)
{
	if (!d->with_places)
		return;
	add_text(d, at->file);
	add_number(d, (uint64_t)at->line << 32 | at->column);
	add_number(d, at->width);
}

static void add_verdict(struct digest *d, const struct nft_verdict *v)
{
	add_number(d, v->kind);
	add_text(d, v->chain);
}

static void add_match(struct digest *d, const struct nft_match *m)
{
	const uint8_t head[] = {m->op, m->n_fields, m->bits};

	add(d, head, sizeof(head));
	add(d, m->fields, m->n_fields);
	add(d, m->value, sizeof(m->value));
	add(d, m->last, sizeof(m->last));
	add_text(d, m->set);
}

static void add_rule(struct digest *d, const struct nft_rule *rule)
{
	add_number(d, rule->n_matches);
	for (unsigned i = 0; i < rule->n_matches; i++)
		add_match(d, &rule->matches[i]);
	add_text(d, rule->timeout);
	add_number(d, rule->log != NULL);
	if (rule->log) {
		add_number(d, (uint64_t)rule->log->rate_per_second << 32 |
				      rule->log->burst);
		add_number(d, (uint64_t)(int64_t)rule->log->group);
		add_text(d, rule->log->prefix);
	}
	add_number(d, rule->counter);
	add_verdict(d, &rule->verdict);
	add_text(d, rule->comment);
	add_place(d, &rule->place);
}

static bool is_left_out(const struct digest *d, const struct nft_set *set)
{
	return set->foreign || (set->of_machine && !d->with_places);
}

static bool is_rule_left_out(const struct digest *d,
			     const struct nft_rule *rule)
{
	for (unsigned i = 0; i < rule->n_matches && !d->with_places; i++) {
		const char *name = rule->matches[i].set;
		const struct nft_set *set = name ? ruleset_set(d->rules, name)
						 : NULL;

		if (set && set->of_machine)
			return true;
	}
	return rule->live.foreign;
}

static void add_chain(struct digest *d, const struct nft_chain *chain)
{
	unsigned n = 0;

	add_text(d, chain->name);
	add_number(d, chain->hook);
	add_number(d, (uint64_t)(int64_t)chain->priority);
	add_text(d, chain->comment);
	add_place(d, &chain->place);
	for (unsigned i = 0; i < chain->n_rules; i++) {
		if (is_rule_left_out(d, &chain->rules[i]))
			continue;
		add_rule(d, &chain->rules[i]);
		n++;
	}
	add_number(d, n);
}

static void add_element(struct digest *d, const struct nft_element *e)
{
	add(d, e->first, sizeof(e->first));
	add(d, e->last, sizeof(e->last));
	add_verdict(d, &e->verdict);
	add_text(d, e->comment);
	add_number(d, e->ends_ms);
	add_number(d, e->own);
	add_place(d, &e->place);
}

static void add_set(struct digest *d, const struct nft_set *set)
{
	const uint8_t flags[] = {set->interval, set->map, set->counter,
				 set->timeout, set->follows};

	add_text(d, set->name);
	add_number(d, set->n_types);
	add(d, set->types, set->n_types);
	add(d, flags, sizeof(flags));
	add_text(d, set->comment);
	add_place(d, &set->place);
	add_number(d, set->n_elements);
	for (unsigned i = 0; i < set->n_elements; i++)
		add_element(d, &set->elements[i]);
}

static void add_timeout(struct digest *d, const struct nft_timeout *t)
{
	add_text(d, t->name);
	add_number(d, t->protocol);
	add_number(d, (uint64_t)t->unreplied_s << 32 | t->replied_s);
	add_number(d, t->established_s);
	add_place(d, &t->place);
}

void ruleset_hash(const struct ruleset *rules, bool with_places,
		  char out[RULES_HASH_MAX])
{
	struct digest d = {XXH3_createState(), rules, with_places};
	XXH128_hash_t h;

	if (!d.state)
		fail_no_memory();
	XXH3_128bits_reset(d.state);
	add_text(&d, rules->table);
	for (unsigned i = 0; i < rules->n_timeouts; i++)
		add_timeout(&d, rules->timeouts[i]);
	for (unsigned i = 0; i < rules->n_sets; i++)
		if (!is_left_out(&d, rules->sets[i]))
			add_set(&d, rules->sets[i]);
	for (unsigned i = 0; i < rules->n_chains; i++)
		add_chain(&d, rules->chains[i]);
	h = XXH3_128bits_digest(d.state);
	XXH3_freeState(d.state);
	/* 17 digits are 68 bits: the low half and four bits of the high. */
	snprintf(out, RULES_HASH_MAX, "%x%016llx", (unsigned)(h.high64 & 0xf),
		 (unsigned long long)h.low64);
}
