#include "admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "net/conn.h"
#include "net/sock.h"

struct client {
	struct conn conn;
	struct retired retired;
	struct list node; /* in admin->clients: who asked last stands last */
	struct admin *admin;
	json_t *request; /* not answered yet; NULL: none */
	uint64_t memo;
	struct admin_peer peer;
	int *fds; /* that came with the request; n_fds of them; owned */
	size_t n_fds;
	bool more; /* the request has had an answer, and waits for more */
	bool deaf; /* whatever comes now is thrown away */
	bool gone;
};

struct admin {
	struct loop *loop;
	int fd;
	struct loop_watch *watch;  /* NULL while no descriptor is free */
	struct loop_watch *reopen; /* looks whether one is */
	struct loop_watch *retry;  /* runs while somebody waits */
	uint64_t retry_at_ms;      /* when it fires; 0: it does not run */
	admin_answer_fn *answer;
	void *arg;
	struct list clients;
	struct client *asking; /* while a command is asked; else NULL */
	struct admin_counts counts;
};

json_t *admin_error(const char *format, ...)
{
	json_t *o = json_object();
	char sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	json_object_set_new(o, "ok", json_false());
	json_object_set_new(o, "error", json_string_nocheck(sentence));
	return o;
}

json_t *admin_ok(void)
{
	json_t *o = json_object();

	json_object_set_new(o, "ok", json_true());
	return o;
}

static void close_descriptors(struct client *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	free(c->fds);
	c->fds = NULL;
	c->n_fds = 0;
}

static void free_client(struct retired *r)
{
	struct client *c = list_entry(r, struct client, retired);

	free(c->peer.groups);
	free(c);
}

const struct admin_peer *admin_peer(const struct admin *a)
{
	return &a->asking->peer;
}

size_t admin_descriptors(const struct admin *a, const int **fds)
{
	*fds = a->asking->fds;
	return a->asking->n_fds;
}

void admin_answer_more(struct admin *a)
{
	a->asking->more = true;
}

/* Nobody and in no group, where the kernel does not tell. */
static void read_peer(int fd, struct admin_peer *peer)
{
	struct ucred who = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t n = sizeof(who);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n);
	peer->uid = who.uid;
	peer->gid = who.gid;
	n = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &n) == 0 ||
	    errno != ERANGE)
		return;
	peer->groups = xmalloc(n);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &n) == 0)
		peer->n_groups = n / sizeof(*peer->groups);
}

static void client_drop(struct client *c)
{
	if (c->gone)
		return;
	c->gone = true;
	conn_close(&c->conn);
	list_remove(&c->node);
	c->admin->counts.clients--;
	json_decref(c->request);
	c->request = NULL;
	close_descriptors(c);
	loop_retire(c->admin->loop, &c->retired, free_client);
}

static void client_touch(struct client *c)
{
	list_remove(&c->node);
	list_push_back(&c->admin->clients, &c->node);
}

static void client_say(struct client *c, json_t *answer_take)
{
	/* What cannot be written (octets that are no UTF-8 in a name) still
	 * gets an answer. */
	char *text = json_dumps(answer_take, JSON_COMPACT);
	bool sent;

	json_decref(answer_take);
	if (!text)
		text = xstrdup("{\"ok\":false,\"error\":\"the answer is not "
			       "text\"}");
	sent = chain_copy(&c->conn.out, slice_of(text)) &&
	       chain_copy(&c->conn.out, SLICE("\n"));
	free(text);
	if (!sent) {
		client_drop(c);
		return;
	}
	conn_dirty(&c->conn);
	conn_deadline(&c->conn, ADMIN_IDLE_MS);
}

static bool is_behind(const struct client *c)
{
	return conn_unsent(&c->conn) >= ADMIN_UNREAD_MAX;
}

/* The timer is moved only where it would be too late. */
static void retry_in(struct admin *a, uint64_t ms)
{
	uint64_t at = clock_now_ms() + ms;

	if (a->retry_at_ms && a->retry_at_ms <= at)
		return;
	a->retry_at_ms = at;
	loop_watch_rearm(a->retry, ms);
}

