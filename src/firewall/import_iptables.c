/*
 * import_iptables.c - what iptables-save and ip6tables-save print.
 *
 * Chains are collected first; then INPUT and OUTPUT of the table "filter" are
 * walked as packets would, through the chains that they jump to without a
 * condition. A jump under a condition may refuse whatever meets it, and so
 * does every line with a match that groups do not have.
 *
 * Floor: firewall.  Source: iptables-save(8), iptables-extensions(8).
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/map.h"
#include "import_rules.h"

enum { WORDS_MAX = 96, DEPTH_MAX = 16 };

struct chain_line {
	struct chain_line *next;
	unsigned number;
	struct slice text; /* behind "-A CHAIN " */
};

struct fw_chain {
	struct slice name, policy; /* "-": made by the user */
	struct chain_line *first, **end;
};

struct saved {
	struct import_list *list;
	struct map chains; /* of the table filter, by name */
	uint8_t family;    /* what "any" means: 4 or 6 */
	unsigned steps;    /* lines that were walked */
	unsigned n_usual;  /* lines that weir does anyway */
};

/* -- words ----------------------------------------------------------------- */

/* Takes the next word, which may be quoted, off a line; the quotes go, in a
 * copy. False at the end, or where a quote is open. */
static bool next_word(struct arena *arena, struct slice *line,
		      struct slice *word)
{
	char *copy;
	size_t n = 0, at;

	*line = slice_trim(*line);
	if (line->n == 0)
		return false;
	if (line->p[0] != '"') {
		*word = slice_cut(line, ' ');
		return true;
	}
	copy = arena_alloc(arena, line->n);
	for (at = 1; at < line->n && line->p[at] != '"'; at++) {
		if (line->p[at] == '\\' && at + 1 < line->n)
			at++;
		copy[n++] = line->p[at];
	}
	if (at >= line->n)
		return false;
	*line = slice_from(*line, at + 1);
	*word = slice_make(copy, n);
	return true;
}

/* -- one line -------------------------------------------------------------- */

/* What a line says, besides its rule. */
struct parsed {
	struct import_rule rule;
	struct slice target;  /* empty: none */
	struct slice strange; /* a match that groups do not have */
	bool negated;         /* by the word before */
	bool only_old;        /* matches packets of known flows only */
	bool is_goto;
};

typedef bool read_fn(struct saved *s, struct parsed *p, struct slice value);

static bool read_protocol(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	return import_read_protocol(value, &p->rule.protocol);
}

static bool read_ports(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	return import_read_ports(value, &p->rule);
}

static bool read_source(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	/* The near end of what leaves is this machine itself. */
	return !p->rule.leaving && import_read_peer(value, &p->rule.peer);
}

static bool read_destination(struct saved *s, struct parsed *p,
			     struct slice value)
{
	(void)s;
	return p->rule.leaving && import_read_peer(value, &p->rule.peer);
}

static bool read_interface(struct saved *s, struct parsed *p,
			   struct slice value)
{
	/* iptables ends a beginning with "+". */
	if (value.n && value.p[value.n - 1] == '+') {
		char *copy = arena_alloc(&s->list->arena, value.n);

		memcpy(copy, value.p, value.n);
		copy[value.n - 1] = '*';
		value = slice_make(copy, value.n);
	}
	p->rule.interface = value;
	return true;
}

static const struct {
	struct slice name;
	int type;
} icmp_names[] = {
	{SLICE_INIT("echo-request"), 8},
	{SLICE_INIT("echo-reply"), 0},
	{SLICE_INIT("destination-unreachable"), 3},
	{SLICE_INIT("time-exceeded"), 11},
	{SLICE_INIT("parameter-problem"), 12},
};

static bool read_icmp_number(struct slice text, int *out)
{
	uint64_t n;

	if (!slice_to_u64(text, &n) || n > UINT8_MAX)
		return false;
	*out = (int)n;
	return true;
}

/* "8", "3/4", "echo-request", "any". */
static bool read_icmp_type(struct saved *s, struct parsed *p,
			   struct slice value)
{
	struct slice type = slice_cut(&value, '/');

