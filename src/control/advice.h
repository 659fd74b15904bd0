/*
 * advice.h - what somebody should do something about, and what.
 *
 * Each token is one kind of trouble that no single line of the log shows: it
 * lasts, or comes again. It goes away by itself once it is mended.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_ADVICE_H
#define WEIR_CONTROL_ADVICE_H

#include <jansson.h>
#include <stdint.h>

struct daemon;

enum {
	ADVICE_MAX = 200, /* at a time; further ones are left out */
	ADVICE_RECENT_S = 600,
	ADVICE_FLAPS = 6, /* changes of health in that time, and more */
	ADVICE_OLD_S = 3600,
	ADVICE_FILES_PERCENT = 80,
};

struct advice {
	const char *token;    /* static */
	const char *sentence; /* with what to do; borrowed for the call */
	const char *where;    /* likewise; "" */
	int64_t since_s;      /* since 1970; 0: nobody knows */
	uint64_t count;
};

/* Calls `tell` for each there is now. */
void advice_each(struct daemon *d,
		 void (*tell)(void *arg, const struct advice *a), void *arg);

/* The member "advice" of a status. */
json_t *advice_to_json(struct daemon *d);

#endif
