/*
 * fuzz_query.c - the pairs of a query.
 *
 * Put together again, with what stood between them, they are the query; a key
 * has no '=', and no part has an '&'.
 */
#include "fuzz.h"

#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size), rest = in, key, value;
	const char *at = in.p, *end = in.p + in.n;

	while (query_next(&rest, &key, &value)) {
		while (at < end && *at == '&')
			at++;
		HOLDS(key.p == at && key.n + value.n <= (size_t)(end - at));
		HOLDS(slice_find(key, '=') == key.n);
		HOLDS(slice_find(key, '&') == key.n);
		HOLDS(slice_find(value, '&') == value.n);
		at = key.p + key.n;
		if (at < end && *at == '=')
			at++;
		HOLDS(value.p == at);
		at += value.n;
		HOLDS(at == end || *at == '&');
	}
	while (at < end && *at == '&')
		at++;
	HOLDS(at == end);
	return 0;
}