/* Asks the command; false while it has no answer. */
static bool client_try_answer(struct client *c)
{
	struct admin *a = c->admin;
	json_t *answer = NULL;
	bool more;

	/* What it has not read yet, waits where it comes from. */
	if (!c->more || !is_behind(c)) {
		a->asking = c;
		more = c->more;
		c->more = false;
		answer = a->answer(a->arg, c->request, &c->memo);
		c->more |= !answer && more;
		a->asking = NULL;
	}
	if (!answer || c->more)
		retry_in(a,
			 c->more && !answer ? ADMIN_FOLLOW_MS : ADMIN_RETRY_MS);
	if (!answer)
		return false;
	if (!c->more) {
		json_decref(c->request);
		c->request = NULL;
		close_descriptors(c);
	}
	client_say(c, answer);
	return true;
}

static void client_take_line(struct client *c, struct slice line)
{
	json_error_t error;
	json_t *request;

	if (slice_trim(line).n == 0)
		return;
	client_touch(c);
	request = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(request)) {
		json_decref(request);
		client_say(c,
			   admin_error(request ? "a request is one JSON object"
					       : "not JSON: %s",
				       error.text));
		return;
	}
	c->request = request;
	c->memo = 0;
	client_try_answer(c);
}

/* Takes lines as long as they can be answered at once. */
static void take_lines(struct client *c)
{
	struct chain *in = &c->conn.in;

	while (!c->gone && !c->request && !is_behind(c) && in->n > 0) {
		struct slice all;
		size_t end;

		if (c->deaf) {
			chain_release(in);
			return;
		}
		if (!chain_linearise(in, in->n)) {
			client_drop(c);
			return;
		}
		all = chain_front(in);
		end = slice_find(all, '\n');
		if (end == all.n && end < ADMIN_LINE_MAX)
			return;
		if (end >= ADMIN_LINE_MAX) {
			client_say(c, admin_error(
					      "a request has at most %d octets",
					      ADMIN_LINE_MAX));
			if (!c->gone)
				conn_shut_after_write(&c->conn);
			c->deaf = true;
			continue;
		}
		client_take_line(c, slice_first(all, end));
		if (!c->gone)
			chain_drain(in, end + 1);
	}
}

/*
 * Descriptors lie beside the octets that they came with, and are lost with a
 * read that has no room for them. So they are looked for before the first
 * octets of a request are read; a look makes copies, which are ours.
 */
