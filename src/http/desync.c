#include "desync.h"

#include "octets.h"

static const struct {
	enum desync_class class;
	const char *text;
} reasons[DESYNC_REASONS] = {
	[DESYNC_NONE] = {DESYNC_COMPLIANT, "-"},
	[DESYNC_NON_COMPLIANT_HEADER] = {DESYNC_ACCEPTABLE,
					 "NonCompliantHeader"},
	[DESYNC_SPACE_IN_URI] = {DESYNC_ACCEPTABLE, "SpaceInUri"},
	[DESYNC_NON_COMPLIANT_VERSION] = {DESYNC_ACCEPTABLE,
					  "NonCompliantVersion"},
	[DESYNC_GET_HEAD_ZERO_CONTENT_LENGTH] = {DESYNC_ACCEPTABLE,
						 "GetHeadZeroContentLength"},
	[DESYNC_EMPTY_HEADER] = {DESYNC_AMBIGUOUS, "EmptyHeader"},
	[DESYNC_AMBIGUOUS_URI] = {DESYNC_AMBIGUOUS, "AmbiguousUri"},
	[DESYNC_UNDEFINED_CONTENT_LENGTH_SEMANTICS] =
		{DESYNC_AMBIGUOUS, "UndefinedContentLengthSemantics"},
	[DESYNC_UNDEFINED_TRANSFER_ENCODING_SEMANTICS] =
		{DESYNC_AMBIGUOUS, "UndefinedTransferEncodingSemantics"},
	[DESYNC_DUPLICATE_CONTENT_LENGTH] = {DESYNC_AMBIGUOUS,
					     "DuplicateContentLength"},
	[DESYNC_BOTH_TE_CL_PRESENT] = {DESYNC_AMBIGUOUS, "BothTeClPresent"},
	[DESYNC_SUSPICIOUS_HEADER] = {DESYNC_AMBIGUOUS, "SuspiciousHeader"},
	[DESYNC_SUSPICIOUS_TE_CL_PRESENT] = {DESYNC_SEVERE,
					     "SuspiciousTeClPresent"},
	[DESYNC_BAD_HEADER] = {DESYNC_SEVERE, "BadHeader"},
	[DESYNC_BAD_URI] = {DESYNC_SEVERE, "BadUri"},
	[DESYNC_BAD_VERSION] = {DESYNC_SEVERE, "BadVersion"},
	[DESYNC_BAD_METHOD] = {DESYNC_SEVERE, "BadMethod"},
	[DESYNC_MULTIPLE_CONTENT_LENGTH] = {DESYNC_SEVERE,
					    "MultipleContentLength"},
	[DESYNC_BAD_CONTENT_LENGTH] = {DESYNC_SEVERE, "BadContentLength"},
	[DESYNC_MULTIPLE_TRANSFER_ENCODING_CHUNKED] =
		{DESYNC_SEVERE, "MultipleTransferEncodingChunked"},
	[DESYNC_BAD_TRANSFER_ENCODING] = {DESYNC_SEVERE, "BadTransferEncoding"},
};

const char *desync_reason_text(enum desync_reason reason)
{
	return reasons[reason].text;
}

const char *desync_class_text(enum desync_class class)
{
	static const char *const texts[] = {"-", "Acceptable", "Ambiguous",
					    "Severe"};

	return texts[class];
}

/* What is known of a request while it is looked through. */
struct judgement {
	struct http_head *head;
	struct desync worst;
	bool no_reading; /* cannot be written again with one reading */

	bool lengths, codings; /* Content-Length and Transfer-Encoding, or */
	bool suspicious;       /* what looks like them, are there */
	uint64_t length;       /* the first that could be read */
	bool has_length;
	bool chunked_before; /* the last coding was "chunked" */
};

static void find_as(struct judgement *j, enum desync_reason reason,
		    enum desync_class class)
{
	/* The first of the worst class is the one that is told. */
	if (class > j->worst.class)
		j->worst = (struct desync){class, reason};
}

