/*
 * import_ufw.c - /etc/ufw/user.rules and user6.rules.
 *
 * ufw keeps what its user said in comments, the "tuples"; the lines between
 * them are what it made of that:
 *
 *   ### tuple ### ACTION PROTOCOL DPORT DESTINATION SPORT SOURCE [DAPP SAPP]
 *                 DIRECTION [comment=HEX]
 *
 * Floor: firewall.  Source: ufw(8), ufw's src/backend_iptables.py.
 */
#include "import_rules.h"

enum { WORDS_MAX = 12 };

static const struct slice tuple_mark = SLICE_INIT("### tuple ### ");

static unsigned split_words(struct slice line, struct slice words[WORDS_MAX])
{
	unsigned n = 0;

	while (line.p && n < WORDS_MAX) {
		struct slice word = slice_cut(&line, ' ');

		if (word.n)
			words[n++] = word;
	}
	return n;
}

static bool is_any(struct slice word)
{
	return slice_eq(word, SLICE("any")) ||
	       slice_eq(word, SLICE("0.0.0.0/0")) ||
	       slice_eq(word, SLICE("::/0"));
}

/* "comment=48616c6c6f". */
static struct slice read_comment(struct arena *arena, struct slice hex)
{
	char *text = arena_alloc(arena, hex.n / 2 + 1);
	size_t n = 0;

	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		int high = ascii_hex(hex.p[i]), low = ascii_hex(hex.p[i + 1]);

		if (high < 0 || low < 0)
			return SLICE("");
		text[n++] = (char)(high * 16 + low);
	}
	return slice_make(text, n);
}

/* "allow", "deny_log", "limit" ... */
static bool read_action(struct import_list *list, struct slice word,
			struct import_rule *r)
{
	struct slice verb = slice_cut(&word, '_');

	r->denies = !slice_eq(verb, SLICE("allow")) &&
		    !slice_eq(verb, SLICE("limit"));
	if (r->denies && !slice_eq(verb, SLICE("deny")) &&
	    !slice_eq(verb, SLICE("reject"))) {
		import_leave(list, r->line,
			     "\"%.*s\" is about routed packets, "
			     "or unknown: name the instances that it is for",
			     SLICE_ARG(verb));
		return false;
	}
	if (slice_eq(verb, SLICE("limit")))
		import_leave(list, r->line,
			     "\"limit\" becomes a rule that admits: groups "
			     "count no attempts");
	return true;
}

/* "in", "out", "in_eth0". */
static bool read_direction(struct import_list *list, struct slice word,
			   struct import_rule *r)
{
	struct slice way = slice_cut(&word, '_');

	r->leaving = slice_eq(way, SLICE("out"));
	if (!r->leaving && !slice_eq(way, SLICE("in"))) {
		import_leave(list, r->line, "no direction: \"%.*s\"",
			     SLICE_ARG(way));
		return false;
	}
	if (word.p && slice_find(word, '!') < word.n) {
		import_leave(list, r->line,
			     "goes from interface to "
			     "interface: name the instances");
		return false;
	}
	if (word.p)
		r->interface = arena_slice(&list->arena, word);
	return true;
}

/*
 * Who is at the two ends. `own` is the address on this machine's side: a group
 * does not look at it, nor at the sender's port. That is fatal for what admits
 * and harmless for what refuses, which is then taken for more than it is.
 */
static bool read_ends(struct import_list *list, const struct slice *words,
		      struct import_rule *r)
{
	struct slice peer = r->leaving ? words[3] : words[5];
	struct slice own = r->leaving ? words[5] : words[3];

	if (!r->denies && !(is_any(own) && is_any(words[4]))) {
		import_leave(list, r->line,
			     is_any(own) ? "is about the sender's port: "
					   "groups do not look at that"
					 : "is about one address of this "
					   "machine: groups do not look at "
					   "that");
		return false;
	}
	if (import_read_protocol(words[1], &r->protocol) &&
	    (is_any(words[2]) || import_read_ports(words[2], r)) &&
	    (slice_eq(peer, SLICE("any")) || import_read_peer(peer, &r->peer)))
		return true;
	import_leave(list, r->line, "cannot be read");
	return false;
}

static void add_tuple(struct import_list *list, unsigned line,
		      const struct slice *words, unsigned n)
{
	struct import_rule r = import_rule_any(line);
	struct slice last = n ? words[n - 1] : SLICE("");

	if (slice_starts(last, SLICE("comment="))) {
		r.description = read_comment(
			&list->arena, slice_from(last, sizeof("comment=") - 1));
		n--;
	}
	if (n != 7 && n != 9) {
		import_leave(list, line, "%u words in place of 7 or 9", n);
		return;
	}
	if (!read_action(list, words[0], &r) ||
	    !read_direction(list, words[n - 1], &r) ||
	    !read_ends(list, words, &r))
		return;
	import_add(list, &r);
}

bool import_ufw(struct import_list *list, struct slice text)
{
	unsigned line = 0;
	bool found = false;

	while (text.p) {
		struct slice words[WORDS_MAX];
		struct slice row = slice_cut(&text, '\n');

		line++;
		if (!slice_starts(row, tuple_mark))
			continue;
		found = true;
		row = slice_trim(slice_from(row, tuple_mark.n));
		add_tuple(list, line, words, split_words(row, words));
	}
	if (!found)
		import_leave(list, 1,
			     "no line begins with \"### tuple ###\": give "
			     "/etc/ufw/user.rules or user6.rules");
	return found;
}
