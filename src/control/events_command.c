/*
 * events_command.c - tells what has happened, and goes on telling.
 *
 * Floor: control.
 */
#include <string.h>

#include "admin.h"
#include "daemon.h"
#include "events_command.h"

bool events_read_since(const json_t *text, time_t *since)
{
	struct tm tm = {0};
	const char *end;

	*since = 0;
	if (!text)
		return true;
	end = json_is_string(text) ? strptime(json_string_value(text),
					      "%Y-%m-%dT%H:%M:%SZ", &tm)
				   : NULL;
	if (!end || *end)
		return false;
	*since = timegm(&tm);
	return true;
}

/* The memo is the number of the next event to be told, plus one. */
static json_t *follow(struct daemon *d, bool has_since, time_t since,
		      uint64_t *memo)
{
	json_t *event = NULL;

	if (*memo == 0)
		*memo = (has_since ? 0 : d->events.next) + 1;
	admin_answer_more(d->admin);
	while (!event && *memo <= d->events.next) {
		uint64_t number = events_oldest(&d->events, *memo - 1);

		event = events_one(&d->events, number, since);
		*memo = number + 2;
	}
	if (event)
		json_object_set_new(event, "ok", json_true());
	return event;
}

json_t *events_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	bool has_since = json_object_get(request, "since") != NULL;
	json_t *answer;
	time_t since;

	if (!events_read_since(json_object_get(request, "since"), &since))
		return admin_error("\"since\" is a time such as "
				   "2026-11-21T14:03:00Z");
	if (json_is_true(json_object_get(request, "follow")) && d->admin)
		return follow(d, has_since, since, memo);
	answer = admin_ok();
	json_object_set_new(answer, "events",
			    events_from(&d->events, 0, since));
	return answer;
}
