#include "compile.h"

#include <stdlib.h>

#include "base/fail.h"
#include "compiler.h"

const char *comment_of(struct compiler *c, const char *text)
{
	char *copy;

	if (!text || !text[0])
		return NULL;
	copy = arena_printf(&c->rules->arena, "%.*s", COMMENT_MAX - 1, text);
	for (char *p = copy; *p; p++)
		if (*p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\')
			*p = ' ';
	return copy;
}

/* What the file asks for decides which stages there are. */
static void compiler_survey(struct compiler *c)
{
	const struct firewall_config *config = c->config;

	c->host = firewall_host(config);
	for (unsigned i = 0; i < config->n_instances; i++) {
		if (config->instances[i].host)
			continue;
		c->has_instances = true;
		c->has_bound |= config->instances[i].interface != NULL;
	}
	for (unsigned i = 0; i < config->n_balancers; i++)
		c->has_balancers |= config->balancers[i].n_groups > 0;
	for (unsigned i = 0; i < config->n_subnets; i++)
		c->has_acls |= config->subnets[i].acl != NULL;
}

static bool same_verdict(const struct nft_element *a,
			 const struct nft_element *b)
{
	return a->verdict.kind == b->verdict.kind &&
	       (!a->verdict.chain ||
		strcmp(a->verdict.chain, b->verdict.chain) == 0);
}

static void complain_set(struct compiler *c, const struct nft_set *set,
			 const struct nft_element *e,
			 const struct nft_element *old)
{
	struct text key = {0};

	element_key_text(set, e, &key);
	if (set->interval)
		diag_error(c->diag, &e->place, NULL,
			   "%s overlaps with the subnet in line %u",
			   text_str(&key), (unsigned)old->place.line);
	else
		diag_error(c->diag, &e->place, NULL,
			   "%s is of \"%s\", but also of \"%s\" in line %u, "
			   "with other security groups",
			   text_str(&key), e->comment ? e->comment : "",
			   old->comment ? old->comment : "",
			   (unsigned)old->place.line);
	text_release(&key);
}

/* A map has one answer for each key. */
static void settle_map(struct compiler *c, struct nft_set *map)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < map->n_elements; i++) {
		const struct nft_element *e = &map->elements[i];
		const struct nft_element *old = kept ? &map->elements[kept - 1]
						     : NULL;
		bool same = old && element_cmp(old, e) == 0;
		bool overlaps = old && map->interval &&
				memcmp(e->first, old->last, sizeof(e->first)) <=
					0;

		if (!same && !overlaps) {
			map->elements[kept++] = *e;
			continue;
		}
		if (overlaps || !same_verdict(e, old))
			complain_set(c, map, e, old);
	}
	map->n_elements = kept;
}

struct ruleset *firewall_compile(const struct firewall_config *config,
				 struct diag *diag)
{
	struct compiler c = {.config = config, .diag = diag};
	unsigned before = diag->n_errors;

	c.rules = ruleset_new("weir");
	compiler_survey(&c);
	members_collect(&c);
	stages_put(&c);
	times_put(&c);
	ruleset_finish(c.rules);
	for (unsigned i = 0; i < c.rules->n_sets; i++)
		if (c.rules->sets[i]->map)
			settle_map(&c, c.rules->sets[i]);

	members_release(&c);
	map_release(&c.profiles);
	map_release(&c.digits);
	arena_release(&c.scratch);
	if (diag->n_errors > before) {
		ruleset_free(c.rules);
		return NULL;
	}
	return c.rules;
}