static bool look_for_descriptors(struct client *c)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FILE_LENT_MAX * sizeof(int))];
	} control;
	char octet;
	struct iovec one = {&octet, 1};
	struct msghdr m = {.msg_iov = &one,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	const struct cmsghdr *head;

	if (recvmsg(c->conn.fd, &m,
		    MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
		return false;
	head = CMSG_FIRSTHDR(&m);
	if (!head || head->cmsg_level != SOL_SOCKET ||
	    head->cmsg_type != SCM_RIGHTS)
		return false;
	close_descriptors(c);
	c->n_fds = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	c->fds = xmalloc((c->n_fds + 1) * sizeof(int));
	memcpy(c->fds, CMSG_DATA(head), c->n_fds * sizeof(int));
	return true;
}

/* A read ends behind octets that came with descriptors, however much follows:
 * it is short, and yet the socket is not empty. */
static enum io fill(struct client *c, bool *has_descriptors)
{
	enum io io = conn_fill(&c->conn);

	if (io != IO_AGAIN || !*has_descriptors)
		return io;
	*has_descriptors = false;
	c->conn.readable = true;
	return conn_fill(&c->conn);
}

static void on_ready(struct conn *conn)
{
	struct client *c = list_entry(conn, struct client, conn);
	bool has_descriptors;
	enum io io;

	if (c->gone)
		return;
	has_descriptors = c->peer.uid == 0 && !c->request && conn->in.n == 0 &&
			  look_for_descriptors(c);
	do {
		io = fill(c, &has_descriptors);
		take_lines(c);
	} while (!c->gone && io == IO_DONE && chain_room(&conn->in) > 0);
	if (c->gone)
		return;
	/* Who has ended its side has asked all it will; the answers still
	 * leave. */
	if (io == IO_FAILED || conn->write_error ||
	    (conn->shut && conn_unsent(conn) == 0) ||
	    (io == IO_CLOSED && c->more))
		client_drop(c);
	else if (is_behind(c))
		conn->wants_room = true;
	else if (io == IO_CLOSED && !c->request) {
		if (conn_unsent(conn) == 0)
			client_drop(c);
		else
			conn_shut_after_write(conn);
		conn->wants_room = true;
	}
}

static void on_expired(struct conn *conn)
{
	struct client *c = list_entry(conn, struct client, conn);

	/* Who waits for an answer is not idle. */
	if (c->request)
		conn_deadline(conn, ADMIN_IDLE_MS);
	else
		client_drop(c);
}

static const struct conn_ops client_conn_ops = {
	.ready = on_ready,
	.expired = on_expired,
};

static void on_retry(int fd, int what, void *arg)
{
	struct admin *a = arg;

	(void)fd;
	(void)what;
	a->retry_at_ms = 0;
	list_foreach_safe (node, &a->clients) {
		struct client *c = list_entry(node, struct client, node);

		if (c->request && client_try_answer(c))
			on_ready(&c->conn);
	}
}

/* The one idle longest makes room; who waits for an answer is not idle. */
static bool make_room(struct admin *a)
{
	if (a->counts.clients < ADMIN_CLIENTS_MAX)
		return true;
	list_foreach_safe (node, &a->clients) {
		struct client *c = list_entry(node, struct client, node);

		if (c->request)
			continue;
		a->counts.evicted++;
		client_drop(c);
		return true;
	}
	a->counts.refused++;
	return false;
}

/* Who waits in the queue would wake us until a descriptor is free. */
static void pause_accepting(struct admin *a, int error)
{
	if (error != EMFILE && error != ENFILE && error != ENOMEM &&
	    error != ENOBUFS)
		return;
	loop_watch_free(a->watch);
	a->watch = NULL;
	loop_watch_rearm(a->reopen, ADMIN_REOPEN_MS);
}

static void on_connection(int fd, int what, void *arg)
{
	struct admin *a = arg;
	struct addr peer;
	struct client *c;
	int got = sock_accept(fd, &peer);

	(void)what;
	if (got < 0) {
		pause_accepting(a, errno);
		return;
	}
	c = make_room(a) ? xcalloc(1, sizeof(*c)) : NULL;
	/* One octet more than a line, so that too long can be seen. */
	if (!c || conn_open(&c->conn, a->loop, got, &client_conn_ops,
			    ADMIN_LINE_MAX + 1)) {
		free(c);
		close(got);
		return;
	}
	c->admin = a;
	read_peer(got, &c->peer);
	list_push_back(&a->clients, &c->node);
	a->counts.clients++;
	conn_deadline(&c->conn, ADMIN_IDLE_MS);
}

static void on_reopen(int fd, int what, void *arg)
{
	struct admin *a = arg;

	(void)fd;
	(void)what;
	if (a->watch)
		return;
	a->watch = loop_watch_fd(a->loop, a->fd, LOOP_READ, on_connection, a);
	if (!a->watch)
		loop_watch_rearm(a->reopen, ADMIN_REOPEN_MS);
}

struct admin *admin_new(struct loop *loop, int fd_take, admin_answer_fn *answer,
			void *arg)
{
	struct admin *a = xcalloc(1, sizeof(*a));

	a->loop = loop;
	a->fd = fd_take;
	a->answer = answer;
	a->arg = arg;
	list_init(&a->clients);
	a->watch = loop_watch_fd(loop, fd_take, LOOP_READ, on_connection, a);
	if (!a->watch)
		fail_exit("the admin socket cannot be watched: %s",
			  strerror(errno));
	a->retry = loop_watch_timer(loop, ADMIN_RETRY_MS, on_retry, a);
	a->reopen = loop_watch_timer(loop, ADMIN_REOPEN_MS, on_reopen, a);
	return a;
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	list_foreach_safe (node, &a->clients)
		client_drop(list_entry(node, struct client, node));
	loop_watch_free(a->watch);
	loop_watch_free(a->retry);
	loop_watch_free(a->reopen);
	close(a->fd);
	free(a);
}

void admin_read_counts(const struct admin *a, struct admin_counts *out)
{
	*out = a ? a->counts : (struct admin_counts){0};
}
