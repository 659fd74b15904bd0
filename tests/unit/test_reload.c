/*
 * test_reload.c - the old world, the new one, and what is between them.
 *
 * The loader and the workers are played here: each load gives what the test
 * has put ready, and each worker remembers what it was told.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/generations.h"
#include "control/readiness.h"
#include "control/status.h"
#include "net/chunk.h"
#include "net/sock.h"
#include "proxy/conns.h"
#include "worlds.h"

/* -- the loader and the workers -------------------------------------------- */

static struct snapshot *(*load)(struct diag *diag);
static uint16_t port_wanted, port_wanted_too;
static unsigned asked_workers;
static size_t n_foreign; /* references to sockets that were to be closed */

struct snapshot *config_load(const char *file,
			     const struct config_options *options,
			     struct diag *diag)
{
	(void)file;
	asked_workers = options->n_workers;
	return load(diag);
}

bool config_is_same(const char *file, const struct snapshot *snap)
{
	(void)file;
	(void)snap;
	return true;
}

char *config_find_overlay(const char *file, struct diag *diag)
{
	(void)file;
	(void)diag;
	return NULL;
}

struct worker {
	struct snapshot *snap;
	uint64_t generation;
	size_t n_endpoints, n_fresh; /* of the last adoption */
	unsigned n_adopted, n_cut;
	uint64_t sweeps;
	struct listening *sockets[8]; /* n_endpoints, with references */
	uint64_t beats;
	bool is_stuck;
};

void worker_adopt(struct worker *w, struct snapshot *snap_take,
		  const struct seal_keys *keys,
		  const struct endpoint *endpoints, size_t n_endpoints)
{
	size_t n_before = w->n_endpoints;
	struct listening *before[ARRAY_SIZE(w->sockets)];

	(void)keys;
	memcpy(before, w->sockets, sizeof(before));
	snapshot_unref(w->snap);
	w->snap = snap_take;
	w->n_adopted++;
	w->n_endpoints = n_endpoints;
	w->n_fresh = n_endpoints;
	for (size_t i = 0; i < n_endpoints; i++) {
		w->sockets[i] = listening_ref(endpoints[i].socket);
		for (size_t j = 0; j < n_before; j++)
			w->n_fresh -= before[j] == endpoints[i].socket;
	}
	/* What is gone was let go before we are told: the last reference, which
	 * resets what is in the queue, is ours. */
	n_foreign = 0;
	for (size_t j = 0; j < n_before; j++) {
		bool stays = false;

		for (size_t i = 0; i < n_endpoints; i++)
			stays |= before[j] == endpoints[i].socket;
		n_foreign += !stays && atomic_load(&before[j]->refs) > 1;
		listening_unref(before[j]);
	}
}

void worker_post(struct worker *w, void (*fn)(void *arg), void *arg)
{
	(void)w;
	fn(arg);
}

void worker_swap_tls(struct worker *w, struct tls_server *served,
		     struct tls_server *next)
{
	(void)w;
	(void)served;
	(void)next;
}

void worker_read_gauges(const struct worker *w, struct worker_gauges *out)
{
	*out = (struct worker_gauges){
		.generation = w->generation,
		.beats = w->beats,
		.sweeps = w->sweeps,
	};
}

void worker_cut_target(struct worker *w, struct target_state *state_take)
{
	w->n_cut++;
	state_unref(state_take);
}

struct worker *worker_start(const struct worker_options *options)
{
	(void)options;
	return NULL;
}

void worker_beat(struct worker *w)
{
	w->beats += !w->is_stuck;
}

void worker_drain(struct worker *w)
{
	(void)w;
}

void worker_end_generations(struct worker *w, uint64_t generation)
{
	(void)w;
	(void)generation;
}

void worker_sweep(struct worker *w)
{
	w->sweeps++;
}

void worker_stop(struct worker *w)
{
	(void)w;
}

void worker_join(struct worker *w)
{
	(void)w;
}

