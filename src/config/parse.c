#include "parse.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "read.h"

bool want_scalar(struct reader *r, const char *name, const struct node *v)
{
	if (v->broken)
		return false;
	if (v->kind == NODE_SCALAR)
		return true;
	complain(r, &v->at, NULL, "%s must be one value, not %s", name,
		 node_kind_name(v));
	return false;
}

const char *space_hint(struct reader *r, const struct node *v)
{
	size_t n = v->kind == NODE_SCALAR && v->plain
			   ? node_key_without_space(v->text)
			   : 0;

	if (n == 0)
		return NULL;
	return arena_printf(&r->tree->arena, "write \"%.*s: %s\", with a space",
			    (int)n, v->text.p, v->text.p + n + 1);
}

bool want_map(struct reader *r, const char *name, const struct node *v)
{
	if (v->broken)
		return false;
	if (v->kind == NODE_MAP)
		return true;
	complain(r, &v->at, space_hint(r, v), "%s must be a mapping, not %s",
		 name, node_kind_name(v));
	return false;
}

/* -- numbers --------------------------------------------------------------- */

static bool all_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_decimal(struct slice s)
{
	size_t dot = slice_find(s, '.');
	struct slice whole = slice_first(s, dot);

	if (s.n > 18 || !all_digits(whole) || (whole.n > 1 && *whole.p == '0'))
		return false;
	return dot == s.n || all_digits(slice_from(s, dot + 1));
}

/* "10s", "5m", "500ms": what it is in seconds. */
static const char *seconds_meant(struct reader *r, const char *name,
				 struct slice s)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {
		{"ms", 0.001}, {"s", 1},    {"sec", 1},   {"m", 60},
		{"min", 60},   {"h", 3600}, {"d", 86400},
	};
	size_t n = 0;

	while (n < s.n && (ascii_is_digit(s.p[n]) || s.p[n] == '.'))
		n++;
	if (!is_decimal(slice_first(s, n)) ||
	    !(strstr(name, "seconds") || strstr(name, "timeout") ||
	      strstr(name, "interval")))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (slice_eq_fold(slice_trim(slice_from(s, n)),
				  slice_of(units[i].unit)))
			return arena_printf(&r->tree->arena, "write %.15g",
					    strtod(s.p, NULL) *
						    units[i].seconds);
	return NULL;
}

/* "1:30": YAML 1.1 would have read it as a number to the base of 60. */
static const char *sixties_meant(struct reader *r, struct slice s)
{
	struct slice rest = s, part;
	uint64_t sum = 0;

	if (slice_find(s, ':') == s.n || s.n > 16)
		return NULL;
	while (rest.p) {
		uint64_t value;

		part = slice_cut(&rest, ':');
		if (!slice_to_u64(part, &value) || part.n > 4)
			return NULL;
		sum = sum * 60 + value;
	}
	return arena_printf(&r->tree->arena, "write %llu",
			    (unsigned long long)sum);
}

/* "0755", "1_000", "+5", "50%": the number that is in it. */
static const char *digits_meant(struct reader *r, struct slice s)
{
	char digits[24];
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool is_extra = (s.p[i] == '+' && i == 0) || s.p[i] == '_' ||
				(s.p[i] == '%' && i + 1 == s.n) ||
				(s.p[i] == '0' && n == 0 && i + 1 < s.n);

		if (is_extra)
			continue;
		if (!ascii_is_digit(s.p[i]) || n + 1 == sizeof(digits))
			return NULL;
		digits[n++] = s.p[i];
	}
	if (n == 0 || n == s.n)
		return NULL;
	return arena_printf(&r->tree->arena, "write %.*s", (int)n, digits);
}

static const char *number_meant(struct reader *r, const char *name,
				struct slice s)
{
	const char *meant = seconds_meant(r, name, s);

	if (s.n > 1 && s.p[0] == '-' && is_decimal(slice_from(s, 1)))
		return "it cannot be below 0";
	if (!meant)
		meant = sixties_meant(r, s);
	return meant ? meant : digits_meant(r, s);
}

bool want_number(struct reader *r, const char *name, const struct node *v,
		 double *out)
{
	if (!want_scalar(r, name, v))
		return false;
	if (!is_decimal(v->text)) {
		complain(r, &v->at, number_meant(r, name, v->text),
			 "%s must be a decimal number, not \"%s\"", name,
			 v->text.p);
		return false;
	}
	*out = strtod(v->text.p, NULL);
	return true;
}

bool want_integer(struct reader *r, const char *name, const struct node *v,
		  uint64_t *out)
{
	if (!want_scalar(r, name, v))
		return false;
	if (!is_decimal(v->text) || !slice_to_u64(v->text, out)) {
		complain(r, &v->at, number_meant(r, name, v->text),
			 "%s must be a whole decimal number, not \"%s\"", name,
			 v->text.p);
		return false;
	}
	return true;
}

