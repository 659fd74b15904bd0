/*
 * fuzz_cookie.c - the value of a Cookie field.
 *
 * Each pair lies in it and has a name that can be searched for; a search
 * finds the first of that name.
 */
#include "fuzz.h"

#include "http/cookie.h"

static void check_first(struct slice field, struct slice name,
			struct slice value)
{
	struct slice rest = field, got_name, got_value, found;

	while (cookie_next(&rest, &got_name, &got_value))
		if (slice_eq(got_name, name))
			break;
	HOLDS(cookie_find(field, name, &found));
	HOLDS(found.p == got_value.p && found.n == got_value.n);
	HOLDS(found.p <= value.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size), rest = in, name, value;
	const char *last = in.p;
	unsigned n = 0;

	while (cookie_next(&rest, &name, &value)) {
		HOLDS(fuzz_within(name, in) && fuzz_within(value, in));
		HOLDS(name.n > 0 && name.p >= last);
		HOLDS(slice_find(name, '=') == name.n);
		HOLDS(slice_find(name, ' ') == name.n);
		HOLDS(slice_find(value, ';') == value.n);
		HOLDS(slice_trim(value).p + slice_trim(value).n ==
		      value.p + value.n);
		HOLDS(name.p[name.n] == '=');
		if (n++ < 64)
			check_first(in, name, value);
		last = name.p + name.n;
		HOLDS(set_cookie_is(
			slice_make(name.p, (size_t)(in.p + in.n - name.p)),
			name));
	}
	return 0;
}
