#include "import_rules.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/map.h"

/* As AWS has it; more is cut. */
enum { DESCRIPTION_MAX = 255 };

/* Refusals that a later line is compared with. Behind more of them nothing is
 * sure to be admitted, so that a file of any size is read in linear time. */
enum { REFUSALS_MAX = 1000 };

/* -- what the readers call ------------------------------------------------- */

static void append_rule(struct import_list *list,
			const struct import_rule *rule)
{
	if (list->n == IMPORT_RULES_MAX) {
		if (!list->overflow)
			import_leave(list, rule->line,
				     "more than %d rules: the rest is not read",
				     IMPORT_RULES_MAX);
		list->overflow = true;
		return;
	}
	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->rules = xrealloc(list->rules,
				       list->room * sizeof(*list->rules));
	}
	list->rules[list->n++] = *rule;
}

void import_add(struct import_list *list, const struct import_rule *rule)
{
	struct import_rule copy = *rule;

	if (!rule->denies && rule->leaving && rule->interface.n) {
		import_leave(list, rule->line,
			     "is about the interface that packets leave by: "
			     "groups look at where they come in only");
	} else if (rule->n_ports && rule->protocol == -1) {
		copy.protocol = IPPROTO_TCP;
		append_rule(list, &copy);
		copy.protocol = IPPROTO_UDP;
		append_rule(list, &copy);
	} else if (!rule->denies && rule->n_ports &&
		   rule->protocol != IPPROTO_TCP &&
		   rule->protocol != IPPROTO_UDP) {
		import_leave(list, rule->line,
			     "names ports of protocol %d: groups know ports "
			     "of tcp and udp",
			     rule->protocol);
	} else {
		append_rule(list, rule);
	}
}

