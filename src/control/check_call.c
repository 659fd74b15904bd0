#include "check_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "stream/h2_session.h"

enum {
	ANSWER_WINDOW = 65535,
	BODIES_MOST = 256 * 1024,
	/* Whoever runs the check keeps the time. */
	NO_LIMIT_MS = 24 * 3600 * 1000,
	FIELDS_MOST = HEAD_FIELDS_MAX,
	LOCATION_MOST = 200,
};

struct check_call {
	struct h2_session *session; /* owned */
	struct stream *stream;      /* ours until it is finished */
	const struct stream_ops *ops;
	bool is_grpc;
	bool has_head;
	uint16_t status;
	int grpc_status;
	size_t n_location;
	char location[LOCATION_MOST];
	size_t most, n; /* octets of `body` */
	char body[];
};

static void on_stream(struct h2_session *hs, struct stream *s)
{
	(void)hs; /* it is asked once the session has run */
	(void)s;
}

static void on_left(struct h2_session *hs)
{
	(void)hs;
}

static void on_glitch(struct h2_session *hs, enum glitch g, const char *text)
{
	(void)hs; /* the end of the session tells */
	(void)g;
	(void)text;
}

static const struct h2_owner owner = {
	.ready = on_stream,
	.left = on_left,
	.glitch = on_glitch,
};

/* -- what is asked --------------------------------------------------------- */

/* A message without a field, not compressed: gRPC over HTTP/2. */
#define EMPTY_MESSAGE SLICE("\0\0\0\0\0")

static bool send_message(struct stream *s)
{
	struct chain message;
	bool sent;

	chain_init(&message, UINT32_MAX);
	sent = chain_copy(&message, EMPTY_MESSAGE) &&
	       s->ops->write_body(s, &message) && s->ops->end_body(s, NULL);
	chain_release(&message);
	return sent;
}

static bool send_request(struct check_call *call,
			 const struct check_call_spec *spec)
{
	struct field fields[] = {
		{.name = SLICE("user-agent"),
		 .value = SLICE("ELB-HealthChecker/2.0")},
		{.name = SLICE("content-type"),
		 .value = SLICE("application/grpc")},
	};
	const struct http_head head = {
		.fields = fields,
		.n_fields = spec->is_grpc ? 2 : 1,
		.version = HTTP_2,
		.method = spec->is_grpc ? SLICE("POST") : SLICE("GET"),
		.method_id = spec->is_grpc ? METHOD_POST : METHOD_GET,
		.target = spec->path,
		.authority = spec->host,
		.secure = spec->secure,
		.takes_trailers = spec->is_grpc,
	};
	const struct body body = {.kind = spec->is_grpc ? BODY_UNKNOWN
							: BODY_NONE};
	struct prepared request = {.head_only = false};
	struct stream *s = call->stream;
	bool sent = call->ops->prepare(&head, &body, &request) &&
		    call->ops->send(s, &request) &&
		    (!spec->is_grpc || send_message(s));

	prepared_release(&request);
	return sent;
}

struct check_call *check_call_new(struct conn *c,
				  const struct check_call_spec *spec)
{
	const struct h2_options options = {
		.ops = &owner,
		.streams = 1,
		.window = ANSWER_WINDOW,
		.in_most = BODIES_MOST,
		.preface_ms = NO_LIMIT_MS,
	};
	struct check_call *call = xcalloc(1, sizeof(*call) + spec->body_most);

	call->most = spec->body_most;
	call->is_grpc = spec->is_grpc;
	call->grpc_status = CALL_NO_GRPC_STATUS;
	call->session = h2_session_new(c, &options);
	if (call->session)
		call->stream = h2_session_open(call->session, call);
	if (call->stream) {
		call->ops = call->stream->ops;
		if (send_request(call, spec))
			return call;
	}
	check_call_free(call);
	return NULL;
}

void check_call_free(struct check_call *call)
{
	if (!call)
		return;
	if (call->stream)
		call->stream->ops->finish(call->stream, false);
	h2_session_free(call->session);
	free(call);
}

