/*
 * fuzz_uri.c - targets, paths and hosts.
 *
 * What rules see has no dot segment and no escape that could be another's,
 * and does not change when it is normalised again.
 */
#include "fuzz.h"

#include "http/uri.h"

static bool has_dot_segment(struct slice path)
{
	while (path.p) {
		struct slice segment = slice_cut(&path, '/');

		if (slice_eq(segment, SLICE(".")) ||
		    slice_eq(segment, SLICE("..")))
			return true;
	}
	return false;
}

static bool escapes_are_whole(struct slice path)
{
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '%' &&
		    (i + 2 >= path.n || ascii_hex(path.p[i + 1]) < 0 ||
		     ascii_hex(path.p[i + 2]) < 0))
			return false;
	return true;
}

static void check_path(struct slice path)
{
	size_t size = path.n * URI_ESCAPED;
	char *room = xmalloc(size), *other = xmalloc(size * URI_ESCAPED);
	struct slice out, again;

	HOLDS(uri_normalise(path, room, size, &out));
	HOLDS(out.n <= size && out.n > 0 && out.p[0] == path.p[0]);
	if (path.p[0] == '/')
		HOLDS(!has_dot_segment(out));
	if (escapes_are_whole(path)) {
		HOLDS(uri_normalise(out, other, size * URI_ESCAPED, &again));
		HOLDS(slice_eq(out, again));
	}
	free(room);
	free(other);
}

static void check_host(struct slice value)
{
	struct slice name, lower;
	uint16_t port;
	char room[256];

	if (!host_split(value, &name, &port))
		return;
	HOLDS(name.n > 0 && name.n <= 255 && name.p == value.p);
	HOLDS(slice_find(name, '@') == name.n);
	HOLDS(slice_find(name, '/') == name.n);
	HOLDS(name.p[0] == '[' || slice_find(name, ':') == name.n);
	HOLDS(host_lower(name, room, sizeof(room), &lower));
	HOLDS(slice_eq_fold(lower, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	enum method method = fuzz_octet(&in) & 1 ? METHOD_OPTIONS : METHOD_GET;
	struct uri uri;

	check_host(in);
	if (!uri_split(in, method, &uri))
		return 0;
	HOLDS(uri.path.n > 0);
	HOLDS(fuzz_within(uri.query, in) && fuzz_within(uri.authority, in));
	HOLDS(uri.form == URI_ABSOLUTE || uri.authority.n == 0);
	check_path(uri.path);
	check_host(uri.authority);
	return 0;
}
