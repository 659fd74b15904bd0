#include "errors.h"

#include <stdlib.h>
#include <time.h>

#include "admin.h"
#include "base/fail.h"
#include "base/reason.h"
#include "daemon.h"
#include "proxy/error_ring.h"
#include "status.h"

/* Walks back through the ring of one worker. */
struct cursor {
	const struct error_ring *ring;
	uint64_t left; /* numbers below it are still to be looked at */
	unsigned steps;
	bool has_note;
	struct error_note note;
};

static bool is_wanted(const struct error_note *note, struct slice reason)
{
	const char *token = reason_token((enum reason)note->reason);

	return reason.n == 0 || slice_eq(slice_of(token), reason);
}

/* To the next older one that is wanted. */
static void cursor_go_on(struct cursor *c, struct slice reason)
{
	c->has_note = false;
	while (!c->has_note && c->left && c->steps < ERRORS_KEPT) {
		c->steps++;
		if (!error_ring_read(c->ring, --c->left, &c->note))
			break; /* overwritten; and so are those before it */
		c->has_note = is_wanted(&c->note, reason);
	}
}

static struct cursor *newest(struct cursor *cursors, unsigned n)
{
	struct cursor *found = NULL;

	for (unsigned i = 0; i < n; i++)
		if (cursors[i].has_note &&
		    (!found || cursors[i].note.at_us > found->note.at_us))
			found = &cursors[i];
	return found;
}

/* To the microsecond, as logs have it. */
static json_t *time_to_json(uint64_t at_us)
{
	time_t when = (time_t)(at_us / 1000000);
	char day[32];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%06uZ", day, (unsigned)(at_us % 1000000));
}

static void set_texts(json_t *o, const struct error_note *note)
{
	static const struct {
		enum error_text text;
		const char *key;
	} members[] = {
		{ERROR_CLIENT, "client"},      {ERROR_METHOD, "method"},
		{ERROR_HOST, "host"},          {ERROR_PATH, "path"},
		{ERROR_GROUP, "target_group"}, {ERROR_TARGET, "target"},
		{ERROR_TRACE_ID, "trace_id"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct slice text = error_note_text(note, members[i].text);

		if (text.n)
			json_object_set_new(o, members[i].key,
					    status_text(text));
	}
}

static json_t *note_to_json(const struct error_note *note)
{
	enum reason reason = (enum reason)note->reason;
	struct slice balancer = error_note_text(note, ERROR_BALANCER);
	json_t *o = json_object();

	json_object_set_new(o, "time", time_to_json(note->at_us));
	json_object_set_new(o, "reason", json_string(reason_token(reason)));
	json_object_set_new(o, "sentence",
			    json_string(reason_sentence(reason)));
	if (note->status)
		json_object_set_new(o, "status", json_integer(note->status));
	json_object_set_new(
		o, "listener",
		json_sprintf("%.*s:%u", SLICE_ARG(balancer), note->port));
	set_texts(o, note);
	if (note->has_rule && note->priority)
		json_object_set_new(o, "rule", json_integer(note->priority));
	else if (note->has_rule)
		json_object_set_new(o, "rule", json_string("default"));
	return o;
}

json_t *errors_to_json(const struct daemon *d, unsigned limit,
		       struct slice reason)
{
	struct cursor *cursors = xcalloc(d->n_workers + 1, sizeof(*cursors));
	json_t *o = admin_ok(), *list = json_array();
	struct cursor *next;

	for (unsigned w = 0; w < d->n_workers; w++) {
		cursors[w].ring = worker_errors(d->workers[w]);
		cursors[w].left = error_ring_count(cursors[w].ring);
		cursor_go_on(&cursors[w], reason);
	}
	while (json_array_size(list) < limit &&
	       json_array_size(list) < ERRORS_KEPT &&
	       (next = newest(cursors, d->n_workers))) {
		json_array_append_new(list, note_to_json(&next->note));
		cursor_go_on(next, reason);
	}
	free(cursors);
	json_object_set_new(o, "errors", list);
	return o;
}

static bool is_token(struct slice reason)
{
	for (int r = REASON_NONE + 1; r < REASON_KINDS; r++)
		if (slice_eq(slice_of(reason_token((enum reason)r)), reason))
			return true;
	return false;
}

json_t *errors_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	const json_t *limit = json_object_get(request, "limit");
	const char *reason =
		json_string_value(json_object_get(request, "reason"));
	json_int_t n = limit ? json_integer_value(limit) : ERRORS_KEPT;

	(void)memo;
	if (n < 1 || n > ERRORS_KEPT)
		return admin_error("\"limit\" must be from 1 to %d",
				   ERRORS_KEPT);
	if (reason && !is_token(slice_of(reason)))
		return admin_error("there is no reason \"%.64s\"", reason);
	return errors_to_json(d, (unsigned)n, slice_of(reason));
}
