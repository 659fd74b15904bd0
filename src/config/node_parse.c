/* The only file that knows libyaml: from its events to nodes. */
#include "node.h"

#include <stdlib.h>
#include <yaml.h>

#include "base/fail.h"
#include "base/map.h"
#include "places.h"

/* What is needed while one file is read. */
struct parse {
	struct tree *tree;
	const char *file;    /* in tree->names */
	struct slice source; /* without a byte order mark */
	struct places places;
	yaml_parser_t yaml;
	struct node **stack; /* nodes whose list is not finished */
	size_t n_stack, n_room;
	bool stopped; /* a limit was hit; reported */
	/* Tabs are allowed inside of quotes and blocks: octets from `quiet`
	 * on have not been looked at yet. */
	size_t quiet;
};

enum { FEW_KEYS = 8 };

static struct node *parse_node(struct parse *p, const yaml_event_t *event,
			       unsigned depth);

/* -- places ---------------------------------------------------------------- */

/* libyaml counts characters, findings count octets. */
static size_t octet_of(struct parse *p, const yaml_mark_t *mark)
{
	return places_octet(&p->places, mark->index);
}

static struct place place_at(struct parse *p, size_t octet, size_t width)
{
	return places_at(&p->places, octet, width);
}

/* -- what the subset leaves out -------------------------------------------- */

static void complain_tab(struct parse *p, const struct place *at)
{
	diag_error(p->tree->diag, at, "use spaces",
		   "a tab between words; only quoted texts may have tabs");
}

static void refuse_tabs(struct parse *p, size_t until)
{
	bool comment = false;

	for (size_t i = p->quiet; i < until && i < p->source.n; i++) {
		char c = p->source.p[i];
		struct place at;

		if (c == '\n')
			comment = false;
		else if (c == '#' && (i == 0 || p->source.p[i - 1] == ' ' ||
				      p->source.p[i - 1] == '\n'))
			comment = true;
		if (c != '\t' || comment)
			continue;
		at = place_at(p, i, 1);
		complain_tab(p, &at);
		/* One finding for a file that is indented with tabs. */
		p->quiet = SIZE_MAX;
		return;
	}
	if (until > p->quiet)
		p->quiet = until;
}

static void refuse_extras(struct parse *p, const yaml_event_t *event,
			  const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct place at;

	if (!anchor && !tag)
		return;
	at = place_at(p, octet_of(p, &event->start_mark), 1);
	if (anchor)
		diag_error(p->tree->diag, &at, NULL,
			   "anchors are not part of this language; write the "
			   "value out");
	if (tag)
		diag_error(p->tree->diag, &at, NULL,
			   "tags are not part of this language; the key "
			   "decides what its value is");
}

static void refuse_twice(struct parse *p, const struct node *key,
			 const struct node *first)
{
	char *hint = xasprintf("first at %s:%u:%u", first->at.file,
			       first->at.line, first->at.column);

	diag_error(p->tree->diag, &key->at, hint, "\"%s\" is given twice",
		   key->text.p);
	free(hint);
}

/* The key of this name among the first n, or NULL. A mapping of a few keys,
 * as nearly all are, needs no table. */
static struct node *find_key(const struct map *seen, const struct node *map,
			     size_t n, struct slice name)
{
	if (map->n > FEW_KEYS)
		return map_get(seen, name);
	for (size_t i = 0; i < n; i++)
		if (slice_eq(map->entries[i].key->text, name))
			return map->entries[i].key;
	return NULL;
}

/* Leaves the first of each name. Where there is a table, it also sees "a.b"
 * beside "a: {b: ...}". */
static void check_keys(struct parse *p, struct node *map)
{
	struct map seen = {0};
	size_t kept = 0;

	for (size_t i = 0; i < map->n; i++) {
		struct node *key = map->entries[i].key;
		struct node *first = find_key(&seen, map, kept, key->text);

		if (key->plain && slice_eq(key->text, SLICE("<<"))) {
			diag_error(p->tree->diag, &key->at, NULL,
				   "merge keys are not part of this language");
		} else if (first) {
			refuse_twice(p, key, first);
		} else {
			if (map->n > FEW_KEYS)
				map_put(&seen, key->text, key);
			map->entries[kept++] = map->entries[i];
		}
	}
	map->n = kept;
	map_release(&seen);
}

