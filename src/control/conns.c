#include "conns.h"

#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/text.h"
#include "daemon.h"
#include "proxy/conns.h"
#include "status.h"

enum {
	WAITING_MAX = 8,    /* questions; each has room for its rows */
	WAIT_MS = 5 * 1000, /* for all workers; a turn takes far less */
};

/* Waits for the workers. Who asked may have gone: then it stays until they
 * have answered, since they write to it. */
struct conns_wait {
	struct list node;
	uint64_t id;
	uint64_t began_ms;
	char *target;                    /* owned; or NULL */
	struct conns_question *question; /* owned */
};

static void wait_free(struct conns_wait *w)
{
	list_remove(&w->node);
	free(w->target);
	free(w->question);
	free(w);
}

static size_t sweep(struct daemon *d)
{
	uint64_t now = clock_now_ms();
	size_t n = 0;

	list_foreach_safe (node, &d->conns) {
		struct conns_wait *w =
			list_entry(node, struct conns_wait, node);

		if (conns_are_there(w->question) &&
		    now - w->began_ms > 2 * WAIT_MS)
			wait_free(w);
		else
			n++;
	}
	return n;
}

/* Also one that is gone and may have connections yet. */
static const struct listener_state *find_listener(const struct daemon *d,
						  struct slice wanted)
{
	const struct balancer_state *lb = d->counts.balancers;
	const struct listener_state *l;
	struct text name = {0};
	bool found = false;

	for (; lb; lb = lb->next)
		for (l = lb->listeners; l; l = l->next) {
			name.n = 0;
			text_addf(&name, "%.*s:%u", SLICE_ARG(lb->name),
				  l->port);
			found = slice_eq(text_slice(&name), wanted);
			if (found)
				goto end;
		}
	l = NULL;
end:
	text_release(&name);
	return l;
}

static json_t *begin(struct daemon *d, const json_t *request, uint64_t *memo)
{
	const json_t *limit = json_object_get(request, "limit");
	const char *listener =
		json_string_value(json_object_get(request, "listener"));
	const char *target =
		json_string_value(json_object_get(request, "target"));
	json_int_t n = limit ? json_integer_value(limit) : CONNS_DEFAULT;
	const struct listener_state *l = NULL;
	struct conns_wait *w;

	if (n < 1 || n > CONNS_MOST)
		return admin_error("\"limit\" must be from 1 to %d",
				   CONNS_MOST);
	if (listener && !(l = find_listener(d, slice_of(listener))))
		return admin_error("there is no listener \"%.64s\": write "
				   "NAME:PORT, as in web:443",
				   listener);
	if (sweep(d) >= WAITING_MAX)
		return admin_error("too many questions wait for the workers");
	w = xcalloc(1, sizeof(*w));
	w->id = ++d->n_conns;
	w->began_ms = clock_now_ms();
	w->target = target ? xstrdup(target) : NULL;
	w->question = xcalloc(1, sizeof(*w->question) +
					 (size_t)n * sizeof(struct conns_row));
	w->question->listener = l;
	w->question->target = w->target;
	w->question->n_rows = (unsigned)n;
	atomic_init(&w->question->n_left, d->n_workers);
	list_push_front(&d->conns, &w->node);
	*memo = w->id;
	for (unsigned i = 0; i < d->n_workers; i++)
		worker_ask_conns(d->workers[i], w->question);
	return NULL;
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(o, key, status_text(slice_of(text)));
}

static void set_number(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

static json_t *row_to_json(const struct conns_row *row)
{
	const struct listener_state *l = row->listener;
	uint64_t now_s = (uint64_t)clock_wall_s();
	json_t *o = json_object();

	set_text(o, "id", row->id);
	set_text(o, "client", row->client);
	json_object_set_new(
		o, "listener",
		json_sprintf("%.*s:%u", SLICE_ARG(l->balancer->name), l->port));
	set_text(o, "protocol", row->protocol);
	set_text(o, "tls", row->tls);
	json_object_set_new(o, "since",
			    status_time(now_s - row->open_ms / 1000));
	set_text(o, "state", row->state);
	set_number(o, "requests", row->requests);
	set_number(o, "requests_under_way", row->under_way);
	set_text(o, "target", row->target);
	set_number(o, "octets_in", row->octets_in);
	set_number(o, "octets_out", row->octets_out);
	json_object_set_new(o, "idle_seconds",
			    json_real((double)row->idle_ms / 1000));
	if (row->generation)
		set_number(o, "generation", row->generation);
	return o;
}

static json_t *finish(struct conns_wait *w)
{
	const struct conns_question *q = w->question;
	unsigned n = q->n_taken < q->n_rows ? q->n_taken : q->n_rows;
	json_t *o = admin_ok(), *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, row_to_json(&q->rows[i]));
	set_number(o, "total", q->total);
	set_number(o, "shown", n);
	if (q->unlooked)
		set_number(o, "not_looked_at", q->unlooked);
	json_object_set_new(o, "connections", list);
	wait_free(w);
	return o;
}

json_t *conns_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	if (*memo == 0)
		return begin(d, request, memo);
	list_foreach (node, &d->conns) {
		struct conns_wait *w =
			list_entry(node, struct conns_wait, node);

		if (w->id != *memo)
			continue;
		if (conns_are_there(w->question))
			return finish(w);
		if (clock_now_ms() - w->began_ms > WAIT_MS)
			break;
		return NULL;
	}
	return admin_error("a worker does not answer");
}

void conns_end(struct daemon *d)
{
	list_foreach_safe (node, &d->conns)
		wait_free(list_entry(node, struct conns_wait, node));
}
