/*
 * stages.c - the base chains, and what passes them before anybody is asked.
 *
 * In `input` and `output` these pass always: loopback, what keeps the links
 * alive (neighbour and router discovery, multicast listeners, DHCP), the
 * machine's resolvers and the ways in that firewall.management names. A
 * machine that filtered those would lock its owner out, or itself.
 *
 * Floor: firewall.
 */
#include "compiler.h"

enum priority { EGRESS = -30, ACL = -20, PUBLISHED = -15, INGRESS = -10 };

enum { PORT_DNS = 53, DHCP4_SERVER = 67, DHCP4_CLIENT = 68 };
enum { DHCP6_CLIENT = 546, DHCP6_SERVER = 547 };

static struct nft_chain *base_chain(struct compiler *c, const char *name,
				    enum nft_hook hook, enum priority priority)
{
	struct nft_chain *chain = ruleset_add_chain(c->rules, name);

	chain->hook = hook;
	chain->priority = priority;
	return chain;
}

static void accept_these(struct compiler *c, struct nft_chain *chain,
			 const struct draft *d)
{
	draft_put(d, c->rules, chain, VERDICT_ACCEPT, NULL);
}

static void stage_jump(struct compiler *c, struct nft_chain *chain,
		       const char *target)
{
	struct draft all = {0};

	draft_put(&all, c->rules, chain, VERDICT_JUMP, target);
}

/* -- what always passes ---------------------------------------------------- */

static void put_discovery(struct compiler *c, struct nft_chain *chain)
{
	static const uint8_t types[] = {130, 131, 132, 133, 134,
					135, 136, 137, 143};
	const uint8_t key = TYPE_ICMPV6_TYPE;
	const char *name = "neighbour-discovery";
	struct nft_set *set = ruleset_set(c->rules, name);
	struct draft d = {0};

	if (!set) {
		set = ruleset_add_set(c->rules, name, &key, 1);
		for (size_t i = 0; i < sizeof(types); i++) {
			struct nft_element *e = set_add_element(set);

			e->first[0] = e->last[0] = types[i];
		}
	}
	draft_lookup(&d, set->name, FIELD_ICMPV6_TYPE, N_FIELDS, N_FIELDS);
	accept_these(c, chain, &d);
}

static void put_dhcp(struct compiler *c, struct nft_chain *chain,
		     uint8_t family, uint16_t from, uint16_t to,
		     enum nft_field behind)
{
	struct draft d = {0};

	draft_family(&d, family);
	if (behind != N_FIELDS)
		draft_lookup(&d, "inst-if", behind, N_FIELDS, N_FIELDS);
	draft_ports(&d, IPPROTO_UDP, FIELD_SPORT, from, from);
	draft_ports(&d, IPPROTO_UDP, FIELD_DPORT, to, to);
	accept_these(c, chain, &d);
}

static void put_management(struct compiler *c, struct nft_chain *chain)
{
	const struct firewall_settings *s = &c->config->settings;

	for (unsigned i = 0; i < s->n_management; i++) {
		const struct sg_rule *rule = &s->management[i];

		for (struct sg_term t = {0}; sg_rule_each(rule, &t);) {
			struct grant g = {
				.rule = rule, .ports = t.ports, .peer = t.peer};

			sg_rule_id(NULL, SG_INGRESS, rule, g.ports, g.peer,
				   g.id);
			if (grant_has(&g, 4))
				grant_put(c, chain, &g, 4, VARIANT_IN);
			if (grant_has(&g, 6))
				grant_put(c, chain, &g, 6, VARIANT_IN);
		}
	}
}

/* The type of the answer to a question by ICMP; -1: there is none. */
static int icmp_answer(enum nft_field field, uint8_t type)
{
	static const struct {
		uint8_t field, question, answer;
	} pairs[] = {
		{FIELD_ICMP_TYPE, 8, 0},       {FIELD_ICMP_TYPE, 13, 14},
		{FIELD_ICMP_TYPE, 15, 16},     {FIELD_ICMP_TYPE, 17, 18},
		{FIELD_ICMPV6_TYPE, 128, 129},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].field == field && pairs[i].question == type)
			return pairs[i].answer;
	return -1;
}

/* Turns what a question matches into what its answer does. Returns false
 * where nobody answers. */
