/*
 * response.c - from the head of a target's answer to what the client reads.
 *
 * Floor: proxy.
 */
#include "balance/sticky.h"
#include "base/clock.h"
#include "base/fail.h"
#include "proxy/rewrite.h"
#include "proxy/steps.h"
#include "stream/h1_stream.h"

/* More interim answers than this are an attack, or a loop. */
enum { INTERIM_MAX = 100, COOKIES_MAX = 1024 };

/* How the body leaves: as it came where the client can read that. */
static struct framing framing_out(const struct exchange *x)
{
	struct framing out = x->back.in;

	if (out.kind == FRAMING_CHUNKED || out.kind == FRAMING_CLOSE)
		out.kind = x->http_1_0 ? FRAMING_CLOSE : FRAMING_CHUNKED;
	return out;
}

static void count_status(struct exchange *x, unsigned status)
{
	static const enum counter classes[] = {
		[2] = COUNT_TARGET_2XX,
		[3] = COUNT_TARGET_3XX,
		[4] = COUNT_TARGET_4XX,
		[5] = COUNT_TARGET_5XX,
	};
	struct tally *tally = &x->target->tally[x->worker->number];
	unsigned class = status / 100;

	if (class >= 2 && class <= 5)
		count(x->worker, classes[class]);
	tally_add(&tally->responses[class <= 5 ? class : 0], 1);
	x->has_response = true;
}

static struct slice write_cookies(struct exchange *x, char *room)
{
	struct writer w = writer_make(room, COOKIES_MAX);

	if (!x->group->stickiness.enabled || !x->worker->sealer)
		return SLICE("");
	sticky_write(&w, x->worker->sealer, x->group, x->target->identity,
		     clock_wall_s());
	return w.overflow ? SLICE("") : slice_make(room, (size_t)(w.at - room));
}

/* Sends a head to the client; false when the buffers are at their limit. */
static bool send_head(struct exchange *x, const struct http_head *head,
		      const struct response_facts *facts)
{
	char room[COOKIES_MAX];
	struct slice cookies = head->status >= 200 || facts->upgraded
				       ? write_cookies(x, room)
				       : SLICE("");
	struct http_head out;
	struct piece text;

	if (!rewrite_response(head, facts, &x->worker->scratch, &out))
		return false;
	text = h1_head_text(&out, cookies);
	if (!text.chunk)
		return false;
	chain_append_piece(&x->front.conn->out, &text);
	piece_release(&text);
	conn_dirty(x->front.conn);
	return true;
}

/* 1xx: passed on to those who know them, but for 100, which was said by us
 * already (RFC 9110 15.2). */
static enum next interim(struct exchange *x, const struct http_head *head)
{
	struct framing none = {.kind = FRAMING_NONE};
	struct response_facts facts = {
		.listener = x->listener,
		.framing = &none,
	};

	if (++x->n_interim > INTERIM_MAX)
		return exch_answer(x, REASON_TARGET_MALFORMED);
	/* Nor to those who do not read what they have: a hundred large heads
	 * are more than any limit of a chain. */
	if (head->status == 100 || x->http_1_0 ||
	    chain_room(&x->front.conn->out) == 0)
		return NEXT_GO;
	if (!send_head(x, head, &facts))
		return exch_give_up(x, REASON_OVERLOADED);
	return NEXT_GO;
}

static enum next upgrade(struct exchange *x, const struct http_head *head)
{
	struct framing none = {.kind = FRAMING_NONE};
	struct response_facts facts = {
		.listener = x->listener,
		.framing = &none,
		.upgraded = true,
	};

	/* RFC 9110 7.8: not before the request is complete; the rest of its
	 * body would be taken for octets of the other protocol. */
	if (!x->wants_upgrade || !x->back.out_done || conn_unsent(x->back.conn))
		return exch_answer(x, REASON_TARGET_MALFORMED);
	if (!send_head(x, head, &facts))
		return exch_give_up(x, REASON_OVERLOADED);
	x->status = 101;
	x->answered = true;
	x->keep = false;
	count(x->worker, COUNT_UPGRADES);
	tally_add(&x->target->tally[x->worker->number].responses[1], 1);
	x->has_response = true;
	if (!tunnel_begin(x))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_TUNNEL);
}

static bool target_keeps(const struct http_head *head)
{
	if (head->version < HTTP_1_1)
		return head_has_token(head, NAME_CONNECTION,
				      SLICE("keep-alive"));
	return !head_has(head, NAME_CONNECTION) ||
	       !head_has_token(head, NAME_CONNECTION, SLICE("close"));
}

static enum next final(struct exchange *x, const struct http_head *head)
{
	bool head_only = x->method == METHOD_HEAD;
	struct framing framing;
	struct response_facts facts;

	if (framing_of_response(head, head_only, false, &framing))
		return exch_answer(x, REASON_TARGET_MALFORMED);
	stream_expect_body(&x->back, &framing);
	x->target_closes |= !target_keeps(head) || framing.doubtful ||
			    framing.kind == FRAMING_CLOSE || x->doubtful;
	x->came_early = !x->back.out_done || conn_unsent(x->back.conn);
	framing = framing_out(x);
	x->keep = x->keep && !x->doubtful && framing.kind != FRAMING_CLOSE &&
		  !client_must_close(x->client) &&
		  (x->front.in_done || !x->target_closes);
	facts = (struct response_facts){
		.listener = x->listener,
		.framing = &framing,
		.close = !x->keep,
		.say_keep_alive = x->http_1_0,
		.keep_length = framing.kind == FRAMING_NONE &&
			       !framing.doubtful &&
			       (head_only || head->status == 304),
	};
	if (!send_head(x, head, &facts))
		return exch_give_up(x, REASON_OVERLOADED);
	stream_promise_body(&x->front, &framing);
	x->status = head->status;
	x->answered = true;
	count_status(x, head->status);
	return exch_enter(x, EXCH_RELAY);
}

enum next response_step(struct exchange *x)
{
	struct http_head head = {
		.fields = x->worker->scratch.in_fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	enum reason why;
	enum next next;

	switch (x->back.ops->read_head(&x->back, &head, &why)) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		return NEXT_WAIT;
	case IO_CLOSED:
	case IO_FAILED:
		return exch_target_failed(
			x, why ? why
			       : exch_reason_of(x->back.conn,
						REASON_TARGET_CLOSED));
	}
	/* An answer has begun: nothing is sent a second time. */
	x->target_spoke = true;
	if (head.status == 101)
		next = upgrade(x, &head);
	else if (head.status < 200)
		next = interim(x, &head);
	else
		next = final(x, &head);
	x->back.ops->drop_head(&x->back, &head);
	return next;
}