/* -- events to nodes ------------------------------------------------------- */

static void stop(struct parse *p, const yaml_mark_t *mark, const char *sentence)
{
	struct place at = place_at(p, octet_of(p, mark), 1);

	if (!p->stopped)
		diag_error(p->tree->diag, &at, NULL, "%s", sentence);
	p->stopped = true;
}

static void push(struct parse *p, struct node *n)
{
	if (p->n_stack == p->n_room) {
		p->n_room = p->n_room ? p->n_room * 2 : 256;
		p->stack = xrealloc(p->stack, p->n_room * sizeof(*p->stack));
	}
	p->stack[p->n_stack++] = n;
}

/* Finds "port:80" on a line of its own; *at gets the place. */
static size_t find_missing_space(struct parse *p, size_t line, struct place *at)
{
	struct slice text;
	size_t start, n;

	if (line >= p->places.n_lines)
		return 0;
	start = p->places.lines[line];
	while (start < p->source.n &&
	       (p->source.p[start] == ' ' ||
		(p->source.p[start] == '-' && start + 1 < p->source.n &&
		 p->source.p[start + 1] == ' ')))
		start++;
	text = slice_from(p->source, start);
	text = slice_first(text, slice_find(text, '\n'));
	n = node_key_without_space(text);
	if (n)
		*at = place_at(p, start + n, 1);
	return n;
}

/* A key without its space is part of a text, and what is said of that is said
 * of a line behind it. */
static bool complain_missing_space(struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;
	const size_t lines[] = {y->problem_mark.line, y->problem_mark.line - 1,
				y->context_mark.line};
	struct place at;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!find_missing_space(p, lines[i], &at))
			continue;
		diag_error(p->tree->diag, &at, "write a space behind it",
			   "a colon without a space makes no key");
		return true;
	}
	return false;
}

/* "#{" behind a space begins a comment, which has swallowed what would have
 * closed a bracket. */
static bool complain_swallowed(struct parse *p, size_t until)
{
	size_t from = octet_of(p, &p->yaml.context_mark);
	struct slice rest =
		slice_make(p->source.p + from, until > from ? until - from : 0);

	for (size_t i = 0; i + 2 < rest.n; i++) {
		struct place at;

		if (!slice_starts(slice_from(rest, i), SLICE(" #{")))
			continue;
		at = place_at(p, from + i + 1, 2);
		diag_error(p->tree->diag, &at,
			   "a text with \"#{...}\" needs quotes",
			   "a comment begins here");
		return true;
	}
	return false;
}

/* The libyaml error in our words; some of them name what people meant. */
static void complain_syntax(struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;
	const char *problem = y->problem ? y->problem : "unreadable";
	size_t octet = octet_of(p, &y->problem_mark);
	char c = octet < p->source.n ? p->source.p[octet] : '\0';
	const char *hint = NULL;
	struct place at;

	if (y->error == YAML_READER_ERROR && y->problem_offset < p->source.n)
		octet = y->problem_offset;
	/* What was never closed is better shown where it was opened. */
	if (octet == p->source.n && y->context)
		octet = octet_of(p, &y->context_mark);
	at = place_at(p, octet, 1);
	if (c == '\t') {
		complain_tab(p, &at);
		return;
	}
	if ((strstr(problem, "mapping values are not allowed") ||
	     strstr(problem, "could not find expected ':'")) &&
	    complain_missing_space(p))
		return;
	if (y->context && strstr(y->context, "flow") &&
	    complain_swallowed(p, octet_of(p, &y->problem_mark)))
		return;
	if (y->error == YAML_READER_ERROR)
		problem = "the file must be UTF-8 without control characters";
	else if (strstr(problem, "cannot start any token"))
		hint = "a text that begins so needs quotes";
	else if (strstr(problem, "mapping values are not allowed"))
		hint = "a text with \": \" in it needs quotes";
	if (y->context && y->context_mark.line != y->problem_mark.line)
		diag_error(p->tree->diag, &at, hint,
			   "not valid YAML: %s (%s that begins in line %zu)",
			   problem, y->context, y->context_mark.line + 1);
	else
		diag_error(p->tree->diag, &at, hint, "not valid YAML: %s",
			   problem);
}

