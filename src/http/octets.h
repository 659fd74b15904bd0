/*
 * octets.h - what kind of octet is this, and how far does a run of them go?
 *
 * The scans look at 16 octets at a time where the processor can (SSE2, which
 * every x86-64 has) and at one elsewhere; they never read past `end`.
 *
 * Floor: http, for this folder only.  Source: RFC 9110, section 5.6.2; RFC
 * 3986, section 2.
 */
#ifndef WEIR_HTTP_OCTETS_H
#define WEIR_HTTP_OCTETS_H

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/slice.h"

enum octet_kind {
	OCTET_TOKEN = 1,   /* tchar */
	OCTET_PLAIN = 2,   /* letter, digit, hyphen */
	OCTET_CONTROL = 4, /* below 0x20 but HT, and 0x7f */
	OCTET_BLANK = 8,   /* 0x20 and below, and 0x7f */
	OCTET_ALNUM = 16,
	OCTET_UNRESERVED = 32, /* RFC 3986: letter, digit, - . _ ~ */
	OCTET_SUB_DELIM = 64,  /* RFC 3986 */
};

extern const uint8_t octet_kinds[256];

static inline bool octet_is(char c, unsigned kinds)
{
	return octet_kinds[(uint8_t)c] & kinds;
}

static inline bool slice_all(struct slice s, unsigned kinds)
{
	for (size_t i = 0; i < s.n; i++)
		if (!octet_is(s.p[i], kinds))
			return false;
	return true;
}

static inline bool slice_any(struct slice s, unsigned kinds)
{
	for (size_t i = 0; i < s.n; i++)
		if (octet_is(s.p[i], kinds))
			return true;
	return false;
}

#ifdef __SSE2__
/* One bit for each of 16 octets that is at most `most`, as unsigned. */
static inline __m128i octets_at_most(__m128i x, uint8_t most)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8((char)most)), x);
}

static inline __m128i octets_equal(__m128i x, char c)
{
	return _mm_cmpeq_epi8(x, _mm_set1_epi8(c));
}

static inline __m128i octets_plain(__m128i x)
{
	__m128i lower = _mm_or_si128(x, _mm_set1_epi8(0x20));
	__m128i letter = octets_at_most(_mm_sub_epi8(lower, _mm_set1_epi8('a')),
					'z' - 'a');
	__m128i digit = octets_at_most(_mm_sub_epi8(x, _mm_set1_epi8('0')), 9);

	return _mm_or_si128(_mm_or_si128(letter, digit), octets_equal(x, '-'));
}
#endif

/* Whether a request target never has this octet as it is (RFC 3986 2): spaces,
 * controls, and all from 0x80 on. It is read and sent as an escape. */
static inline bool octet_needs_escape(char c)
{
	return (uint8_t)(c - 0x21) >= 0x7f - 0x21;
}

/* Scans on while octets are letters, digits and hyphens. */
static inline const char *skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const void *)p);
		unsigned stop = ~(unsigned)_mm_movemask_epi8(octets_plain(x)) &
				0xffff;

		if (stop)
			return p + __builtin_ctz(stop);
	}
#endif
	while (p < end && octet_is(*p, OCTET_PLAIN))
		p++;
	return p;
}

/* Scans on until a control character; HT is none here. */
static inline const char *skip_text(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const void *)p);
		__m128i low = _mm_andnot_si128(octets_equal(x, '\t'),
					       octets_at_most(x, 0x1f));
		unsigned stop = (unsigned)_mm_movemask_epi8(
			_mm_or_si128(low, octets_equal(x, 0x7f)));

		if (stop)
			return p + __builtin_ctz(stop);
	}
#endif
	while (p < end && !octet_is(*p, OCTET_CONTROL))
		p++;
	return p;
}

/* Scans on until a space or a control character. */
static inline const char *skip_visible(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const void *)p);
		unsigned stop = (unsigned)_mm_movemask_epi8(_mm_or_si128(
			octets_at_most(x, 0x20), octets_equal(x, 0x7f)));

		if (stop)
			return p + __builtin_ctz(stop);
	}
#endif
	while (p < end && !octet_is(*p, OCTET_BLANK))
		p++;
	return p;
}

#endif
