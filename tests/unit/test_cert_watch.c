/* test_cert_watch.c - what is taken of files that change, and when it is told
 * that they are not. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "certs.h"
#include "config/config.h"
#include "control/cert_watch.h"
#include "model/counts.h"
#include "tls/identity.h"
#include "tls/server.h"
#include "unit.h"

enum { HOUR_MS = 3600000 };

static const struct cert_spec first = {.key = "P-256", .names = "one.example"};
static const struct cert_spec second = {
	.key = "P-256", .names = "two.example", .fresh_key = true};

struct scene {
	struct loop loop;
	struct snapshot *snap;
	struct count_table counts;
	struct cert_watch *cw;
	const struct listener *listener;
	unsigned swaps;
	uint64_t now_ms;
};

static void on_swap(void *arg, const struct listener *l,
		    struct tls_server *next)
{
	struct scene *s = arg;

	assert_ptr_equal(l, s->listener);
	assert_non_null(next);
	s->swaps++;
}

static struct scene *begin(void)
{
	static const char text[] =
		"settings: {workers: 1}\n"
		"load_balancers:\n"
		"  - name: web\n"
		"    listeners:\n"
		"      - {port: 443, protocol: HTTPS, certificates: "
		"{certificate: c.pem, private_key: c.key}, default_actions: "
		"{fixed_response: {status_code: 200}}}\n";
	struct scene *s = xcalloc(1, sizeof(*s));
	struct diag diag = {0};

	s->now_ms = 1000000;
	clock_fake(s->now_ms, time(NULL));
	log_setup(LOG_ERROR, LOG_TEXT);
	cert_write(&first, "c.pem", "c.key");
	file_write("weir.yaml", text);
	s->snap = config_load("weir.yaml", NULL, &diag);
	assert_non_null(s->snap);
	diag_release(&diag);
	s->counts.n_workers = 1;
	counts_attach(&s->counts, s->snap);
	s->listener = &s->snap->balancers[0].listeners[0];
	loop_init(&s->loop);
	s->cw = cert_watch_new(&s->loop, on_swap, s);
	cert_watch_follow(s->cw, s->snap);
	return s;
}

static void end(struct scene *s)
{
	cert_watch_free(s->cw);
	snapshot_unref(s->snap);
	counts_release(&s->counts);
	loop_release(&s->loop);
	free(s);
}

static void look_after(struct scene *s, uint64_t ms)
{
	s->now_ms += ms;
	clock_fake(s->now_ms, time(NULL));
	cert_watch_look(s->cw);
}

static const struct tls_identity *served(const struct scene *s)
{
	return tls_server_identity(cert_watch_server(s->cw, s->listener), 0);
}

static void test_what_loads_and_pairs_is_taken(void **state)
{
	struct scene *s = begin();

	(void)state;
	look_after(s, 1000);
	assert_int_equal(s->swaps, 0);
	assert_true(cert_watch_since(s->cw, s->listener) > 0);
	cert_write(&second, "c.pem", "c.key");
	look_after(s, 1000);
	assert_int_equal(s->swaps, 1);
	assert_slice(served(s)->names[0], "two.example");
	assert_int_equal(s->listener->state->certificates_taken, 1);
	look_after(s, 1000);
	assert_int_equal(s->swaps, 1);
	end(s);
}

static void test_regress_a_fault_is_told_once_an_hour(void **state)
{
	struct scene *s = begin();

	(void)state;
	cert_write(&second, "c.pem", "other.key");
	for (int i = 0; i < 59; i++)
		look_after(s, 60000);
	assert_int_equal(s->listener->state->certificates_refused, 1);
	look_after(s, 120000);
	assert_int_equal(s->listener->state->certificates_refused, 2);
	assert_slice(served(s)->names[0], "one.example");
	/* Gone altogether, and back. */
	assert_int_equal(rename("c.key", "away.key"), 0);
	look_after(s, 1000);
	assert_int_equal(s->listener->state->certificates_refused, 3);
	assert_int_equal(rename("other.key", "c.key"), 0);
	look_after(s, 1000);
	assert_int_equal(s->swaps, 1);
	assert_slice(served(s)->names[0], "two.example");
	look_after(s, 2 * HOUR_MS);
	assert_int_equal(s->listener->state->certificates_refused, 3);
	end(s);
}

static void test_days_that_are_left(void **state)
{
	static const struct {
		long left_s;
		int days;
	} cases[] = {{0, 0},   {86399, 0},   {86400, 1},
		     {-1, -1}, {-86400, -1}, {-86401, -2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tls_identity id = {.not_after =
						  1000000 + cases[i].left_s};

		assert_int_equal(tls_identity_days_left(&id, 1000000),
				 cases[i].days);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_loads_and_pairs_is_taken),
		cmocka_unit_test(test_regress_a_fault_is_told_once_an_hour),
		cmocka_unit_test(test_days_that_are_left),
	};

	return cmocka_run_group_tests(tests, certs_enter, certs_leave);
}