const tally_cell *worker_counters(const struct worker *w)
{
	static tally_cell none[WORKER_COUNTERS];

	(void)w;
	return none;
}

const struct error_ring *worker_errors(const struct worker *w)
{
	(void)w;
	return NULL;
}

void worker_ask_conns(struct worker *w, struct conns_question *q)
{
	(void)w;
	(void)q;
}

/* -- worlds ---------------------------------------------------------------- */

static void add_listener(struct snapshot *snap, uint16_t port)
{
	struct load_balancer *lb = &snap->balancers[0];
	struct listener *l = &lb->listeners[lb->n_listeners];

	if (!port)
		return;
	*l = (struct listener){.balancer = lb,
			       .port = port,
			       .index = (uint32_t)lb->n_listeners,
			       .place = {.file = "weir.yaml", .line = 7}};
	lb->n_listeners++;
	snap->n_listeners++;
}

/* One load balancer on 127.0.0.1, one group with one target. */
static struct snapshot *load_good(struct diag *diag)
{
	static const char *const targets[] = {"127.0.0.1:9"};
	struct snapshot *snap = world_of(1);
	struct load_balancer *lb =
		ARENA_NEW(&snap->arena, struct load_balancer);

	(void)diag;
	group_of(snap, 0, "app", targets, 1)->health_check.enabled = false;
	lb->addresses = ARENA_NEW(&snap->arena, struct addr);
	lb->n_addresses = 1;
	assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, lb->addresses));
	lb->listeners = ARENA_ARRAY(&snap->arena, 2, struct listener);
	snap->balancers = lb;
	snap->n_balancers = 1;
	add_listener(snap, port_wanted);
	add_listener(snap, port_wanted_too);
	return snap;
}

static struct snapshot *load_without_group(struct diag *diag)
{
	struct snapshot *snap = load_good(diag);

	snap->n_groups = 0;
	return snap;
}

static struct snapshot *load_bad(struct diag *diag)
{
	diag_error(diag, &(struct place){"weir.yaml", 3, 9, 3},
		   "did you mean \"web\"?",
		   "target group \"wbe\" is not defined");
	return NULL;
}

/* As of a file that is not UTF-8. */
static struct snapshot *load_octets(struct diag *diag)
{
	diag_error(diag, NULL, NULL, "no sense in \"\xff\xfe\"");
	return NULL;
}

static struct snapshot *load_two_targets(struct diag *diag)
{
	static const char *const targets[] = {"127.0.0.1:8", "127.0.0.1:9"};
	struct snapshot *snap = load_good(diag);
	struct target_group *g = group_of(snap, 0, "app", targets, 2);

	g->health_check.enabled = false;
	g->deregistration_delay_ms = 60000;
	return snap;
}

static struct snapshot *load_all_addresses(struct diag *diag)
{
	struct snapshot *snap = load_good(diag);

	assert_true(addr_parse_ip(SLICE("0.0.0.0"), 0,
				  snap->balancers[0].addresses));
	return snap;
}

/* Both, one load balancer each. */
static struct snapshot *load_one_and_all(struct diag *diag)
{
	struct snapshot *snap = load_good(diag);
	struct addr *two = ARENA_ARRAY(&snap->arena, 2, struct addr);

	assert_true(addr_parse_ip(SLICE("0.0.0.0"), 0, &two[0]));
	assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, &two[1]));
	snap->balancers[0].addresses = two;
	snap->balancers[0].n_addresses = 2;
	return snap;
}

static struct snapshot *load_other_user(struct diag *diag)
{
	struct snapshot *snap = load_good(diag);

	snap->settings.user = SLICE("somebody");
	return snap;
}

/* Sticky cookies whose key is where no file can be. */
static struct snapshot *load_without_key(struct diag *diag)
{
	struct snapshot *snap = load_good(diag);

	snap->groups[0].stickiness.enabled = true;
	snap->settings.stickiness_key_file = SLICE("/dev/null/key");
	return snap;
}

