/* test_seal.c - what is sealed opens again, and nothing else does. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/seal.h"

#define HEX(c) c c c c c c c c c c c c c c c c
#define KEY_A  HEX("00a1")
#define KEY_B  HEX("b2B3")

static const char two_keys[] = "# keys\n\n7 " KEY_A "\n8 " KEY_B "\n";

static struct sealer *sealer_of(const char *text)
{
	struct seal_keys keys;
	struct sealer *s;
	char why[128];

	assert_int_equal(
		seal_keys_parse(slice_of(text), &keys, why, sizeof(why)), 0);
	s = sealer_new(&keys);
	assert_non_null(s);
	seal_keys_wipe(&keys);
	return s;
}

/* clang-format off */
static const struct {
	const char *name;
	const char *text;
	unsigned n; /* 0: an error */
	const char *why;
} files[] = {
	{"one key", "1 " KEY_A "\n", 1, NULL},
	{"no newline at the end", "1 " KEY_A, 1, NULL},
	{"CRLF", "1 " KEY_A "\r\n2 " KEY_B "\r\n", 2, NULL},
	{"two, comments and empty lines", two_keys, 2, NULL},
	{"nothing", "", 0, "there is no key in it"},
	{"only a comment", "# none\n", 0, "there is no key in it"},
	{"three", "1 " KEY_A "\n2 " KEY_A "\n3 " KEY_A "\n", 0,
	 "line 3: two keys are the most there can be"},
	{"the same number", "1 " KEY_A "\n1 " KEY_B "\n", 0,
	 "line 2: both keys have the same number"},
	{"number too large", "256 " KEY_A "\n", 0,
	 "line 1: a key begins with a number from 0 to 255"},
	{"no number", KEY_A "\n", 0,
	 "line 1: a key begins with a number from 0 to 255"},
	{"short", "1 00\n", 0, "line 1: a key has 64 hexadecimal digits"},
	{"long", "1 " KEY_A "00\n", 0,
	 "line 1: a key has 64 hexadecimal digits"},
	{"not hexadecimal", "1 " HEX("00xx") "\n", 0,
	 "line 1: a key has 64 hexadecimal digits"},
};
/* clang-format on */

static void test_key_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct seal_keys keys;
		char why[128] = "";
		int result;

		print_message("# %s\n", files[i].name);
		result = seal_keys_parse(slice_of(files[i].text), &keys, why,
					 sizeof(why));
		assert_int_equal(result, files[i].n ? 0 : -1);
		assert_int_equal(keys.n, files[i].n);
		if (files[i].why)
			assert_string_equal(why, files[i].why);
	}
}

static void test_what_is_sealed_opens(void **state)
{
	struct sealer *s = sealer_of(two_keys);
	char plain[SEAL_PLAIN_MAX], text[SEAL_TEXT_OCTETS(SEAL_PLAIN_MAX) + 1];
	char opened[SEAL_PLAIN_MAX];

	(void)state;
	memset(plain, 'x', sizeof(plain));
	for (size_t n = 0; n <= SEAL_PLAIN_MAX; n++) {
		size_t got =
			seal(s, SLICE("web"), plain, n, text, sizeof(text) - 1);

		assert_int_equal(got, SEAL_TEXT_OCTETS(n));
		text[got] = '\0';
		assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "abcdefghijklmnopqrstuvwxyz"
					      "0123456789-_") >= got,
				 1);
		memset(opened, 0, sizeof(opened));
		assert_true(unseal(s, SLICE("web"), slice_make(text, got),
				   opened, n));
		assert_memory_equal(opened, plain, n);
	}
	assert_int_equal(
		seal(s, SLICE("web"), plain, 9, text, SEAL_TEXT_OCTETS(9) - 1),
		0);
	sealer_free(s);
}

