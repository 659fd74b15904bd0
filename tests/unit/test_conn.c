/* test_conn.c - edges, short writes and endings, over a socket pair. */
#include "net/conn.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

struct side {
	struct conn conn;
	int n_ready, n_expired;
};

static void on_ready(struct conn *c)
{
	((struct side *)c)->n_ready++;
}

static void on_expired(struct conn *c)
{
	((struct side *)c)->n_expired++;
}

static const struct conn_ops ops = {
	.ready = on_ready,
	.expired = on_expired,
};

struct world {
	struct loop loop;
	struct side side;
	int peer; /* the other end; blocking */
};

static void setup(struct world *w)
{
	int fds[2];

	loop_init(&w->loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	w->side = (struct side){.n_ready = 0};
	assert_int_equal(
		conn_open(&w->side.conn, &w->loop, fds[0], &ops, 65536), 0);
	w->peer = fds[1];
}

static void teardown(struct world *w)
{
	conn_close(&w->side.conn);
	if (w->peer >= 0)
		close(w->peer);
	loop_turn(&w->loop, false);
	loop_release(&w->loop);
	chunk_pool_release();
	assert_int_equal(chunk_pool_in_use(), 0);
}

static void test_octets_arrive_and_the_end_is_seen(void **state)
{
	struct world w;
	struct conn *c = &w.side.conn;

	(void)state;
	setup(&w);
	assert_int_equal(write(w.peer, "hello", 5), 5);
	close(w.peer);
	w.peer = -1;
	loop_turn(&w.loop, true);
	assert_int_equal(w.side.n_ready, 1);
	assert_int_equal(conn_fill(c), IO_CLOSED);
	assert_slice(chain_front(&c->in), "hello");
	chain_drain(&c->in, 5);
	assert_int_equal(conn_fill(c), IO_CLOSED);
	teardown(&w);
}

static void test_a_full_chain_stops_the_reading(void **state)
{
	static char big[50000];
	struct world w;
	struct conn *c = &w.side.conn;

	(void)state;
	setup(&w);
	c->in.limit = 20000;
	assert_true(write(w.peer, big, sizeof(big)) == sizeof(big));
	loop_turn(&w.loop, true);
	assert_int_equal(conn_fill(c), IO_DONE);
	assert_int_equal(c->in.n, 20000);
	/* No edge will come for the rest: the fact is remembered. */
	chain_drain(&c->in, 20000);
	assert_int_equal(conn_fill(c), IO_DONE);
	chain_drain(&c->in, 20000);
	assert_int_equal(conn_fill(c), IO_AGAIN);
	assert_int_equal(c->in.n, 10000);
	teardown(&w);
}

static void test_a_short_write_goes_on_when_there_is_room(void **state)
{
	static char big[200000];
	struct world w;
	struct conn *c = &w.side.conn;
	size_t in = 0, out = 0;

	(void)state;
	setup(&w);
	while (out < 4000000 || conn_unsent(c)) {
		ssize_t got;

		if (out < 4000000) {
			assert_true(
				chain_copy(&c->out, slice_make(big, 100000)));
			out += 100000;
			conn_dirty(c);
		}
		loop_turn(&w.loop, false);
		while (conn_unsent(c) &&
		       (got = read(w.peer, big, sizeof(big))) > 0)
			in += (size_t)got;
	}
	while (in < out)
		in += (size_t)read(w.peer, big, sizeof(big));
	loop_turn(&w.loop, false);
	assert_non_null(c->ev_write);
	conn_shut_after_write(c);
	loop_turn(&w.loop, false);
	assert_int_equal(read(w.peer, big, sizeof(big)), 0);
	assert_int_equal(in, out);
	teardown(&w);
}

static void test_who_wants_room_is_woken(void **state)
{
	struct world w;
	struct conn *c = &w.side.conn;

	(void)state;
	setup(&w);
	assert_true(chain_copy(&c->out, SLICE("x")));
	c->wants_room = true;
	conn_dirty(c);
	loop_turn(&w.loop, false);
	loop_turn(&w.loop, false);
	assert_int_equal(w.side.n_ready, 1);
	assert_false(c->wants_room);
	teardown(&w);
}

static void test_a_broken_pipe_is_told(void **state)
{
	struct world w;
	struct conn *c = &w.side.conn;

	(void)state;
	setup(&w);
	close(w.peer);
	w.peer = -1;
	assert_true(chain_copy(&c->out, SLICE("x")));
	conn_dirty(c);
	loop_turn(&w.loop, false);
	loop_turn(&w.loop, false);
	assert_int_equal(c->write_error, EPIPE);
	assert_int_equal(c->out.n, 0);
	assert_int_equal(conn_fill(c), IO_CLOSED);
	teardown(&w);
}

/* What the peer said before it left is read, though no event has told of it
 * yet and the write that failed is the first to know. */
static void regress_a_broken_pipe_leaves_the_last_words(void **state)
{
	struct world w;
	struct conn *c = &w.side.conn;

	(void)state;
	setup(&w);
	assert_int_equal(write(w.peer, "bye", 3), 3);
	close(w.peer);
	w.peer = -1;
	assert_true(chain_copy(&c->out, SLICE("x")));
	conn_write_out(c);
	assert_int_equal(c->write_error, EPIPE);
	conn_fill(c);
	assert_int_equal(c->in.n, 3);
	teardown(&w);
}

/* A filter: the peer's first octets end its handshake or break it. */
static enum io shake(struct filter *f, struct chain *plain)
{
	(void)plain;
	f->established = slice_eq(chain_front(&f->raw_in), SLICE("hello"));
	chain_drain(&f->raw_in, f->raw_in.n);
	if (f->established)
		return IO_AGAIN;
	return chain_copy(&f->raw_out, SLICE("alert")) ? IO_FAILED : IO_AGAIN;
}

static enum io pass(struct filter *f, struct chain *plain)
{
	if (!f->established)
		return IO_AGAIN;
	chain_move(&f->raw_out, plain, plain->n);
	return IO_DONE;
}

static void forget_filter(struct filter *f)
{
	chain_release(&f->raw_in);
	chain_release(&f->raw_out);
}

static const struct filter_ops filter_ops = {
	.decode = shake, .encode = pass, .free = forget_filter};

static void setup_filtered(struct world *w, struct filter *f)
{
	setup(w);
	*f = (struct filter){.ops = &filter_ops};
	chain_init(&f->raw_in, 1000);
	chain_init(&f->raw_out, 1000);
	w->side.conn.filter = f;
}

static void test_the_last_words_of_a_filter_leave(void **state)
{
	struct filter f;
	struct world w;
	struct conn *c = &w.side.conn;
	char got[16];

	(void)state;
	setup_filtered(&w, &f);
	assert_int_equal(write(w.peer, "wrong", 5), 5);
	loop_turn(&w.loop, true);
	assert_int_equal(conn_fill(c), IO_FAILED);
	assert_int_equal(c->error, EPROTO);
	assert_int_equal(read(w.peer, got, sizeof(got)), 5);
	assert_memory_equal(got, "alert", 5);
	teardown(&w);
}

/* The last message of a handshake may be the peer's: nothing of ours goes
 * out that would take along what waits. */
static void test_what_waits_for_a_handshake_leaves_with_it(void **state)
{
	struct filter f;
	struct world w;
	struct conn *c = &w.side.conn;
	char got[16];

	(void)state;
	setup_filtered(&w, &f);
	assert_true(chain_copy(&c->out, SLICE("request")));
	conn_dirty(c);
	loop_turn(&w.loop, false);
	assert_int_equal(c->out.n, 7);
	assert_int_equal(write(w.peer, "hello", 5), 5);
	loop_turn(&w.loop, true);
	assert_int_equal(conn_fill(c), IO_AGAIN);
	loop_turn(&w.loop, false);
	assert_int_equal(read(w.peer, got, sizeof(got)), 7);
	assert_memory_equal(got, "request", 7);
	teardown(&w);
}

static void test_a_deadline_fires_by_itself(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	conn_deadline(&w.side.conn, 1);
	for (int i = 0; i < 20 && !w.side.n_expired; i++)
		loop_turn(&w.loop, true);
	assert_int_equal(w.side.n_expired, 1);
	teardown(&w);
}

/* On a clock moved by hand, so the last test. */
static void test_octets_that_flow_move_an_idle_deadline(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	clock_fake(w.side.conn.moved_ms, 0);
	conn_idle_deadline(&w.side.conn, 1000);
	clock_fake(w.side.conn.moved_ms + 900, 0);
	assert_int_equal(write(w.peer, "x", 1), 1);
	loop_turn(&w.loop, true);
	assert_int_equal(conn_fill(&w.side.conn), IO_AGAIN);
	clock_fake(w.side.conn.moved_ms + 999, 0);
	loop_expire(&w.loop);
	assert_int_equal(w.side.n_expired, 0);
	clock_fake(w.side.conn.moved_ms + 1000 + WHEEL_SLOT_MS, 0);
	loop_expire(&w.loop);
	assert_int_equal(w.side.n_expired, 1);
	teardown(&w);
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void test_letters_arrive(void **state)
{
	struct world w;
	int n = 0;

	(void)state;
	setup(&w);
	loop_post(&w.loop, count, &n);
	loop_post(&w.loop, count, &n);
	loop_turn(&w.loop, true);
	assert_int_equal(n, 2);
	teardown(&w);
}

static void test_a_refused_connection_is_told(void **state)
{
	struct world w;
	struct side to = {.n_ready = 0};
	struct addr nobody;

	(void)state;
	setup(&w);
	assert_true(addr_parse(SLICE("127.0.0.1:1"), &nobody));
	assert_int_equal(conn_connect(&to.conn, &w.loop, &nobody, &ops, 4096),
			 0);
	for (int i = 0; i < 20 && to.conn.connecting; i++)
		loop_turn(&w.loop, true);
	assert_int_equal(to.conn.error, ECONNREFUSED);
	conn_close(&to.conn);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets_arrive_and_the_end_is_seen),
		cmocka_unit_test(test_a_full_chain_stops_the_reading),
		cmocka_unit_test(test_a_short_write_goes_on_when_there_is_room),
		cmocka_unit_test(test_who_wants_room_is_woken),
		cmocka_unit_test(test_a_broken_pipe_is_told),
		cmocka_unit_test(regress_a_broken_pipe_leaves_the_last_words),
		cmocka_unit_test(test_the_last_words_of_a_filter_leave),
		cmocka_unit_test(
			test_what_waits_for_a_handshake_leaves_with_it),
		cmocka_unit_test(test_a_deadline_fires_by_itself),
		cmocka_unit_test(test_letters_arrive),
		cmocka_unit_test(test_a_refused_connection_is_told),
		cmocka_unit_test(test_octets_that_flow_move_an_idle_deadline),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
