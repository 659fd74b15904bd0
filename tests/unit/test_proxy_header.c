/* test_proxy_header.c - PROXY headers of both versions, whole, cut and wrong.
 */
#include "unit.h"

#include <string.h>

#include "net/proxy_header.h"

/* -- version 1 ------------------------------------------------------------- */

/* Two of 50 characters. */
#define HUNDRED                                                                \
	"12345678901234567890123456789012345678901234567890"                   \
	"12345678901234567890123456789012345678901234567890"

/* clang-format off */
static const struct {
	const char *text;
	enum proxy_seen seen;
	const char *source, *destination; /* NULL: is_local */
} lines[] = {
	{"PROXY TCP4 203.0.113.7 198.51.100.1 40000 443\r\n", PROXY_GOOD,
	 "203.0.113.7:40000", "198.51.100.1:443"},
	{"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", PROXY_GOOD,
	 "[2001:db8::7]:1", "[2001:db8::1]:65535"},
	{"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\nGET / HTTP/1.1\r\n", PROXY_GOOD,
	 "0.0.0.0:0", "0.0.0.0:0"},
	{"PROXY UNKNOWN\r\n", PROXY_GOOD, NULL, NULL},
	{"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", PROXY_GOOD, NULL, NULL},
	{"PROXY UNKNOWN " "1234567890" HUNDRED, PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 40000 443\n", PROXY_BAD, NULL, NULL},
	{"PROXY  TCP4 203.0.113.7 198.51.100.1 40000 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4  203.0.113.7 198.51.100.1 40000 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 40000 443 \r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 40000 443 1\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 40000\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY \r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 040000 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 65536 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 +1 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.07 198.51.100.1 1 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113 198.51.100.1 1 443\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP6 203.0.113.7 198.51.100.1 1 2\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY UDP4 203.0.113.7 198.51.100.1 1 2\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY tcp4 203.0.113.7 198.51.100.1 1 2\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\r\n", PROXY_BAD, NULL, NULL},
	{"PROXY\tTCP4", PROXY_NONE, NULL, NULL},
	{"POST / HTTP/1.1\r\n", PROXY_NONE, NULL, NULL},
	{"proxy TCP4", PROXY_NONE, NULL, NULL},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROXY_NONE, NULL, NULL},
	{"\r\n\r\nGET / HTTP/1.1\r\n", PROXY_NONE, NULL, NULL},
	{"\x16\x03\x01\x02\x00", PROXY_NONE, NULL, NULL},
	{"PROX", PROXY_MORE, NULL, NULL},
	{"P", PROXY_MORE, NULL, NULL},
	{"", PROXY_MORE, NULL, NULL},
};
/* clang-format on */

static void check_end(const struct addr *a, const char *wanted)
{
	char text[ADDR_TEXT_MAX];

	addr_format(a, text);
	assert_string_equal(text, wanted);
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *end = strchr(lines[i].text, '\n');
		struct proxy_header h;

		print_message("# %s\n", lines[i].text);
		assert_int_equal(proxy_header_read(slice_of(lines[i].text), &h),
				 lines[i].seen);
		if (lines[i].seen != PROXY_GOOD)
			continue;
		assert_int_equal(h.octets, end + 1 - lines[i].text);
		assert_int_equal(h.is_local, lines[i].source == NULL);
		if (h.is_local)
			continue;
		check_end(&h.source, lines[i].source);
		check_end(&h.destination, lines[i].destination);
	}
}

static void test_the_longest_line(void **state)
{
	char text[PROXY_V1_MAX + 1];
	struct proxy_header h;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "PROXY UNKNOWN ", 14);
	memcpy(text + PROXY_V1_MAX - 2, "\r\n", 2);
	assert_int_equal(proxy_header_read(slice_make(text, PROXY_V1_MAX), &h),
			 PROXY_GOOD);
	assert_int_equal(h.octets, PROXY_V1_MAX);
	memcpy(text + PROXY_V1_MAX - 2, "x\r\n", 3);
	assert_int_equal(
		proxy_header_read(slice_make(text, PROXY_V1_MAX + 1), &h),
		PROXY_BAD);
	assert_int_equal(proxy_header_read(slice_make(text, PROXY_V1_MAX), &h),
			 PROXY_BAD);
	assert_int_equal(
		proxy_header_read(slice_make(text, PROXY_V1_MAX - 1), &h),
		PROXY_MORE);
}

/* -- version 2 ------------------------------------------------------------- */

#define V2   "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\xcb\x00\x71\x07\xc6\x33\x64\x01\x9c\x40\x01\xbb"
#define SIX                                                                    \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"                           \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                           \
	"\x00\x01\xff\xff"
#define OCTETS(literal)                                                        \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