	if (slice_eq(type, SLICE("any")))
		return true;
	for (size_t i = 0; i < sizeof(icmp_names) / sizeof(*icmp_names); i++)
		if (s->family == 4 && slice_eq(type, icmp_names[i].name)) {
			p->rule.icmp_type = icmp_names[i].type;
			return true;
		}
	return read_icmp_number(type, &p->rule.icmp_type) &&
	       (!value.p || read_icmp_number(value, &p->rule.icmp_code));
}

/* Groups decide about new flows; known ones pass anyway. */
static bool read_states(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	p->only_old = true;
	while (value.p)
		if (slice_eq(slice_cut(&value, ','), SLICE("NEW")))
			p->only_old = false;
	return true;
}

static bool read_comment(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	p->rule.description = value;
	return true;
}

static bool read_target(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	p->target = value;
	return true;
}

static bool read_goto(struct saved *s, struct parsed *p, struct slice value)
{
	p->is_goto = true;
	return read_target(s, p, value);
}

static bool read_module(struct saved *s, struct parsed *p, struct slice value)
{
	static const struct slice known[] = {
		SLICE_INIT("tcp"),     SLICE_INIT("udp"),
		SLICE_INIT("icmp"),    SLICE_INIT("icmp6"),
		SLICE_INIT("icmpv6"),  SLICE_INIT("multiport"),
		SLICE_INIT("comment"), SLICE_INIT("conntrack"),
		SLICE_INIT("state"),
	};

	(void)s;
	(void)p;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (slice_eq(value, known[i]))
			return true;
	return false;
}

static bool skip_value(struct saved *s, struct parsed *p, struct slice value)
{
	(void)s;
	(void)p;
	(void)value;
	return true;
}

static const struct {
	struct slice word;
	read_fn *read; /* NULL: takes no value and changes nothing */
} options[] = {
	{SLICE_INIT("-p"), read_protocol},
	{SLICE_INIT("-s"), read_source},
	{SLICE_INIT("-d"), read_destination},
	{SLICE_INIT("-i"), read_interface},
	{SLICE_INIT("-o"), read_interface},
	{SLICE_INIT("-m"), read_module},
	{SLICE_INIT("-j"), read_target},
	{SLICE_INIT("-g"), read_goto},
	{SLICE_INIT("--dport"), read_ports},
	{SLICE_INIT("--dports"), read_ports},
	{SLICE_INIT("--icmp-type"), read_icmp_type},
	{SLICE_INIT("--icmpv6-type"), read_icmp_type},
	{SLICE_INIT("--ctstate"), read_states},
	{SLICE_INIT("--state"), read_states},
	{SLICE_INIT("--comment"), read_comment},
	{SLICE_INIT("--reject-with"), skip_value},
	{SLICE_INIT("--log-prefix"), skip_value},
	{SLICE_INIT("--log-level"), skip_value},
	{SLICE_INIT("--syn"), NULL},
};

/* One option with its value. What cannot be said leaves the rule as wide as it
 * was: a refusal is then taken for more than it is, never for less. */
static void read_option(struct saved *s, struct parsed *p, struct slice word,
			struct slice *line)
{
	struct parsed with = *p;
	struct slice value = SLICE("");

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		if (!slice_eq(word, options[i].word))
			continue;
		if (options[i].read &&
		    (!next_word(&s->list->arena, line, &value) ||
		     !options[i].read(s, &with, value)))
			break;
		if (p->negated)
			break;
		*p = with;
		return;
	}
	/* A value of a match that is not known ends up here, too. */
	if (p->strange.n)
		return;
	p->strange = word;
	if (value.p == word.p + word.n + 1)
		p->strange.n += 1 + value.n;
}

static struct parsed parse_line(struct saved *s, const struct chain_line *line,
				bool leaving)
{
	struct parsed p = {.rule = import_rule_any(line->number)};
	struct slice rest = line->text, word;

	p.rule.leaving = leaving;
	while (next_word(&s->list->arena, &rest, &word)) {
		if (slice_eq(word, SLICE("!"))) {
			p.negated = true;
			continue;
		}
		read_option(s, &p, word, &rest);
		p.negated = false;
	}
	if (rest.n && !p.strange.n)
		p.strange = rest;
	if (!p.rule.peer.family)
		import_read_peer(s->family == 4 ? SLICE("0.0.0.0/0")
						: SLICE("::/0"),
				 &p.rule.peer);
	return p;
}

