/*
 * log.h - what happens in the life of the process, a line each, on stderr.
 *
 * A line is a sentence and pairs of key and value, as logfmt or as JSON. It
 * is built in a fixed buffer and leaves in one write(2); a value that does not
 * fit is cut and marked with "...". Secrets are never given to it.
 *
 *	struct log_line l;
 *
 *	log_begin(&l, LOG_WARNING, "target became unhealthy");
 *	log_str(&l, "target", "10.0.0.5:80");
 *	log_num(&l, "failures", 2);
 *	log_end(&l);
 *
 * Floor: base.  Any thread.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

enum { LOG_LINE_MAX = 2048 };

struct log_line {
	bool on;  /* false: below the level that is set; calls do nothing */
	size_t n; /* octets in text */
	char text[LOG_LINE_MAX];
};

/* Before threads start, and on reload from the control thread. */
void log_setup(enum log_level least, enum log_format format);
bool log_is_on(enum log_level level);

/* From now on each line of this thread carries worker=`number`; -1: none. */
void log_set_worker(int number);

void log_begin(struct log_line *l, enum log_level level, const char *sentence);
void log_str(struct log_line *l, const char *key, const char *value);
void log_slice(struct log_line *l, const char *key, struct slice value);
void log_num(struct log_line *l, const char *key, int64_t value);
void log_fmt(struct log_line *l, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_end(struct log_line *l);

/* A line without pairs. */
void log_say(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Lets at most `per_second` lines a second through. Zeroed it is ready; one
 * thread uses it. Returns whether this line may go; *left_out gets how many
 * were held back since the last one that went, for its key "left_out".
 */
struct log_budget {
	uint64_t second;
	unsigned used, left_out;
};
bool log_budget_take(struct log_budget *b, unsigned per_second,
		     unsigned *left_out);

#endif
