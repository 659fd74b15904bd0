#include "events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "status.h"

static const char *const kind_names[EVENT_KINDS] = {
	[EVENT_RELOAD] = "reload",
	[EVENT_RELOAD_REFUSED] = "reload-refused",
	[EVENT_CONFIRM] = "confirm",
	[EVENT_REVERT] = "revert",
	[EVENT_HEALTH] = "health",
	[EVENT_DRAIN] = "drain",
	[EVENT_REGISTER] = "register",
	[EVENT_MAINTENANCE] = "maintenance",
};

void events_release(struct events *e)
{
	for (size_t i = 0; e->ring && i < EVENTS_MAX; i++) {
		free(e->ring[i].what);
		free(e->ring[i].sentence);
	}
	free(e->ring);
	*e = (struct events){0};
}

void events_note(struct events *e, enum event_kind kind, const char *what,
		 const char *format, ...)
{
	struct event_entry *place;
	char *sentence;
	va_list args;

	if (!e->ring)
		e->ring = xcalloc(EVENTS_MAX, sizeof(*e->ring));
	va_start(args, format);
	if (vasprintf(&sentence, format, args) < 0)
		fail_no_memory();
	va_end(args);
	place = &e->ring[e->next++ % EVENTS_MAX];
	free(place->what);
	free(place->sentence);
	*place = (struct event_entry){clock_wall_s(), kind, xstrdup(what),
				      sentence};
}

static json_t *event_to_json(const struct event_entry *event)
{
	json_t *o = json_object();

	json_object_set_new(o, "time", status_time((uint64_t)event->at_s));
	json_object_set_new(o, "kind", json_string(kind_names[event->kind]));
	json_object_set_new(o, "what", status_text(slice_of(event->what)));
	json_object_set_new(o, "sentence",
			    status_text(slice_of(event->sentence)));
	return o;
}

uint64_t events_oldest(const struct events *e, uint64_t number)
{
	uint64_t oldest = e->next > EVENTS_MAX ? e->next - EVENTS_MAX : 0;

	return number > oldest ? number : oldest;
}

json_t *events_one(const struct events *e, uint64_t number, time_t since_s)
{
	const struct event_entry *event = &e->ring[number % EVENTS_MAX];

	return event->at_s < since_s ? NULL : event_to_json(event);
}

json_t *events_from(const struct events *e, uint64_t number, time_t since_s)
{
	json_t *list = json_array();

	for (number = events_oldest(e, number); number < e->next; number++) {
		json_t *one = events_one(e, number, since_s);

		if (one)
			json_array_append_new(list, one);
	}
	return list;
}