/* -- the walk -------------------------------------------------------------- */

/* How the walk through a chain ended. */
enum walk { WALK_END, WALK_ALL_REFUSED, WALK_ALL_ADMITTED };

static enum walk walk_chain(struct saved *s, const struct fw_chain *chain,
			    bool leaving, int depth);

/* Every packet meets it. */
static bool is_for_all(const struct parsed *p)
{
	const struct import_rule *r = &p->rule;

	return r->protocol == -1 && !r->n_ports && r->peer.bits == 0 &&
	       !r->interface.n && !p->strange.n && !p->only_old;
}

static bool is_refusal(struct slice target)
{
	return slice_eq(target, SLICE("DROP")) ||
	       slice_eq(target, SLICE("REJECT"));
}

static enum walk walk_accept(struct saved *s, struct parsed *p)
{
	bool usual = p->only_old || slice_eq(p->rule.interface, SLICE("lo"));

	if (usual) {
		s->n_usual++;
		return WALK_END;
	}
	if (p->strange.n) {
		import_leave(s->list, p->rule.line,
			     "admits under a condition that groups do not "
			     "have: %.*s",
			     SLICE_ARG(p->strange));
		return WALK_END;
	}
	if (is_for_all(p) && !p->rule.leaving)
		import_leave(s->list, p->rule.line,
			     "admits everything: said, as it was; is it "
			     "meant?");
	import_add(s->list, &p->rule);
	return is_for_all(p) ? WALK_ALL_ADMITTED : WALK_END;
}

static enum walk walk_refusal(struct saved *s, struct parsed *p)
{
	if (p->only_old)
		return WALK_END; /* of invalid packets */
	p->rule.denies = true;
	import_add(s->list, &p->rule);
	return is_for_all(p) ? WALK_ALL_REFUSED : WALK_END;
}

/* What leads where nobody followed may be refused there. */
static void walk_past(struct saved *s, struct parsed *p)
{
	import_leave(s->list, p->rule.line,
		     "leads to \"%.*s\"%s: what happens there is not carried "
		     "over, and what it may refuse stands below as comments",
		     SLICE_ARG(p->target),
		     is_for_all(p) ? "" : " under a condition");
	p->rule.denies = true;
	import_add(s->list, &p->rule);
}

static enum walk walk_jump(struct saved *s, struct parsed *p, int depth)
{
	const struct fw_chain *to = map_get(&s->chains, p->target);

	if (!to || !slice_eq(to->policy, SLICE("-")) || !is_for_all(p) ||
	    depth == DEPTH_MAX) {
		if (!p->only_old)
			walk_past(s, p);
		return WALK_END;
	}
	return walk_chain(s, to, p->rule.leaving, depth + 1);
}

static enum walk walk_line(struct saved *s, const struct chain_line *line,
			   bool leaving, int depth, bool *ends)
{
	struct parsed p = parse_line(s, line, leaving);
	enum walk end;

	if (slice_eq(p.target, SLICE("ACCEPT")))
		return walk_accept(s, &p);
	if (is_refusal(p.target))
		return walk_refusal(s, &p);
	if (p.target.n == 0 || slice_eq(p.target, SLICE("LOG")) ||
	    slice_eq(p.target, SLICE("NFLOG"))) {
		import_leave(s->list, p.rule.line,
			     "counts or logs: see firewall.log_drops");
		return WALK_END;
	}
	if (slice_eq(p.target, SLICE("RETURN"))) {
		*ends = is_for_all(&p);
		if (!*ends && !p.only_old)
			walk_past(s, &p);
		return WALK_END;
	}
	end = walk_jump(s, &p, depth);
	*ends = p.is_goto && is_for_all(&p);
	return end;
}

static enum walk walk_chain(struct saved *s, const struct fw_chain *chain,
			    bool leaving, int depth)
{
	for (const struct chain_line *l = chain->first; l; l = l->next) {
		bool ends = false;
		enum walk end;

		/* Chains that jump to chains can be longer than their text. */
		if (++s->steps > IMPORT_RULES_MAX) {
			if (s->steps == IMPORT_RULES_MAX + 1)
				import_leave(s->list, l->number,
					     "more than %d steps: the rest is "
					     "not followed",
					     IMPORT_RULES_MAX);
			return WALK_ALL_REFUSED;
		}
		end = walk_line(s, l, leaving, depth, &ends);
		if (end != WALK_END || ends)
			return end;
	}
	return WALK_END;
}