static bool next_event(struct parse *p, yaml_event_t *event)
{
	if (p->stopped)
		return false;
	if (!yaml_parser_parse(&p->yaml, event)) {
		/* No fault of the file, which would be taken for another. */
		if (p->yaml.error == YAML_MEMORY_ERROR)
			fail_no_memory();
		complain_syntax(p);
		p->stopped = true;
		return false;
	}
	return true;
}

static struct node *new_node(struct parse *p, enum node_kind kind,
			     const yaml_event_t *event)
{
	struct node *n = ARENA_NEW(&p->tree->arena, struct node);

	n->kind = kind;
	n->at = place_at(p, octet_of(p, &event->start_mark), 1);
	if (++p->tree->n_nodes > NODE_COUNT_MAX)
		stop(p, &event->start_mark, "the configuration is too large");
	return n;
}

/* Of "to: a #{query}" the half would be taken without a word. */
static void refuse_half(struct parse *p, size_t end)
{
	struct place at;

	while (end < p->source.n && p->source.p[end] == ' ')
		end++;
	if (!slice_starts(slice_from(p->source, end), SLICE("#{")))
		return;
	at = place_at(p, end, 2);
	diag_error(p->tree->diag, &at, "a text with \"#{...}\" needs quotes",
		   "a comment begins here");
}

static struct node *parse_scalar(struct parse *p, const yaml_event_t *event)
{
	struct node *n = new_node(p, NODE_SCALAR, event);
	size_t start = places_octet_of(&p->places, &n->at);
	size_t end = octet_of(p, &event->end_mark);
	size_t length = event->data.scalar.length;
	struct slice rest;

	refuse_extras(p, event, event->data.scalar.anchor,
		      event->data.scalar.tag);
	n->text = arena_slice(
		&p->tree->arena,
		slice_make((const char *)event->data.scalar.value, length));
	n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->exact = length && end - start == length + (n->plain ? 0 : 2);
	rest = slice_make(p->source.p + start, end - start);
	n->at.width = (uint32_t)slice_find(rest, '\n');
	refuse_tabs(p, n->plain ? end : start);
	if (!n->plain && p->quiet < end)
		p->quiet = end;
	if (n->plain && n->text.n)
		refuse_half(p, end);
	n->broken = memchr(n->text.p, '\0', n->text.n) != NULL;
	if (n->broken)
		diag_error(p->tree->diag, &n->at, NULL,
			   "a text cannot hold a NUL");
	return n;
}

/* Whether the key's value is not asked for: tree->sections. "a.b" is in the
 * section "a". */
static bool is_left_out(const struct parse *p, const struct node *key)
{
	const char *const *name = p->tree->sections;
	struct slice first = slice_first(key->text, slice_find(key->text, '.'));

	while (name && *name && !slice_eq(first, slice_of(*name)))
		name++;
	return name && !*name;
}

/* The rest of a list or mapping whose first event was read. */
static void read_past(struct parse *p)
{
	unsigned depth = 1;
	yaml_event_t event;

	while (depth > 0 && next_event(p, &event)) {
		depth += event.type == YAML_SEQUENCE_START_EVENT ||
			 event.type == YAML_MAPPING_START_EVENT;
		depth -= event.type == YAML_SEQUENCE_END_EVENT ||
			 event.type == YAML_MAPPING_END_EVENT;
		/* Tabs in it are not looked for. */
		p->quiet = octet_of(p, &event.end_mark);
		yaml_event_delete(&event);
	}
}