static bool within(struct range range, double value)
{
	return (range.least == 0 && range.most == 0) ||
	       (value >= range.least && value <= range.most);
}

bool in_range(struct reader *r, const struct key *k, const struct node *v,
	      double value)
{
	if (!within(k->any, value)) {
		complain(r, &v->at, NULL, "%s must be from %.15g to %.15g",
			 k->name, k->any.least, k->any.most);
		return false;
	}
	if (r->strict && !within(k->aws, value)) {
		aws_refuses(r, &v->at, "%s must be from %.15g to %.15g on AWS",
			    k->name, k->aws.least, k->aws.most);
		return false;
	}
	return true;
}

static void parse_seconds(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	double value;

	if (want_number(r, k->name, v, &value) && in_range(r, k, v, value) &&
	    slot)
		*(uint64_t *)slot = (uint64_t)(value * 1000 + 0.5);
}

static void parse_duration(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	uint64_t value;

	if (want_integer(r, k->name, v, &value) &&
	    in_range(r, k, v, (double)value) && slot)
		*(uint64_t *)slot = value;
}

static void parse_count(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	uint64_t value;

	assert(k->any.most <= UINT32_MAX);
	if (want_integer(r, k->name, v, &value) &&
	    in_range(r, k, v, (double)value) && slot)
		*(uint32_t *)slot = (uint32_t)value;
}

/* Powers of 1024. */
static unsigned shift_of_unit(char unit)
{
	switch (unit) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 0;
	}
}

/* "10M", "10MB", "10MiB": the 10m that is in it. */
static const char *size_meant(struct reader *r, struct slice s)
{
	size_t n = 0;
	char unit;

	while (n < s.n && ascii_is_digit(s.p[n]))
		n++;
	unit = n < s.n ? ascii_lower(s.p[n]) : 0;
	if (n == 0 || n > 10 || s.n > n + 3 || !shift_of_unit(unit))
		return NULL;
	return arena_printf(&r->tree->arena, "write %.*s%c", (int)n, s.p, unit);
}

static void parse_size(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	struct slice digits;
	uint64_t value;
	unsigned shift;

	if (!want_scalar(r, k->name, v))
		return;
	shift = v->text.n ? shift_of_unit(v->text.p[v->text.n - 1]) : 0;
	digits = slice_first(v->text, v->text.n - (shift > 0));
	if (!is_decimal(digits) || !slice_to_u64(digits, &value) ||
	    value > UINT64_MAX >> 31) {
		complain(r, &v->at, size_meant(r, v->text),
			 "%s must be a number of octets, perhaps with k, m or "
			 "g behind it, not \"%s\"",
			 k->name, v->text.p);
		return;
	}
	value <<= shift;
	if (in_range(r, k, v, (double)value) && slot)
		*(uint64_t *)slot = value;
}

static void parse_port(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	uint64_t value;

	if (!want_integer(r, k->name, v, &value))
		return;
	if (value < 1 || value > UINT16_MAX)
		complain(r, &v->at, NULL, "%s must be from 1 to 65535",
			 k->name);
	else if (slot)
		*(uint16_t *)slot = (uint16_t)value;
}

/* -- words ----------------------------------------------------------------- */

static void parse_boolean(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	static const char *const yes[] = {"yes", "on", "y", "1", "true"};
	static const char *const no[] = {"no", "off", "n", "0", "false"};
	const char *hint = NULL;
	bool value;

	if (!want_scalar(r, k->name, v))
		return;
	value = slice_eq(v->text, SLICE("true"));
	if (value || slice_eq(v->text, SLICE("false"))) {
		if (slot)
			*(bool *)slot = value;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (slice_eq_fold(v->text, slice_of(yes[i])))
			hint = "write true";
		if (slice_eq_fold(v->text, slice_of(no[i])))
			hint = "write false";
	}
	complain(r, &v->at, hint, "%s must be true or false, not \"%s\"",
		 k->name, v->text.p);
}

static const char *list_words(struct reader *r, const struct word *words)
{
	const char *list = NULL;

	for (const struct word *w = words; w->text; w++)
		if (!w->refusal)
			list = arena_printf(&r->tree->arena, "%s%s%s",
					    list ? list : "", list ? ", " : "",
					    w->text);
	return list;
}

int want_word(struct reader *r, const char *name, const struct node *v,
	      const struct word *words)
{
	struct nearest near;
	const char *list;

	if (!want_scalar(r, name, v))
		return -1;
	near = nearest_to(v->text.p);
	for (const struct word *w = words; w->text; w++) {
		nearest_try(&near, w->text);
		if (!slice_eq(v->text, slice_of(w->text)))
			continue;
		if (!w->refusal)
			return (int)(w - words);
		complain(r, &v->at, NULL, "%s: %s", name, w->refusal);
		return -1;
	}
	list = list_words(r, words);
	complain(r, &v->at, nearest_hint(r, &near),
		 "%s must be %s%s, not \"%s\"", name,
		 list && strchr(list, ',') ? "one of " : "", list, v->text.p);
	return -1;
}