static bool turn_match(struct nft_match *m)
{
	uint8_t *f = &m->fields[0];
	int answer;

	switch ((enum nft_field) * f) {
	case FIELD_SADDR4:
		*f = FIELD_DADDR4;
		return true;
	case FIELD_SADDR6:
		*f = FIELD_DADDR6;
		return true;
	case FIELD_DPORT:
		*f = FIELD_SPORT;
		return true;
	case FIELD_IIFNAME:
		*f = FIELD_OIFNAME;
		return true;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMPV6_TYPE:
		answer = icmp_answer(*f, m->value[0]);
		m->value[0] = (uint8_t)answer;
		return answer >= 0;
	default:
		return true;
	}
}

/* Stateless, so the answers need words of their own: the same peers, the
 * ports on the other side, the types of ICMP that answer. */
static void put_management_answers(struct compiler *c, struct nft_chain *chain)
{
	struct nft_chain *asked = ruleset_chain(c->rules, "always-in");

	for (unsigned i = 0; i < asked->n_rules; i++) {
		struct draft d = {0};
		bool is_answered = asked->rules[i].comment != NULL;

		d.n_matches = asked->rules[i].n_matches;
		memcpy(d.matches, asked->rules[i].matches,
		       d.n_matches * sizeof(d.matches[0]));
		for (unsigned k = 0; is_answered && k < d.n_matches; k++)
			is_answered = turn_match(&d.matches[k]);
		if (is_answered)
			accept_these(c, chain, &d);
	}
}

static void put_resolvers(struct compiler *c, struct nft_chain *chain,
			  enum side side, enum nft_field port)
{
	const struct firewall_config *config = c->config;

	for (uint8_t family = 4; family <= 6; family += 2) {
		const char *name = family == 4 ? "resolvers4" : "resolvers6";

		if (!has_family(config->resolvers, config->n_resolvers, family))
			continue;
		if (!ruleset_set(c->rules, name))
			address_set(c, name, family, config->resolvers,
				    config->n_resolvers, NULL)
				->of_machine = true;
		for (unsigned i = 0; i < 2; i++) {
			struct draft d = {0};

			draft_lookup(&d, name, address_field(side, family),
				     N_FIELDS, N_FIELDS);
			draft_ports(&d, i ? IPPROTO_TCP : IPPROTO_UDP, port,
				    PORT_DNS, PORT_DNS);
			accept_these(c, chain, &d);
		}
	}
}

static void put_always(struct compiler *c)
{
	struct nft_chain *in = ruleset_add_chain(c->rules, "always-in");
	struct nft_chain *out = ruleset_add_chain(c->rules, "always-out");

	put_discovery(c, in);
	put_dhcp(c, in, 4, DHCP4_SERVER, DHCP4_CLIENT, N_FIELDS);
	put_dhcp(c, in, 6, DHCP6_SERVER, DHCP6_CLIENT, N_FIELDS);
	put_discovery(c, out);
	put_dhcp(c, out, 4, DHCP4_CLIENT, DHCP4_SERVER, N_FIELDS);
	put_dhcp(c, out, 6, DHCP6_CLIENT, DHCP6_SERVER, N_FIELDS);
	if (c->has_bound) {
		put_dhcp(c, in, 4, DHCP4_CLIENT, DHCP4_SERVER, FIELD_IIFNAME);
		put_dhcp(c, in, 6, DHCP6_CLIENT, DHCP6_SERVER, FIELD_IIFNAME);
		put_dhcp(c, out, 4, DHCP4_SERVER, DHCP4_CLIENT, FIELD_OIFNAME);
		put_dhcp(c, out, 6, DHCP6_SERVER, DHCP6_CLIENT, FIELD_OIFNAME);
	}
	put_management(c, in);
	put_resolvers(c, out, SIDE_DESTINATION, FIELD_DPORT);
}

/* -- the stages ------------------------------------------------------------ */

static void put_loopback(struct compiler *c, struct nft_chain *chain)
{
	struct draft d = {0};

	draft_interface(
		&d, chain->hook == HOOK_INPUT ? FIELD_IIFNAME : FIELD_OIFNAME,
		"lo");
	accept_these(c, chain, &d);
}

static void put_established(struct compiler *c, struct nft_chain *chain)
{
	struct draft d = {0};

	draft_ct(&d, FIELD_CT_STATE, CT_ESTABLISHED | CT_RELATED);
	accept_these(c, chain, &d);
}

static struct nft_chain *group_stage(struct compiler *c, const char *name,
				     enum nft_hook hook, enum priority priority)
{
	struct nft_chain *chain = base_chain(c, name, hook, priority);

	if (hook != HOOK_FORWARD)
		put_loopback(c, chain);
	put_established(c, chain);
	if (hook != HOOK_FORWARD)
		stage_jump(c, chain,
			   hook == HOOK_INPUT ? "always-in" : "always-out");
	return chain;
}

