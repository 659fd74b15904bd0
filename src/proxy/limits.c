#include "limits.h"

#include <stdlib.h>

#include "base/clock.h"
#include "http/cookie.h"
#include "model/trust.h"
#include "proxy/client.h"
#include "proxy/core.h"

/* What is asked, and who asks. */
struct question {
	struct exchange *x;
	const struct http_head *head;
	uint64_t client_key; /* 0: not looked at yet */
};

static uint64_t now_ns(void)
{
	return clock_now_ms() * UINT64_C(1000000);
}

/* -- who asks -------------------------------------------------------------- */

static uint64_t key_of_address(const struct addr *a)
{
	struct cidr address;

	return limit_key_of_client(addr_to_cidr(a, &address) ? &address : NULL);
}

static uint64_t key_of_peer(struct client *c)
{
	struct addr peer;

	if (!c->limit_key) {
		peer = client_peer(c);
		c->limit_key = key_of_address(&peer);
	}
	return c->limit_key;
}

/* With trusted proxies another one may come in each request. */
static uint64_t client_key(struct question *q)
{
	const struct load_balancer *lb = q->x->listener->balancer;
	struct addr peer, client;

	if (q->client_key)
		return q->client_key;
	if (lb->trusted) {
		peer = client_peer(q->x->client);
		client = trust_client(lb, q->head, &peer);
		q->client_key = key_of_address(&client);
	} else {
		q->client_key = key_of_peer(q->x->client);
	}
	return q->client_key;
}

static struct slice value_of(const struct http_head *head,
			     const struct limit *l)
{
	const struct field *f;
	struct slice value;

	if (l->per == LIMIT_COOKIE)
		return cookie_of_head(head, l->field, &value) ? value
							      : SLICE("");
	f = l->field_id == NAME_OTHER ? head_find_text(head, l->field)
				      : head_find(head, (enum name)l->field_id);
	return f ? f->value : SLICE("");
}

static uint64_t key_of(struct question *q, const struct limit *l)
{
	struct slice value;

	if (l->per == LIMIT_ALL)
		return LIMIT_KEY_OF_ALL;
	if (l->per == LIMIT_CLIENT)
		return client_key(q);
	value = value_of(q->head, l);
	return value.n ? limit_key_of_text(value) : client_key(q);
}

/* -- what was refused, or would have been ---------------------------------- */

static void count_refusal(struct worker *w, struct listener_state *listener,
			  const struct limit_counts *counts)
{
	struct limit_counts *c = (struct limit_counts *)(uintptr_t)counts;

	tally_add(&c->tally[w->number].refused, 1);
	count_listener(w, listener,
		       c->report ? COUNT_LIMIT_REPORTED : COUNT_LIMITED);
}

static bool begin_line(struct worker *w, struct log_line *l,
		       const char *sentence, const struct addr *client,
		       const struct limit_counts *c, enum reason why)
{
	char text[ADDR_TEXT_MAX];

	if (!worker_log(w, l, LOG_INFO, sentence))
		return false;
	log_str(l, "reason", reason_token(why));
	log_slice(l, "limit", c->name);
	log_slice(l, "listener", c->balancer);
	log_num(l, "port", c->port);
	log_slice(l, "client", slice_make(text, addr_format(client, text)));
	return true;
}

/* The first one that reports is named, unless another one refuses. */
static void note(struct exchange *x, const struct limit_counts *counts,
		 enum reason why)
{
	struct addr peer = client_peer(x->client);
	struct log_line l;

	count_refusal(x->worker, x->counted, counts);
	if (!counts->report || x->record.limited.n == 0)
		x->record.limited = counts->name;
	if (counts->report &&
	    begin_line(x->worker, &l, "a limit would refuse a request", &peer,
		       counts, why))
		log_end(&l);
}

static enum reason refuse(struct exchange *x, const struct limit_use *use,
			  enum reason why)
{
	note(x, use->counts, why);
	return use->counts->report ? REASON_NONE : why;
}

/* -- the parts of a limit -------------------------------------------------- */

static struct held *held_new(void)
{
	struct held *h = malloc(sizeof(*h));

	if (!h)
		return NULL;
	h->body_most = h->body_report = UINT64_MAX;
	h->n = 0;
	h->outlives = false;
	return h;
}

static bool want_held(struct exchange *x)
{
	if (!x->held)
		x->held = held_new();
	return x->held != NULL;
}

/* Its length is not known: the one who moves it looks. */
static enum reason watch_body(struct exchange *x, const struct limit_use *use)
{
	uint64_t most = use->limit->body;

	if (!want_held(x))
		return REASON_OVERLOADED;
	if (use->limit->report && most < x->held->body_report) {
		x->held->body_report = most;
		x->held->body_counts = use->counts;
	} else if (!use->limit->report && most < x->held->body_most) {
		x->held->body_most = most;
		x->held->body_limit = use->counts;
	}
	return REASON_NONE;
}

static enum reason ask_body(struct exchange *x, const struct limit_use *use)
{
	const struct body *body = &x->front->in;

	if (body->kind == BODY_UNKNOWN)
		return watch_body(x, use);
	if (body->kind == BODY_LENGTH && body->length > use->limit->body)
		return refuse(x, use, REASON_BODY_TOO_LARGE);
	return REASON_NONE;
}

