#include "uri.h"

#include <arpa/inet.h>

#include "octets.h"

enum { HOST_MAX = 255 };

/* Splits what follows the authority; `rest` begins with '/' or '?'. */
static void split_rest(struct slice rest, struct uri *out)
{
	size_t mark = slice_find(rest, '?');

	out->rest = rest;
	out->path = slice_first(rest, mark);
	out->has_query = mark < rest.n;
	out->query = slice_from(rest, mark + 1);
}

static bool split_absolute(struct slice target, enum method method,
			   struct uri *out)
{
	size_t colon = slice_find(target, ':');
	struct slice rest = slice_from(target, colon);
	size_t end = 0;

	out->form = URI_ABSOLUTE;
	out->scheme = slice_first(target, colon);
	if (!slice_eq_fold(out->scheme, SLICE("http")) &&
	    !slice_eq_fold(out->scheme, SLICE("https")))
		return false;
	if (!slice_starts(rest, SLICE("://")))
		return false;
	rest = slice_from(rest, 3);
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	out->authority = slice_first(rest, end);
	if (end == 0)
		return false;

	/* RFC 9112 3.2.4: nothing but the authority asks the server as a
	 * whole, if it asks with OPTIONS. */
	split_rest(slice_from(rest, end), out);
	if (out->path.n == 0 && method == METHOD_OPTIONS && !out->has_query)
		out->path = out->rest = SLICE("*");
	else if (out->path.n == 0)
		out->path = SLICE("/");
	return true;
}

bool uri_split(struct slice target, enum method method, struct uri *out)
{
	*out = (struct uri){.form = URI_ORIGIN};

	/* RFC 9112 3.2: a target has no fragment. Some servers would cut it
	 * off and some would not, so no rule could be sure of the path. */
	if (target.n == 0 || slice_find(target, '#') < target.n)
		return false;
	if (target.p[0] == '/') {
		split_rest(target, out);
		return true;
	}
	if (slice_eq(target, SLICE("*"))) {
		out->form = URI_ASTERISK;
		out->path = out->rest = target;
		return method == METHOD_OPTIONS;
	}
	return split_absolute(target, method, out);
}

/* -- paths ----------------------------------------------------------------- */

/* Whether a '%' is in the path, an octet that has to be one, or a segment that
 * begins with a dot. */
static bool may_change(struct slice path)
{
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];

		if ((signed char)c > '.' && c != 0x7f)
			continue;
		if (c == '%' || octet_needs_escape(c))
			return true;
		if (c == '.' && i > 0 && path.p[i - 1] == '/')
			return true;
	}
	return false;
}

/* The octet that the escape at `s` stands for; -1 when it is none. */
static int escaped_octet(struct slice s)
{
	int high, low;

	if (s.n < 3 || s.p[0] != '%')
		return -1;
	high = ascii_hex(s.p[1]);
	low = ascii_hex(s.p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static size_t put_escape(char *to, unsigned octet)
{
	static const char hex[] = "0123456789ABCDEF";

	to[0] = '%';
	to[1] = hex[octet >> 4];
	to[2] = hex[octet & 15];
	return 3;
}

/*
 * Ends the segment that begins at `segment`: takes "." and ".." back, with
 * what they take along. Returns the new length; the text ends in '/' after
 * something was taken.
 */
static size_t end_segment(const char *text, size_t segment, size_t n)
{
	size_t length = n - segment;

	if (length == 1 && text[segment] == '.')
		return segment;
	if (length != 2 || text[segment] != '.' || text[segment + 1] != '.')
		return n;
	if (segment > 1) {
		segment--;
		while (text[segment - 1] != '/')
			segment--;
	}
	return segment;
}

bool uri_normalise(struct slice path, char *buffer, size_t room,
		   struct slice *out)
{
	size_t n = 0, segment = 0;

	*out = path;
	if (path.n == 0 || path.p[0] != '/' || !may_change(path))
		return true;
	if (room / URI_ESCAPED < path.n)
		return false;

	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		int octet = octet_needs_escape(c) ? (unsigned char)c : -1;

		if (c == '%' &&
		    (octet = escaped_octet(slice_from(path, i))) >= 0)
			i += 2;
		if (c == '/') {
			size_t ended = end_segment(buffer, segment, n);

			if (ended == n)
				buffer[n++] = '/';
			else
				n = ended;
			segment = n;
		} else if (octet < 0) {
			buffer[n++] = c;
		} else if (octet_is((char)octet, OCTET_UNRESERVED)) {
			buffer[n++] = (char)octet;
		} else {
			n += put_escape(buffer + n, (unsigned)octet);
		}
	}
	*out = slice_make(buffer, end_segment(buffer, segment, n));
	return true;
}

/* -- hosts ----------------------------------------------------------------- */

static bool is_ipv6(struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.n >= sizeof(copy) || (text.n && memchr(text.p, '\0', text.n)))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* "v1.text": nobody has one, but it is well formed (RFC 3986 3.2.2). */
static bool is_ip_future(struct slice text)
{
	size_t dot = slice_find(text, '.');

	if (text.n > HOST_MAX - 2 || dot < 2 || dot + 1 >= text.n ||
	    (text.p[0] | 0x20) != 'v')
		return false;
	for (size_t i = 1; i < dot; i++)
		if (ascii_hex(text.p[i]) < 0)
			return false;
	for (size_t i = dot + 1; i < text.n; i++)
		if (text.p[i] != ':' &&
		    !octet_is(text.p[i], OCTET_UNRESERVED | OCTET_SUB_DELIM))
			return false;
	return true;
}

static bool is_reg_name(struct slice text)
{
	if (text.n == 0 || text.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (octet_is(text.p[i], OCTET_UNRESERVED | OCTET_SUB_DELIM))
			continue;
		if (escaped_octet(slice_from(text, i)) < 0)
			return false;
		i += 2;
	}
	return true;
}

static bool read_port(struct slice text, uint16_t *port)
{
	uint64_t number;

	*port = 0;
	if (text.n == 0)
		return true;
	/* RFC 3986 3.2.3: nothing behind the colon is as good as no colon. */
	if (text.n == 1)
		return text.p[0] == ':';
	if (text.p[0] != ':' || !slice_to_u64(slice_from(text, 1), &number) ||
	    number < 1 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool host_split(struct slice value, struct slice *name, uint16_t *port)
{
	size_t end;

	if (value.n > 0 && value.p[0] == '[') {
		struct slice inside;

		end = slice_find(value, ']');
		if (end == value.n)
			return false;
		inside = slice_make(value.p + 1, end - 1);
		if (!is_ipv6(inside) && !is_ip_future(inside))
			return false;
		*name = slice_first(value, end + 1);
		return read_port(slice_from(value, end + 1), port);
	}
	end = slice_find(value, ':');
	*name = slice_first(value, end);
	return is_reg_name(*name) && read_port(slice_from(value, end), port);
}

bool host_lower(struct slice name, char *buffer, size_t room, struct slice *out)
{
	size_t i = 0;

	*out = name;
	while (i < name.n && ascii_lower(name.p[i]) == name.p[i])
		i++;
	if (i == name.n)
		return true;
	if (room < name.n)
		return false;
	for (i = 0; i < name.n; i++)
		buffer[i] = ascii_lower(name.p[i]);
	*out = slice_make(buffer, name.n);
	return true;
}
