#include "session.h"

#include "base/text.h"

static bool take_address(struct slice *rest, struct cidr *out)
{
	struct slice word = slice_cut(rest, ' ');
	size_t zone = slice_find(word, '%');

	return cidr_parse_address(slice_first(word, zone), out);
}

static bool take_port(struct slice *rest, uint16_t *out)
{
	uint64_t number;

	if (!rest->p || !slice_to_u64(slice_cut(rest, ' '), &number) ||
	    number > UINT16_MAX)
		return false;
	*out = (uint16_t)number;
	return true;
}

bool session_parse(const char *text, struct session *out)
{
	struct slice rest = slice_of(text);

	return text && take_address(&rest, &out->client) &&
	       take_port(&rest, &out->client_port) && rest.p &&
	       take_address(&rest, &out->server) &&
	       take_port(&rest, &out->server_port) &&
	       out->client.family == out->server.family;
}

/* The server's end is this machine, also under an address that is not among
 * those of the rules, such as a link-local one. */
static void end_here(const struct firewall_config *config,
		     const struct session *s, struct nft_packet *first,
		     struct nft_packet *answer)
{
	if (firewall_instance_at(config, &s->server))
		return;
	if (first->hook == HOOK_FORWARD)
		first->hook = HOOK_INPUT;
	if (answer->hook == HOOK_FORWARD)
		answer->hook = HOOK_OUTPUT;
}

enum session_fate session_fate_of(const struct firewall_config *config,
				  const struct ruleset *rules,
				  const struct session *s, struct verdict *out)
{
	struct nft_packet first =
		packet_between(config, &s->client, &s->server, IPPROTO_TCP);
	struct nft_packet answer =
		packet_between(config, &s->server, &s->client, IPPROTO_TCP);

	end_here(config, s, &first, &answer);
	/* sshd does not say by which interface. */
	first.by_any = true;
	first.sport = answer.dport = s->client_port;
	first.dport = answer.sport = s->server_port;
	answer.ct_state = CT_ESTABLISHED;
	answer.tcp_flags = TCP_ACK;
	verdict_of(rules, &first, out);
	if (!out->accepted)
		return SESSION_NO_ENTRY;
	verdict_of(rules, &answer, out);
	return out->accepted ? SESSION_LIVES : SESSION_NO_ANSWER;
}

/* -- what is missing ------------------------------------------------------- */

static const struct network_acl *acl_of(const struct firewall_config *c,
					const struct nft_chain *chain, bool *in)
{
	for (unsigned i = 0; i < c->n_acls; i++) {
		struct slice rest = slice_of(chain->name);
		struct slice name = slice_of(c->acls[i].name);

		if (!slice_starts(rest, SLICE("acl-")))
			return NULL;
		rest = slice_from(rest, 4);
		if (!slice_starts(rest, name))
			continue;
		rest = slice_from(rest, name.n);
		*in = slice_eq(rest, SLICE("-in"));
		if (*in || slice_eq(rest, SLICE("-out")))
			return &c->acls[i];
	}
	return NULL;
}

/* An answer goes to a port that the client's system has chosen. */
static void put_rule(struct text *out, const struct session *s,
		     enum session_fate fate, bool in, const char *more)
{
	char peer[CIDR_TEXT_MAX];
	/* The other end: seen from the server it is the client. */
	bool from_server = fate == SESSION_NO_ANSWER;
	const struct cidr *other = in == from_server ? &s->server : &s->client;

	text_addf(out, "{%sprotocol: tcp, ports: ", more);
	if (fate == SESSION_NO_ANSWER)
		text_add(out, SLICE("1024-65535"));
	else
		text_addf(out, "%u", s->server_port);
	text_addf(out, ", %s: %s/%u}", in ? "from" : "to",
		  cidr_format_address(other, peer),
		  other->family == 4 ? 32 : 128);
}

static void put_groups(struct text *out, const struct firewall_config *c,
		       const struct instance *at, bool in)
{
	text_addf(out, " in %s of ", in ? "ingress" : "egress");
	for (unsigned i = 0; i < at->n_groups; i++)
		text_addf(out, "%s\"%s\"", i ? " or " : "",
			  at->groups[i]->name);
	if (in && at == firewall_host(c))
		text_add(out, SLICE(", or in firewall.management"));
}

static bool ends_in_egress(const struct verdict *v)
{
	bool egress = false;

	for (unsigned i = 0; i < v->n_steps; i++)
		if (v->steps[i].chain->hook != HOOK_NONE)
			egress = slice_ends_fold(
				slice_of(v->steps[i].chain->name),
				SLICE("-egress"));
	return egress;
}

char *session_remedy(const struct firewall_config *config,
		     const struct session *s, enum session_fate fate,
		     const struct verdict *lost)
{
	const struct verdict_step *last =
		lost->n_steps ? &lost->steps[lost->n_steps - 1] : NULL;
	bool in = !ends_in_egress(lost);
	const struct instance *at =
		firewall_instance_at(config, in ? &s->server : &s->client);
	const struct network_acl *acl = last ? acl_of(config, last->chain, &in)
					     : NULL;
	struct text out = {0};

	if (acl && strcmp(last->rule->comment ? last->rule->comment : "",
			  "rule *") != 0) {
		const struct place *where = &last->rule->place;

		text_addf(&out, "the rule at %s:%u:%u denies it", where->file,
			  where->line, where->column);
		return out.p;
	}
	text_add(&out, SLICE("what is missing is "));
	put_rule(&out, s, fate, in, acl ? "action: allow, " : "");
	if (!at && in)
		at = firewall_host(config);
	if (acl)
		text_addf(&out, " in %s of the network ACL \"%s\"",
			  in ? "ingress" : "egress", acl->name);
	else if (at)
		put_groups(&out, config, at, in);
	return out.p;
}
