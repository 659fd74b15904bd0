/* test_sticky_app.c - a session lasts as long as the application's cookie. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "balance/sticky_app.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

enum { NOW = 1700000000, LASTS = 3600, TARGET = 42 };

#define KEY "0011223344556677889900112233445566778899001122334455667788990011"
#define SETS                                                                   \
	"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: SID=s1; Path=/\r\n"

static struct sealer *sealer;
static const struct target_group app = {
	.name = SLICE_INIT("app"),
	.stickiness = {.enabled = true,
		       .type = STICKY_APP_COOKIE,
		       .duration_s = LASTS,
		       .app_cookie = SLICE_INIT("SID")},
};

static int setup(void **state)
{
	struct seal_keys keys;
	char why[64];

	(void)state;
	if (seal_keys_parse(SLICE("1 " KEY "\n"), &keys, why, sizeof(why)))
		return -1;
	sealer = sealer_new(&keys);
	return sealer ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	sealer_free(sealer);
	return 0;
}

/* What a request brings, and what an answer to it sets. */
struct visit {
	struct app_sessions sessions;
	uint64_t identity;
	bool leads, came;
	char set[2048];
	char value[1024]; /* of our cookie; empty: none is set */
};

static void ask(struct visit *v, const struct target_group *group,
		const char *fields, time_t now_s)
{
	struct field room[16];
	struct http_head head = {.fields = room, .max_fields = 16};
	char text[4096];
	enum reason why;

	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
		 fields);
	assert_int_equal(h1_parse_request(slice_of(text), &h1_request_limits,
					  &head, &why),
			 H1_DONE);
	memset(v, 0, sizeof(*v));
	v->leads = app_sticky_of_head(sealer, group, &head, now_s, &v->sessions,
				      &v->identity, &v->came);
}

static void answer(struct visit *v, const struct target_group *group,
		   const char *text, uint64_t identity, time_t now_s)
{
	static const char name[] = "AWSALBAPP-0=";
	struct field room[16], field;
	struct http_head head = {.fields = room, .max_fields = 16};
	struct writer w = writer_make(v->set, sizeof(v->set) - 1);
	char whole[4096];
	enum reason why;
	size_t n;

	snprintf(whole, sizeof(whole), "%s\r\n", text);
	assert_int_equal(h1_parse_response(slice_of(whole), &h1_response_limits,
					   &head, &why),
			 H1_DONE);
	n = app_sticky_field(&field, &w, sealer, group, &v->sessions, &head,
			     identity, now_s);
	assert_false(w.overflow);
	*w.at = '\0';
	assert_int_equal(n, v->set[0] ? 1 : 0);
	if (n) {
		assert_slice(field.name, "set-cookie");
		assert_slice(field.value, v->set);
		assert_memory_equal(v->set, name, strlen(name));
		snprintf(v->value, sizeof(v->value), "%.*s",
			 (int)strcspn(v->set + strlen(name), ";"),
			 v->set + strlen(name));
	}
}

/* A session that begins at TARGET. */
static void begin(struct visit *v)
{
	ask(v, &app, "", NOW);
	assert_false(v->leads);
	assert_false(v->came);
	answer(v, &app, SETS, TARGET, NOW);
	assert_true(v->value[0] != '\0');
}

static void with(char *out, size_t size, const char *value, const char *sid)
{
	snprintf(out, size, "Cookie: AWSALBAPP-0=%s%s%s\r\n", value,
		 sid ? "; SID=" : "", sid ? sid : "");
}

static void test_it_begins_when_the_application_says_so(void **state)
{
	struct visit v;

	(void)state;
	ask(&v, &app, "", NOW);
	answer(&v, &app, "HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\n", TARGET,
	       NOW);
	assert_string_equal(v.set, "");
	begin(&v);
	assert_non_null(strstr(v.set, "; Expires="));
	assert_string_equal(strstr(v.set, "; Path="), "; Path=/");
	assert_null(strstr(v.set, "SameSite"));
}

/* clang-format off */
static const struct {
	const char *name;
	const char *sid; /* NULL: not sent */
	int age_s;
	bool came, leads;
} rows[] = {
	{"both cookies", "s1", 0, true, true},
	{"in its last second", "s1", LASTS, true, true},
	{"a second late", "s1", LASTS + 1, true, false},
	{"from the future", "s1", -301, true, false},
	{"without the application's", NULL, 0, false, false},
	{"with another of the application", "s2", 0, true, false},
};
/* clang-format on */

static void test_both_cookies_lead_back(void **state)
{
	struct visit first;

	(void)state;
	begin(&first);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char fields[2048];
		struct visit v;

		print_message("# %s\n", rows[i].name);
		with(fields, sizeof(fields), first.value, rows[i].sid);
		ask(&v, &app, fields, NOW + rows[i].age_s);
		assert_int_equal(v.came, rows[i].came);
		assert_int_equal(v.leads, rows[i].leads);
		if (v.leads)
			assert_int_equal(v.identity, TARGET);
		/* It is renewed as long as it goes on, and no longer. */
		answer(&v, &app, "HTTP/1.1 200 OK\r\n", TARGET, NOW);
		assert_int_equal(v.value[0] != '\0', rows[i].leads);
	}
}

