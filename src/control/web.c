#include "web.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "http/h1_write.h"
#include "net/listening.h"
#include "net/sock.h"
#include "stream/h1_stream.h"

enum {
	/* Octets of each chain of a connection: a few heads that came at once,
	 * and what of an answer waits for room. */
	WEB_CHAIN_LIMIT = 32 * 1024,
	/* An answer is not cut into smaller parts than this. */
	PART_MIN = 4 * 1024,
	/* Parts in one turn; then others have theirs. */
	PARTS_A_TURN = 16,
	/* Who was told that the connection ends has so long to end it, too. */
	LINGER_MS = 2000,
	LINGER_OCTETS = 1 << 20, /* dropped meanwhile, at most */
	/* No descriptor was free. */
	RETRY_MS = 250,
	OUT_FIELDS = WEB_FIELDS_MAX + 4,
};

enum visitor_state {
	VISITOR_IDLE,     /* nothing of a request has come */
	VISITOR_ASKING,   /* its head is read */
	VISITOR_ANSWERED, /* the answer leaves */
	VISITOR_LINGERING,
	VISITOR_CLOSED,
};

struct visitor {
	struct conn conn; /* first: comes back from it */
	struct h1_stream stream;
	struct retired retired;
	struct list node; /* in web->visitors; who asked last stands last */
	struct web *web;
	struct web_answer answer;
	size_t sent;   /* octets of the body's text that are on their way */
	uint8_t state; /* enum visitor_state; written by visitor_enter() */
};

struct web {
	struct loop *loop;
	struct listening *socket; /* one reference */
	struct loop_watch *watch; /* NULL: no descriptor was free */
	struct loop_watch *retry;
	const struct web_page *pages;
	size_t n_pages;
	void *arg;
	struct web_names names;
	struct list visitors;
	struct web_counts counts;
	struct field fields[HEAD_FIELDS_MAX]; /* of the head being read */
	char path[WEB_PATH_ROOM];
};

#define TO(state) (1u << VISITOR_##state)

static const struct {
	const char *name;
	unsigned leads_to;
} states[] = {
	[VISITOR_IDLE] = {"idle", TO(ASKING) | TO(CLOSED)},
	[VISITOR_ASKING] = {"asking", TO(ANSWERED) | TO(CLOSED)},
	[VISITOR_ANSWERED] = {"answered",
			      TO(IDLE) | TO(LINGERING) | TO(CLOSED)},
	[VISITOR_LINGERING] = {"lingering", TO(CLOSED)},
	[VISITOR_CLOSED] = {"closed", 0},
};

/* The only function that changes v->state. */
static void visitor_enter(struct visitor *v, enum visitor_state state)
{
	if (!(states[v->state].leads_to & (1u << state)))
		BUG("web: %s -> %s", states[v->state].name, states[state].name);
	v->state = (uint8_t)state;
}

static void answer_release(struct web_answer *a)
{
	if (a->release)
		a->release(a->state);
	text_release(&a->body);
	*a = (struct web_answer){0};
}

static void visitor_free(struct retired *r)
{
	free(list_entry(r, struct visitor, retired));
}

static void visitor_drop(struct visitor *v)
{
	if (v->state == VISITOR_CLOSED)
		return;
	visitor_enter(v, VISITOR_CLOSED);
	conn_close(&v->conn);
	answer_release(&v->answer);
	list_remove(&v->node);
	v->web->counts.clients--;
	loop_retire(v->web->loop, &v->retired, visitor_free);
}

/* -- the end of an answer -------------------------------------------------- */

static void visitor_go_idle(struct visitor *v)
{
	struct conn *c = &v->conn;

	visitor_enter(v, VISITOR_IDLE);
	conn_deadline(c, WEB_IDLE_MS);
	/* What came meanwhile, the end too, was announced meanwhile. */
	if (c->readable || c->in.n || c->peer_closed)
		loop_again(c->loop, c);
}

/* Closing with octets unread would be a reset, which takes back an answer that
 * has not been read. */
static void visitor_linger(struct visitor *v)
{
	visitor_enter(v, VISITOR_LINGERING);
	conn_shut_after_write(&v->conn);
	conn_deadline(&v->conn, LINGER_MS);
	loop_again(v->conn.loop, &v->conn);
}

