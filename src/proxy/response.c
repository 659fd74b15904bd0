/*
 * response.c - from the head of a target's answer to what the client reads.
 *
 * Floor: proxy.
 */
#include "balance/sticky.h"
#include "balance/sticky_app.h"
#include "base/clock.h"
#include "base/fail.h"
#include "proxy/client.h"
#include "proxy/edits.h"
#include "proxy/rewrite.h"
#include "proxy/steps.h"

/* More interim answers than this are an attack, or a loop. */
enum { INTERIM_MAX = 100 };

/* Cookies of the group and of the target in it. */
enum { COOKIE_FIELDS = 2 * STICKY_FIELDS, COOKIES_MAX = 3072 };

static struct tally *tally_of(struct exchange *x)
{
	return &x->attempt.target->tally[x->worker->number];
}

static void count_status(struct exchange *x, unsigned status)
{
	static const enum listener_counter classes[] = {
		[2] = COUNT_TARGET_2XX,
		[3] = COUNT_TARGET_3XX,
		[4] = COUNT_TARGET_4XX,
		[5] = COUNT_TARGET_5XX,
	};
	unsigned class = status / 100;

	if (class >= 2 && class <= 5)
		count_listener(x->worker, x->counted, classes[class]);
	tally_add(&tally_of(x)->responses[class <= 5 ? class : 0], 1);
	x->attempt.has_response = true;
}

static size_t make_cookies(struct exchange *x, const struct http_head *head,
			   struct field out[static COOKIE_FIELDS], char *room)
{
	struct writer w = writer_make(room, COOKIES_MAX);
	struct sealer *sealer = x->worker->sealer;
	uint64_t identity = x->attempt.target->identity;
	size_t n = 0;

	if (!sealer)
		return 0;
	if (x->record.rule->action.forward.stickiness.enabled)
		n = sticky_group_fields(out, &w, sealer, x->group,
					clock_wall_s());
	if (!x->group->stickiness.enabled)
		return n;
	if (x->asked.app)
		return n + app_sticky_field(out + n, &w, sealer, x->group,
					    x->asked.app, head, identity,
					    clock_wall_s());
	if (x->group->stickiness.type == STICKY_LB_COOKIE)
		return n + sticky_fields(out + n, &w, sealer, x->group,
					 identity, clock_wall_s());
	return n;
}

/* Sends a head to the client; false when the buffers are at their limit. */
static bool send_head(struct exchange *x, const struct http_head *head,
		      bool last)
{
	bool is_interim = head->status < 200 && head->status != 101;
	struct field cookies[COOKIE_FIELDS];
	char room[COOKIES_MAX];
	struct response_facts facts = {
		.listener = x->listener,
		.cookies = cookies,
		.n_cookies = is_interim ? 0
					: make_cookies(x, head, cookies, room),
	};
	struct http_head rewritten;
	struct outgoing out = {
		.head = &rewritten,
		.body = x->back->in,
		.n_leading = UINT16_MAX,
		.last = last,
	};

	facts.edits = edits_of_answer(x);
	facts.filled = slice_make(x->filled.p, x->filled.n);
	return rewrite_response(head, &facts, &x->worker->scratch,
				&rewritten) &&
	       x->front->ops->write_head(x->front, &out);
}

/* 1xx: passed on, but for 100, which was said by us already (RFC 9110 15.2);
 * and not to those who do not read what they have: a hundred large heads are
 * more than any limit of a chain. */
static enum next interim(struct exchange *x, const struct http_head *head)
{
	if (++x->attempt.n_interim > INTERIM_MAX)
		return exch_answer(x, REASON_TARGET_MALFORMED);
	if (head->status == 100 || x->front->ops->room(x->front) == 0)
		return NEXT_GO;
	if (!send_head(x, head, false))
		return exch_give_up(x, REASON_OVERLOADED);
	return NEXT_GO;
}

static void note_answer(struct exchange *x, unsigned status)
{
	x->record.status = (uint16_t)status;
	x->record.target_status = (uint16_t)status;
	x->record.replied_ms = clock_now_ms();
	x->record.is_answered = true;
	piece_release(&x->filled);
}

/* All of the request has left. */
static bool request_is_over(const struct exchange *x)
{
	return x->back->out_done && !x->back->ops->has_unsent(x->back);
}

static enum next upgrade(struct exchange *x, const struct http_head *head)
{
	/* RFC 9110 7.8: not before the request is complete; the rest of its
	 * body would be taken for octets of the other protocol. */
	if (!x->asked.wants_upgrade || !request_is_over(x))
		return exch_answer(x, REASON_TARGET_MALFORMED);
	if (!send_head(x, head, false))
		return exch_give_up(x, REASON_OVERLOADED);
	note_answer(x, 101);
	count_listener(x->worker, x->counted, COUNT_UPGRADES);
	tally_add(&tally_of(x)->responses[1], 1);
	x->attempt.has_response = true;
	if (!tunnel_begin(x))
		return exch_give_up(x, REASON_OVERLOADED);
	return exch_enter(x, EXCH_TUNNEL);
}

static enum next final(struct exchange *x, const struct http_head *head)
{
	struct stream *front = x->front, *back = x->back;
	bool last;

	if (x->group->target_response_ms)
		exch_wait_idle(x, x->listener->balancer->idle_timeout_ms);
	if (front->in_doubt)
		back->keep = false;
	x->attempt.came_early = !request_is_over(x);
	last = client_must_close(x->client) || (!front->in_done && !back->keep);
	if (!send_head(x, head, last))
		return exch_give_up(x, REASON_OVERLOADED);
	note_answer(x, head->status);
	count_status(x, head->status);
	return exch_enter(x, EXCH_RELAY);
}

/* No whole head, as far as it has come. */
static void note_first_octets(struct exchange *x)
{
	if (!x->record.answered_ms &&
	    x->back->ops->reach(x->back) == REACH_ANSWERED)
		x->record.answered_ms = clock_now_ms();
}

enum next response_step(struct exchange *x)
{
	struct http_head head = {
		.fields = x->worker->scratch.in_fields,
		.max_fields = HEAD_FIELDS_MAX,
	};
	struct stream *back = x->back;
	enum reason why;
	enum next next;

	switch (back->ops->read_head(back, &head, &why)) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		note_first_octets(x);
		return NEXT_WAIT;
	case IO_CLOSED:
	case IO_FAILED:
		note_first_octets(x);
		if (!why)
			why = exch_reason_of_target(x, REASON_TARGET_CLOSED);
		return exch_target_failed(x, why);
	}
	/* An answer has begun: nothing is sent a second time. */
	x->attempt.target_spoke = true;
	kept_release(&x->kept);
	if (!x->record.answered_ms)
		x->record.answered_ms = clock_now_ms();
	if (head.status == 101)
		next = upgrade(x, &head);
	else if (head.status < 200)
		next = interim(x, &head);
	else
		next = final(x, &head);
	back->ops->drop_head(back, &head);
	return next;
}