static void note_reason(struct judgement *j, enum desync_reason reason)
{
	find_as(j, reason, reasons[reason].class);
}

/* Severe, and not even weir could say which of its readings is meant. */
static void find_unreadable(struct judgement *j, enum desync_reason reason)
{
	note_reason(j, reason);
	j->no_reading = true;
}

static void leave_out(struct judgement *j, struct field *f)
{
	f->quirks |= FIELD_LEAVE_OUT;
	j->head->quirks |= QUIRK_LEAVE_OUT;
}

static bool is_length(const struct field *f)
{
	return f->id == NAME_CONTENT_LENGTH || (f->quirks & FIELD_LIKE_LENGTH);
}

static bool is_coding(const struct field *f)
{
	return f->id == NAME_TRANSFER_ENCODING ||
	       (f->quirks & FIELD_LIKE_CODING);
}

static void judge_fields(struct judgement *j)
{
	const struct http_head *head = j->head;

	if (head->quirks & QUIRK_BAD_FIELD)
		find_unreadable(j, DESYNC_BAD_HEADER);
	if (head->quirks & QUIRK_BARE_LF)
		note_reason(j, DESYNC_NON_COMPLIANT_HEADER);

	for (unsigned i = 0; i < head->n_fields; i++) {
		const struct field *f = &head->fields[i];

		j->lengths |= is_length(f);
		j->codings |= is_coding(f);
		if (!f->quirks)
			continue;
		if (f->quirks & (FIELD_BAD_NAME | FIELD_CONTROL))
			note_reason(j, DESYNC_NON_COMPLIANT_HEADER);
		if (f->quirks & FIELD_EMPTY_NAME)
			note_reason(j, DESYNC_EMPTY_HEADER);
		if (f->quirks & (FIELD_LIKE_LENGTH | FIELD_LIKE_CODING)) {
			note_reason(j, DESYNC_SUSPICIOUS_HEADER);
			j->suspicious = true;
		}
		/* The log has no name for a continuation line. */
		if (f->quirks & FIELD_FOLDED)
			find_as(j, DESYNC_NON_COMPLIANT_HEADER,
				DESYNC_AMBIGUOUS);
	}
}

static void judge_coding(struct judgement *j, struct slice item)
{
	static const struct slice known[] = {
		SLICE_INIT("compress"),
		SLICE_INIT("deflate"),
		SLICE_INIT("gzip"),
		SLICE_INIT("identity"),
	};

	item = slice_trim(slice_first(item, slice_find(item, ';')));
	if (slice_eq_fold(item, SLICE("chunked"))) {
		if (j->chunked_before)
			find_unreadable(
				j, DESYNC_MULTIPLE_TRANSFER_ENCODING_CHUNKED);
		j->chunked_before = true;
		return;
	}
	j->chunked_before = false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (slice_eq_fold(item, known[i]))
			return;
	find_unreadable(j, DESYNC_BAD_TRANSFER_ENCODING);
}

static void judge_codings(struct judgement *j)
{
	const struct http_head *head = j->head;

	for (unsigned i = 0; i < head->n_fields; i++) {
		const struct field *f = &head->fields[i];
		struct slice rest = f->value;

		if (!is_coding(f))
			continue;
		/* Nothing at all is an item, too, and no good one. */
		do
			judge_coding(j, slice_cut(&rest, ','));
		while (rest.p);
	}
	if (head->version < HTTP_1_1)
		note_reason(j, DESYNC_UNDEFINED_TRANSFER_ENCODING_SEMANTICS);
}

