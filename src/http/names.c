#include "names.h"

static const struct slice texts[NAME_KINDS] = {
	[NAME_OTHER] = SLICE_INIT(""),
	[NAME_HOST] = SLICE_INIT("host"),
	[NAME_CONNECTION] = SLICE_INIT("connection"),
	[NAME_CONTENT_LENGTH] = SLICE_INIT("content-length"),
	[NAME_TRANSFER_ENCODING] = SLICE_INIT("transfer-encoding"),
	[NAME_TE] = SLICE_INIT("te"),
	[NAME_TRAILER] = SLICE_INIT("trailer"),
	[NAME_UPGRADE] = SLICE_INIT("upgrade"),
	[NAME_KEEP_ALIVE] = SLICE_INIT("keep-alive"),
	[NAME_PROXY_CONNECTION] = SLICE_INIT("proxy-connection"),
	[NAME_EXPECT] = SLICE_INIT("expect"),
	[NAME_COOKIE] = SLICE_INIT("cookie"),
	[NAME_SET_COOKIE] = SLICE_INIT("set-cookie"),
	[NAME_X_FORWARDED_FOR] = SLICE_INIT("x-forwarded-for"),
	[NAME_X_FORWARDED_PROTO] = SLICE_INIT("x-forwarded-proto"),
	[NAME_X_FORWARDED_PORT] = SLICE_INIT("x-forwarded-port"),
	[NAME_X_AMZN_TRACE_ID] = SLICE_INIT("x-amzn-trace-id"),
	[NAME_X_AMZN_SPOOFED] = SLICE_INIT("x-amzn-"),
	[NAME_SERVER] = SLICE_INIT("server"),
	[NAME_DATE] = SLICE_INIT("date"),
	[NAME_CONTENT_TYPE] = SLICE_INIT("content-type"),
	[NAME_USER_AGENT] = SLICE_INIT("user-agent"),
	[NAME_LOCATION] = SLICE_INIT("location"),
	[NAME_AUTHORIZATION] = SLICE_INIT("authorization"),
	[NAME_STRICT_TRANSPORT_SECURITY] =
		SLICE_INIT("strict-transport-security"),
	[NAME_CONTENT_SECURITY_POLICY] = SLICE_INIT("content-security-policy"),
	[NAME_X_CONTENT_TYPE_OPTIONS] = SLICE_INIT("x-content-type-options"),
	[NAME_X_FRAME_OPTIONS] = SLICE_INIT("x-frame-options"),
	[NAME_ACCESS_CONTROL_ALLOW_ORIGIN] =
		SLICE_INIT("access-control-allow-origin"),
	[NAME_ACCESS_CONTROL_ALLOW_METHODS] =
		SLICE_INIT("access-control-allow-methods"),
	[NAME_ACCESS_CONTROL_ALLOW_HEADERS] =
		SLICE_INIT("access-control-allow-headers"),
	[NAME_ACCESS_CONTROL_ALLOW_CREDENTIALS] =
		SLICE_INIT("access-control-allow-credentials"),
	[NAME_ACCESS_CONTROL_EXPOSE_HEADERS] =
		SLICE_INIT("access-control-expose-headers"),
	[NAME_ACCESS_CONTROL_MAX_AGE] = SLICE_INIT("access-control-max-age"),
	[NAME_WEIR_REASON] = SLICE_INIT("weir-reason"),
};

struct slice name_text(enum name name)
{
	return texts[name];
}

#define WORD_IS(type, p, literal)                                              \
	({                                                                     \
		type word_got, word_want;                                      \
		memcpy(&word_got, (p), sizeof(type));                          \
		memcpy(&word_want, (literal), sizeof(type));                   \
		((word_got ^ word_want) &                                      \
		 ~((word_want & (type)0x4040404040404040) >> 1)) == 0;         \
	})

/*
 * Compares with a lower-case literal of the same length, a word at a time;
 * the last word overlaps the one before. Only the bytes that are letters in
 * the literal may differ, and only in the bit that makes the case: with a
 * plain "or 0x20" a CR would pass for a hyphen.
 */
static inline __attribute__((always_inline)) bool
is(const char *p, const char *literal, const size_t n)
{
	size_t i = 0;

	if (n >= 8) {
		for (; i + 8 < n; i += 8)
			if (!WORD_IS(uint64_t, p + i, literal + i))
				return false;
		return WORD_IS(uint64_t, p + n - 8, literal + n - 8);
	}
	if (n >= 4)
		return WORD_IS(uint32_t, p, literal) &&
		       WORD_IS(uint32_t, p + n - 4, literal + n - 4);
	return WORD_IS(uint16_t, p, literal);
}

