/* Protocols, ports, ICMP types and networks: the words that the rules of
 * security groups and of network ACLs have in common. */
#include "base/fail.h"
#include "read_firewall.h"

/* Port ranges that one rule may name. */
enum { PORT_RANGES_MAX = 1000 };

static bool is_icmp(int protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool has_ports(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* -- protocol -------------------------------------------------------------- */

static const struct word protocols[] = {
	{"tcp", IPPROTO_TCP, NULL},   {"udp", IPPROTO_UDP, NULL},
	{"icmp", IPPROTO_ICMP, NULL}, {"icmpv6", IPPROTO_ICMPV6, NULL},
	{"all", SG_ALL, NULL},        {0},
};

static void parse_protocol(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct traffic *t = slot;
	uint64_t number;
	int word;

	if (!want_scalar(r, k->name, v))
		return;
	if (slice_eq(v->text, SLICE("-1"))) {
		complain(r, &v->at, "write all",
			 "%s must be a name or a number from 0 to 255",
			 k->name);
		return;
	}
	if (slice_to_u64(v->text, &number)) {
		t->has_protocol = want_integer(r, k->name, v, &number) &&
				  in_range(r, k, v, (double)number);
		t->protocol = t->has_protocol ? (int)number : 0;
		return;
	}
	word = want_word(r, k->name, v, protocols);
	t->has_protocol = word >= 0;
	if (word >= 0)
		t->protocol = protocols[word].value;
}

/* -- ports ----------------------------------------------------------------- */

static void complain_ports(struct reader *r, const struct node *v,
			   const char *hint)
{
	complain(r, &v->at, hint,
		 "\"%s\" is neither a port nor a range of ports", v->text.p);
}

static bool read_ports(struct reader *r, const struct node *v,
		       struct port_range *out)
{
	struct slice rest = v->text, first = slice_cut(&rest, '-');
	struct slice last = rest.p ? rest : first;
	uint64_t from, to;

	if (!want_scalar(r, "a port", v))
		return false;
	if (slice_eq(v->text, SLICE("all"))) {
		complain_ports(r, v, "write 0-65535");
		return false;
	}
	if (!slice_to_u64(first, &from) || !slice_to_u64(last, &to)) {
		complain_ports(r, v, "write 80, or 8000-8100");
		return false;
	}
	if (from > UINT16_MAX || to > UINT16_MAX) {
		size_t at = from > UINT16_MAX ? 0 : first.n + 1;
		struct place place =
			node_part(v, at, from > UINT16_MAX ? first.n : last.n);

		complain(r, &place, NULL, "a port must be from 0 to 65535");
		return false;
	}
	if (from > to) {
		complain(r, &v->at,
			 arena_printf(&r->tree->arena, "write %u-%u",
				      (unsigned)to, (unsigned)from),
			 "the range of ports goes backwards");
		return false;
	}
	*out = (struct port_range){(uint16_t)from, (uint16_t)to};
	return true;
}

static void parse_ports(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct node_one room;
	const struct node *list = node_as_list_in(&room, v);
	struct traffic *t = slot;

	t->ports_at = v->at;
	if (list->n == 0)
		complain(r, &v->at, "write 0-65535 for all",
			 "%s must name at least one port", k->name);
	if (list->n > PORT_RANGES_MAX) {
		complain(r, &v->at, NULL, "%s may have at most %d ranges",
			 k->name, PORT_RANGES_MAX);
		return;
	}
	t->ports = ARENA_ARRAY(r->arena, list->n, struct port_range);
	for (size_t i = 0; i < list->n; i++)
		if (read_ports(r, list->items[i], &t->ports[t->n_ports]))
			t->n_ports++;
}

/* -- ICMP ------------------------------------------------------------------ */

static const char *near_icmp_type(struct reader *r, int protocol,
				  const char *word)
{
	struct nearest near = nearest_to(word);
	const char *name;

	for (size_t i = 0; (name = icmp_type_name_at(protocol, i)) != NULL; i++)
		nearest_try(&near, name);
	return nearest_hint(r, &near);
}

/* A number, or the name of one; -1 after a finding. */
static int want_icmp(struct reader *r, const struct key *k,
		     const struct node *v, int named, const char *hint)
{
	uint64_t number;

	if (named >= 0)
		return named;
	if (!slice_to_u64(v->text, &number)) {
		complain(r, &v->at, hint, "\"%s\" is no ICMP %s", v->text.p,
			 k->name);
		return -1;
	}
	if (!want_integer(r, k->name, v, &number) ||
	    !in_range(r, k, v, (double)number))
		return -1;
	return (int)number;
}

static void parse_icmp_type(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	struct traffic *t = slot;
	int type;

	if (!want_scalar(r, k->name, v))
		return;
	t->type_at = v->at;
	/* Names mean nothing without the right protocol, which is reported. */
	if (!t->has_protocol || !is_icmp(t->protocol))
		return;
	type = want_icmp(r, k, v, icmp_type_named(t->protocol, v->text),
			 slice_eq(v->text, SLICE("-1")) ||
					 slice_eq(v->text, SLICE("all"))
				 ? "leave the key out for all types"
				 : near_icmp_type(r, t->protocol, v->text.p));
	t->icmp_type = type < 0 ? SG_ALL : type;
}

static void parse_icmp_code(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	struct traffic *t = slot;
	int code;

	if (!want_scalar(r, k->name, v))
		return;
	t->code_at = v->at;
	if (!t->has_protocol || !is_icmp(t->protocol))
		return;
	code = want_icmp(r, k, v,
			 icmp_code_named(t->protocol, t->icmp_type, v->text),
			 slice_eq(v->text, SLICE("-1")) ||
					 slice_eq(v->text, SLICE("all"))
				 ? "leave the key out for all codes"
				 : NULL);
	t->icmp_code = code < 0 ? SG_ALL : code;
}

/* -- together -------------------------------------------------------------- */

void check_traffic(struct reader *r, const struct place *rule,
		   const struct traffic *t)
{
	if (!t->has_protocol)
		return;
	if (has_ports(t->protocol) && t->ports_at.line == 0)
		complain(r, rule, "add ports: 0-65535 for all",
			 "a rule for %s lacks \"ports\"",
			 t->protocol == IPPROTO_TCP ? "tcp" : "udp");
	if (!has_ports(t->protocol) && t->ports_at.line)
		complain(r, &t->ports_at,
			 is_icmp(t->protocol) ? "it has type and code"
			 : t->protocol == SG_ALL
				 ? "write protocol: tcp, and another for udp"
				 : NULL,
			 "only tcp and udp have ports");
	if (!is_icmp(t->protocol) && t->type_at.line)
		complain(r, &t->type_at, NULL,
			 "only icmp and icmpv6 have a type");
	if (!is_icmp(t->protocol) && t->code_at.line)
		complain(r, &t->code_at, NULL,
			 "only icmp and icmpv6 have a code");
	else if (t->code_at.line && t->type_at.line == 0)
		complain(r, &t->code_at, "add the type",
			 "a code means nothing without its type");
}

/* -- networks -------------------------------------------------------------- */

static void complain_cidr(struct reader *r, const struct node *v,
			  enum cidr_fault fault, const struct cidr *meant)
{
	char text[CIDR_TEXT_MAX];
	struct place at = v->at;
	size_t slash = slice_find(v->text, '/');

	switch (fault) {
	case CIDR_FINE:
		return;
	case CIDR_MALFORMED:
		complain(r, &at, "write 10.0.0.0/8 or \"2001:db8::/32\"",
			 "\"%s\" is not a network", v->text.p);
		return;
	case CIDR_NO_LENGTH:
		complain(r, &at,
			 arena_printf(&r->tree->arena, "write \"%s\"",
				      cidr_format(meant, text)),
			 "\"%s\" lacks the length of its prefix", v->text.p);
		return;
	case CIDR_BAD_LENGTH:
		at = node_part(v, slash + 1, v->text.n - slash - 1);
		complain(r, &at, NULL,
			 "the length of a prefix must be from 0 to %d",
			 slice_find(v->text, ':') < v->text.n ? 128 : 32);
		return;
	case CIDR_HOST_BITS:
		complain(r, &at,
			 arena_printf(&r->tree->arena, "did you mean \"%s\"?",
				      cidr_format(meant, text)),
			 "\"%s\" has bits set behind its prefix", v->text.p);
		return;
	}
	BUG("fault %d of a network", (int)fault);
}

bool want_cidr(struct reader *r, const struct node *v, struct cidr *out)
{
	enum cidr_fault fault;

	if (!want_scalar(r, "a network", v))
		return false;
	fault = cidr_parse(v->text, out);
	complain_cidr(r, v, fault, out);
	return fault == CIDR_FINE;
}

static void parse_cidr(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	(void)k;
	want_cidr(r, v, slot);
}

static void parse_later(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	(void)r;
	(void)k;
	*(const struct node **)slot = v;
}

const struct type type_protocol = {parse_protocol, SHAPE_TEXT | SHAPE_NUMBER,
				   "^(tcp|udp|icmp|icmpv6|all)$"};
const struct type type_ports = {parse_ports,
				SHAPE_TEXT | SHAPE_NUMBER | SHAPE_LIST,
				"^[0-9]{1,5}(-[0-9]{1,5})?$"};
const struct type type_icmp_type = {parse_icmp_type, SHAPE_TEXT | SHAPE_NUMBER,
				    "^[a-z0-9-]+$"};
const struct type type_icmp_code = {parse_icmp_code, SHAPE_TEXT | SHAPE_NUMBER,
				    "^[a-z0-9-]+$"};
const struct type type_cidr = {parse_cidr, SHAPE_TEXT, "/[0-9]{1,3}$"};
const struct type type_later = {parse_later, SHAPE_MAP | SHAPE_LIST, NULL};