static enum reason ask_rate(struct question *q, const struct limit_use *use)
{
	const struct limit *l = use->limit;
	struct exchange *x = q->x;
	uint64_t wait_ns = 0;
	bool forgot = false;
	enum reason why;
	enum limit_answer answer = limit_rate(l->state->rates, key_of(q, l),
					      l->interval_ns, l->span_ns,
					      now_ns(), &wait_ns, &forgot);

	if (__builtin_expect(forgot || answer == LIMIT_UNKNOWN, 0))
		count_listener(x->worker, x->counted, COUNT_LIMIT_FORGOT);
	if (answer != LIMIT_REFUSES)
		return REASON_NONE;
	why = refuse(x, use, REASON_RATE_LIMITED);
	if (why)
		x->retry_after_s =
			(uint32_t)((wait_ns + 999999999) / 1000000000);
	return why;
}

static enum reason ask_place(struct question *q, const struct limit_use *use)
{
	const struct limit *l = use->limit;
	struct exchange *x = q->x;
	_Atomic uint64_t *place;

	if (!want_held(x))
		return REASON_OVERLOADED;
	switch (limit_hold(l->state->requests, key_of(q, l), l->requests,
			   &place)) {
	case LIMIT_PASSES:
		x->held->places[x->held->n++] =
			(struct held_place){l->state, place};
		return REASON_NONE;
	case LIMIT_UNKNOWN:
		count_listener(x->worker, x->counted, COUNT_LIMIT_FORGOT);
		return REASON_NONE;
	case LIMIT_REFUSES:
		break;
	}
	return refuse(x, use, REASON_TOO_MANY_REQUESTS);
}

enum reason limits_ask(struct exchange *x, const struct http_head *head,
		       const struct limit_uses *all)
{
	struct question q = {x, head, 0};
	enum reason why = REASON_NONE;

	for (size_t i = 0; i < all->n && !why; i++) {
		const struct limit_use *use = &all->uses[i];
		const struct limit *l = use->limit;

		if (l->body != UINT64_MAX)
			why = ask_body(x, use);
		if (!why && l->interval_ns)
			why = ask_rate(&q, use);
		if (!why && l->requests)
			why = ask_place(&q, use);
	}
	return why;
}

/* -- what is held ---------------------------------------------------------- */

static void outlive(struct held *h)
{
	h->outlives = true;
	for (unsigned i = 0; i < h->n; i++)
		limit_state_ref(h->places[i].state);
}

void limits_outlive(struct exchange *x)
{
	outlive(x->held);
}

void limits_leave(struct held *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->n; i++) {
		limit_let_go(h->places[i].place);
		if (h->outlives)
			limit_state_unref(h->places[i].state);
	}
	free(h);
}

void limits_end(struct exchange *x)
{
	limits_leave(x->held);
	x->held = NULL;
}

enum reason limits_body(struct exchange *x)
{
	note(x, x->held->body_limit, REASON_BODY_TOO_LARGE);
	return REASON_BODY_TOO_LARGE;
}

void limits_look_at_body(struct exchange *x)
{
	if (x->front->in_octets > x->held->body_report)
		note(x, x->held->body_counts, REASON_BODY_TOO_LARGE);
}

/* -- connections ----------------------------------------------------------- */

static bool refuse_connection(struct worker *w, const struct listener *l,
			      const struct addr *peer,
			      const struct limit_use *use)
{
	const enum reason why = REASON_TOO_MANY_CONNECTIONS;
	bool report = use->limit->report;
	struct log_line line;

	count_refusal(w, l->state, use->counts);
	if (!report) {
		count_listener(w, l->state, COUNT_CLIENT_REJECTED);
		tally_add(&l->state->tally[w->number].reasons[why], 1);
	}
	if (begin_line(w, &line,
		       report ? "a limit would refuse a connection"
			      : "a limit refuses a connection",
		       peer, use->counts, why))
		log_end(&line);
	return report;
}

static bool let_in(struct worker *w, const struct listener *l,
		   const struct addr *peer, const struct limit_use *use,
		   struct held *h)
{
	const struct limit *limit = use->limit;
	_Atomic uint64_t *place;
	uint64_t key = limit->per == LIMIT_ALL ? LIMIT_KEY_OF_ALL
					       : key_of_address(peer);

	switch (limit_hold(limit->state->connections, key, limit->connections,
			   &place)) {
	case LIMIT_PASSES:
		h->places[h->n++] = (struct held_place){limit->state, place};
		return true;
	case LIMIT_UNKNOWN:
		count_listener(w, l->state, COUNT_LIMIT_FORGOT);
		return true;
	case LIMIT_REFUSES:
		break;
	}
	return refuse_connection(w, l, peer, use);
}

bool limits_let_in(struct worker *w, const struct listener *l,
		   const struct addr *peer, struct held **held)
{
	struct held *h = held_new();
	bool passes = h != NULL;

	for (size_t i = 0; passes && i < l->limits.n; i++)
		if (l->limits.uses[i].limit->connections)
			passes = let_in(w, l, peer, &l->limits.uses[i], h);
	if (h && passes)
		outlive(h);
	else
		limits_leave(h);
	*held = passes ? h : NULL;
	return passes;
}