/* A port that nobody has at the moment; *fd keeps it unless NULL. */
static uint16_t some_port(int *fd)
{
	struct addr addr;
	int got;

	assert_true(addr_parse_ip(SLICE("127.0.0.1"), 0, &addr));
	got = sock_listen(&addr);
	assert_int_equal(getsockname(got, &addr.sa, &addr.len), 0);
	if (fd)
		*fd = got;
	else
		close(got);
	return addr_port(&addr);
}

/* -- the scene: a daemon that serves its first world ----------------------- */

static struct worker workers[2];
static struct worker *worker_list[] = {&workers[0], &workers[1]};

static size_t lookup(void *arg, struct slice name,
		     const struct addr **addresses)
{
	(void)arg;
	(void)name;
	(void)addresses;
	return 0;
}

static void cut(void *arg, struct target_state *state)
{
	(void)arg;
	worker_cut_target(&workers[0], state_ref(state));
}

static const struct rosters_ops ops = {lookup, cut};

static int begin(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d));

	memset(workers, 0, sizeof(workers));
	log_setup(LOG_ERROR + 1, LOG_TEXT);
	chunk_pool_init(1 << 20);
	loop_init(&d->loop);
	d->file = "weir.yaml";
	d->n_workers = 2;
	d->workers = worker_list;
	d->counts.n_workers = 2;
	list_init(&d->target_waits);
	list_init(&d->generations);
	d->rosters = rosters_new(2, &ops, NULL);
	d->prober = prober_new(&d->loop);
	d->pulses = calloc(d->n_workers, sizeof(*d->pulses));
	*state = d;
	return 0;
}

static void serve(struct daemon *d, uint16_t port)
{
	struct world first = {0};
	struct diag diag = {0};

	port_wanted = port;
	port_wanted_too = 0;
	load = load_good;
	assert_int_equal(world_load(&first, d, TESTS_WARN, NULL, &diag), 0);
	assert_int_equal(world_open_ports(&first, d, &diag), 0);
	world_publish(&first, d, &diag);
	log_setup(LOG_ERROR + 1, LOG_TEXT);
	diag_release(&diag);
}

static int finish(void **state)
{
	struct daemon *d = *state;

	for (size_t w = 0; w < 2; w++) {
		snapshot_unref(workers[w].snap);
		for (size_t i = 0; i < workers[w].n_endpoints; i++)
			listening_unref(workers[w].sockets[i]);
	}
	prober_free(d->prober);
	snapshot_unref(d->snap);
	rosters_free(d->rosters);
	counts_release(&d->counts);
	ports_release(&d->ports);
	reload_report_release(&d->last_reload);
	kept_settings_release(&d->kept);
	confirm_release(&d->confirm);
	config_texts_release(&d->texts);
	generations_release(d);
	events_release(&d->events);
	loop_release(&d->loop);
	chunk_pool_release();
	free(d->pulses);
	free(d);
	return 0;
}

/* -- what must come of it -------------------------------------------------- */

static void test_a_good_file_is_taken_over(void **state)
{
	struct daemon *d = *state;

	serve(d, some_port(NULL));
	assert_int_equal(workers[0].n_fresh, 1);
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(asked_workers, 2);
	assert_int_equal(d->snap->generation, 2);
	assert_true(d->last_reload.ok);
	for (size_t w = 0; w < 2; w++) {
		assert_ptr_equal(workers[w].snap, d->snap);
		/* The socket it has lives on. */
		assert_int_equal(workers[w].n_endpoints, 1);
		assert_int_equal(workers[w].n_fresh, 0);
	}
}