static void test_every_changed_character_is_noticed(void **state)
{
	struct sealer *s = sealer_of(two_keys);
	char text[SEAL_TEXT_OCTETS(5)], opened[8];
	size_t n = seal(s, SLICE("web"), "hello", 5, text, sizeof(text));

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (unsigned c = 0; c < 256; c++) {
			char was = text[i];

			if ((char)c == was)
				continue;
			text[i] = (char)c;
			assert_false(unseal(s, SLICE("web"),
					    slice_make(text, n), opened, 5));
			text[i] = was;
		}
	}
	assert_true(unseal(s, SLICE("web"), slice_make(text, n), opened, 5));
	sealer_free(s);
}

static void test_a_text_holds_only_for_what_it_is_bound_to(void **state)
{
	struct sealer *s = sealer_of(two_keys);
	char text[SEAL_TEXT_OCTETS(5)], opened[8];
	size_t n = seal(s, SLICE("web"), "hello", 5, text, sizeof(text));
	struct slice all = slice_make(text, n);

	(void)state;
	assert_false(unseal(s, SLICE("api"), all, opened, 5));
	assert_false(unseal(s, SLICE(""), all, opened, 5));
	assert_false(unseal(s, SLICE("web"), all, opened, 4));
	assert_false(
		unseal(s, SLICE("web"), slice_first(all, n - 1), opened, 5));
	assert_false(unseal(s, SLICE("web"), SLICE(""), opened, 5));
	sealer_free(s);
}

static void test_no_two_texts_are_the_same(void **state)
{
	struct sealer *s = sealer_of(two_keys);
	char one[SEAL_TEXT_OCTETS(5)], other[SEAL_TEXT_OCTETS(5)];

	(void)state;
	seal(s, SLICE("web"), "hello", 5, one, sizeof(one));
	seal(s, SLICE("web"), "hello", 5, other, sizeof(other));
	assert_memory_not_equal(one, other, sizeof(one));
	sealer_free(s);
}

static void test_keys_can_be_changed(void **state)
{
	struct sealer *old = sealer_of("8 " KEY_B "\n");
	struct sealer *both = sealer_of(two_keys);
	struct sealer *new = sealer_of("7 " KEY_A "\n");
	struct sealer *other = sealer_of("8 " KEY_A "\n");
	char text[SEAL_TEXT_OCTETS(5)], opened[8];
	size_t n = seal(old, SLICE("web"), "hello", 5, text, sizeof(text));
	struct slice all = slice_make(text, n);

	(void)state;
	assert_true(unseal(both, SLICE("web"), all, opened, 5));
	assert_false(unseal(new, SLICE("web"), all, opened, 5));
	assert_false(unseal(other, SLICE("web"), all, opened, 5));

	/* The first of two keys seals. */
	seal(both, SLICE("web"), "hello", 5, text, sizeof(text));
	assert_true(unseal(new, SLICE("web"), all, opened, 5));
	sealer_free(old);
	sealer_free(both);
	sealer_free(new);
	sealer_free(other);
}

static unsigned files_in(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_a_missing_file_is_made(void **state)
{
	char folder[] = "/tmp/weir-seal-XXXXXX", path[64], why[128] = "";
	struct seal_keys first, again;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(seal_keys_load(path, &first, why, sizeof(why)), 0);
	assert_int_equal(first.n, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(files_in(folder), 1);

	assert_int_equal(seal_keys_load(path, &again, why, sizeof(why)), 0);
	assert_memory_equal(&first, &again, sizeof(first));

	/* Made again it is another key. */
	unlink(path);
	assert_int_equal(seal_keys_load(path, &again, why, sizeof(why)), 0);
	assert_memory_not_equal(&first, &again, sizeof(first));
	unlink(path);
	rmdir(folder);

	assert_int_equal(seal_keys_load(path, &again, why, sizeof(why)), -1);
	assert_string_equal(why, strerror(ENOENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_files),
		cmocka_unit_test(test_what_is_sealed_opens),
		cmocka_unit_test(test_every_changed_character_is_noticed),
		cmocka_unit_test(
			test_a_text_holds_only_for_what_it_is_bound_to),
		cmocka_unit_test(test_no_two_texts_are_the_same),
		cmocka_unit_test(test_keys_can_be_changed),
		cmocka_unit_test(test_a_missing_file_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