static void on_over(struct h1_stream *h, enum h1_over how)
{
	struct visitor *v = list_entry(h, struct visitor, stream);

	answer_release(&v->answer);
	if (how == H1_KEEP)
		visitor_go_idle(v);
	else
		visitor_linger(v);
}

static void go_on_lingering(struct visitor *v)
{
	struct conn *c = &v->conn;
	uint64_t before = c->n_read - c->in.n;
	enum io io = conn_look_for_end(c);

	chain_drain(&c->in, c->in.n);
	if (io == IO_FAILED || c->write_error ||
	    (io == IO_CLOSED && c->sent_fin) ||
	    c->n_read - before > LINGER_OCTETS) {
		visitor_drop(v);
		return;
	}
	if (!c->sent_fin)
		c->wants_room = true; /* wakes us when it was sent */
	if (io == IO_DONE)
		loop_again(c->loop, c);
}

/* -- an answer on its way -------------------------------------------------- */

static void field_add(struct http_head *head, struct slice name,
		      struct slice value)
{
	assert(head->n_fields < head->max_fields);
	head->fields[head->n_fields++] =
		(struct field){.name = name, .value = value};
}

static void fill_head(struct http_head *head, const struct web_answer *a)
{
	head->status = (uint16_t)a->status;
	field_add(head, SLICE("Date"),
		  slice_make(clock_http_date(), CLOCK_HTTP_DATE_OCTETS));
	field_add(head, SLICE("Content-Type"), a->content_type);
	field_add(head, SLICE("Cache-Control"), SLICE("no-store"));
	field_add(head, SLICE("X-Content-Type-Options"), SLICE("nosniff"));
	for (size_t i = 0; i < a->n_fields; i++)
		field_add(head, a->fields[i].name, a->fields[i].value);
}

static struct body body_of(const struct web_answer *a, bool head_only)
{
	struct body body = {.length = a->body.n};

	if (a->more)
		body.kind = head_only ? BODY_NONE : BODY_UNKNOWN;
	else
		body.kind = head_only ? BODY_OMITTED : BODY_LENGTH;
	return body;
}

/* Makes the next part the body's text; false: there is none. */
static bool answer_go_on(struct visitor *v)
{
	struct web_answer *a = &v->answer;

	a->body.n = 0;
	v->sent = 0;
	return a->more && a->more(a);
}

/* At most as much as there is room for. */
static bool send_part(struct visitor *v, struct slice part)
{
	struct stream *s = &v->stream.stream;
	struct chain piece;
	bool good;

	chain_init(&piece, (uint32_t)part.n);
	good = chain_copy(&piece, part) && s->ops->write_body(s, &piece);
	chain_release(&piece);
	v->sent += part.n;
	return good;
}

enum { SENT_ALL, SENT_SOME, SENT_FAILED };

static int send_parts(struct visitor *v)
{
	struct stream *s = &v->stream.stream;

	for (int i = 0; i < PARTS_A_TURN; i++) {
		struct slice rest =
			slice_from(text_slice(&v->answer.body), v->sent);
		size_t room = s->ops->room(s);

		if (rest.n == 0 && !answer_go_on(v))
			return s->ops->end_body(s, NULL) ? SENT_ALL
							 : SENT_FAILED;
		if (rest.n == 0)
			continue;
		if (room < PART_MIN) {
			conn_write_out(&v->conn);
			room = s->ops->room(s);
		}
		if (room < PART_MIN) {
			s->ops->want_room(s);
			return SENT_SOME;
		}
		if (!send_part(v, slice_first(rest, room)))
			return SENT_FAILED;
	}
	s->ops->again(s);
	return SENT_SOME;
}

/* The time of a request runs until all of its answer has left. */
static void go_on_answering(struct visitor *v)
{
	struct stream *s = &v->stream.stream;
	int sent = s->out_done ? SENT_ALL : send_parts(v);

	if (sent == SENT_ALL) {
		conn_write_out(&v->conn);
		if (!conn_unsent(&v->conn) && !v->conn.write_error) {
			s->ops->finish(s, true);
			return;
		}
		s->ops->want_room(s);
	}
	if (sent == SENT_FAILED || v->conn.write_error)
		visitor_drop(v);
}