void import_leave(struct import_list *list, unsigned line, const char *why, ...)
{
	char *sentence;
	va_list args;

	va_start(args, why);
	if (vasprintf(&sentence, why, args) < 0)
		fail_no_memory();
	va_end(args);
	text_addf(&list->out->left, "%s:%u: ", list->file, line);
	/* Words of the file may hold anything; a terminal is not to run it. */
	for (const char *p = sentence; *p; p++)
		text_addc(&list->out->left,
			  (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
	text_addc(&list->out->left, '\n');
	list->out->n_left++;
	free(sentence);
}

static bool read_port(struct slice text, uint16_t *port)
{
	uint64_t n;

	if (!slice_to_u64(text, &n) || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

bool import_read_ports(struct slice text, struct import_rule *rule)
{
	while (text.p) {
		struct slice range = slice_cut(&text, ',');
		struct import_ports *p = &rule->ports[rule->n_ports];
		char sign = slice_find(range, ':') < range.n ? ':' : '-';
		struct slice low = slice_cut(&range, sign);

		if (rule->n_ports == IMPORT_PORTS_MAX ||
		    !read_port(low, &p->low))
			return false;
		p->high = p->low;
		if (range.p && !read_port(range, &p->high))
			return false;
		if (p->low > p->high)
			return false;
		rule->n_ports++;
	}
	return true;
}

static const struct {
	struct slice name;
	int number;
} protocols[] = {
	{SLICE_INIT("tcp"), IPPROTO_TCP},
	{SLICE_INIT("udp"), IPPROTO_UDP},
	{SLICE_INIT("icmp"), IPPROTO_ICMP},
	{SLICE_INIT("icmpv6"), IPPROTO_ICMPV6},
	{SLICE_INIT("ipv6-icmp"), IPPROTO_ICMPV6},
	{SLICE_INIT("igmp"), IPPROTO_IGMP},
	{SLICE_INIT("ipv6"), IPPROTO_IPV6},
	{SLICE_INIT("gre"), IPPROTO_GRE},
	{SLICE_INIT("esp"), IPPROTO_ESP},
	{SLICE_INIT("ah"), IPPROTO_AH},
	{SLICE_INIT("sctp"), IPPROTO_SCTP},
	{SLICE_INIT("udplite"), IPPROTO_UDPLITE},
	{SLICE_INIT("vrrp"), 112},
	{SLICE_INIT("all"), -1},
	{SLICE_INIT("any"), -1},
};

bool import_read_protocol(struct slice text, int *protocol)
{
	uint64_t number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (slice_eq_fold(text, protocols[i].name)) {
			*protocol = protocols[i].number;
			return true;
		}
	if (!slice_to_u64(text, &number) || number > UINT8_MAX)
		return false;
	*protocol = number ? (int)number : -1;
	return true;
}

/* "255.255.0.0" as a length; -1 when it is no mask of a network. */
static int length_of_mask(struct slice text)
{
	struct cidr mask;
	int bits = 0;
	uint32_t m;

	if (!cidr_parse_address(text, &mask) || mask.family != 4)
		return -1;
	m = (uint32_t)mask.octets[0] << 24 | (uint32_t)mask.octets[1] << 16 |
	    (uint32_t)mask.octets[2] << 8 | mask.octets[3];
	while (m & 0x80000000u) {
		m <<= 1;
		bits++;
	}
	return m ? -1 : bits;
}

bool import_read_peer(struct slice text, struct cidr *peer)
{
	struct slice rest = text;
	struct slice address = slice_cut(&rest, '/');
	int bits;

	switch (cidr_parse(text, peer)) {
	case CIDR_FINE:
	case CIDR_NO_LENGTH:
	case CIDR_HOST_BITS:
		return true;
	case CIDR_MALFORMED:
	case CIDR_BAD_LENGTH:
		break;
	}
	bits = rest.p ? length_of_mask(rest) : -1;
	if (bits < 0 || !cidr_parse_address(address, peer) || peer->family != 4)
		return false;
	*peer = cidr_make(4, peer->octets, (unsigned)bits);
	return true;
}

/* -- which lines an earlier one refuses in part ---------------------------- */

static bool peers_meet(const struct cidr *a, const struct cidr *b)
{
	return !a->family || !b->family || cidr_contains(a, b) ||
	       cidr_contains(b, a);
}

static bool ports_meet(const struct import_rule *a, const struct import_rule *b)
{
	if (!a->n_ports || !b->n_ports)
		return true;
	for (unsigned i = 0; i < a->n_ports; i++)
		for (unsigned k = 0; k < b->n_ports; k++)
			if (a->ports[i].low <= b->ports[k].high &&
			    b->ports[k].low <= a->ports[i].high)
				return true;
	return false;
}

static bool numbers_meet(int a, int b)
{
	return a < 0 || b < 0 || a == b;
}

static bool rules_meet(const struct import_rule *a, const struct import_rule *b)
{
	return a->leaving == b->leaving &&
	       numbers_meet(a->protocol, b->protocol) && ports_meet(a, b) &&
	       numbers_meet(a->icmp_type, b->icmp_type) &&
	       peers_meet(&a->peer, &b->peer) &&
	       (!a->interface.n || !b->interface.n ||
		slice_eq(a->interface, b->interface));
}

/* The first of the `n` refusals that a rule meets, or may meet; or NULL. */
static const struct import_rule *refusal_before(const struct import_list *list,
						const size_t *refusals,
						size_t n,
						const struct import_rule *rule)
{
	for (size_t i = 0; i < n; i++) {
		const struct import_rule *r = &list->rules[refusals[i]];

		if (rules_meet(r, rule) || i == REFUSALS_MAX)
			return r;
	}
	return NULL;
}

/* -- the YAML -------------------------------------------------------------- */

static void add_quoted(struct text *t, struct slice s)
{
	text_addc(t, '"');
	for (size_t i = 0; i < s.n && i < DESCRIPTION_MAX; i++) {
		char c = s.p[i];

		/* Octets of no alphabet that AWS takes, and "${". */
		if ((unsigned char)c < ' ' || (unsigned char)c > '~' ||
		    c == '"' || c == '\\' || c == '$')
			c = '_';
		text_addc(t, c);
	}
	text_addc(t, '"');
}

static void add_protocol(struct text *t, int protocol)
{
	static const struct {
		int number;
		const char *name;
	} named[] = {{-1, "all"},
		     {IPPROTO_TCP, "tcp"},
		     {IPPROTO_UDP, "udp"},
		     {IPPROTO_ICMP, "icmp"},
		     {IPPROTO_ICMPV6, "icmpv6"}};

	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (named[i].number == protocol) {
			text_addf(t, "{protocol: %s", named[i].name);
			return;
		}
	text_addf(t, "{protocol: %d", protocol);
}

static void add_ports(struct text *t, const struct import_rule *r)
{
	if (r->protocol != IPPROTO_TCP && r->protocol != IPPROTO_UDP)
		return;
	text_addf(t, ", ports: ");
	if (r->n_ports == 0)
		text_addf(t, "0-65535");
	if (r->n_ports > 1)
		text_addc(t, '[');
	for (unsigned i = 0; i < r->n_ports; i++) {
		const struct import_ports *p = &r->ports[i];

		text_addf(t, i ? ", %u" : "%u", p->low);
		if (p->high != p->low)
			text_addf(t, "-%u", p->high);
	}
	if (r->n_ports > 1)
		text_addc(t, ']');
}

static void add_peer(struct text *t, const struct import_rule *r)
{
	char room[CIDR_TEXT_MAX];

	text_addf(t, ", %s: ", r->leaving ? "to" : "from");
	if (r->peer.family)
		text_addf(t, "\"%s\"", cidr_format(&r->peer, room));
	else if (r->protocol == IPPROTO_ICMP)
		text_addf(t, "\"0.0.0.0/0\"");
	else if (r->protocol == IPPROTO_ICMPV6)
		text_addf(t, "\"::/0\"");
	else
		text_addf(t, "[\"0.0.0.0/0\", \"::/0\"]");
}

static void rule_text(struct text *t, const struct import_rule *r)
{
	add_protocol(t, r->protocol);
	add_ports(t, r);
	if (r->icmp_type >= 0)
		text_addf(t, ", type: %d", r->icmp_type);
	if (r->icmp_code >= 0)
		text_addf(t, ", code: %d", r->icmp_code);
	add_peer(t, r);
	if (r->interface.n) {
		text_addf(t, ", interfaces: [");
		add_quoted(t, r->interface);
		text_addc(t, ']');
	}
	if (r->description.n) {
		text_addf(t, ", description: ");
		add_quoted(t, r->description);
	}
	text_addc(t, '}');
}

/* Whether `weir sg block` says the same. */
static bool is_block(const struct import_rule *r)
{
	return r->protocol == -1 && !r->n_ports && r->peer.family &&
	       r->peer.bits && !r->interface.n;
}

static void leave_refused(struct import_list *list, const struct import_rule *r,
			  const struct import_rule *refusal)
{
	char room[CIDR_TEXT_MAX];

	import_leave(list, r->line,
		     "admits what line %u refuses in part: a group cannot say "
		     "that; it stands as a comment%s%s",
		     refusal->line,
		     is_block(refusal) ? ", good after: weir sg block " : "",
		     is_block(refusal) ? cidr_format(&refusal->peer, room)
				       : "");
}

/* A rule in its place: said, once, or as a comment where an earlier line
 * refuses a part of what it admits. */
static void write_rule(struct import_list *list, const struct import_rule *r,
		       const struct import_rule *refusal, struct map *said)
{
	struct text t = {0};
	struct slice line;

	rule_text(&t, r);
	line = arena_slice(&list->arena, text_slice(&t));
	text_release(&t);
	if (refusal) {
		text_addf(&list->out->yaml,
			  "      # - %.*s  # line %u; line %u refuses a part "
			  "of it first\n",
			  SLICE_ARG(line), r->line, refusal->line);
		leave_refused(list, r, refusal);
		return;
	}
	if (map_put(said, line, list))
		return;
	text_addf(&list->out->yaml, "      - %.*s\n", SLICE_ARG(line));
	list->out->n_said++;
}

static void write_direction(struct import_list *list, bool leaving)
{
	size_t *refusals = xcalloc(list->n + 1, sizeof(*refusals));
	size_t n_refusals = 0;
	unsigned before = list->out->n_said;
	struct text *yaml = &list->out->yaml;
	struct map said = {0};

	text_addf(yaml, "    %s:\n", leaving ? "egress" : "ingress");
	for (size_t i = 0; i < list->n; i++) {
		const struct import_rule *r = &list->rules[i];

		if (r->leaving != leaving)
			continue;
		if (r->denies)
			refusals[n_refusals++] = i;
		else
			write_rule(
				list, r,
				refusal_before(list, refusals, n_refusals, r),
				&said);
	}
	if (list->out->n_said == before)
		text_addf(yaml, "      []\n");
	map_release(&said);
	free(refusals);
}

/* Everything may leave, so what is refused on the way out stays unsaid. */
static void leave_refusals(struct import_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->rules[i].leaving && list->rules[i].denies)
			import_leave(list, list->rules[i].line,
				     "refuses a part of what may leave: a "
				     "group cannot; a network ACL can");
}

static void import_write(struct import_list *list)
{
	struct text *yaml = &list->out->yaml;

	text_addf(yaml, "# Imported; read it, then: weir check, weir sg diff, "
			"weir sg apply --confirm 60\n"
			"security_groups:\n"
			"  - name: imported\n");
	write_direction(list, false);
	if (list->lets_in)
		import_leave(list, 1,
			     "whatever no rule names comes in there; that is "
			     "not carried over");
	if (list->keeps_out)
		write_direction(list, true);
	else
		leave_refusals(list);
	text_addf(yaml, "\ninstances:\n"
			"  - {name: here, host: true, "
			"security_groups: [imported]}\n");
}

bool import_text(enum import_kind kind, struct slice text, const char *file,
		 const struct import_services *services, struct import *out)
{
	struct import_list list = {.out = out, .file = file};
	bool good = false;

	switch (kind) {
	case IMPORT_UFW:
		good = import_ufw(&list, text);
		break;
	case IMPORT_FIREWALLD:
		good = import_firewalld(&list, text, services);
		break;
	case IMPORT_IPTABLES:
		good = import_iptables(&list, text);
		break;
	}
	if (good)
		import_write(&list);
	arena_release(&list.arena);
	free(list.rules);
	return good;
}