#define TRY(literal, name)                                                     \
	do {                                                                   \
		if (is(p, literal, sizeof(literal) - 1))                       \
			return (name);                                         \
	} while (0)

static char fold(char c)
{
	return c == '_' ? '-' : ascii_lower(c);
}

/* Below 0, 0 or above, for the first n octets of both. */
static int cmp_octets(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left = fold(a[i]), right = fold(b[i]);

		if (left != right)
			return left < right ? -1 : 1;
	}
	return 0;
}

int name_cmp(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return cmp_octets(a.p, b.p, a.n);
}

bool name_same(struct slice a, struct slice b)
{
	return name_cmp(a, b) == 0;
}

bool name_starts(struct slice name, struct slice prefix)
{
	return name.n >= prefix.n &&
	       cmp_octets(name.p, prefix.p, prefix.n) == 0;
}

static enum name spoofed_or_other(struct slice text)
{
	if (text.n < 11 || (text.p[0] | 0x20) != 'x' ||
	    (text.p[2] | 0x20) != 'a')
		return NAME_OTHER;
	if (name_starts(text, SLICE("x-amzn-tls-")) ||
	    name_starts(text, SLICE("x-amzn-mtls-")) ||
	    name_starts(text, SLICE("x-amzn-oidc-")))
		return NAME_X_AMZN_SPOOFED;
	return NAME_OTHER;
}

enum name name_of(struct slice text)
{
	const char *p = text.p;

	switch (text.n) {
	case 2:
		TRY("te", NAME_TE);
		break;
	case 4:
		TRY("host", NAME_HOST);
		TRY("date", NAME_DATE);
		break;
	case 6:
		TRY("cookie", NAME_COOKIE);
		TRY("server", NAME_SERVER);
		TRY("expect", NAME_EXPECT);
		break;
	case 7:
		TRY("upgrade", NAME_UPGRADE);
		TRY("trailer", NAME_TRAILER);
		break;
	case 8:
		TRY("location", NAME_LOCATION);
		break;
	case 10:
		TRY("user-agent", NAME_USER_AGENT);
		TRY("connection", NAME_CONNECTION);
		TRY("set-cookie", NAME_SET_COOKIE);
		TRY("keep-alive", NAME_KEEP_ALIVE);
		break;
	case 11:
		TRY("weir-reason", NAME_WEIR_REASON);
		break;
	case 12:
		TRY("content-type", NAME_CONTENT_TYPE);
		break;
	case 13:
		TRY("authorization", NAME_AUTHORIZATION);
		break;
	case 14:
		TRY("content-length", NAME_CONTENT_LENGTH);
		break;
	case 15:
		TRY("x-forwarded-for", NAME_X_FORWARDED_FOR);
		TRY("x-amzn-trace-id", NAME_X_AMZN_TRACE_ID);
		TRY("x-frame-options", NAME_X_FRAME_OPTIONS);
		break;
	case 16:
		TRY("x-forwarded-port", NAME_X_FORWARDED_PORT);
		TRY("proxy-connection", NAME_PROXY_CONNECTION);
		break;
	case 17:
		TRY("transfer-encoding", NAME_TRANSFER_ENCODING);
		TRY("x-forwarded-proto", NAME_X_FORWARDED_PROTO);
		break;
	case 22:
		TRY("x-content-type-options", NAME_X_CONTENT_TYPE_OPTIONS);
		TRY("access-control-max-age", NAME_ACCESS_CONTROL_MAX_AGE);
		break;
	case 23:
		TRY("content-security-policy", NAME_CONTENT_SECURITY_POLICY);
		break;
	case 25:
		TRY("strict-transport-security",
		    NAME_STRICT_TRANSPORT_SECURITY);
		break;
	case 27:
		TRY("access-control-allow-origin",
		    NAME_ACCESS_CONTROL_ALLOW_ORIGIN);
		break;
	case 28:
		TRY("access-control-allow-methods",
		    NAME_ACCESS_CONTROL_ALLOW_METHODS);
		TRY("access-control-allow-headers",
		    NAME_ACCESS_CONTROL_ALLOW_HEADERS);
		break;
	case 29:
		TRY("access-control-expose-headers",
		    NAME_ACCESS_CONTROL_EXPOSE_HEADERS);
		break;
	case 32:
		TRY("access-control-allow-credentials",
		    NAME_ACCESS_CONTROL_ALLOW_CREDENTIALS);
		break;
	default:
		break;
	}
	return spoofed_or_other(text);
}
