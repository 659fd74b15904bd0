/* test_admin.c - lines in, lines out, over a real socket in a folder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/roles.h"
#include "net/addr.h"
#include "net/chunk.h"
#include "net/sock.h"
#include "unit.h"

struct scene {
	struct loop loop;
	struct admin *admin;
	char folder[64], path[96];
	unsigned n_asked;
};

/* Stands in the place of the C library's. */
static bool is_full;
static unsigned n_accepts;

int accept4(int fd, struct sockaddr *from, socklen_t *n, int flags)
{
	n_accepts++;
	if (!is_full)
		return (int)syscall(SYS_accept4, fd, from, n, flags);
	errno = EMFILE;
	return -1;
}

/* "later" has its answer at the third time, "never" never. */
static json_t *answer(void *arg, const json_t *request, uint64_t *memo)
{
	struct scene *s = arg;
	const char *command =
		json_string_value(json_object_get(request, "command"));
	json_t *o;

	s->n_asked++;
	if (command && strcmp(command, "later") == 0 && ++*memo < 3)
		return NULL;
	if (command && strcmp(command, "never") == 0)
		return NULL;
	if (command && strcmp(command, "more") == 0) {
		admin_answer_more(s->admin);
		return ++*memo % 3 ? NULL : json_pack("{s:I}", "n", *memo / 3);
	}
	if (command && strcmp(command, "files") == 0) {
		const int *fds;
		size_t n = admin_descriptors(s->admin, &fds);
		char octet = '-';

		if (n && pread(fds[n - 1], &octet, 1, 0) != 1)
			octet = '?';
		return json_pack("{s:i, s:s#}", "n", (int)n, "octet", &octet,
				 1);
	}
	if (command && strcmp(command, "who") == 0)
		return json_pack("{s:i, s:i}", "uid",
				 (int)admin_peer(s->admin)->uid, "gid",
				 (int)admin_peer(s->admin)->gid);
	o = admin_ok();
	json_object_set_new(o, "echo", json_string(command ? command : "-"));
	return o;
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	snprintf(s->folder, sizeof(s->folder), "/tmp/weir-admin-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->folder);
	chunk_pool_init(16 << 20);
	loop_init(&s->loop);
	s->admin = admin_new(&s->loop, sock_listen_path(s->path), answer, s);
	*state = s;
	return 0;
}

static int finish(void **state)
{
	struct scene *s = *state;

	admin_free(s->admin);
	loop_turn(&s->loop, false);
	loop_release(&s->loop);
	chunk_pool_release();
	unlink(s->path);
	rmdir(s->folder);
	free(s);
	return 0;
}

static int dial(struct scene *s)
{
	struct addr to;
	char text[128];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(text, sizeof(text), "unix:%s", s->path);
	assert_true(addr_parse(slice_of(text), &to));
	assert_int_equal(connect(fd, &to.sa, to.len), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
}

/* Turns until a line, or the end, has come. */
static const char *get(struct scene *s, int fd)
{
	static char line[1024];
	size_t n = 0;

	for (int turn = 0; turn < 10000 && n < sizeof(line) - 1; turn++) {
		ssize_t got = recv(fd, line + n, 1, MSG_DONTWAIT);

		if (got == 1 && line[n] == '\n')
			break;
		if (got == 1)
			n++;
		else if (got == 0)
			return "(end)";
		else
			loop_turn(&s->loop, true);
	}
	line[n] = '\0';
	return line;
}

static void test_lines_are_answered_in_order(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	put(fd, "{\"command\":\"one\"}\n\n{\"command\":\"later\"}\n"
		"{\"command\":\"two\"}\n");
	assert_string_equal(get(s, fd), "{\"ok\":true,\"echo\":\"one\"}");
	assert_string_equal(get(s, fd), "{\"ok\":true,\"echo\":\"later\"}");
	assert_string_equal(get(s, fd), "{\"ok\":true,\"echo\":\"two\"}");
	assert_int_equal(s->n_asked, 5);
	close(fd);
}

static void test_what_is_no_request(void **state)
{
	static const char *const lines[] = {
		"{\n",    "[]\n", "3\n", "\xff\xfe\n", "{\"a\":1,\"a\":2}\n",
		"{} {}\n"};
	struct scene *s = *state;
	int fd = dial(s);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		print_message("# %s", lines[i]);
		put(fd, lines[i]);
		assert_non_null(strstr(get(s, fd), "\"ok\":false"));
	}
	/* And the connection is still good. */
	put(fd, "{\"command\":\"x\"}\n");
	assert_string_equal(get(s, fd), "{\"ok\":true,\"echo\":\"x\"}");
	assert_int_equal(s->n_asked, 1);
	close(fd);
}

static void test_a_line_too_long(void **state)
{
	struct scene *s = *state;
	char blanks[4096];
	int fd = dial(s);

	memset(blanks, ' ', sizeof(blanks));
	for (size_t sent = 0; sent <= ADMIN_LINE_MAX; sent += sizeof(blanks))
		assert_int_equal(send(fd, blanks, sizeof(blanks), MSG_DONTWAIT),
				 sizeof(blanks));
	/* The rest of it is no request either. */
	put(fd, "rest\n{\"command\":\"x\"}\n");
	assert_non_null(strstr(get(s, fd), "at most 65536 octets"));
	assert_string_equal(get(s, fd), "(end)");
	assert_int_equal(s->n_asked, 0);
	close(fd);
}

/* Who asks and does not read is not asked for more; nothing is lost. */
static void test_who_does_not_read_waits(void **state)
{
	enum { QUESTIONS = 64, LENGTH = 48 * 1024 };
	struct scene *s = *state;
	static char room[LENGTH], command[LENGTH + 64];
	unsigned n_sent = 0, n_ends = 0;
	int fd = dial(s);
	size_t n, at = 0;

	memset(room, 'x', sizeof(room) - 1);
	n = (size_t)snprintf(command, sizeof(command), "{\"command\":\"%s\"}\n",
			     room);
	for (int idle = 0; n_sent < QUESTIONS && idle < 100; idle++) {
		ssize_t got = send(fd, command + at, n - at, MSG_DONTWAIT);

		if (got > 0) {
			at += (size_t)got;
			idle = 0;
		}
		n_sent += at == n;
		at = at == n ? 0 : at;
		loop_turn(&s->loop, false);
	}
	/* What the kernel holds for both sides, and what we allow. */
	assert_in_range(s->n_asked, 1, QUESTIONS / 2);
	assert_in_range(n_sent, s->n_asked, QUESTIONS - 1);
	for (int turn = 0; turn < 100000 && n_ends < n_sent; turn++) {
		ssize_t got = recv(fd, room, sizeof(room), MSG_DONTWAIT);

		for (ssize_t i = 0; i < got; i++)
			n_ends += room[i] == '\n';
		loop_turn(&s->loop, false);
	}
	assert_int_equal(n_ends, n_sent);
	close(fd);
}

static void test_a_file_in_the_place_of_the_socket_stays(void **state)
{
	struct scene *s = *state;
	char path[128];
	int fd;

	/* Ours answers. */
	assert_int_equal(sock_listen_path(s->path), -1);
	assert_int_equal(errno, EADDRINUSE);
	/* Nobody answers on this one. */
	snprintf(path, sizeof(path), "%s/old", s->folder);
	close(sock_listen_path(path));
	fd = sock_listen_path(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(sock_listen_path(path), -1);
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(unlink(path), 0);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Not by a second call, which another file could be in the way of. */
static void regress_the_socket_is_made_with_its_mode(void **state)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	struct scene *s = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/other", s->folder);
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		mode_t before = umask(masks[i]);
		int fd = sock_listen_path(path);

		assert_true(fd >= 0);
		assert_int_equal(umask(before), masks[i]);
		assert_int_equal(mode_of(path), 0660);
		close(fd);
		assert_int_equal(unlink(path), 0);
	}
}

/* What stands on the path now is somebody else's, and stays that. */
static void regress_only_our_own_socket_is_opened_to_be_given(void **state)
{
	struct scene *s = *state;
	char path[128];
	int file, other;

	file = sock_open_file(s->path);
	assert_true(file >= 0);
	close(file);

	snprintf(path, sizeof(path), "%s/other", s->folder);
	other = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(other);
	assert_int_equal(sock_open_file(path), -1);
	assert_int_equal(errno, ESTALE);
	unlink(path);
	assert_int_equal(symlink(s->path, path), 0);
	assert_int_equal(sock_open_file(path), -1);
	assert_int_equal(errno, ESTALE);
	unlink(path);
	/* A socket of which nobody listens any more. */
	other = sock_listen_path(path);
	close(other);
	assert_int_equal(sock_open_file(path), -1);
	assert_int_equal(errno, ESTALE);
	unlink(path);
}

static void fill_clients(struct scene *s, int fds[ADMIN_CLIENTS_MAX],
			 const char *question)
{
	struct admin_counts counts = {0};

	for (int i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		fds[i] = dial(s);
		put(fds[i], question);
	}
	while (s->n_asked < ADMIN_CLIENTS_MAX && *question)
		loop_turn(&s->loop, true);
	while (counts.clients < ADMIN_CLIENTS_MAX) {
		loop_turn(&s->loop, false);
		admin_read_counts(s->admin, &counts);
	}
}

static void regress_the_client_idle_longest_makes_room(void **state)
{
	struct scene *s = *state;
	struct admin_counts counts;
	int fds[ADMIN_CLIENTS_MAX], next;

	fill_clients(s, fds, "");
	/* The first asks, the second waits for its answer. */
	put(fds[0], "{\"command\":\"x\"}\n");
	assert_non_null(strstr(get(s, fds[0]), "x"));
	put(fds[1], "{\"command\":\"never\"}\n");
	while (s->n_asked < 2)
		loop_turn(&s->loop, true);
	next = dial(s);
	put(next, "{\"command\":\"room\"}\n");
	assert_non_null(strstr(get(s, next), "room"));
	assert_string_equal(get(s, fds[2]), "(end)");
	put(fds[0], "{\"command\":\"still\"}\n");
	assert_non_null(strstr(get(s, fds[0]), "still"));
	admin_read_counts(s->admin, &counts);
	assert_int_equal(counts.clients, ADMIN_CLIENTS_MAX);
	assert_int_equal(counts.evicted, 1);
	assert_int_equal(counts.refused, 0);
	for (int i = 0; i < ADMIN_CLIENTS_MAX; i++)
		close(fds[i]);
	close(next);
}

static void test_who_waits_for_an_answer_does_not_make_room(void **state)
{
	struct scene *s = *state;
	struct admin_counts counts;
	int fds[ADMIN_CLIENTS_MAX], next;

	fill_clients(s, fds, "{\"command\":\"never\"}\n");
	next = dial(s);
	assert_string_equal(get(s, next), "(end)");
	admin_read_counts(s->admin, &counts);
	assert_int_equal(counts.evicted, 0);
	assert_int_equal(counts.refused, 1);
	for (int i = 0; i < ADMIN_CLIENTS_MAX; i++)
		close(fds[i]);
	close(next);
}

static void test_who_leaves_while_waiting_harms_nobody(void **state)
{
	struct scene *s = *state;
	int fd = dial(s), other = dial(s);

	put(fd, "{\"command\":\"later\"}\n");
	while (s->n_asked == 0)
		loop_turn(&s->loop, true);
	close(fd);
	put(other, "{\"command\":\"x\"}\n");
	assert_string_equal(get(s, other), "{\"ok\":true,\"echo\":\"x\"}");
	close(other);
}

/* As `echo ... | nc -U -N` does: one end is closed, the answer still comes. */
static void test_half_closed(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	put(fd, "{\"command\":\"later\"}\n");
	shutdown(fd, SHUT_WR);
	assert_string_equal(get(s, fd), "{\"ok\":true,\"echo\":\"later\"}");
	assert_string_equal(get(s, fd), "(end)");
	close(fd);
}

static void test_who_asks(void **state)
{
	struct scene *s = *state;
	char expected[80];
	int fd = dial(s);

	snprintf(expected, sizeof(expected), "{\"uid\":%u,\"gid\":%u}",
		 geteuid(), getegid());
	put(fd, "{\"command\":\"who\"}\n");
	assert_string_equal(get(s, fd), expected);
	close(fd);
}

static void test_more_than_one_line_until_the_client_leaves(void **state)
{
	struct scene *s = *state;
	struct admin_counts counts;
	int fd = dial(s);

	put(fd, "{\"command\":\"more\"}\n");
	assert_string_equal(get(s, fd), "{\"n\":1}");
	assert_string_equal(get(s, fd), "{\"n\":2}");
	/* A line that comes meanwhile waits; who waits so does not idle. */
	put(fd, "{\"command\":\"x\"}\n");
	assert_string_equal(get(s, fd), "{\"n\":3}");
	shutdown(fd, SHUT_WR);
	do {
		loop_turn(&s->loop, true);
		admin_read_counts(s->admin, &counts);
	} while (counts.clients);
	close(fd);
}

/* A request with descriptors beside its first octets. */
static void put_with(int fd, const char *text, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = {.room = {0}};
	struct iovec all = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr m = {.msg_iov = &all,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	assert_int_equal(sendmsg(fd, &m, 0), (int)strlen(text));
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_descriptors_of_root(void **state)
{
	struct scene *s = *state;
	char name[] = "/tmp/weir-admin-XXXXXX";
	int file = mkstemp(name), fd = dial(s);
	const int two[] = {0, file};
	bool root = geteuid() == 0;
	unsigned before;

	unlink(name);
	assert_int_equal(write(file, "x", 1), 1);
	put(fd, "{\"command\":\"files\"}\n");
	assert_string_equal(get(s, fd), "{\"n\":0,\"octet\":\"-\"}");
	before = open_descriptors();
	put_with(fd, "{\"command\":\"files\"}\n", two, 2);
	assert_string_equal(get(s, fd), root ? "{\"n\":2,\"octet\":\"x\"}"
					     : "{\"n\":0,\"octet\":\"-\"}");
	/* What follows is read, too, though a read ends behind them. */
	put_with(fd, "{\"command\":", two, 2);
	put(fd, "\"files\"}\n");
	assert_string_equal(get(s, fd), root ? "{\"n\":2,\"octet\":\"x\"}"
					     : "{\"n\":0,\"octet\":\"-\"}");
	/* They are closed with the request, and with the client. */
	assert_int_equal(open_descriptors(), before);
	put_with(fd, "{\"command\":\"ne", two, 2);
	put(fd, "ver\"}\n");
	for (int i = 0; i < 5; i++)
		loop_turn(&s->loop, false);
	close(fd);
	close(file);
	admin_free(s->admin);
	s->admin = NULL;
	loop_turn(&s->loop, false);
	assert_true(open_descriptors() < before);
}

static void test_what_a_peer_may(void **state)
{
	gid_t others[] = {7, 30};
	const struct roles both = {.uid = 5,
				   .admin_gid = 20,
				   .has_admin = true,
				   .read_gid = 30,
				   .has_read = true};
	const struct roles none = {.uid = 5, .admin_gid = 20};
	const struct {
		struct admin_peer peer;
		enum role with_both, with_none;
	} cases[] = {
		{{.uid = 0, .gid = 9}, ROLE_ADMIN, ROLE_ADMIN},
		{{.uid = 5, .gid = 9}, ROLE_ADMIN, ROLE_ADMIN},
		{{.uid = 9, .gid = 20}, ROLE_ADMIN, ROLE_ADMIN},
		{{.uid = 9, .gid = 30}, ROLE_READ, ROLE_NONE},
		{{.uid = 9, .gid = 9, others, 2}, ROLE_READ, ROLE_NONE},
		{{.uid = 9, .gid = 9, others, 1}, ROLE_NONE, ROLE_NONE},
		{{.uid = (uid_t)-1, .gid = (gid_t)-1}, ROLE_NONE, ROLE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(role_of(&both, &cases[i].peer),
				 cases[i].with_both);
		assert_int_equal(role_of(&none, &cases[i].peer),
				 cases[i].with_none);
	}
}

static void regress_who_waits_for_a_descriptor_does_not_wake_us(void **state)
{
	struct scene *s = *state;
	int fd = dial(s);

	put(fd, "{\"command\":\"status\"}\n");
	is_full = true;
	n_accepts = 0;
	for (int turn = 0; turn < 50; turn++)
		loop_turn(&s->loop, false);
	assert_int_equal(n_accepts, 1);
	/* Nor is it forgotten. */
	is_full = false;
	assert_string_equal(get(s, fd), "{\"ok\":true,\"echo\":\"status\"}");
	close(fd);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		SCENE(test_lines_are_answered_in_order),
		SCENE(test_what_is_no_request),
		SCENE(test_a_line_too_long),
		SCENE(regress_who_waits_for_a_descriptor_does_not_wake_us),
		SCENE(test_who_does_not_read_waits),
		SCENE(test_a_file_in_the_place_of_the_socket_stays),
		SCENE(regress_the_socket_is_made_with_its_mode),
		SCENE(regress_only_our_own_socket_is_opened_to_be_given),
		SCENE(regress_the_client_idle_longest_makes_room),
		SCENE(test_who_waits_for_an_answer_does_not_make_room),
		SCENE(test_who_leaves_while_waiting_harms_nobody),
		SCENE(test_half_closed),
		SCENE(test_who_asks),
		SCENE(test_descriptors_of_root),
		SCENE(test_more_than_one_line_until_the_client_leaves),
		cmocka_unit_test(test_what_a_peer_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