/*
 * Where the kernel tracks connections it puts fragments together before our
 * hooks see them; only then each packet has ports to look at. A file with
 * groups asks for that anyway. This rule decides nothing.
 */
static void put_tracking(struct compiler *c, struct nft_chain *chain)
{
	struct draft d = {0};

	if (c->host || c->has_balancers || c->has_instances)
		return;
	draft_ct(&d, FIELD_CT_STATE, CT_INVALID);
	draft_put(&d, c->rules, chain, VERDICT_NONE, NULL)->comment =
		"puts fragments together";
}

static void put_acl_stages(struct compiler *c)
{
	struct nft_chain *forward =
		base_chain(c, "forward-acl", HOOK_FORWARD, ACL);
	struct nft_chain *in = base_chain(c, "input-acl", HOOK_INPUT, ACL);
	struct nft_chain *out = base_chain(c, "output-acl", HOOK_OUTPUT, ACL);

	put_tracking(c, forward);
	acl_ask(c, forward);

	put_loopback(c, in);
	stage_jump(c, in, "always-in");
	put_resolvers(c, in, SIDE_SOURCE, FIELD_SPORT);
	acl_ask(c, in);

	put_loopback(c, out);
	stage_jump(c, out, "always-out");
	put_management_answers(c, out);
	acl_ask(c, out);
}

static void put_host(struct compiler *c, struct nft_chain *chain,
		     enum variant variant, enum side side)
{
	const struct instance *host = c->host;
	const char *profile = profile_chain(c, host->groups, host->n_groups,
					    variant, &host->place);
	struct draft all = {0};

	if (host->n_addresses == 0 && variant != VARIANT_PUBLISHED) {
		draft_put(&all, c->rules, chain, VERDICT_GOTO, profile)->place =
			host->place;
		return;
	}
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct draft d = {0};

		if (variant == VARIANT_PUBLISHED)
			draft_ct(&d, FIELD_CT_STATUS, CT_STATUS_DNAT);
		draft_lookup(&d, family == 4 ? "host4" : "host6",
			     address_field(side, family), N_FIELDS, N_FIELDS);
		draft_put(&d, c->rules, chain, VERDICT_GOTO, profile)->place =
			host->place;
	}
}

static void put_published(struct compiler *c)
{
	unsigned n;
	const struct cidr *addresses = host_addresses(c, &n);

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct nft_set *set =
			address_set(c, family == 4 ? "host4" : "host6", family,
				    addresses, n, "this machine");

		set->follows = c->host->n_addresses == 0;
		for (unsigned i = 0; i < set->n_elements; i++)
			set->elements[i].own = set->follows;
	}
	put_host(c,
		 group_stage(c, "forward-published", HOOK_FORWARD, PUBLISHED),
		 VARIANT_PUBLISHED, SIDE_CT_DESTINATION);
}

static void put_local_stages(struct compiler *c)
{
	struct nft_chain *in =
		group_stage(c, "input-ingress", HOOK_INPUT, INGRESS);
	struct nft_chain *out =
		group_stage(c, "output-egress", HOOK_OUTPUT, EGRESS);

	if (c->has_balancers) {
		balancer_maps(c);
		balancers_ask_ingress(c, in);
		balancers_ask_egress(c, out);
	}
	if (c->host) {
		put_published(c);
		put_host(c, in, VARIANT_IN, SIDE_DESTINATION);
		put_host(c, out, VARIANT_LOCAL, SIDE_SOURCE);
	}
}

static void put_instance_stages(struct compiler *c)
{
	instances_ask_egress(
		c, group_stage(c, "forward-egress", HOOK_FORWARD, EGRESS));
	instances_ask_ingress(
		c, group_stage(c, "forward-ingress", HOOK_FORWARD, INGRESS));
	instances_ask_egress(
		c, group_stage(c, "input-egress", HOOK_INPUT, EGRESS));
	instances_ask_ingress(
		c, group_stage(c, "output-ingress", HOOK_OUTPUT, INGRESS));
}

void stages_put(struct compiler *c)
{
	bool local = c->host || c->has_balancers;

	if (!local && !c->has_instances && !c->has_acls)
		return;
	if (c->has_instances)
		instance_maps(c);
	put_always(c);
	if (c->has_acls) {
		acl_maps(c);
		put_acl_stages(c);
	}
	if (local)
		put_local_stages(c);
	if (c->has_instances)
		put_instance_stages(c);
}