/* Whether what no line names is let pass at the end. */
static bool walk_from(struct saved *s, struct slice name, bool leaving)
{
	const struct fw_chain *chain = map_get(&s->chains, name);

	if (!chain)
		return true;
	switch (walk_chain(s, chain, leaving, 0)) {
	case WALK_ALL_REFUSED:
		return false;
	case WALK_ALL_ADMITTED:
		return leaving;
	case WALK_END:
		break;
	}
	return slice_eq(chain->policy, SLICE("ACCEPT"));
}

/* -- the text -------------------------------------------------------------- */

static struct fw_chain *chain_of(struct saved *s, struct slice name)
{
	struct fw_chain *chain = map_get(&s->chains, name);

	if (chain)
		return chain;
	chain = ARENA_NEW(&s->list->arena, struct fw_chain);
	*chain = (struct fw_chain){
		.name = name,
		.policy = SLICE("-"),
		.end = &chain->first,
	};
	map_put(&s->chains, name, chain);
	return chain;
}

/* ":INPUT DROP [0:0]" */
static void read_chain(struct saved *s, struct slice row)
{
	struct slice name = slice_cut(&row, ' ');

	chain_of(s, name)->policy = slice_cut(&row, ' ');
}

/* "-A INPUT ..." */
static void read_append(struct saved *s, struct slice row, unsigned line)
{
	struct fw_chain *chain = chain_of(s, slice_cut(&row, ' '));
	struct chain_line *l = ARENA_NEW(&s->list->arena, struct chain_line);

	*l = (struct chain_line){.number = line, .text = row};
	*chain->end = l;
	chain->end = &l->next;
}

static void read_row(struct saved *s, struct slice row, unsigned line)
{
	/* "[12:720] -A INPUT": iptables-save -c. */
	if (row.n && row.p[0] == '[')
		slice_cut(&row, ' ');
	if (row.n && row.p[0] == ':')
		read_chain(s, slice_from(row, 1));
	else if (slice_starts(row, SLICE("-A ")))
		read_append(s, slice_from(row, 3), line);
}

static void leave_table(struct saved *s, struct slice table, unsigned line,
			unsigned n)
{
	if (n)
		import_leave(s->list, line,
			     "table \"%.*s\" (%u lines) is not about who may "
			     "come in",
			     SLICE_ARG(table), n);
}

static bool read_tables(struct saved *s, struct slice text)
{
	struct slice table = SLICE("");
	unsigned line = 0, began = 0, n_others = 0;
	bool found = false;

	while (text.p) {
		struct slice row = slice_trim(slice_cut(&text, '\n'));
		bool wanted = slice_eq(table, SLICE("filter"));

		line++;
		if (slice_starts(row, SLICE("# Generated by ip6tables")))
			s->family = 6;
		if (row.n && row.p[0] == '*') {
			leave_table(s, table, began, n_others);
			table = slice_from(row, 1);
			found |= slice_eq(table, SLICE("filter"));
			began = line;
			n_others = 0;
		} else if (wanted) {
			read_row(s, row, line);
		} else if (slice_starts(row, SLICE("-A "))) {
			n_others++;
		}
	}
	leave_table(s, table, began, n_others);
	return found;
}

static void leave_forward(struct saved *s)
{
	const struct fw_chain *chain = map_get(&s->chains, SLICE("FORWARD"));

	if (chain && chain->first)
		import_leave(s->list, chain->first->number,
			     "chain FORWARD: name the containers and machines "
			     "behind this one as instances, with groups of "
			     "their own");
}

bool import_iptables(struct import_list *list, struct slice text)
{
	struct saved s = {.list = list, .family = 4};
	bool found = read_tables(&s, text);

	if (found) {
		list->lets_in = walk_from(&s, SLICE("INPUT"), false);
		list->keeps_out = !walk_from(&s, SLICE("OUTPUT"), true);
		leave_forward(&s);
	} else {
		import_leave(list, 1,
			     "no line \"*filter\": give what "
			     "iptables-save prints");
	}
	map_release(&s.chains);
	return found;
}