static void test_a_bad_file_changes_nothing(void **state)
{
	struct daemon *d = *state;
	const struct snapshot *before;

	serve(d, some_port(NULL));
	before = d->snap;
	load = load_bad;
	assert_false(reload_run(d, TESTS_BIND, 0));
	assert_ptr_equal(d->snap, before);
	assert_int_equal(workers[0].n_adopted, 1);
	assert_false(d->last_reload.ok);
	assert_true(d->last_reload.invalid);
	assert_int_equal(d->last_reload.generation, 1);
	assert_int_equal(json_array_size(d->last_reload.findings), 1);
	assert_non_null(strstr(d->last_reload.text,
			       "weir.yaml:3:9: error: target group \"wbe\""));
	/* The next good one is the second generation. */
	load = load_good;
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(d->snap->generation, 2);
}

static void test_a_port_that_is_taken_changes_nothing(void **state)
{
	struct daemon *d = *state;
	int fd;

	serve(d, some_port(NULL));
	port_wanted_too = some_port(&fd);
	assert_false(reload_run(d, TESTS_BIND, 0));
	assert_false(d->last_reload.invalid);
	assert_non_null(strstr(d->last_reload.text, strerror(EADDRINUSE)));
	assert_int_equal(workers[0].n_adopted, 1);
	assert_int_equal(d->ports.n, 1);
	/* Once it is free it can be had: nothing was left open. */
	close(fd);
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(workers[1].n_endpoints, 2);
	assert_int_equal(workers[1].n_fresh, 1);
}

static void test_our_own_sockets_are_not_in_the_way(void **state)
{
	struct daemon *d = *state;

	serve(d, some_port(NULL));
	load = load_all_addresses;
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(workers[0].n_fresh, 1);
	load = load_one_and_all;
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(workers[1].n_endpoints, 2);
	assert_int_equal(workers[1].n_fresh, 1);
}

/* So that it can be given away; and who wants it closed must not do it while
 * a worker has yet to accept what waits. */
static void test_regress_sockets_are_here_and_workers_borrow_them(void **state)
{
	struct daemon *d = *state;
	struct listening *gone;

	serve(d, some_port(NULL));
	port_wanted_too = some_port(NULL);
	assert_true(reload_run(d, TESTS_BIND, 0));
	for (size_t w = 0; w < 2; w++)
		for (size_t i = 0; i < 2; i++) {
			struct listening *socket =
				ports_of(&d->ports, (unsigned)w)[i].socket;

			assert_ptr_equal(workers[w].sockets[i], socket);
			assert_int_equal(atomic_load(&socket->refs), 2);
		}
	port_wanted_too = 0;
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(n_foreign, 0);
	gone = workers[0].sockets[0];
	ports_let_go(&d->ports);
	assert_int_equal(atomic_load(&gone->refs), 1);
	assert_int_equal(d->ports.n, 1);
}

static void test_a_key_that_cannot_be_read_changes_nothing(void **state)
{
	struct daemon *d = *state;

	serve(d, some_port(NULL));
	load = load_without_key;
	assert_false(reload_run(d, TESTS_BIND, 0));
	assert_non_null(strstr(d->last_reload.text, "/dev/null/key"));
	assert_int_equal(workers[0].n_adopted, 1);
}

static void test_what_needs_a_restart_is_said(void **state)
{
	struct daemon *d = *state;

	serve(d, some_port(NULL));
	load = load_other_user;
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_non_null(strstr(d->last_reload.text, "settings.user is not"));
	/* As long as it is so; not when it is set back. */
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_non_null(strstr(d->last_reload.text, "settings.user is not"));
	load = load_good;
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_string_equal(d->last_reload.text, "");
}

