/* weir explain packet: which rule admits a packet, or that none does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "base/near.h"
#include "explain_reason.h"
#include "firewall/overlay.h"
#include "firewall/verdict.h"
#include "kernel/bridge.h"
#include "kernel/intent.h"
#include "sg.h"

/* What a client's port is when nobody says: ACLs look at it in replies. */
enum { SOURCE_PORT = 40000 };

struct question {
	const char *from, *to, *proto, *port, *type, *code, *source_port;
	const char *interface;
	bool json;
};

/* -- who is meant ---------------------------------------------------------- */

/* An end of the flow: an address, and whose it is. */
struct end {
	struct cidr address;
	const char *name; /* of the instance or load balancer; or NULL */
	bool is_balancer; /* the load balancer itself sends */
	bool has_both;    /* another address of the other family exists */
	const struct cidr *list; /* all of them; n_list */
	unsigned n_list;
};

static void take_list(const struct firewall_config *c, struct end *end,
		      const struct cidr *list, unsigned n)
{
	end->list = n ? list : c->addresses;
	end->n_list = n ? n : c->n_addresses;
}

static bool find_end(const struct firewall_config *c, const char *word,
		     struct end *end)
{
	const struct instance *in;

	*end = (struct end){.name = NULL};
	if (cidr_parse_address(slice_of(word), &end->address)) {
		in = firewall_instance_at(c, &end->address);
		end->name = in ? in->name : NULL;
		end->list = &end->address;
		end->n_list = 1;
		return true;
	}
	for (unsigned i = 0; i < c->n_instances; i++) {
		if (strcmp(c->instances[i].name, word) != 0)
			continue;
		end->name = c->instances[i].name;
		take_list(c, end, c->instances[i].addresses,
			  c->instances[i].n_addresses);
		return true;
	}
	for (unsigned i = 0; i < c->n_balancers; i++) {
		if (strcmp(c->balancers[i].name, word) != 0)
			continue;
		end->name = c->balancers[i].name;
		end->is_balancer = true;
		take_list(c, end, c->balancers[i].sources,
			  c->balancers[i].n_sources);
		return true;
	}
	return false;
}

static int unknown_end(const struct command *self,
		       const struct firewall_config *c, const char *option,
		       const char *word)
{
	struct nearest near = nearest_to(word);

	for (unsigned i = 0; i < c->n_instances; i++)
		nearest_try(&near, c->instances[i].name);
	for (unsigned i = 0; i < c->n_balancers; i++)
		nearest_try(&near, c->balancers[i].name);
	if (near.best)
		return cmd_misused(self,
				   "%s \"%s\" is no address and no "
				   "instance; did you mean \"%s\"?",
				   option, word, near.best);
	return cmd_misused(self, "%s \"%s\" is no address and no instance",
			   option, word);
}

/* Two addresses of one family. */
static bool choose_family(struct end *from, struct end *to)
{
	for (unsigned i = 0; i < from->n_list; i++)
		for (unsigned k = 0; k < to->n_list; k++)
			if (from->list[i].family == to->list[k].family) {
				from->address = from->list[i];
				to->address = to->list[k];
				return true;
			}
	return false;
}

/* -- what is asked --------------------------------------------------------- */

static bool read_protocol(const char *word, int *out)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"tcp", IPPROTO_TCP},
		     {"udp", IPPROTO_UDP},
		     {"icmp", IPPROTO_ICMP},
		     {"icmpv6", IPPROTO_ICMPV6}};
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, word) == 0) {
			*out = names[i].number;
			return true;
		}
	if (!slice_to_u64(slice_of(word), &number) || number > 255)
		return false;
	*out = (int)number;
	return true;
}

static bool read_number(const char *word, uint64_t most, uint64_t *out)
{
	return slice_to_u64(slice_of(word), out) && *out <= most;
}