/* The root's value at the top of the stack; what is left out, is empty. */
static struct node *parse_section(struct parse *p, const yaml_event_t *event,
				  const struct node *key)
{
	struct node *empty;

	if (key->kind != NODE_SCALAR || !is_left_out(p, key) ||
	    (event->type != YAML_SEQUENCE_START_EVENT &&
	     event->type != YAML_MAPPING_START_EVENT))
		return parse_node(p, event, 2);
	empty = new_node(p, NODE_LIST, event);
	read_past(p);
	return empty;
}

/* Reads nodes until the event `end`; they are left on the stack. */
static void parse_until(struct parse *p, yaml_event_type_t end, unsigned depth)
{
	size_t base = p->n_stack;
	yaml_event_t event;
	bool more = true;

	while (more && next_event(p, &event)) {
		if (event.type == end)
			more = false;
		else if (depth == 2 && (p->n_stack - base) % 2)
			push(p, parse_section(p, &event,
					      p->stack[p->n_stack - 1]));
		else
			push(p, parse_node(p, &event, depth));
		yaml_event_delete(&event);
	}
}

static struct node *parse_list(struct parse *p, const yaml_event_t *event,
			       unsigned depth)
{
	struct node *n = new_node(p, NODE_LIST, event);
	size_t base = p->n_stack;

	refuse_extras(p, event, event->data.sequence_start.anchor,
		      event->data.sequence_start.tag);
	parse_until(p, YAML_SEQUENCE_END_EVENT, depth + 1);
	n->n = p->n_stack - base;
	n->items = ARENA_ARRAY(&p->tree->arena, n->n, struct node *);
	if (n->n)
		memcpy(n->items, p->stack + base, n->n * sizeof(*n->items));
	p->n_stack = base;
	return n;
}

/* "host: #{host}" without quotes is a comment, and the value is nothing. */
static bool hash_follows(const struct parse *p, const struct node *key)
{
	size_t at = places_octet_of(&p->places, &key->at) + key->at.width;

	while (at < p->source.n &&
	       (p->source.p[at] == ' ' || p->source.p[at] == ':'))
		at++;
	return slice_starts(slice_from(p->source, at), SLICE("#{"));
}

static struct node *parse_map(struct parse *p, const yaml_event_t *event,
			      unsigned depth)
{
	struct node *n = new_node(p, NODE_MAP, event);
	size_t base = p->n_stack;

	refuse_extras(p, event, event->data.mapping_start.anchor,
		      event->data.mapping_start.tag);
	parse_until(p, YAML_MAPPING_END_EVENT, depth + 1);
	n->entries = ARENA_ARRAY(&p->tree->arena, (p->n_stack - base) / 2,
				 struct entry);
	for (size_t i = base; i + 1 < p->n_stack; i += 2) {
		struct node *key = p->stack[i];

		if (key->kind == NODE_SCALAR)
			n->entries[n->n++] =
				(struct entry){key, p->stack[i + 1]};
		else
			diag_error(p->tree->diag, &key->at, NULL,
				   "a key must be a text, not %s",
				   node_kind_name(key));
	}
	p->n_stack = base;
	check_keys(p, n);
	for (size_t i = 0; i < n->n; i++) {
		struct node *value = n->entries[i].value;

		if (value->kind != NODE_SCALAR)
			continue;
		if (value->plain && value->text.n == 0)
			value->hash_follows =
				hash_follows(p, n->entries[i].key);
		node_expand(p->tree, value);
	}
	return n;
}