static void test_a_group_that_has_gone_is_drained(void **state)
{
	struct daemon *d = *state;
	const struct target_state *s;
	uint64_t left_ms;
	size_t at = 0;

	serve(d, some_port(NULL));
	d->snap->groups[0].deregistration_delay_ms = 60000;
	assert_true(reload_run(d, TESTS_BIND, 0)); /* which has a delay of 0 */
	load = load_without_group;
	assert_true(reload_run(d, TESTS_BIND, 0));
	/* No delay: cut with the reload. */
	assert_null(rosters_next_draining(d->rosters, &at, &left_ms));
	assert_int_equal(workers[0].n_cut, 1);

	load = load_good;
	assert_true(reload_run(d, TESTS_BIND, 0));
	d->snap->groups[0].deregistration_delay_ms = 60000;
	daemon_follow(d);
	load = load_without_group;
	assert_true(reload_run(d, TESTS_BIND, 0));
	at = 0;
	s = rosters_next_draining(d->rosters, &at, &left_ms);
	assert_non_null(s);
	assert_slice(s->group, "app");
	assert_in_range(left_ms, 50000, 60000);
	assert_int_equal(workers[0].n_cut, 1);
}

static void test_adopted_when_the_last_worker_has_it(void **state)
{
	struct daemon *d = *state;

	serve(d, some_port(NULL));
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_false(reload_is_adopted(d, 2));
	workers[0].generation = 2;
	assert_false(reload_is_adopted(d, 2));
	workers[1].generation = 3;
	assert_true(reload_is_adopted(d, 2));
}

static json_t *ask(struct daemon *d, const char *question, uint64_t *memo)
{
	json_t *request = json_loads(question, 0, NULL);
	json_t *answer = command_answer(d, request, memo);

	json_decref(request);
	return answer;
}

static bool is_ok(json_t *answer_take)
{
	bool ok = json_is_true(json_object_get(answer_take, "ok"));

	json_decref(answer_take);
	return ok;
}

static void test_who_waits_hears_of_his_own_reload(void **state)
{
	struct daemon *d = *state;
	const char *patient = "{\"command\":\"reload\",\"wait\":true}";
	uint64_t memo = 0, other = 0;

	serve(d, some_port(NULL));
	assert_null(ask(d, patient, &memo));
	load = load_bad;
	assert_false(is_ok(ask(d, "{\"command\":\"reload\"}", &other)));
	assert_null(ask(d, patient, &memo));
	workers[0].generation = workers[1].generation = 2;
	assert_true(is_ok(ask(d, patient, &memo)));
}

/* -- confirm --------------------------------------------------------------- */

/* Turns until something has come about. */
static void turn_until(struct daemon *d, bool (*fact)(struct daemon *d))
{
	for (int i = 0; i < 1000 && !fact(d); i++) {
		clock_update();
		loop_turn(&d->loop, true);
	}
	assert_true(fact(d));
}

static bool has_come_back(struct daemon *d)
{
	return d->snap->generation == 3;
}

static bool has_failed(struct daemon *d)
{
	return d->confirm.has_failed;
}

/* What is kept lies in a folder of its own. */
static char folder[64];

static struct snapshot *load_kept(struct diag *diag)
{
	struct snapshot *snap = load_good(diag);

	snap->settings.overlay_file =
		slice_of(arena_printf(&snap->arena, "%s/overlay.json", folder));
	return snap;
}

static void serve_kept(struct daemon *d)
{
	snprintf(folder, sizeof(folder), "/tmp/weir-reload-XXXXXX");
	assert_non_null(mkdtemp(folder));
	serve(d, some_port(NULL));
	config_texts_add(&d->texts, "weir.yaml", SLICE("old"));
	load = load_kept;
}

static bool is_kept(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/confirmed.json", folder);
	return access(path, F_OK) == 0;
}

static void test_what_is_not_confirmed_goes_back(void **state)
{
	struct daemon *d = *state;
	const struct target_group *group;
	struct listening *socket;

	serve_kept(d);
	group = &d->snap->groups[0];
	socket = workers[0].sockets[0];
	assert_true(reload_run(d, TESTS_BIND, 1));
	assert_true(is_kept());
	assert_ptr_not_equal(&d->snap->groups[0], group);
	turn_until(d, has_come_back);
	/* The very same groups, whatever the file says by now. */
	assert_ptr_equal(&d->snap->groups[0], group);
	assert_ptr_equal(workers[1].snap, d->snap);
	assert_ptr_equal(workers[0].sockets[0], socket);
	assert_int_equal(d->texts.n, 1);
	assert_string_equal(d->texts.rows[0].octets, "old");
	assert_false(is_kept());
	assert_int_equal(rmdir(folder), 0);
	/* And it is left like any other. */
	assert_true(reload_run(d, TESTS_BIND, 0));
	assert_int_equal(d->snap->generation, 4);
}

