/*
 * explain_daemon.c - explain asks the worker whose turn it is.
 *
 * The control thread waits for nobody: a question is kept aside until the
 * worker has answered it, and the admin socket asks again.
 *
 * Floor: control.
 */
#include "explain_daemon.h"

#include <stdlib.h>

#include "admin.h"
#include "base/clock.h"
#include "base/fail.h"
#include "daemon.h"
#include "explain.h"
#include "proxy/peek.h"

enum {
	WAITING_MAX = 64,   /* one for each client of the admin socket */
	WAIT_MS = 2 * 1000, /* for a worker; its turns take far less */
};

struct explain_wait {
	struct list node;
	uint64_t id;
	uint64_t began_ms;
	struct explain *explain;
	struct peek peek;
};

static void wait_free(struct explain_wait *w)
{
	list_remove(&w->node);
	explain_free(w->explain);
	free(w);
}

/* Those whose client has gone. What a worker may still write stays. */
static size_t sweep(struct daemon *d)
{
	uint64_t now = clock_now_ms();
	size_t n = 0;

	list_foreach_safe (node, &d->explains) {
		struct explain_wait *w =
			list_entry(node, struct explain_wait, node);

		if (peek_is_done(&w->peek) && now - w->began_ms > 2 * WAIT_MS)
			wait_free(w);
		else
			n++;
	}
	return n;
}

static json_t *begin(struct daemon *d, const json_t *request, uint64_t *memo)
{
	static const struct explain_turn nobody;
	json_t *error, *answer;
	struct explain_wait *w;
	struct explain *e;

	if (sweep(d) >= WAITING_MAX)
		return admin_error("too many questions wait for a worker");
	e = explain_new(d->snap, (json_t *)(uintptr_t)request, &error);
	if (!e)
		return error;
	if (!explain_forward(e)) {
		answer = explain_to_json(e, &nobody);
		explain_free(e);
		return answer;
	}
	w = xcalloc(1, sizeof(*w));
	w->id = ++d->n_explains;
	w->began_ms = clock_now_ms();
	w->explain = e;
	w->peek.worker = d->workers[0];
	w->peek.snap = e->snap;
	w->peek.forward = explain_forward(e);
	w->peek.head = &e->answer.head;
	w->peek.input = &e->answer.decision.in;
	list_push_front(&d->explains, &w->node);
	*memo = w->id;
	worker_peek(&w->peek);
	return NULL;
}

static json_t *finish(struct explain_wait *w)
{
	struct explain_turn turn = {
		.group = w->peek.group,
		.group_sticky = w->peek.group_sticky,
	};
	json_t *answer;

	memcpy(turn.target, w->peek.target, sizeof(turn.target));
	answer = explain_to_json(w->explain, &turn);
	wait_free(w);
	return answer;
}

json_t *explain_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	if (*memo == 0)
		return begin(d, request, memo);
	list_foreach (node, &d->explains) {
		struct explain_wait *w =
			list_entry(node, struct explain_wait, node);
		bool done;

		if (w->id != *memo)
			continue;
		done = peek_is_done(&w->peek);
		if (done && w->peek.is_served)
			return finish(w);
		if (clock_now_ms() - w->began_ms > WAIT_MS)
			break;
		/* A reload is under way: it has another one yet. */
		if (done)
			worker_peek(&w->peek);
		return NULL;
	}
	return admin_error("the first worker does not answer");
}

void explain_end(struct daemon *d)
{
	list_foreach_safe (node, &d->explains)
		wait_free(list_entry(node, struct explain_wait, node));
}