static struct node *parse_node(struct parse *p, const yaml_event_t *event,
			       unsigned depth)
{
	struct node *alias;
	struct place at;

	if (depth > NODE_DEPTH_MAX)
		stop(p, &event->start_mark, "too many levels of nesting");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return parse_scalar(p, event);
	case YAML_SEQUENCE_START_EVENT: {
		struct node *list = parse_list(p, event, depth);

		for (size_t i = 0; i < list->n; i++)
			if (list->items[i]->kind == NODE_SCALAR)
				node_expand(p->tree, list->items[i]);
		return list;
	}
	case YAML_MAPPING_START_EVENT:
		return parse_map(p, event, depth);
	default: /* an alias: nothing else can stand here */
		at = place_at(p, octet_of(p, &event->start_mark), 1);
		diag_error(p->tree->diag, &at, NULL,
			   "aliases are not part of this language; write the "
			   "value out");
		alias = new_node(p, NODE_SCALAR, event);
		alias->broken = true;
		alias->text = SLICE("");
		return alias;
	}
}

static struct node *parse_stream(struct parse *p)
{
	struct node *root = NULL;
	yaml_event_t event;
	bool more = true;

	while (more && next_event(p, &event)) {
		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			more = false;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (root)
				stop(p, &event.start_mark,
				     "a second document; one file holds one");
			if (event.data.document_start.version_directive ||
			    event.data.document_start.tag_directives.start !=
				    event.data.document_start.tag_directives
					    .end)
				stop(p, &event.start_mark,
				     "directives are not part of this "
				     "language");
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		default:
			root = parse_node(p, &event, 1);
			break;
		}
		yaml_event_delete(&event);
	}
	return root;
}

/* libyaml ends a line at these, editors and findings do not: places would be
 * wrong from there on. */
static bool refuse_line_ends(struct parse *p)
{
	static const struct slice breaks[] = {
		SLICE_INIT("\xc2\x85"),
		SLICE_INIT("\xe2\x80\xa8"),
		SLICE_INIT("\xe2\x80\xa9"),
	};

	for (size_t i = 0; i < p->source.n; i++) {
		struct slice rest = slice_from(p->source, i);
		bool is_break = rest.p[0] == '\r' && rest.n > 1 &&
				rest.p[1] != '\n';
		struct place at;

		if (rest.p[0] != '\r' && (unsigned char)rest.p[0] < 0x80)
			continue;
		for (size_t b = 0; b < ARRAY_SIZE(breaks); b++)
			is_break |= slice_starts(rest, breaks[b]);
		if (!is_break)
			continue;
		at = place_at(p, i, 1);
		diag_error(p->tree->diag, &at, NULL,
			   "a line break that is neither LF nor CR LF");
		return false;
	}
	return true;
}

static struct node *check_root(struct parse *p, struct node *root)
{
	struct place at = {.file = p->file, .line = 1, .column = 1};

	if (p->stopped)
		return NULL;
	refuse_tabs(p, p->source.n);
	if (!root ||
	    (root->kind == NODE_SCALAR && root->plain && root->text.n == 0)) {
		root = node_scalar(p->tree, "", &at);
		root->kind = NODE_MAP;
		root->entries = NULL;
		return root;
	}
	if (root->kind == NODE_MAP)
		return root;
	diag_error(p->tree->diag, &root->at, NULL,
		   "a configuration is a mapping with keys such as "
		   "load_balancers, not %s",
		   node_kind_name(root));
	return NULL;
}

struct node *node_parse(struct tree *t, const char *file, struct slice text)
{
	struct parse p = {.tree = t, .file = arena_strdup(t->names, file)};
	struct place at = {.file = p.file};
	struct node *root = NULL;

	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_from(text, 3);
	p.source = text;
	diag_add_source(t->diag, p.file, text);
	if (text.n > NODE_OCTETS_MAX) {
		diag_error(t->diag, &at, NULL, "the file is too large");
		return NULL;
	}
	if (!yaml_parser_initialize(&p.yaml))
		fail_no_memory();
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	/* Of an empty file not even a pointer is left. */
	yaml_parser_set_input_string(
		&p.yaml, (const unsigned char *)(text.n ? text.p : ""), text.n);
	places_init(&p.places, p.file, text);
	if (refuse_line_ends(&p))
		root = check_root(&p, parse_stream(&p));
	yaml_parser_delete(&p.yaml);
	t->n_steps += p.places.n_steps;
	places_release(&p.places);
	free(p.stack);
	return root;
}
