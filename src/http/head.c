#include "head.h"

#include "octets.h"

const struct field *head_next_text(const struct http_head *head,
				   struct slice name, const struct field *after)
{
	const struct field *end = head->fields + head->n_fields;

	for (after = after ? after + 1 : head->fields; after < end; after++)
		if (slice_eq_fold(after->name, name))
			return after;
	return NULL;
}

const struct field *head_find_text(const struct http_head *head,
				   struct slice name)
{
	return head_next_text(head, name, NULL);
}

/* The index of the first comma that stands outside of quotes, or s.n. */
static size_t find_comma(struct slice s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
		else if (!quoted && s.p[i] == ',')
			return i;
	}
	return s.n;
}

bool list_next(struct slice *rest, struct slice *item)
{
	while (rest->n > 0) {
		size_t at = find_comma(*rest);

		*item = slice_trim(slice_first(*rest, at));
		*rest = slice_from(*rest, at + 1);
		if (item->n > 0)
			return true;
	}
	return false;
}

bool head_has_token(const struct http_head *head, enum name name,
		    struct slice token)
{
	const struct field *f = NULL;

	while ((f = head_next(head, name, f)) != NULL) {
		struct slice rest = f->value, item;

		while (list_next(&rest, &item))
			if (slice_eq_fold(item, token))
				return true;
	}
	return false;
}

bool http_is_token(struct slice text)
{
	return text.n > 0 && slice_all(text, OCTET_TOKEN);
}

bool http_is_lower_token(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!octet_is(text.p[i], OCTET_TOKEN) ||
		    (text.p[i] >= 'A' && text.p[i] <= 'Z'))
			return false;
	return text.n > 0;
}

bool http_is_text(struct slice text)
{
	return skip_text(text.p, text.p + text.n) == text.p + text.n;
}

bool http_is_plain(struct slice name)
{
	return name.n > 0 && slice_all(name, OCTET_PLAIN);
}

/*
 * Whether a careless reader takes this name for `want`: letters alike in any
 * case, whatever stands around them or for the hyphen left out. U+017F and
 * U+0131 become "s" and "i" where somebody folds them as Unicode.
 */
static bool is_like(struct slice name, struct slice want)
{
	size_t i = 0;

	while (i < name.n && !octet_is(name.p[i], OCTET_ALNUM))
		i++;
	for (size_t k = 0; k < want.n; k++) {
		unsigned char next;

		if (want.p[k] == '-') {
			while (i < name.n && !octet_is(name.p[i], OCTET_ALNUM))
				i++;
			continue;
		}
		while (i < name.n && (unsigned char)name.p[i] <= 0x20)
			i++;
		if (i == name.n)
			return false;
		next = i + 1 < name.n ? (unsigned char)name.p[i + 1] : 0;
		if (ascii_lower(name.p[i]) == want.p[k])
			i++;
		else if (want.p[k] == 's' && name.p[i] == '\xc5' &&
			 next == 0xbf)
			i += 2;
		else if (want.p[k] == 'i' && name.p[i] == '\xc4' &&
			 next == 0xb1)
			i += 2;
		else
			return false;
	}
	while (i < name.n && !octet_is(name.p[i], OCTET_ALNUM))
		i++;
	return i == name.n;
}

void head_note_likeness(struct http_head *head, struct field *f)
{
	if (is_like(f->name, SLICE("content-length")))
		f->quirks |= FIELD_LIKE_LENGTH | FIELD_LEAVE_OUT;
	else if (is_like(f->name, SLICE("transfer-encoding")))
		f->quirks |= FIELD_LIKE_CODING | FIELD_LEAVE_OUT;
	else
		return;
	head->quirks |= QUIRK_SUSPICIOUS | QUIRK_LEAVE_OUT;
}

bool http_is_grpc(const struct http_head *head)
{
	const struct field *f = head_find(head, NAME_CONTENT_TYPE);
	struct slice type = SLICE("application/grpc"), rest;

	if (!f || !slice_starts_fold(f->value, type))
		return false;
	rest = slice_from(f->value, type.n);
	return rest.n == 0 || strchr("+; \t", rest.p[0]) != NULL;
}

enum method method_of(struct slice text)
{
	switch (text.n) {
	case 3:
		if (memcmp(text.p, "GET", 3) == 0)
			return METHOD_GET;
		if (memcmp(text.p, "PUT", 3) == 0)
			return METHOD_PUT;
		break;
	case 4:
		if (memcmp(text.p, "POST", 4) == 0)
			return METHOD_POST;
		if (memcmp(text.p, "HEAD", 4) == 0)
			return METHOD_HEAD;
		break;
	case 5:
		if (memcmp(text.p, "PATCH", 5) == 0)
			return METHOD_PATCH;
		if (memcmp(text.p, "TRACE", 5) == 0)
			return METHOD_TRACE;
		break;
	case 6:
		if (memcmp(text.p, "DELETE", 6) == 0)
			return METHOD_DELETE;
		break;
	case 7:
		if (memcmp(text.p, "OPTIONS", 7) == 0)
			return METHOD_OPTIONS;
		if (memcmp(text.p, "CONNECT", 7) == 0)
			return METHOD_CONNECT;
		break;
	default:
		break;
	}
	return METHOD_OTHER;
}

size_t http_host_octets(struct slice authority)
{
	return authority.n && authority.p[0] == '['
		       ? slice_find(authority, ']') + 1
		       : slice_find(authority, ':');
}
