/*
 * h1_parse.c - octets of HTTP/1.x become a head.
 *
 * Each line is tried twice at most. The quick way takes what nearly every
 * peer sends and stops at the first octet that is unusual; the careful way
 * then takes the line as a whole and says what is odd about it.
 */
#include "h1_parse.h"

#include "octets.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

const struct h1_limits h1_request_limits = {
	.line = 16 * 1024, .field = 16 * 1024, .head = REQUEST_HEAD_MAX};
const struct h1_limits h1_response_limits = {
	.line = 16 * 1024, .field = 32 * 1024, .head = 32 * 1024};

enum {
	EMPTY_LINES_MAX = 4,
	/* h1_head_end() lets limits be looked at beyond this, and then beyond
	 * each size that is twice the one before. The limits are such sizes. */
	LOOK_AGAIN_OCTETS = 4096,
};

/* How a step over a line or a section ended. */
enum step {
	STEP_OK,
	STEP_MORE,       /* the line is not complete */
	STEP_MALFORMED,  /* these and the next are final */
	STEP_LINE_LONG,  /* the start line */
	STEP_FIELD_LONG, /* a field, or the head as a whole */
	STEP_TOO_MANY,
	STEP_VERSION, /* another major version */
};

struct cursor {
	const char *start; /* of the input */
	const char *at, *end;
	const struct h1_limits *limits;
	struct http_head *head;
	bool strict; /* responses: refuse what is odd */
};

/* Takes the line up to its LF; *line is without the line end. */
static enum step take_line(struct cursor *c, size_t limit, struct slice *line)
{
	size_t left = (size_t)(c->end - c->at);
	const char *lf = left ? memchr(c->at, '\n', left) : NULL;

	if ((lf ? (size_t)(lf - c->at) + 1 : left) > limit)
		return STEP_FIELD_LONG;
	if (!lf)
		return STEP_MORE;

	*line = slice_make(c->at, (size_t)(lf - c->at));
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	else
		c->head->quirks |= QUIRK_BARE_LF;
	c->at = lf + 1;
	return STEP_OK;
}

static bool has_nul_or_cr(struct slice s)
{
	return s.n > 0 &&
	       (memchr(s.p, '\0', s.n) != NULL || memchr(s.p, '\r', s.n));
}

/* -- fields ---------------------------------------------------------------- */

/*
 * Names that are not like Content-Length or Transfer-Encoding for sure, when
 * they consist of letters, digits and hyphens: too short, or begin otherwise.
 */
static inline bool may_be_like(const char *name, size_t n)
{
	char first = (char)(name[0] | 0x20);

	return n >= sizeof("contentlength") - 1 &&
	       (first == 'c' || first == 't' || first == '-');
}

static inline void add_field(struct http_head *head, struct field *f)
{
	const uint64_t framing = NAME_BIT(NAME_CONTENT_LENGTH) |
				 NAME_BIT(NAME_TRANSFER_ENCODING);
	uint64_t bit = NAME_BIT(f->id);

	if (unlikely(head->present & bit & framing))
		head->quirks |= f->id == NAME_CONTENT_LENGTH
					? QUIRK_REPEATED_LENGTH
					: QUIRK_REPEATED_CODING;
	head->present |= bit;
	head->n_fields++;
}

/* Trims a name in front of its colon; of a response, RFC 9112 5.1 wants that
 * of a proxy. */