static void test_a_session_moves_for_good(void **state)
{
	char fields[2048], moved[2048];
	struct visit v;

	(void)state;
	begin(&v);
	with(fields, sizeof(fields), v.value, "s1");
	ask(&v, &app, fields, NOW + 10);
	answer(&v, &app, "HTTP/1.1 200 OK\r\n", TARGET + 1, NOW + LASTS);
	with(fields, sizeof(fields), v.value, "s1");
	ask(&v, &app, fields, NOW + LASTS + 10);
	assert_true(v.leads);
	assert_int_equal(v.identity, TARGET + 1);

	/* The application changes its cookie: the session goes with it. */
	answer(&v, &app, "HTTP/1.1 200 OK\r\nSet-Cookie: SID=s3\r\n",
	       TARGET + 1, NOW + LASTS);
	with(fields, sizeof(fields), v.value, "s1");
	with(moved, sizeof(moved), v.value, "s3");
	ask(&v, &app, fields, NOW + LASTS);
	assert_false(v.leads);
	ask(&v, &app, moved, NOW + LASTS);
	assert_true(v.leads);
}

/* One cookie for all groups; the seventeenth drives out the one that was used
 * least lately, which is the second, since the first was used again. */
static void test_sixteen_groups_fit_in(void **state)
{
	char fields[2048] = "", names[17][8];
	struct target_group group = app;
	struct visit v;

	(void)state;
	for (unsigned i = 0; i < 17; i++) {
		snprintf(names[i], sizeof(names[i]), "g%u", i);
		if (i == 16) {
			group.name = slice_of(names[0]);
			ask(&v, &group, fields, NOW);
			assert_true(v.leads);
			answer(&v, &group, SETS, 100, NOW);
			with(fields, sizeof(fields), v.value, "s1");
		}
		group.name = slice_of(names[i]);
		ask(&v, &group, fields, NOW);
		assert_false(v.leads);
		answer(&v, &group, SETS, 100 + i, NOW);
		assert_in_range(strlen(v.set), 1, 900);
		with(fields, sizeof(fields), v.value, "s1");
	}
	for (unsigned i = 0; i < 17; i++) {
		group.name = slice_of(names[i]);
		ask(&v, &group, fields, NOW);
		assert_int_equal(v.leads, i != 1);
		if (v.leads)
			assert_int_equal(v.identity, 100 + i);
	}
}

static void test_what_was_tampered_with_counts_as_none(void **state)
{
	char fields[4096], value[1024];
	struct visit first, v;

	(void)state;
	begin(&first);
	for (size_t i = 0; i <= strlen(first.value); i++) {
		snprintf(value, sizeof(value), "%s", first.value);
		if (i < strlen(first.value))
			value[i] = value[i] == 'A' ? 'B' : 'A';
		else
			value[i - 1] = '\0'; /* cut */
		with(fields, sizeof(fields), value, "s1");
		ask(&v, &app, fields, NOW);
		assert_false(v.leads);
		assert_int_equal(v.sessions.n, 0);
	}
	/* Five shards as of elsewhere; ours is read, the others are not. */
	snprintf(fields, sizeof(fields),
		 "Cookie: AWSALBAPP-4=x; AWSALBAPP-3=x; AWSALBAPP-2=x; "
		 "AWSALBAPP-1=_remove_; AWSALBAPP-0=%s; SID=s1\r\n",
		 first.value);
	ask(&v, &app, fields, NOW);
	assert_true(v.leads);
	snprintf(fields, sizeof(fields), "Cookie: AWSALBAPP-0=; SID=\r\n");
	ask(&v, &app, fields, NOW);
	assert_false(v.leads);
}

/* clang-format off */
static const struct {
	const char *fields;
	bool says_none;
} browsers[] = {
	{"Origin: https://a\r\nUser-Agent: Mozilla/5.0 Chrome/80.0.1 Safari/5\r\n",
	 true},
	{"Origin: https://a\r\nUser-Agent: Mozilla/5.0 Chrome/79.0.1 Safari/5\r\n",
	 false},
	{"User-Agent: Mozilla/5.0 Chrome/120.0.1\r\n", false},
	{"Origin: https://a\r\nUser-Agent: Mozilla/5.0 Firefox/120\r\n", false},
	{"Origin: https://a\r\nUser-Agent: Chrome/\r\n", false},
	{"Origin: https://a\r\n", false},
};
/* clang-format on */

static void test_requests_across_sites(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(browsers); i++) {
		struct visit v;

		ask(&v, &app, browsers[i].fields, NOW);
		answer(&v, &app, SETS, TARGET, NOW);
		assert_int_equal(strstr(v.set, "; SameSite=None; Secure") !=
					 NULL,
				 browsers[i].says_none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_begins_when_the_application_says_so),
		cmocka_unit_test(test_both_cookies_lead_back),
		cmocka_unit_test(test_a_session_moves_for_good),
		cmocka_unit_test(test_sixteen_groups_fit_in),
		cmocka_unit_test(test_what_was_tampered_with_counts_as_none),
		cmocka_unit_test(test_requests_across_sites),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
