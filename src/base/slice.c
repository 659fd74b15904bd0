#include "slice.h"

#include "fail.h"

static bool eq_fold_n(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

bool slice_eq_fold(struct slice a, struct slice b)
{
	return a.n == b.n && eq_fold_n(a.p, b.p, a.n);
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return slice_eq(slice_first(s, prefix.n), prefix);
}

bool slice_starts_fold(struct slice s, struct slice prefix)
{
	return slice_eq_fold(slice_first(s, prefix.n), prefix);
}

bool slice_ends_fold(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n &&
	       eq_fold_n(s.p + (s.n - suffix.n), suffix.p, suffix.n);
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static bool is_ows(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.n > 0 && is_ows(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_ows(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t slice_find(struct slice s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

struct slice slice_cut(struct slice *rest, char c)
{
	size_t at = slice_find(*rest, c);
	struct slice part = slice_first(*rest, at);

	if (at == rest->n)
		*rest = (struct slice){NULL, 0};
	else
		*rest = (struct slice){rest->p + at + 1, rest->n - at - 1};
	return part;
}

bool slice_to_u64(struct slice s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'),
					   &value))
			return false;
	}
	*out = value;
	return true;
}

char *slice_dup(struct slice s)
{
	char *copy = xmalloc(s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}
