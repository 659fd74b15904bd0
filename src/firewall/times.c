/*
 * times.c - how long silent flows of an instance are remembered.
 *
 * A stage of its own before the groups: it decides nothing. The kernel takes
 * the times with the first packet of a flow, while it is not yet in its
 * table; where both ends have times, those of the receiver win.
 *
 * Floor: firewall.  Source: AWS: ConnectionTrackingSpecification.
 */
#include <stdio.h>

#include "compiler.h"

enum { TIMES = -40 };

static const char *timeout_of(struct compiler *c, int protocol,
			      uint32_t first_s, uint32_t second_s,
			      const struct place *place)
{
	struct nft_timeout *t;
	char name[40];

	if (protocol == IPPROTO_TCP)
		snprintf(name, sizeof(name), "tcp-%u", first_s);
	else
		snprintf(name, sizeof(name), "udp-%u-%u", first_s, second_s);
	t = ruleset_timeout(c->rules, name);
	if (t)
		return t->name;
	t = ruleset_add_timeout(c->rules, name);
	t->protocol = (uint8_t)protocol;
	t->place = *place;
	if (protocol == IPPROTO_TCP) {
		t->established_s = first_s;
	} else {
		t->unreplied_s = first_s;
		t->replied_s = second_s;
	}
	return t->name;
}

static void times_give(struct compiler *c, struct nft_chain *chain,
		       int protocol, const char *timeout)
{
	struct draft d = {0};
	struct nft_rule *rule;

	draft_protocol(&d, protocol);
	rule = draft_put(&d, c->rules, chain, VERDICT_NONE, NULL);
	rule->timeout = timeout;
	rule->place = chain->place;
}

static const char *times_chain(struct compiler *c, const struct instance *in)
{
	const struct tracking_times *t = &in->tracking;
	struct nft_chain *chain;
	char name[60];

	snprintf(name, sizeof(name), "times-%u-%u-%u", t->tcp_established_s,
		 t->udp_s, t->udp_stream_s);
	chain = ruleset_chain(c->rules, name);
	if (chain)
		return chain->name;
	chain = ruleset_add_chain(c->rules, name);
	chain->place = in->place;
	if (t->tcp_established_s)
		times_give(c, chain, IPPROTO_TCP,
			   timeout_of(c, IPPROTO_TCP, t->tcp_established_s, 0,
				      &in->place));
	if (t->udp_s || t->udp_stream_s)
		times_give(c, chain, IPPROTO_UDP,
			   timeout_of(c, IPPROTO_UDP, t->udp_s, t->udp_stream_s,
				      &in->place));
	return chain->name;
}

static bool has_times(const struct instance *in)
{
	return in->tracking.tcp_established_s || in->tracking.udp_s ||
	       in->tracking.udp_stream_s;
}

static void add_addresses(struct compiler *c, const struct instance *in)
{
	const char *chain = times_chain(c, in);
	const struct cidr *addresses = in->addresses;
	unsigned n = in->n_addresses;

	if (in->host)
		addresses = host_addresses(c, &n);
	for (unsigned i = 0; i < n; i++) {
		struct nft_element *e = add_network(
			ruleset_set(c->rules, addresses[i].family == 4
						      ? "times4"
						      : "times6"),
			&addresses[i]);

		e->verdict = (struct nft_verdict){VERDICT_JUMP, chain};
		e->comment = comment_of(c, in->name);
		e->place = in->place;
	}
}

static void put_stage(struct compiler *c, const char *name, enum nft_hook hook)
{
	static const enum nft_field fields[] = {FIELD_SADDR4, FIELD_SADDR6,
						FIELD_DADDR4, FIELD_DADDR6};
	struct nft_chain *chain = ruleset_add_chain(c->rules, name);
	struct draft known = {0};

	chain->hook = hook;
	chain->priority = TIMES;
	draft_ct(&known, FIELD_CT_STATE, CT_ESTABLISHED | CT_RELATED);
	draft_put(&known, c->rules, chain, VERDICT_ACCEPT, NULL);
	for (unsigned i = 0; i < 4; i++) {
		struct draft d = {0};

		draft_vmap(&d, i % 2 ? "times6" : "times4", fields[i], N_FIELDS,
			   N_FIELDS);
		draft_put(&d, c->rules, chain, VERDICT_NONE, NULL);
	}
}

void times_put(struct compiler *c)
{
	const uint8_t four = TYPE_IPV4_ADDR, six = TYPE_IPV6_ADDR;
	const struct firewall_config *config = c->config;
	bool any = false;

	for (unsigned i = 0; i < config->n_instances; i++)
		any |= has_times(&config->instances[i]);
	if (!any)
		return;
	ruleset_add_set(c->rules, "times4", &four, 1)->map = true;
	ruleset_add_set(c->rules, "times6", &six, 1)->map = true;
	for (unsigned i = 0; i < config->n_instances; i++)
		if (has_times(&config->instances[i]))
			add_addresses(c, &config->instances[i]);
	put_stage(c, "forward-times", HOOK_FORWARD);
	put_stage(c, "input-times", HOOK_INPUT);
	put_stage(c, "output-times", HOOK_OUTPUT);
}