static void judge_lengths(struct judgement *j)
{
	const struct http_head *head = j->head;
	const struct field *te = head_find(head, NAME_TRANSFER_ENCODING);
	bool chunked = te && slice_eq_fold(te->value, SLICE("chunked"));
	bool kept = false;

	for (unsigned i = 0; i < head->n_fields; i++) {
		struct field *f = &head->fields[i];
		uint64_t length;

		if (!is_length(f))
			continue;
		if (f->id == NAME_CONTENT_LENGTH) {
			if (kept || chunked)
				leave_out(j, f);
			kept = true;
		}
		if (!slice_to_u64(f->value, &length)) {
			find_unreadable(j, DESYNC_BAD_CONTENT_LENGTH);
		} else if (!j->has_length) {
			j->length = length;
			j->has_length = true;
		} else if (length != j->length) {
			find_unreadable(j, DESYNC_MULTIPLE_CONTENT_LENGTH);
		} else {
			note_reason(j, DESYNC_DUPLICATE_CONTENT_LENGTH);
		}
	}
}

/* What a body of GET and HEAD means is not defined (RFC 9110 9.3.1). */
static void judge_body(struct judgement *j)
{
	enum method method = (enum method)j->head->method_id;

	if (method == METHOD_GET || method == METHOD_HEAD) {
		if (j->has_length)
			note_reason(
				j,
				j->length
					? DESYNC_UNDEFINED_CONTENT_LENGTH_SEMANTICS
					: DESYNC_GET_HEAD_ZERO_CONTENT_LENGTH);
		if (j->codings)
			note_reason(
				j,
				DESYNC_UNDEFINED_TRANSFER_ENCODING_SEMANTICS);
	}
	if (j->lengths && j->codings)
		note_reason(j, j->suspicious ? DESYNC_SUSPICIOUS_TE_CL_PRESENT
					     : DESYNC_BOTH_TE_CL_PRESENT);
}

static void judge_start_line(struct judgement *j)
{
	uint32_t quirks = j->head->quirks;

	if (quirks & QUIRK_BAD_METHOD) {
		note_reason(j, DESYNC_BAD_METHOD);
		if (slice_any(j->head->method, OCTET_BLANK))
			j->no_reading = true;
	}
	if (quirks & QUIRK_BAD_VERSION)
		note_reason(j, DESYNC_BAD_VERSION);
	if (quirks & QUIRK_ODD_VERSION)
		note_reason(j, DESYNC_NON_COMPLIANT_VERSION);
	if (quirks & QUIRK_BAD_URI)
		find_unreadable(j, DESYNC_BAD_URI);
	if (quirks & QUIRK_CONTROL_IN_URI)
		note_reason(j, DESYNC_AMBIGUOUS_URI);
	if (quirks & QUIRK_SPACE_IN_URI)
		note_reason(j, DESYNC_SPACE_IN_URI);
}

static enum desync_verdict verdict(const struct judgement *j,
				   enum desync_mode mode)
{
	static const enum desync_verdict table[][3] = {
		/* clang-format off */
		[DESYNC_COMPLIANT] =
			{DESYNC_PASS, DESYNC_PASS, DESYNC_PASS},
		[DESYNC_ACCEPTABLE] =
			{DESYNC_PASS, DESYNC_PASS, DESYNC_REFUSE},
		[DESYNC_AMBIGUOUS] =
			{DESYNC_PASS, DESYNC_PASS_AND_CLOSE, DESYNC_REFUSE},
		[DESYNC_SEVERE] =
			{DESYNC_PASS, DESYNC_REFUSE, DESYNC_REFUSE},
		/* clang-format on */
	};

	return j->no_reading ? DESYNC_REFUSE : table[j->worst.class][mode];
}

enum desync_verdict desync_judge_odd(struct http_head *head,
				     enum desync_mode mode, struct desync *out)
{
	struct judgement j = {.head = head};

	judge_fields(&j);
	if (j.codings)
		judge_codings(&j);
	if (j.lengths)
		judge_lengths(&j);
	judge_body(&j);
	judge_start_line(&j);

	*out = j.worst;
	return verdict(&j, mode);
}