/* clang-format off */
static const struct {
	const char *name;
	struct slice octets;
	enum proxy_seen seen;
	const char *source, *destination;
} headers[] = {
	{"TCP4", OCTETS(V2 "\x21\x11\x00\x0c" FOUR), PROXY_GOOD,
	 "203.0.113.7:40000", "198.51.100.1:443"},
	{"TCP6", OCTETS(V2 "\x21\x21\x00\x24" SIX), PROXY_GOOD,
	 "[2001:db8::7]:1", "[2001:db8::1]:65535"},
	{"a sum", OCTETS(V2 "\x21\x11\x00\x13" FOUR "\x03\x00\x04" "\x43\xe0\x91\x32"),
	 PROXY_GOOD, "203.0.113.7:40000", "198.51.100.1:443"},
	{"a wrong sum", OCTETS(V2 "\x21\x11\x00\x13" FOUR "\x03\x00\x04" "\x43\xe0\x91\x33"),
	 PROXY_BAD, NULL, NULL},
	{"a sum of five octets", OCTETS(V2 "\x21\x11\x00\x14" FOUR "\x03\x00\x05" "\x43\xe0\x91\x32\0"),
	 PROXY_BAD, NULL, NULL},
	{"other TLVs", OCTETS(V2 "\x21\x11\x00\x17" FOUR "\x04\x00\x01x" "\xea\x00\x04\x01" "abc"),
	 PROXY_GOOD, "203.0.113.7:40000", "198.51.100.1:443"},
	{"a TLV beyond the end", OCTETS(V2 "\x21\x11\x00\x10" FOUR "\x04\x00\x02x"),
	 PROXY_BAD, NULL, NULL},
	{"half a TLV", OCTETS(V2 "\x21\x11\x00\x0e" FOUR "\x04\x00"),
	 PROXY_BAD, NULL, NULL},
	{"LOCAL", OCTETS(V2 "\x20\x00\x00\x00"), PROXY_GOOD, NULL, NULL},
	{"LOCAL as AWS's checks say it", OCTETS(V2 "\x20\x11\x00\x07\x03\x00\x04" "abcd"),
	 PROXY_GOOD, NULL, NULL},
	{"UNSPEC", OCTETS(V2 "\x21\x00\x00\x00"), PROXY_GOOD, NULL, NULL},
	{"UNSPEC and a TLV", OCTETS(V2 "\x21\x00\x00\x04\x04\x00\x01x"), PROXY_GOOD, NULL, NULL},
	{"too short for TCP4", OCTETS(V2 "\x21\x11\x00\x0b" FOUR), PROXY_BAD, NULL, NULL},
	{"too short for TCP6", OCTETS(V2 "\x21\x21\x00\x23" SIX), PROXY_BAD, NULL, NULL},
	{"too short for a path", OCTETS(V2 "\x21\x31\x00\x0c" FOUR), PROXY_BAD, NULL, NULL},
	{"UDP4", OCTETS(V2 "\x21\x12\x00\x0c" FOUR), PROXY_BAD, NULL, NULL},
	{"another family", OCTETS(V2 "\x21\x41\x00\x0c" FOUR), PROXY_BAD, NULL, NULL},
	{"another version", OCTETS(V2 "\x11\x11\x00\x0c" FOUR), PROXY_BAD, NULL, NULL},
	{"another command", OCTETS(V2 "\x22\x11\x00\x0c" FOUR), PROXY_BAD, NULL, NULL},
	{"4 KiB and one more, at once", OCTETS(V2 "\x21\x11\x0f\xf1"), PROXY_BAD, NULL, NULL},
	{"4 KiB to come", OCTETS(V2 "\x21\x11\x0f\xf0"), PROXY_MORE, NULL, NULL},
	{"something like it", OCTETS("\r\n\r\n\0\r\nQUIX\n"), PROXY_NONE, NULL, NULL},
};
/* clang-format on */

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct proxy_header h;

		print_message("# %s\n", headers[i].name);
		assert_int_equal(proxy_header_read(headers[i].octets, &h),
				 headers[i].seen);
		if (headers[i].seen != PROXY_GOOD)
			continue;
		assert_int_equal(h.octets, headers[i].octets.n);
		assert_int_equal(h.is_local, headers[i].source == NULL);
		if (h.is_local)
			continue;
		check_end(&h.source, headers[i].source);
		check_end(&h.destination, headers[i].destination);
	}
}

static void test_a_path_has_no_address(void **state)
{
	char text[16 + 216] = V2 "\x21\x31\x00\xd8/a";
	struct proxy_header h;

	(void)state;
	assert_int_equal(proxy_header_read(slice_make(text, sizeof(text)), &h),
			 PROXY_GOOD);
	assert_true(h.is_local);
	assert_int_equal(h.octets, sizeof(text));
}

static void test_four_kibioctets(void **state)
{
	static char text[PROXY_MAX] = V2 "\x21\x11\x0f\xf0" FOUR "\x04\x0f\xe1";
	struct proxy_header h;

	(void)state;
	assert_int_equal(
		proxy_header_read(slice_make(text, sizeof(text) - 1), &h),
		PROXY_MORE);
	assert_int_equal(proxy_header_read(slice_make(text, sizeof(text)), &h),
			 PROXY_GOOD);
	assert_int_equal(h.octets, PROXY_MAX);
}

/* Cut at every octet, nothing is certain; what comes behind changes nothing. */
static void cut_everywhere(struct slice whole)
{
	char more[PROXY_MAX];
	struct proxy_header h;

	for (size_t n = 0; n < whole.n; n++)
		assert_int_equal(proxy_header_read(slice_first(whole, n), &h),
				 PROXY_MORE);
	memcpy(more, whole.p, whole.n);
	memcpy(more + whole.n, whole.p, whole.n);
	assert_int_equal(proxy_header_read(slice_make(more, 2 * whole.n), &h),
			 PROXY_GOOD);
	assert_int_equal(h.octets, whole.n);
}

static void test_cut_at_every_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (lines[i].seen == PROXY_GOOD)
			cut_everywhere(slice_make(
				lines[i].text,
				slice_find(slice_of(lines[i].text), '\n') + 1));
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (headers[i].seen == PROXY_GOOD)
			cut_everywhere(headers[i].octets);
}

static void test_the_sum(void **state)
{
	uint8_t zeros[32] = {0};

	(void)state;
	/* RFC 3720 B.4. */
	assert_int_equal(proxy_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(proxy_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(proxy_crc32c(proxy_crc32c(0, "1234", 4), "56789", 5),
			 0xe3069283);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_the_longest_line),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_a_path_has_no_address),
		cmocka_unit_test(test_four_kibioctets),
		cmocka_unit_test(test_cut_at_every_octet),
		cmocka_unit_test(test_the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