void check_call_gather(struct check_call *call)
{
	h2_session_gather(call->session);
}

/* -- what comes ------------------------------------------------------------ */

static void look_for_status(struct check_call *call,
			    const struct http_head *head)
{
	const struct field *f = head_find_text(head, SLICE("grpc-status"));
	uint64_t code;

	if (f && slice_to_u64(f->value, &code) && code <= UINT16_MAX)
		call->grpc_status = (int)code;
}

/* It tells most about what is wrong with the path. */
static void keep_location(struct check_call *call, const struct http_head *head)
{
	const struct field *f = head_find(head, NAME_LOCATION);
	struct slice to;

	if (!f || head->status / 100 != 3)
		return;
	to = slice_first(f->value, LOCATION_MOST);
	memcpy(call->location, to.p, to.n);
	call->n_location = to.n;
}

static enum check_call_state broken(struct check_call *call, enum reason why,
				    struct check_call_answer *answer)
{
	if (!why && h2_session_end(call->session) == H2_FAILED)
		why = REASON_TARGET_MALFORMED;
	else if (!why && call->stream->code)
		why = REASON_TARGET_RESET_STREAM;
	answer->detail = why ? reason_sentence(why)
			     : "closed before the answer was complete";
	return CALL_BROKEN;
}

/* Interim ones come before the answer. */
static enum io read_head(struct check_call *call, enum reason *why)
{
	while (!call->has_head) {
		struct field fields[FIELDS_MOST];
		struct http_head head = {.fields = fields,
					 .max_fields = FIELDS_MOST};
		enum io io = call->ops->read_head(call->stream, &head, why);

		if (io != IO_DONE)
			return io;
		if (head.status >= 200) {
			call->has_head = true;
			call->status = head.status;
			look_for_status(call, &head);
			keep_location(call, &head);
		}
		call->ops->drop_head(call->stream, &head);
	}
	return IO_DONE;
}

static void keep_body(struct check_call *call, struct chain *some)
{
	while (some->n > 0) {
		struct slice front = chain_front(some);
		size_t room = call->most - call->n;
		size_t n = front.n < room ? front.n : room;

		memcpy(call->body + call->n, front.p, n);
		call->n += n;
		chain_drain(some, front.n);
	}
}

static enum io read_body(struct check_call *call)
{
	struct chain some;
	enum io io;

	chain_init(&some, UINT32_MAX);
	io = call->ops->read_body(call->stream, &some, UINT32_MAX);
	keep_body(call, &some);
	chain_release(&some);
	return io;
}

static void read_trailers(struct check_call *call)
{
	struct field fields[FIELDS_MOST];
	struct http_head trailers = {.fields = fields,
				     .max_fields = FIELDS_MOST};

	if (call->ops->read_trailers(call->stream, &trailers))
		look_for_status(call, &trailers);
}

static enum check_call_state answered(struct check_call *call,
				      struct check_call_answer *answer)
{
	*answer = (struct check_call_answer){
		.status = call->status,
		.grpc_status = call->grpc_status,
		.body = slice_make(call->body, call->n),
		.location = slice_make(call->location, call->n_location),
	};
	return CALL_ANSWERED;
}

/* What is wanted of it decides how much of it has to come. */
static bool is_enough(const struct check_call *call)
{
	if (call->is_grpc)
		return call->grpc_status != CALL_NO_GRPC_STATUS;
	return call->n == call->most;
}

enum check_call_state check_call_run(struct check_call *call,
				     struct check_call_answer *answer)
{
	enum reason why = REASON_NONE;

	h2_session_run(call->session);
	switch (read_head(call, &why)) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		return CALL_WAITS;
	case IO_CLOSED:
	case IO_FAILED:
		return broken(call, why, answer);
	}
	if (is_enough(call))
		return answered(call, answer);
	switch (read_body(call)) {
	case IO_DONE:
		read_trailers(call);
		return answered(call, answer);
	case IO_AGAIN:
		return is_enough(call) ? answered(call, answer) : CALL_WAITS;
	case IO_CLOSED:
	case IO_FAILED:
		break;
	}
	return broken(call, why, answer);
}
