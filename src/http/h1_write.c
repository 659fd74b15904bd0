#include "h1_write.h"

#include "octets.h"

void writer_field_u64(struct writer *w, struct slice name, uint64_t value)
{
	char room[DECIMAL_MAX];

	writer_field(w, name, decimal_of(value, room));
}

void writer_target(struct writer *w, struct slice target)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t done = 0;

	for (size_t i = 0; i < target.n; i++) {
		unsigned char c = (unsigned char)target.p[i];
		char *to;

		if (!octet_needs_escape(target.p[i]))
			continue;
		writer_put(w, slice_make(target.p + done, i - done));
		done = i + 1;
		to = writer_take(w, 3);
		if (!to)
			return;
		to[0] = '%';
		to[1] = hex[c >> 4];
		to[2] = hex[c & 15];
	}
	writer_put(w, slice_from(target, done));
}

struct slice http_phrase(unsigned status)
{
	/* clang-format off */
	switch (status) {
	case 100: return SLICE("Continue");
	case 101: return SLICE("Switching Protocols");
	case 102: return SLICE("Processing");
	case 103: return SLICE("Early Hints");
	case 200: return SLICE("OK");
	case 201: return SLICE("Created");
	case 202: return SLICE("Accepted");
	case 203: return SLICE("Non-Authoritative Information");
	case 204: return SLICE("No Content");
	case 205: return SLICE("Reset Content");
	case 206: return SLICE("Partial Content");
	case 207: return SLICE("Multi-Status");
	case 300: return SLICE("Multiple Choices");
	case 301: return SLICE("Moved Permanently");
	case 302: return SLICE("Moved Temporarily");
	case 303: return SLICE("See Other");
	case 304: return SLICE("Not Modified");
	case 307: return SLICE("Temporary Redirect");
	case 308: return SLICE("Permanent Redirect");
	case 400: return SLICE("Bad Request");
	case 401: return SLICE("Authorization Required");
	case 402: return SLICE("Payment Required");
	case 403: return SLICE("Forbidden");
	case 404: return SLICE("Not Found");
	case 405: return SLICE("Not Allowed");
	case 406: return SLICE("Not Acceptable");
	case 407: return SLICE("Proxy Authentication Required");
	case 408: return SLICE("Request Time-out");
	case 409: return SLICE("Conflict");
	case 410: return SLICE("Gone");
	case 411: return SLICE("Length Required");
	case 412: return SLICE("Precondition Failed");
	case 413: return SLICE("Request Entity Too Large");
	case 414: return SLICE("Request-URI Too Large");
	case 415: return SLICE("Unsupported Media Type");
	case 416: return SLICE("Requested Range Not Satisfiable");
	case 417: return SLICE("Expectation Failed");
	case 418: return SLICE("I'm a teapot");
	case 421: return SLICE("Misdirected Request");
	case 422: return SLICE("Unprocessable Content");
	case 423: return SLICE("Locked");
	case 424: return SLICE("Failed Dependency");
	case 425: return SLICE("Too Early");
	case 426: return SLICE("Upgrade Required");
	case 428: return SLICE("Precondition Required");
	case 429: return SLICE("Too Many Requests");
	case 431: return SLICE("Request Header Fields Too Large");
	case 451: return SLICE("Unavailable For Legal Reasons");
	case 500: return SLICE("Internal Server Error");
	case 501: return SLICE("Not Implemented");
	case 502: return SLICE("Bad Gateway");
	case 503: return SLICE("Service Temporarily Unavailable");
	case 504: return SLICE("Gateway Time-out");
	case 505: return SLICE("HTTP Version Not Supported");
	case 507: return SLICE("Insufficient Storage");
	case 508: return SLICE("Loop Detected");
	case 511: return SLICE("Network Authentication Required");
	default: return SLICE("");
	}
	/* clang-format on */
}

void writer_status_line(struct writer *w, unsigned status)
{
	struct slice phrase;
	char *to;

	if (status == 200) {
		writer_literal(w, "HTTP/1.1 200 OK\r\n");
		return;
	}
	phrase = http_phrase(status);
	to = writer_take(w, 9 + 4 + phrase.n + 2);
	if (!to)
		return;
	memcpy(to, "HTTP/1.1 ", 9);
	to[9] = (char)('0' + status / 100 % 10);
	to[10] = (char)('0' + status / 10 % 10);
	to[11] = (char)('0' + status % 10);
	to[12] = ' ';
	if (phrase.n)
		memcpy(to + 13, phrase.p, phrase.n);
	memcpy(to + 13 + phrase.n, "\r\n", 2);
}
