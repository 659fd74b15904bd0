/* test_h1_stream.c - where a body ends that ends with its connection. */
#include "stream/h1_stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static void on_event(struct conn *c)
{
	(void)c;
}

static const struct conn_ops ops = {on_event, on_event};

/* Reads the whole of a body that a peer sends before it closes. */
static enum io read_to_the_end(int write_error)
{
	const struct framing framing = {.kind = FRAMING_CLOSE};
	struct stream s = {.ops = &h1_back_ops};
	struct loop loop;
	struct chain body;
	struct conn conn;
	enum io io;
	int fds[2];

	loop_init(&loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(conn_open(&conn, &loop, fds[0], &ops, 65536), 0);
	s.conn = &conn;
	stream_expect_body(&s, &framing);
	chain_init(&body, 65536);
	assert_int_equal(send(fds[1], "half", 4, 0), 4);
	close(fds[1]);
	loop_turn(&loop, true);
	conn.write_error = write_error;
	io = s.ops->read_body(&s, &body, 65536);
	assert_slice(chain_front(&body), "half");
	chain_release(&body);
	conn_close(&conn);
	loop_release(&loop);
	return io;
}

static void test_the_end_of_the_connection_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(read_to_the_end(0), IO_DONE);
}

/* The kernel tells of a reset once. When a write was told, the read that
 * follows finds what looks like an orderly end. */
static void test_but_not_when_a_write_was_told_of_a_reset(void **state)
{
	(void)state;
	assert_int_equal(read_to_the_end(ECONNRESET), IO_CLOSED);
}

static enum io has_no_room(struct filter *f, struct chain *plain)
{
	(void)f;
	return plain->n < 10 ? IO_AGAIN : IO_DONE;
}

static void no_end(struct filter *f)
{
	(void)f;
}

/* Half a head has been decoded, and then there was no memory for the rest. */
static void test_a_head_without_room_is_no_reason_to_wait(void **state)
{
	static const struct filter_ops filter_ops = {
		.decode = has_no_room,
		.free = no_end,
	};
	struct filter filter = {.ops = &filter_ops, .established = true};
	struct stream s = {.ops = &h1_front_ops};
	struct field fields[10];
	struct http_head head = {.fields = fields, .max_fields = 10};
	enum reason why;
	struct loop loop;
	struct conn conn;
	int fds[2];

	(void)state;
	loop_init(&loop);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(conn_open(&conn, &loop, fds[0], &ops, 65536), 0);
	s.conn = &conn;
	conn.filter = &filter;
	conn.held = true;
	assert_true(chain_copy(&conn.in, SLICE("GET / HTTP/1.1\r\nHo")));
	assert_int_equal(s.ops->read_head(&s, &head, &why), IO_FAILED);
	assert_int_equal(why, REASON_OVERLOADED);
	conn_close(&conn);
	close(fds[1]);
	loop_release(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end_of_the_connection_is_the_end),
		cmocka_unit_test(test_but_not_when_a_write_was_told_of_a_reset),
		cmocka_unit_test(test_a_head_without_room_is_no_reason_to_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