static void test_the_way_back_is_tried_again(void **state)
{
	struct daemon *d = *state;
	uint16_t old = some_port(NULL);
	struct addr addr;
	int fd;

	serve_kept(d);
	assert_true(reload_run(d, TESTS_BIND, 0)); /* with a socket of `old` */
	port_wanted = old;
	assert_true(reload_run(d, TESTS_BIND, 0));
	port_wanted = some_port(NULL);
	assert_true(reload_run(d, TESTS_BIND, 1));
	for (size_t w = 0; w < 2; w++)
		workers[w].generation = d->snap->generation;
	/* Somebody takes the port meanwhile. */
	assert_true(addr_parse_ip(SLICE("127.0.0.1"), old, &addr));
	fd = sock_listen(&addr);
	assert_true(fd >= 0);
	turn_until(d, has_failed);
	assert_int_equal(d->snap->generation, 4);
	assert_true(is_kept());
	close(fd);
	for (int i = 0; i < 1000 && d->snap->generation == 4; i++) {
		clock_update();
		loop_turn(&d->loop, true);
	}
	assert_int_equal(d->snap->generation, 5);
	assert_false(is_kept());
	assert_int_equal(rmdir(folder), 0);
}

static void test_confirm(void **state)
{
	struct daemon *d = *state;
	uint64_t memo = 0;

	serve_kept(d);
	assert_false(is_ok(ask(d, "{\"command\":\"confirm\"}", &memo)));
	assert_true(is_ok(
		ask(d, "{\"command\":\"reload\",\"confirm\":60}", &memo)));
	assert_true(d->confirm.ends_ms > 0);
	assert_true(is_ok(ask(d, "{\"command\":\"confirm\"}", &memo)));
	assert_int_equal(d->confirm.ends_ms, 0);
	assert_null(d->confirm.snap);
	assert_int_equal(rmdir(folder), 0);
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = {"0", "86401", "1.5", "true"};
		char question[80];

		snprintf(question, sizeof(question),
			 "{\"command\":\"reload\",\"confirm\":%s}", bad[i]);
		assert_false(is_ok(ask(d, question, &memo)));
	}
	assert_int_equal(d->snap->generation, 2);
}

static void test_findings_are_text_whatever_they_quote(void **state)
{
	struct daemon *d = *state;
	uint64_t memo = 0;
	json_t *answer;
	char *text;

	serve(d, some_port(NULL));
	load = load_octets;
	answer = ask(d, "{\"command\":\"reload\"}", &memo);
	text = json_dumps(answer, 0);
	assert_non_null(text);
	assert_non_null(strstr(text, "no sense in \\\"??\\\""));
	free(text);
	json_decref(answer);
}

static void test_a_gone_group_is_shown_once(void **state)
{
	struct daemon *d = *state;
	json_t *answer, *groups, *targets;

	serve(d, some_port(NULL));
	load = load_two_targets;
	assert_true(reload_run(d, TESTS_BIND, 0));
	daemon_follow(d);
	load = load_without_group;
	assert_true(reload_run(d, TESTS_BIND, 0));
	answer = status_of_targets(d);
	groups = json_object_get(answer, "target_groups");
	assert_int_equal(json_array_size(groups), 1);
	targets = json_object_get(json_array_get(groups, 0), "targets");
	assert_int_equal(json_array_size(targets), 2);
	assert_non_null(
		json_object_get(json_array_get(targets, 0), "seconds_left"));
	json_decref(answer);
}