/* What v->answer says. `last`: the connection ends with it. */
static void visitor_answer(struct visitor *v, bool head_only, bool last)
{
	struct stream *s = &v->stream.stream;
	struct field fields[OUT_FIELDS];
	struct http_head head = {
		.fields = fields,
		.max_fields = OUT_FIELDS,
		.version = HTTP_1_1,
	};
	struct outgoing out = {
		.head = &head,
		.body = body_of(&v->answer, head_only),
		.n_leading = 2,
		.is_ours = true,
		.last = last,
	};

	visitor_enter(v, VISITOR_ANSWERED);
	fill_head(&head, &v->answer);
	if (!s->ops->write_head(s, &out))
		visitor_drop(v);
	else
		go_on_answering(v);
}

/* -- requests -------------------------------------------------------------- */

void web_say(struct web_answer *a, unsigned status, const char *sentence)
{
	a->status = status;
	text_addf(&a->body, "%s\n", sentence);
}

static void answer_refuse(struct web_answer *a, unsigned status)
{
	struct slice phrase = http_phrase(status);

	a->status = status;
	text_addf(&a->body, "%u %.*s\n", status, SLICE_ARG(phrase));
	if (status == 405)
		a->fields[a->n_fields++] = (struct field){
			.name = SLICE("Allow"), .value = SLICE("GET, HEAD")};
}

static const struct web_page *web_find(const struct web *web, struct slice path)
{
	for (size_t i = 0; i < web->n_pages; i++)
		if (slice_eq(web->pages[i].path, path))
			return &web->pages[i];
	return NULL;
}

static void answer_fill(struct visitor *v, const struct http_head *head)
{
	struct web *web = v->web;
	struct web_request q;
	unsigned why = web_read_request(head, &web->names, web->path, &q);
	const struct web_page *page = why ? NULL : web_find(web, q.path);

	/* What a body is to be for is unknown. */
	if (!why && !v->stream.stream.in_done)
		why = 413;
	if (!why && !page)
		why = 404;
	if (why)
		answer_refuse(&v->answer, why);
	else
		page->answer(web->arg, &q, &v->answer);
}

static void answer_begin(struct web_answer *a)
{
	*a = (struct web_answer){
		.status = 200,
		.content_type = SLICE("text/plain; charset=utf-8"),
	};
}

static unsigned status_of(enum reason why)
{
	switch (why) {
	case REASON_FIELD_TOO_LARGE:
	case REASON_TOO_MANY_FIELDS:
		return 431;
	default:
		return (unsigned)reason_status(why);
	}
}

/* It could not be read, or not in time: nothing behind it can be, either. */
static void visitor_refuse(struct visitor *v, unsigned status)
{
	v->sent = 0;
	answer_begin(&v->answer);
	answer_refuse(&v->answer, status);
	visitor_answer(v, false, true);
}

static void visitor_serve(struct visitor *v, struct http_head *head)
{
	struct stream *s = &v->stream.stream;
	bool head_only = head->method_id == METHOD_HEAD;

	v->sent = 0;
	answer_begin(&v->answer);
	answer_fill(v, head);
	s->ops->drop_head(s, head);
	visitor_answer(v, head_only, !s->in_done);
}