static bool is_icmp(int protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* Fills what the options say of the packet. Returns false after a message;
 * then *status is what to exit with. */
static bool fill_packet(const struct command *self, const struct question *q,
			struct nft_packet *p, int *status)
{
	uint64_t port = 0, source = SOURCE_PORT, type = 0, code = 0;
	bool ported = p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP;
	int named = -1;

	*status = EXIT_USAGE;
	if (ported && !q->port) {
		cmd_misused(self, "tcp and udp need --port");
		return false;
	}
	if ((q->port && !read_number(q->port, 65535, &port)) ||
	    (q->source_port && !read_number(q->source_port, 65535, &source))) {
		cmd_misused(self, "a port is a number from 0 to 65535");
		return false;
	}
	if (is_icmp(p->protocol) && !q->type) {
		cmd_misused(self, "icmp and icmpv6 need --type");
		return false;
	}
	if (q->type && is_icmp(p->protocol))
		named = icmp_type_named(p->protocol, slice_of(q->type));
	if (named >= 0)
		type = (uint64_t)named;
	else if (q->type && !read_number(q->type, 255, &type)) {
		cmd_misused(self, "\"%s\" is no ICMP type", q->type);
		return false;
	}
	if (q->code && !read_number(q->code, 255, &code)) {
		cmd_misused(self, "\"%s\" is no ICMP code", q->code);
		return false;
	}
	p->sport = ported ? (uint16_t)source : 0;
	p->dport = ported ? (uint16_t)port : 0;
	p->icmp_type = (uint8_t)type;
	p->icmp_code = (uint8_t)code;
	return true;
}

/* The answer to a packet, as far as there is one. */
static bool reply_of(const struct firewall_config *c,
		     const struct nft_packet *p, struct nft_packet *out)
{
	*out = packet_between(c, &p->destination, &p->source, p->protocol);
	out->sport = p->dport;
	out->dport = p->sport;
	out->tcp_flags = TCP_SYN | TCP_ACK;
	out->ct_state = CT_ESTABLISHED;
	if (p->protocol == IPPROTO_ICMP)
		out->icmp_type = 0;
	else if (p->protocol == IPPROTO_ICMPV6)
		out->icmp_type = 129;
	return !is_icmp(p->protocol) || p->icmp_type == 8 ||
	       p->icmp_type == 128;
}

/* -- telling --------------------------------------------------------------- */

struct teller {
	const struct intent *intent;
	const char *brief; /* leave out what passes as established; this
			    * title stands before the rest. NULL: all of it */
	json_t *stages;    /* NULL: for people */
	bool denied;
};

static void tell_stage(struct teller *t, const struct nft_chain *base,
		       const struct verdict_step *s)
{
	const char *words = stage_words(base);
	struct reason why = {.words = "not filtered"};
	bool denied = s && step_denies(s);
	json_t *o;

	if (s)
		step_reason(&t->intent->config, s, &why);
	t->denied |= denied;
	if (!t->stages && t->brief &&
	    strcmp(why.words, REASON_ESTABLISHED) == 0)
		return;
	if (!t->stages) {
		fputs(t->brief ? t->brief : "", stdout);
		t->brief = t->brief ? "" : NULL;
		printf("  %-8s %-24s %s", denied ? "dropped" : "passes", words,
		       why.words);
		if (why.place && why.place->file)
			printf("  (%s:%u:%u)", why.place->file, why.place->line,
			       why.place->column);
		putchar('\n');
		return;
	}
	o = json_pack("{s:s, s:s, s:b, s:s}", "stage", words, "chain",
		      s ? s->chain->name : base->name, "passes", !denied,
		      "reason", why.words);
	if (why.id[0])
		json_object_set_new(o, "id", json_string(why.id));
	if (why.place && why.place->file) {
		json_object_set_new(o, "file",
				    json_string_nocheck(why.place->file));
		json_object_set_new(o, "line", json_integer(why.place->line));
		json_object_set_new(o, "column",
				    json_integer(why.place->column));
	}
	json_array_append_new(t->stages, o);
}

/* Returns whether the packet gets through. */
static bool tell_packet(struct teller *t, const struct nft_packet *p)
{
	const struct ruleset *rules = t->intent->rules;
	struct verdict v;

	t->denied = false;
	verdict_of(rules, p, &v);
	for (unsigned i = 0; i < rules->n_chains; i++) {
		const struct nft_chain *base = rules->chains[i];
		const struct verdict_step *s;

		if (base->hook != p->hook)
			continue;
		s = stage_decision(&v, base);
		/* Most packets go to no published port, and the stage of
		 * timeouts decides nothing. */
		if ((!s && (strcmp(base->name, "forward-published") == 0 ||
			    strcmp(base->name, "forward-block") == 0 ||
			    strcmp(base->name, "input-block") == 0)) ||
		    stage_words(base) == base->name)
			continue;
		tell_stage(t, base, s);
		if (s && s->rule->verdict.kind == VERDICT_DROP)
			break;
	}
	return v.accepted;
}

static void print_end(const struct end *end, uint16_t port, bool ported)
{
	char text[CIDR_TEXT_MAX];
	bool six = end->address.family == 6;

	cidr_format_address(&end->address, text);
	if (ported)
		printf("%s%s%s:%u", six ? "[" : "", text, six ? "]" : "", port);
	else
		printf("%s", text);
	if (end->name)
		printf(" (%s)", end->name);
}

static void print_title(const struct question *q, const struct nft_packet *p,
			const struct end *from, const struct end *to)
{
	bool ported = p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP;

	printf("%s ", q->proto);
	print_end(from, p->sport, ported);
	printf(" to ");
	print_end(to, p->dport, ported);
	if (is_icmp(p->protocol))
		printf(" type %u", p->icmp_type);
	putchar('\n');
}

static bool is_bridged(const struct firewall_config *c,
		       const struct nft_packet *p,
		       char bridge[INTERFACE_NAME_MAX])
{
	return p->hook == HOOK_FORWARD &&
	       bridge_between(&bridge_paths,
			      firewall_instance_at(c, &p->source),
			      firewall_instance_at(c, &p->destination),
			      p->source.family, bridge);
}

static void explain_for_people(const struct intent *intent,
			       const struct question *q,
			       const struct nft_packet *p,
			       const struct end *from, const struct end *to)
{
	struct teller t = {.intent = intent};
	struct nft_packet reply;
	char bridge[INTERFACE_NAME_MAX];
	bool admitted, denied;

	print_title(q, p, from, to);
	if (is_bridged(&intent->config, p, bridge)) {
		printf("=> does not cross this machine's routing: both are "
		       "ports of the bridge %s\n",
		       bridge);
		return;
	}
	admitted = tell_packet(&t, p);
	denied = t.denied;
	if (admitted && reply_of(&intent->config, p, &reply)) {
		t.brief = "the reply\n";
		admitted = tell_packet(&t, &reply);
		denied |= t.denied;
	}
	printf("=> %s\n", !admitted ? "dropped"
			  : denied  ? "admitted, as firewall.mode is report; "
				      "enforced it would be dropped"
				    : "admitted");
}

static void explain_as_json(const struct intent *intent,
			    const struct nft_packet *p)
{
	struct teller t = {.intent = intent, .stages = json_array()};
	json_t *answer = json_object(), *replies = json_array();
	bool first = tell_packet(&t, p), second = true, denied = t.denied;
	struct nft_packet reply;
	char bridge[INTERFACE_NAME_MAX];

	if (is_bridged(&intent->config, p, bridge))
		json_object_set_new(answer, "bridge", json_string(bridge));
	json_object_set_new(answer, "stages", t.stages);
	t.stages = replies;
	if (first && reply_of(&intent->config, p, &reply)) {
		second = tell_packet(&t, &reply);
		denied |= t.denied;
	}
	json_object_set_new(answer, "reply_stages", replies);
	json_object_set_new(answer, "admitted", json_boolean(first && second));
	json_object_set_new(answer, "packet_admitted", json_boolean(first));
	json_object_set_new(answer, "denied_by_rules", json_boolean(denied));
	sg_print_json(answer);
	json_decref(answer);
}

/* -- the command ----------------------------------------------------------- */

static int explain_packet(const struct command *self,
			  const struct intent *intent, const struct question *q)
{
	const struct firewall_config *c = &intent->config;
	struct nft_packet p;
	struct end from, to;
	int protocol, status;

	if (!read_protocol(q->proto, &protocol))
		return cmd_misused(self,
				   "--proto is tcp, udp, icmp, icmpv6 "
				   "or a number, not \"%s\"",
				   q->proto);
	if (!find_end(c, q->from, &from))
		return unknown_end(self, c, "--from", q->from);
	if (!find_end(c, q->to, &to))
		return unknown_end(self, c, "--to", q->to);
	if (!choose_family(&from, &to))
		return cmd_misused(self,
				   "%s and %s have no addresses of one "
				   "family",
				   q->from, q->to);
	p = packet_between(c, &from.address, &to.address, (uint8_t)protocol);
	p.has_uid = from.is_balancer;
	p.uid = c->balancer_uid;
	if (!fill_packet(self, q, &p, &status))
		return status;
	if (q->interface)
		snprintf(p.iifname, sizeof(p.iifname), "%s", q->interface);
	if (q->json)
		explain_as_json(intent, &p);
	else
		explain_for_people(intent, q, &p, &from, &to);
	return EXIT_GOOD;
}

/* What was allowed or blocked at run time, where a keeper says so. */
static void overlay_of_keeper(const char *config, struct ruleset *rules)
{
	json_t *answer = sg_overlay(config);
	struct overlay overlay;

	if (answer && overlay_from_json(json_object_get(answer, "overlay"),
					&overlay) == 0) {
		overlay_lay(rules, &overlay);
		overlay_release(&overlay);
	}
	json_decref(answer);
}

static int explain_run(const struct command *self, int argc, char **argv)
{
	struct question q = {.proto = "tcp"};
	const struct cmd_option options[] = {
		{"from", 0, "IP", NULL, &q.from, "who sends; or a name"},
		{"to", 0, "NAME", NULL, &q.to,
		 "an instance, a load balancer, or an address"},
		{"proto", 0, "PROTOCOL", NULL, &q.proto,
		 "tcp (default), udp, icmp, icmpv6 or a number"},
		{"port", 0, "PORT", NULL, &q.port, "the destination port"},
		{"type", 0, "TYPE", NULL, &q.type, "the ICMP type"},
		{"code", 0, "CODE", NULL, &q.code, "the ICMP code, else 0"},
		{"source-port", 0, "PORT", NULL, &q.source_port,
		 "of the sender, else 40000"},
		{"interface", 0, "NAME", NULL, &q.interface,
		 "by which it comes in, else that of its instance"},
		{"json", 0, NULL, &q.json, NULL, "one JSON document"},
		{0},
	};
	struct diag diag = {0};
	struct cmd_line line;
	struct intent *intent;
	int status;

	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	if (!q.from || !q.to)
		return cmd_misused(self, "--from and --to are needed");
	intent = intent_load(line.config, &diag);
	/* Warnings are for weir check. */
	if (!intent)
		diag_print(&diag, stderr, isatty(STDERR_FILENO));
	diag_release(&diag);
	if (!intent)
		return EXIT_INVALID;
	overlay_of_keeper(line.config, intent->rules);
	status = explain_packet(self, intent, &q);
	intent_free(intent);
	return status;
}

const struct command cmd_explain_packet = {
	.name = "explain packet",
	.summary = "which security group rule admits a packet, if any does",
	.usage = "--from IP --to NAME|IP [--proto tcp] --port N | --type T "
		 "[--json]",
	.run = explain_run,
};
