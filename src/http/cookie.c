#include "cookie.h"

#include "base/clock.h"
#include "h1_write.h"
#include "head.h"
#include "octets.h"

bool cookie_next(struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->p) {
		struct slice pair = slice_trim(slice_cut(rest, ';'));
		size_t equals = slice_find(pair, '=');

		*name = slice_first(pair, equals);
		*value = slice_from(pair, equals + 1);
		if (equals < pair.n && name->n > 0 &&
		    slice_all(*name, OCTET_TOKEN))
			return true;
	}
	return false;
}

bool cookie_find(struct slice field_value, struct slice name,
		 struct slice *value)
{
	struct slice got, text;

	while (cookie_next(&field_value, &got, &text)) {
		if (slice_eq(got, name)) {
			*value = text;
			return true;
		}
	}
	return false;
}

bool cookie_of_head(const struct http_head *head, struct slice name,
		    struct slice *value)
{
	const struct field *f = NULL;

	while ((f = head_next(head, NAME_COOKIE, f)) != NULL)
		if (cookie_find(f->value, name, value))
			return true;
	return false;
}

bool set_cookie_is(struct slice field_value, struct slice name)
{
	struct slice pair = slice_cut(&field_value, ';');
	size_t equals = slice_find(pair, '=');

	return equals < pair.n &&
	       slice_eq(slice_trim(slice_first(pair, equals)), name);
}

void cookie_write(struct writer *w, const struct set_cookie *cookie)
{
	writer_put(w, cookie->name);
	writer_char(w, '=');
	writer_put(w, cookie->value);
	if (cookie->expires_s) {
		char date[CLOCK_HTTP_DATE_OCTETS];

		clock_format_http(cookie->expires_s, date);
		writer_literal(w, "; Expires=");
		writer_put(w, slice_make(date, sizeof(date)));
	}
	writer_literal(w, "; Path=/");
	if (cookie->http_only)
		writer_literal(w, "; HttpOnly");
	if (cookie->cross_site)
		writer_literal(w, "; SameSite=None");
	if (cookie->cross_site || cookie->secure)
		writer_literal(w, "; Secure");
}

struct field cookie_field(struct writer *w, const struct set_cookie *cookie)
{
	const char *start = w->at;

	cookie_write(w, cookie);
	return (struct field){
		.name = SLICE("set-cookie"),
		.value = slice_make(start, (size_t)(w->at - start)),
		.id = NAME_SET_COOKIE,
	};
}