static void parse_word(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	int at = want_word(r, k->name, v, k->words);

	if (at >= 0 && slot)
		memcpy(slot, &k->words[at].value, sizeof(int));
}

/* -- texts ----------------------------------------------------------------- */

static void parse_text(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (k->any.most > 0 && !within(k->any, (double)v->text.n))
		complain(r, &v->at, NULL,
			 "%s must have from %.15g to %.15g characters", k->name,
			 k->any.least, k->any.most);
	else if (r->strict && !within(k->aws, (double)v->text.n))
		aws_refuses(
			r, &v->at,
			"%s must have from %.15g to %.15g characters on AWS",
			k->name, k->aws.least, k->aws.most);
	else if (slot)
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

struct slice resolve_path(struct arena *arena, const struct node *v)
{
	const char *file = v->at.file ? v->at.file : "";
	const char *slash = strrchr(file, '/');

	if (v->text.p[0] == '/' || !slash)
		return arena_slice(arena, v->text);
	return slice_of(arena_printf(arena, "%.*s/%s", (int)(slash - file),
				     file, v->text.p));
}

static void parse_path(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n == 0)
		complain(r, &v->at, NULL, "%s must name a file", k->name);
	else if (slot)
		*(struct slice *)slot = resolve_path(r->arena, v);
}

bool want_name(struct reader *r, const char *name, const struct node *v,
	       size_t longest, struct slice *out)
{
	const char *others = longest > 32 ? "._-" : "-";

	if (!want_scalar(r, name, v))
		return false;
	if (v->text.n == 0 || v->text.n > longest) {
		complain(r, &v->at, NULL,
			 "%s must have from 1 to %zu characters", name,
			 longest);
		return false;
	}
	for (size_t i = 0; i < v->text.n; i++) {
		char c = v->text.p[i];
		struct place at = node_part(v, i, 1);

		if (ascii_is_digit(c) || strchr(others, c) ||
		    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'))
			continue;
		complain(r, &at, NULL,
			 "%s may only have letters, digits and %s", name,
			 longest > 32 ? "\".\", \"_\", \"-\"" : "\"-\"");
		return false;
	}
	*out = arena_slice(r->arena, v->text);
	return true;
}

static void parse_name32(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	want_name(r, k->name, v, 32, slot);
}

static void parse_name64(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	want_name(r, k->name, v, 64, slot);
}

/* -- what cannot be taken -------------------------------------------------- */

static void parse_not_built(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	(void)v;
	(void)slot;
	complain(r, &r->key_at, NULL,
		 "\"%s\" belongs to the language but is not built yet%s%s",
		 k->name, k->refusal ? ": " : "", k->refusal ? k->refusal : "");
}

static void parse_only(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	(void)slot;
	if (!want_scalar(r, k->name, v) ||
	    slice_eq(v->text, slice_of(k->fallback)))
		return;
	complain(r, &v->at, NULL, "%s can only be %s: %s", k->name, k->fallback,
		 k->refusal);
}

static void parse_refused(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	(void)v;
	(void)slot;
	complain(r, &r->key_at, NULL, "\"%s\" is not taken: %s", k->name,
		 k->refusal);
}

#define NAME_SIGNS "A-Za-z0-9-"

/* clang-format off */
const struct type type_boolean = {parse_boolean, SHAPE_BOOLEAN, NULL};
const struct type type_seconds = {parse_seconds, SHAPE_NUMBER, NULL};
const struct type type_duration = {parse_duration, SHAPE_NUMBER, NULL};
const struct type type_count = {parse_count, SHAPE_NUMBER, NULL};
const struct type type_size = {parse_size, SHAPE_NUMBER | SHAPE_TEXT,
			       "^[0-9]{1,10}[kmg]$"};
const struct type type_port = {parse_port, SHAPE_NUMBER, NULL};
const struct type type_text = {parse_text, SHAPE_TEXT, NULL};
const struct type type_path = {parse_path, SHAPE_TEXT, NULL};
const struct type type_word = {parse_word, SHAPE_TEXT, NULL};
const struct type type_name32 = {parse_name32, SHAPE_TEXT,
				 "^[" NAME_SIGNS "]{1,32}$"};
const struct type type_name64 = {parse_name64, SHAPE_TEXT,
				 "^[" NAME_SIGNS "._]{1,64}$"};
const struct type type_not_built = {parse_not_built,
				   SHAPE_TEXT | SHAPE_MAP, NULL};
const struct type type_only = {parse_only, SHAPE_TEXT, NULL};
const struct type type_refused = {parse_refused, SHAPE_TEXT | SHAPE_MAP, NULL};
/* clang-format on */
