#include "session.h"

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

bool session_survives(const struct firewall_config *config,
		      const struct ruleset *rules, const struct session *s,
		      struct verdict *out)
{
	struct nft_packet first =
		packet_between(config, &s->client, &s->server, IPPROTO_TCP);
	struct nft_packet answer =
		packet_between(config, &s->server, &s->client, IPPROTO_TCP);

	end_here(config, s, &first, &answer);
	first.sport = answer.dport = s->client_port;
	first.dport = answer.sport = s->server_port;
	answer.ct_state = CT_ESTABLISHED;
	answer.tcp_flags = TCP_ACK;
	verdict_of(rules, &first, out);
	if (out->accepted)
		verdict_of(rules, &answer, out);
	return out->accepted;
}
