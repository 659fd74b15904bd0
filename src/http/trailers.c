#include "trailers.h"

#include "base/fail.h"

static const uint64_t never =
	/* framing, and the connection */
	NAME_BIT(NAME_CONTENT_LENGTH) | NAME_BIT(NAME_TRANSFER_ENCODING) |
	NAME_BIT(NAME_TRAILER) | NAME_BIT(NAME_TE) | NAME_BIT(NAME_EXPECT) |
	NAME_BIT(NAME_CONNECTION) | NAME_BIT(NAME_KEEP_ALIVE) |
	NAME_BIT(NAME_PROXY_CONNECTION) | NAME_BIT(NAME_UPGRADE) |
	/* routing */
	NAME_BIT(NAME_HOST) | NAME_BIT(NAME_LOCATION) |
	NAME_BIT(NAME_X_FORWARDED_FOR) | NAME_BIT(NAME_X_FORWARDED_PROTO) |
	NAME_BIT(NAME_X_FORWARDED_PORT) | NAME_BIT(NAME_X_AMZN_TRACE_ID) |
	NAME_BIT(NAME_X_AMZN_SPOOFED) |
	/* authentication */
	NAME_BIT(NAME_AUTHORIZATION) | NAME_BIT(NAME_COOKIE) |
	NAME_BIT(NAME_SET_COOKIE) |
	/* content */
	NAME_BIT(NAME_CONTENT_TYPE);

/* The same for names that have no number. */
static const struct slice never_either[] = {
	SLICE_INIT("content-encoding"),    SLICE_INIT("content-range"),
	SLICE_INIT("http2-settings"),      SLICE_INIT("max-forwards"),
	SLICE_INIT("proxy-authorization"), SLICE_INIT("proxy-authenticate"),
	SLICE_INIT("www-authenticate"),
};

static bool is_left_out(const struct field *f)
{
	if (f->id != NAME_OTHER)
		return NAME_BIT(f->id) & never;
	for (size_t i = 0; i < ARRAY_SIZE(never_either); i++)
		if (slice_eq_fold(f->name, never_either[i]))
			return true;
	return false;
}

void trailers_leave_out(struct http_head *trailers)
{
	for (size_t i = 0; i < trailers->n_fields; i++) {
		if (!is_left_out(&trailers->fields[i]))
			continue;
		trailers->fields[i].quirks |= FIELD_LEAVE_OUT;
		trailers->quirks |= QUIRK_LEAVE_OUT;
	}
}