static void go_on_asking(struct visitor *v)
{
	struct stream *s = &v->stream.stream;
	struct http_head head = {
		.fields = v->web->fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	enum reason why;

	switch (s->ops->read_head(s, &head, &why)) {
	case IO_AGAIN:
		return;
	case IO_DONE:
		v->web->counts.requests++;
		visitor_serve(v, &head);
		return;
	case IO_FAILED:
		if (why) {
			v->web->counts.requests++;
			visitor_refuse(v, status_of(why));
			return;
		}
		break;
	case IO_CLOSED:
		break;
	}
	visitor_drop(v);
}

static void go_on_idle(struct visitor *v)
{
	static const struct h1_client facts = {
		.desync = DESYNC_DEFENSIVE,
		.limits = &web_limits,
	};
	struct conn *c = &v->conn;

	if (c->in.n == 0) {
		enum io io = conn_fill(c);

		if (c->in.n == 0) {
			if (io == IO_CLOSED || io == IO_FAILED)
				visitor_drop(v);
			return;
		}
	}
	visitor_enter(v, VISITOR_ASKING);
	list_remove(&v->node);
	list_push_back(&v->web->visitors, &v->node);
	conn_deadline(c, WEB_REQUEST_MS);
	h1_front_begin(&v->stream, c, &facts, on_over);
	go_on_asking(v);
}

static void on_ready(struct conn *conn)
{
	struct visitor *v = list_entry(conn, struct visitor, conn);

	switch ((enum visitor_state)v->state) {
	case VISITOR_IDLE:
		go_on_idle(v);
		return;
	case VISITOR_ASKING:
		go_on_asking(v);
		return;
	case VISITOR_ANSWERED:
		go_on_answering(v);
		return;
	case VISITOR_LINGERING:
		go_on_lingering(v);
		return;
	case VISITOR_CLOSED:
		return;
	}
	BUG("web: state %d", v->state);
}

static void on_expired(struct conn *conn)
{
	struct visitor *v = list_entry(conn, struct visitor, conn);

	switch ((enum visitor_state)v->state) {
	case VISITOR_ASKING:
		v->web->counts.expired++;
		conn_deadline(conn, LINGER_MS);
		visitor_refuse(v, 408);
		return;
	case VISITOR_ANSWERED:
		v->web->counts.expired++;
		/* Nobody is to take the half of an answer for the whole. */
		(void)conn_deliver(conn);
		break;
	default:
		break;
	}
	visitor_drop(v);
}

static const struct conn_ops visitor_ops = {
	.ready = on_ready,
	.expired = on_expired,
};

/* -- connections ----------------------------------------------------------- */

/* The one idle longest makes room; who has asked is not idle. */
static bool web_make_room(struct web *web)
{
	if (web->counts.clients < WEB_CLIENTS_MAX)
		return true;
	list_foreach_safe (node, &web->visitors) {
		struct visitor *v = list_entry(node, struct visitor, node);

		if (v->state != VISITOR_IDLE)
			continue;
		web->counts.evicted++;
		visitor_drop(v);
		return true;
	}
	web->counts.refused++;
	return false;
}

static void visitor_new(struct web *web, int fd_take)
{
	struct visitor *v = web_make_room(web) ? calloc(1, sizeof(*v)) : NULL;

	if (!v || conn_open(&v->conn, web->loop, fd_take, &visitor_ops,
			    WEB_CHAIN_LIMIT)) {
		free(v);
		close(fd_take);
		return;
	}
	v->web = web;
	list_push_back(&web->visitors, &v->node);
	web->counts.clients++;
	conn_deadline(&v->conn, WEB_REQUEST_MS);
}

static void on_connection(int fd, int what, void *arg)
{
	struct web *web = arg;
	struct addr peer;
	int got = sock_accept(fd, &peer);

	(void)what;
	if (got >= 0) {
		visitor_new(web, got);
		return;
	}
	/* It stays in the queue until a descriptor is free, and would wake us
	 * until then. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == ENOBUFS) {
		loop_watch_free(web->watch);
		web->watch = NULL;
		loop_watch_rearm(web->retry, RETRY_MS);
	}
}

static void web_watch(struct web *web)
{
	web->watch = loop_watch_fd(web->loop, web->socket->fd, LOOP_READ,
				   on_connection, web);
	if (!web->watch)
		loop_watch_rearm(web->retry, RETRY_MS);
}

static void on_retry(int fd, int what, void *arg)
{
	struct web *web = arg;

	(void)fd;
	(void)what;
	if (!web->watch)
		web_watch(web);
}

struct web *web_new(struct loop *loop, struct listening *socket_take,
		    const struct web_page *pages, size_t n_pages, void *arg)
{
	struct web *web = xcalloc(1, sizeof(*web));

	web->loop = loop;
	web->socket = socket_take;
	web->pages = pages;
	web->n_pages = n_pages;
	web->arg = arg;
	list_init(&web->visitors);
	web->retry = loop_watch_timer(loop, RETRY_MS, on_retry, web);
	web_watch(web);
	return web;
}

void web_free(struct web *web)
{
	if (!web)
		return;
	list_foreach_safe (node, &web->visitors)
		visitor_drop(list_entry(node, struct visitor, node));
	loop_watch_free(web->watch);
	loop_watch_free(web->retry);
	listening_unref(web->socket);
	free(web);
}

void web_rename(struct web *web, const struct web_names *names)
{
	web->names = *names;
}

void web_read_counts(const struct web *web, struct web_counts *out)
{
	*out = web ? web->counts : (struct web_counts){0};
}
