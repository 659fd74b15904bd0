/*
 * events.h - what has happened, for those who ask what changed at 14:03.
 *
 * A ring in memory: the oldest make room. Whoever follows has read up to a
 * number and asks for what came since.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_EVENTS_H
#define WEIR_CONTROL_EVENTS_H

#include <jansson.h>
#include <stdint.h>
#include <time.h>

enum { EVENTS_MAX = 2000 };

/* The names of weir(8), "weir events". */
enum event_kind {
	EVENT_RELOAD,
	EVENT_RELOAD_REFUSED,
	EVENT_CONFIRM,
	EVENT_REVERT,
	EVENT_HEALTH,
	EVENT_DRAIN,
	EVENT_REGISTER,
	EVENT_MAINTENANCE,
	EVENT_KINDS
};

struct event_entry {
	time_t at_s;
	enum event_kind kind;
	char *what;     /* what it happened to: "app 10.0.0.3:80"; owned */
	char *sentence; /* owned */
};

/* A zeroed one is empty. */
struct events {
	struct event_entry
		*ring; /* EVENTS_MAX of them; from malloc at first use */
	uint64_t next; /* number of the next one; the first is 0 */
};

void events_release(struct events *e);

void events_note(struct events *e, enum event_kind kind, const char *what,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The number itself, or the oldest that is still there where it is gone. */
uint64_t events_oldest(const struct events *e, uint64_t number);

/* The one of a number that is there; NULL: it is of an earlier second than
 * `since_s`. A new reference. */
json_t *events_one(const struct events *e, uint64_t number, time_t since_s);

/* Those from a number on, and of no earlier second than `since_s`; oldest
 * first. A new reference. */
json_t *events_from(const struct events *e, uint64_t number, time_t since_s);

#endif
