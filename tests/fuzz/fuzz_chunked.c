/*
 * fuzz_chunked.c - the chunked coding, in one piece and in many.
 *
 * The first octet says how long the pieces are. The same comes out, and what
 * we encode is what we decode.
 */
#include "fuzz.h"

#include "http/chunked.h"

struct decoded {
	enum chunked_result result;
	size_t used;
	char *data;
	size_t n;
	unsigned trailers;
};

static struct decoded decode(struct slice in, size_t step)
{
	struct decoded d = {.result = CHUNKED_MORE};
	struct chunked c = {0};

	d.data = xmalloc(in.n + 1);
	while (d.used < in.n && d.result == CHUNKED_MORE) {
		struct slice piece = slice_first(slice_from(in, d.used), step);

		do {
			struct slice data;
			size_t used;

			d.result = chunked_next(&c, piece, &used, &data);
			HOLDS(used <= piece.n);
			if (d.result == CHUNKED_DATA) {
				HOLDS(data.n > 0 && fuzz_within(data, piece));
				HOLDS(data.p + data.n == piece.p + used);
				memcpy(d.data + d.n, data.p, data.n);
				d.n += data.n;
			}
			if (d.result == CHUNKED_MORE)
				HOLDS(used == piece.n);
			piece = slice_from(piece, used);
			d.used += used;
		} while (d.result == CHUNKED_DATA);
	}
	d.trailers = c.trailers;
	return d;
}

static void check_split(struct slice in, size_t step)
{
	struct decoded whole = decode(in, in.n), parts = decode(in, step);

	HOLDS(whole.result == parts.result && whole.used == parts.used);
	HOLDS(slice_eq(slice_make(whole.data, whole.n),
		       slice_make(parts.data, parts.n)));
	HOLDS(whole.trailers == parts.trailers);
	HOLDS(whole.trailers <= CHUNKED_TRAILERS_MAX + 1);
	if (whole.result == CHUNKED_DONE)
		HOLDS(whole.used >= 5 && in.p[whole.used - 1] == '\n');
	free(whole.data);
	free(parts.data);
}

static void check_round_trip(struct slice in, size_t step)
{
	char *text = xmalloc((in.n + 1) * (CHUNKED_HEAD_MAX + 3) + 5);
	struct decoded d;
	size_t n = 0;

	for (struct slice rest = in; rest.n > 0;) {
		struct slice part = slice_first(rest, step);

		n += chunked_head(text + n, part.n);
		memcpy(text + n, part.p, part.n);
		memcpy(text + n + part.n, "\r\n", 2);
		n += part.n + 2;
		rest = slice_from(rest, part.n);
	}
	memcpy(text + n, CHUNKED_END.p, CHUNKED_END.n);
	n += CHUNKED_END.n;

	d = decode(slice_make(text, n), step);
	HOLDS(d.result == CHUNKED_DONE && d.used == n && d.trailers == 2);
	HOLDS(slice_eq(slice_make(d.data, d.n), in));
	free(d.data);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	size_t step = fuzz_octet(&in) % 64 + 1;

	check_split(in, step);
	check_split(in, 1);
	check_round_trip(slice_first(in, 4096), step);
	return 0;
}