static struct slice trim_end(struct slice s)
{
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static enum step take_strict_field(struct cursor *c, struct slice line)
{
	struct http_head *head = c->head;
	struct field *f = &head->fields[head->n_fields];
	size_t colon = slice_find(line, ':');

	if (colon == line.n || has_nul_or_cr(line))
		return STEP_MALFORMED;
	*f = (struct field){
		.name = trim_end(slice_first(line, colon)),
		.value = slice_trim(slice_from(line, colon + 1)),
	};
	if (f->name.n == 0 || !slice_all(f->name, OCTET_TOKEN))
		return STEP_MALFORMED;
	if (!slice_all(f->name, OCTET_PLAIN)) {
		f->quirks |= FIELD_ODD_NAME;
		head->odd_names = true;
	}
	if (slice_any(f->value, OCTET_CONTROL))
		f->quirks |= FIELD_CONTROL;
	f->id = (uint8_t)name_of(f->name);
	add_field(head, f);
	return STEP_OK;
}

/*
 * Whether a name of a request means the same to everybody. What is no token
 * does not: some stop reading fields there, and take what follows for a body.
 */
static bool has_one_meaning(const struct field *f)
{
	if (f->quirks & (FIELD_EMPTY_NAME | FIELD_BAD_NAME))
		return false;
	return !(f->quirks & FIELD_FOLDED) || name_of(f->name) == NAME_OTHER;
}

static void note_field_quirks(struct http_head *head, struct field *f)
{
	if (f->name.n == 0) {
		f->quirks |= FIELD_ODD_NAME | FIELD_EMPTY_NAME;
		head->quirks |= QUIRK_EMPTY_NAME;
	} else if (!slice_all(f->name, OCTET_TOKEN)) {
		f->quirks |= FIELD_ODD_NAME | FIELD_BAD_NAME;
		head->quirks |= QUIRK_BAD_NAME;
	} else if (!slice_all(f->name, OCTET_PLAIN)) {
		f->quirks |= FIELD_ODD_NAME;
	}
	if (f->quirks & FIELD_ODD_NAME)
		head->odd_names = true;
	if (slice_any(f->value, OCTET_CONTROL)) {
		f->quirks |= FIELD_CONTROL;
		head->quirks |= QUIRK_CONTROL;
	}
	if (!has_one_meaning(f)) {
		f->quirks |= FIELD_LEAVE_OUT;
		head->quirks |= QUIRK_LEAVE_OUT;
	}
}

/* RFC 9112 5.1: what stands between a name and its colon was used to hide the
 * field from one of two readers. */
static bool ends_in_space(struct slice line, size_t colon)
{
	return colon > 0 &&
	       (line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t');
}

static enum step take_odd_field(struct cursor *c, struct slice line)
{
	struct http_head *head = c->head;
	struct field *f = &head->fields[head->n_fields];
	bool folded = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
	size_t colon;

	/* RFC 9112 2.2: there is nothing yet that it could continue. */
	if (folded && head->n_fields == 0)
		return STEP_MALFORMED;
	*f = (struct field){.quirks = folded ? FIELD_FOLDED : 0};
	if (folded) {
		head->quirks |= QUIRK_FOLDED;
		line = slice_trim(line);
	}
	colon = slice_find(line, ':');
	if (!folded && (colon == line.n || ends_in_space(line, colon)))
		return STEP_MALFORMED;
	if (has_nul_or_cr(line)) {
		f->quirks |= FIELD_LEAVE_OUT;
		head->quirks |= QUIRK_BAD_FIELD | QUIRK_LEAVE_OUT;
	}
	f->name = slice_first(line, colon);
	f->value = slice_trim(slice_from(line, colon + 1));
	note_field_quirks(head, f);

	/* A continuation never counts as the field whose name it has. */
	if (!folded)
		f->id = (uint8_t)name_of(f->name);
	if (f->id == NAME_OTHER)
		head_note_likeness(head, f);
	add_field(head, f);
	return STEP_OK;
}

/*
 * The quick way over one field. False when anything is unusual, also that it
 * is not complete; nothing is changed then.
 */
static inline bool take_plain_field(struct cursor *c)
{
	struct http_head *head = c->head;
	struct field *f = &head->fields[head->n_fields];
	const char *start = c->at, *end = c->end;
	const char *colon = skip_plain(start, end);
	const char *value, *stop, *last;

	if (unlikely(colon == end || *colon != ':' || colon == start))
		return false;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	stop = skip_text(value, end);
	if (unlikely(end - stop < 2 || stop[0] != '\r' || stop[1] != '\n'))
		return false;
	if (unlikely((size_t)(stop + 2 - start) > c->limits->field))
		return false;

	last = stop;
	while (last > value && (last[-1] == ' ' || last[-1] == '\t'))
		last--;
	f->name = slice_make(start, (size_t)(colon - start));
	f->value = slice_make(value, (size_t)(last - value));
	f->id = (uint8_t)name_of(f->name);
	f->quirks = 0;
	if (f->id == NAME_OTHER && unlikely(may_be_like(start, f->name.n)) &&
	    !c->strict)
		head_note_likeness(head, f);
	add_field(head, f);
	c->at = stop + 2;
	return true;
}

/* Steps over the empty line that ends the fields. */
static inline bool take_end(struct cursor *c)
{
	if (*c->at == '\r' && c->end - c->at >= 2 && c->at[1] == '\n') {
		c->at += 2;
		return true;
	}
	if (*c->at == '\n') {
		c->head->quirks |= QUIRK_BARE_LF;
		c->at++;
		return true;
	}
	return false;
}

static enum step take_fields(struct cursor *c)
{
	for (;;) {
		struct slice line;
		enum step step;

		if (c->at == c->end)
			return STEP_MORE;
		if (unlikely(*c->at == '\r' || *c->at == '\n') && take_end(c))
			return STEP_OK;
		if (*c->at == '\r' && c->end - c->at == 1)
			return STEP_MORE;

		if (unlikely(c->head->n_fields == c->head->max_fields))
			return STEP_TOO_MANY;
		if (likely(take_plain_field(c)))
			continue;
		step = take_line(c, c->limits->field, &line);
		if (step == STEP_OK)
			step = c->strict ? take_strict_field(c, line)
					 : take_odd_field(c, line);
		if (step != STEP_OK)
			return step;
	}
}

/* -- request line ---------------------------------------------------------- */

/*
 * The quick way: TOKEN SP visible SP "HTTP/1.0" or "HTTP/1.1" CRLF. False
 * when anything is unusual.
 */
static inline bool take_plain_request_line(struct cursor *c)
{
	struct http_head *head = c->head;
	const char *start = c->at, *end = c->end;
	const char *p = start, *target;

	while (p < end && octet_is(*p, OCTET_TOKEN))
		p++;
	if (unlikely(p == end || *p != ' ' || p == start))
		return false;
	head->method = slice_make(start, (size_t)(p - start));
	target = p + 1;
	p = skip_visible(target, end);
	if (unlikely(end - p < 11 || p == target || *p != ' '))
		return false;
	if (unlikely(memcmp(p + 1, "HTTP/1.", 7) != 0 ||
		     (p[8] != '0' && p[8] != '1') || p[9] != '\r' ||
		     p[10] != '\n'))
		return false;
	if (unlikely((size_t)(p + 11 - start) > c->limits->line))
		return false;
	head->target = slice_make(target, (size_t)(p - target));
	head->version = p[8] == '1' ? HTTP_1_1 : HTTP_1_0;
	head->method_id = (uint8_t)method_of(head->method);
	c->at = p + 11;
	return true;
}

static enum step read_version(struct http_head *head, struct slice text)
{
	struct slice trimmed = slice_trim(text);

	if (trimmed.n != text.n)
		head->quirks |= QUIRK_ODD_VERSION;
	head->version = HTTP_1_0;
	if (trimmed.n != 8 || !slice_starts(trimmed, SLICE("HTTP/")) ||
	    !ascii_is_digit(trimmed.p[5]) || trimmed.p[6] != '.' ||
	    !ascii_is_digit(trimmed.p[7])) {
		head->quirks |= QUIRK_BAD_VERSION;
		return STEP_OK;
	}
	if (trimmed.p[5] == '0')
		return STEP_MALFORMED;
	if (trimmed.p[5] != '1')
		return STEP_VERSION;
	if (trimmed.p[7] > '0')
		head->version = HTTP_1_1;
	if (trimmed.p[7] > '1')
		head->quirks |= QUIRK_ODD_VERSION;
	return STEP_OK;
}

static void note_target_quirks(struct http_head *head)
{
	struct slice target = head->target;

	if (slice_find(target, ' ') < target.n)
		head->quirks |= QUIRK_SPACE_IN_URI;
	for (size_t i = 0; i < target.n; i++) {
		unsigned char c = (unsigned char)target.p[i];

		if (c == '\0' || c == '\r')
			head->quirks |= QUIRK_BAD_URI;
		else if (c < 0x20 || c == 0x7f)
			head->quirks |= QUIRK_CONTROL_IN_URI;
	}
}

static enum step read_odd_request_line(struct http_head *head,
				       struct slice line)
{
	size_t first, last = line.n;
	enum step step;

	/* Spaces behind the version belong to it. */
	while (last > 0 &&
	       (line.p[last - 1] == ' ' || line.p[last - 1] == '\t'))
		last--;
	while (last > 0 && line.p[last - 1] != ' ')
		last--;
	first = slice_find(line, ' ');
	if (last == 0 || first + 1 >= last)
		return STEP_MALFORMED; /* no target, or no version: 0.9 */

	head->method = slice_first(line, first);
	head->target = slice_make(line.p + first + 1, last - 1 - (first + 1));
	if (!slice_all(head->method, OCTET_TOKEN))
		head->quirks |= QUIRK_BAD_METHOD;
	else
		head->method_id = (uint8_t)method_of(head->method);

	while (head->target.n > 0 && head->target.p[0] == ' ') {
		head->target = slice_from(head->target, 1);
		head->quirks |= QUIRK_SPACE_IN_URI;
	}
	while (head->target.n > 0 &&
	       head->target.p[head->target.n - 1] == ' ') {
		head->target.n--;
		head->quirks |= QUIRK_ODD_VERSION;
	}
	if (head->target.n == 0)
		return STEP_MALFORMED;
	step = read_version(head, slice_from(line, last));
	note_target_quirks(head);
	return step;
}

static enum step take_request_line(struct cursor *c)
{
	struct slice line;
	enum step step;

	for (int empty = 0;; empty++) {
		if (c->at == c->end)
			return STEP_MORE;
		if (*c->at != '\r' && *c->at != '\n')
			break;
		if (*c->at == '\r' && c->end - c->at == 1)
			return STEP_MORE;
		if (empty == EMPTY_LINES_MAX || !take_end(c))
			return STEP_MALFORMED;
	}
	if (likely(take_plain_request_line(c)))
		return STEP_OK;

	/* TLS or noise would keep us waiting for an end of line. */
	if (octet_is(*c->at, OCTET_BLANK) || (unsigned char)*c->at >= 0x80)
		return STEP_MALFORMED;
	step = take_line(c, c->limits->line, &line);
	if (step == STEP_FIELD_LONG)
		return STEP_LINE_LONG;
	if (step != STEP_OK)
		return step;
	return read_odd_request_line(c->head, line);
}

/* -- status line ----------------------------------------------------------- */

static enum step take_status_line(struct cursor *c)
{
	static const char version[] = "HTTP/1.";
	size_t left = (size_t)(c->end - c->at);
	size_t n = left < sizeof(version) - 1 ? left : sizeof(version) - 1;
	struct slice line;
	unsigned status = 0;
	enum step step;

	if (n > 0 && memcmp(c->at, version, n) != 0)
		return STEP_MALFORMED;
	step = take_line(c, c->limits->line, &line);
	if (step != STEP_OK)
		return step;

	/* "HTTP/1.1 200", then nothing or a space and a phrase. */
	if (line.n < 12 || !ascii_is_digit(line.p[7]) || line.p[8] != ' ' ||
	    (line.n > 12 && line.p[12] != ' '))
		return STEP_MALFORMED;
	for (size_t i = 9; i < 12; i++) {
		if (!ascii_is_digit(line.p[i]))
			return STEP_MALFORMED;
		status = status * 10 + (unsigned)(line.p[i] - '0');
	}
	c->head->version = line.p[7] == '0' ? HTTP_1_0 : HTTP_1_1;
	c->head->status = (uint16_t)status;
	c->head->phrase = slice_from(line, 13);
	if (status < 100 || slice_any(c->head->phrase, OCTET_CONTROL))
		return STEP_MALFORMED;
	return STEP_OK;
}

/* -- all of it ------------------------------------------------------------- */

static void head_begin(struct http_head *head)
{
	struct field *fields = head->fields;
	uint16_t max_fields = head->max_fields;

	*head = (struct http_head){.fields = fields, .max_fields = max_fields};
}

static enum step finish(struct cursor *c, enum step step)
{
	size_t octets = (size_t)(c->at - c->start);

	if (step == STEP_MORE)
		octets = (size_t)(c->end - c->start);
	if (step <= STEP_MORE && octets > c->limits->head)
		return STEP_FIELD_LONG;
	c->head->octets = octets;
	return step;
}

enum h1_result h1_parse_request(struct slice in, const struct h1_limits *limits,
				struct http_head *head, enum reason *why)
{
	static const uint8_t reasons[] = {
		[STEP_MALFORMED] = REASON_MALFORMED,
		[STEP_LINE_LONG] = REASON_URI_TOO_LONG,
		[STEP_FIELD_LONG] = REASON_FIELD_TOO_LARGE,
		[STEP_TOO_MANY] = REASON_TOO_MANY_FIELDS,
		[STEP_VERSION] = REASON_HTTP_VERSION,
	};
	struct cursor c = {in.p, in.p, in.p + in.n, limits, head, false};
	enum step step;

	head_begin(head);
	step = take_request_line(&c);
	if (likely(step == STEP_OK))
		step = take_fields(&c);
	step = finish(&c, step);
	if (likely(step <= STEP_MORE))
		return step == STEP_OK ? H1_DONE : H1_MORE;
	*why = (enum reason)reasons[step];
	return H1_BAD;
}

static enum h1_result strict_result(struct cursor *c, enum step step,
				    enum reason *why)
{
	step = finish(c, step);
	if (likely(step <= STEP_MORE))
		return step == STEP_OK ? H1_DONE : H1_MORE;
	*why = step == STEP_MALFORMED ? REASON_TARGET_MALFORMED
				      : REASON_TARGET_HEAD_TOO_LARGE;
	return H1_BAD;
}

enum h1_result h1_parse_response(struct slice in,
				 const struct h1_limits *limits,
				 struct http_head *head, enum reason *why)
{
	struct cursor c = {in.p, in.p, in.p + in.n, limits, head, true};
	enum step step;

	head_begin(head);
	step = take_status_line(&c);
	if (likely(step == STEP_OK))
		step = take_fields(&c);
	return strict_result(&c, step, why);
}

enum h1_result h1_parse_trailers(struct slice in,
				 const struct h1_limits *limits,
				 struct http_head *head, enum reason *why)
{
	struct cursor c = {in.p, in.p, in.p + in.n, limits, head, true};

	head_begin(head);
	return strict_result(&c, take_fields(&c), why);
}

bool h1_head_end(struct slice in, size_t from)
{
	const char *p = in.p + (from > 2 ? from - 2 : 0);
	const char *end = in.p + in.n;

	for (size_t size = LOOK_AGAIN_OCTETS; size < in.n; size *= 2)
		if (from <= size)
			return true;
	/* An LF with nothing, or CR only, up to the next one. */
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		if (p < end && *p == '\r')
			p++;
		if (p < end && *p == '\n')
			return true;
	}
	return false;
}
