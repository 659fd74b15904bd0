/*
 * status.h - what runs, as JSON.
 *
 * The keys are an interface: add, never rename. Counters are summed over the
 * workers and have the names of counters.def; times are ISO 8601 in UTC.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_STATUS_H
#define WEIR_CONTROL_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct condition;
struct journals; /* base/journal.h */
struct daemon;

/* Each returns a new reference to an answer. */
json_t *status_of_daemon(struct daemon *d);
json_t *status_of_targets(const struct daemon *d);
json_t *status_of_rules(const struct daemon *d);
json_t *status_of_certs(const struct daemon *d);

/* An array of the limits, and what they refused; part of an answer. */
json_t *status_of_limits(const struct daemon *d);

/* Whether the file is another one than what is served. Files are read again for
 * it, once a second at most. */
bool status_file_differs(struct daemon *d);

/* An array of the logs that this process writes; part of an answer. */
json_t *status_of_logs(const struct journals *js);

/* One condition of a rule, under the names of the configuration. */
json_t *status_of_condition(const struct condition *c);

/* Help for these: a member, text that need not be UTF-8, and a time. */
void status_count(json_t *o, const char *key, uint64_t value);
json_t *status_text(struct slice text);
json_t *status_time(uint64_t seconds_since_1970);

#endif