static uint64_t shown(json_t *status, const char *list, const char *counter)
{
	json_t *first = json_array_get(json_object_get(status, list), 0);

	return (uint64_t)json_integer_value(
		json_object_get(json_object_get(first, "counters"), counter));
}

static void test_regress_status_counts_over_a_reload(void **state)
{
	struct daemon *d = *state;
	struct listener_state *l;
	json_t *answer;

	serve(d, some_port(NULL));
	assert_true(reload_run(d, TESTS_BIND, 0));
	l = d->snap->balancers[0].listeners[0].state;
	tally_add(&l->tally[1].counters[COUNT_REQUESTS_ALL], 5);
	tally_add(&l->tally[0].reasons[REASON_NO_TARGET], 1);
	tally_add(&d->snap->groups[0].counts->tally[0].counters[COUNT_REQUESTS],
		  3);
	assert_true(reload_run(d, TESTS_BIND, 0));

	answer = status_of_daemon(d);
	assert_int_equal(shown(answer, "listeners", "ReceivedRequestCount"), 5);
	assert_int_equal(
		shown(answer, "load_balancers", "ReceivedRequestCount"), 5);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(answer, "counters"),
				 "ReceivedRequestCount")),
			 5);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(answer, "reasons"),
				 reason_token(REASON_NO_TARGET))),
			 1);
	json_decref(answer);
	answer = status_of_targets(d);
	assert_int_equal(shown(answer, "target_groups", "RequestCount"), 3);
	json_decref(answer);
}

static void page_is(struct daemon *d, unsigned status, const char *body)
{
	struct web_answer a = {.status = 200};

	livez_page(d, NULL, &a);
	assert_int_equal(a.status, status);
	assert_string_equal(text_str(&a.body), body);
	text_release(&a.body);
}

/* Whoever has not been asked owes nothing, however long control stood still. */
static void test_a_worker_that_does_not_turn_is_not_live(void **state)
{
	struct daemon *d = *state;

	clock_fake(1000000, 1700000000);
	page_is(d, 200, "ok\n");
	pulse_tend(d);
	workers[1].is_stuck = true;
	clock_fake(1020000, 1700000000);
	page_is(d, 200, "ok\n");
	pulse_tend(d);
	clock_fake(1020000 + PULSE_LATE_MS, 1700000000);
	pulse_tend(d);
	page_is(d, 200, "ok\n");
	clock_fake(1020000 + PULSE_LATE_MS + 2500, 1700000000);
	pulse_tend(d);
	page_is(d, 503, "worker 1 has not turned for 7 s\n");
	assert_int_equal(d->pulses[1].n_asked, 2);
	assert_int_equal(d->pulses[0].n_asked, 4);
	/* It goes on after all. */
	workers[1].is_stuck = false;
	workers[1].beats++;
	page_is(d, 200, "ok\n");
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		SCENE(test_a_good_file_is_taken_over),
		SCENE(test_a_bad_file_changes_nothing),
		SCENE(test_a_port_that_is_taken_changes_nothing),
		SCENE(test_our_own_sockets_are_not_in_the_way),
		SCENE(test_regress_sockets_are_here_and_workers_borrow_them),
		SCENE(test_a_key_that_cannot_be_read_changes_nothing),
		SCENE(test_what_needs_a_restart_is_said),
		SCENE(test_a_group_that_has_gone_is_drained),
		SCENE(test_adopted_when_the_last_worker_has_it),
		SCENE(test_who_waits_hears_of_his_own_reload),
		SCENE(test_what_is_not_confirmed_goes_back),
		SCENE(test_the_way_back_is_tried_again),
		SCENE(test_confirm),
		SCENE(test_findings_are_text_whatever_they_quote),
		SCENE(test_a_gone_group_is_shown_once),
		SCENE(test_regress_status_counts_over_a_reload),
		SCENE(test_a_worker_that_does_not_turn_is_not_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
