/*
 * log.h - what happens in the life of the process, a line each, on stderr.
 *
 * A line is a sentence and pairs of key and value, as logfmt or as JSON. It
 * is built in a fixed buffer and leaves in one write(2); a value that does not
 * fit is cut and marked with "...". Secrets are never given to it.
 *
 * Whoever reads standard error may stop reading. A process that serves has its
 * lines written by a thread of their own (outbox.h); what does not fit in front
 * of it is dropped, and the next line of the same thread that does says how
 * many were: lines_lost=3.
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

/*
 * From now on lines wait for a thread that writes them; until log_run() there
 * is none. Before threads start that say something.
 */
void log_queue(void);
/* Starts that thread. Not before the process has given up its privileges, as
 * some belong to each thread. Returns 0, or -1 with errno. */
int log_run(void);
/*
 * Has all lines written, and waits for that a second at most; after that they
 * are written by who has them again, or, when the time was up, by nobody. All
 * other threads have ended. Nothing when log_queue() was not called.
 */
void log_stop(void);

struct log_counts {
	uint64_t lines; /* written */
	uint64_t lost;  /* no room in front of the thread, or not written */
	int last_error; /* errno of the last that could not be; 0: none */
};
/* Control thread. Zeros when log_queue() was not called. */
void log_read_counts(struct log_counts *out);

/* A worker's thread calls it first: from now on each line of this thread
 * carries worker=`number`; -1: none. */
void log_set_worker(int number);

void log_begin(struct log_line *l, enum log_level level, const char *sentence);
void log_str(struct log_line *l, const char *key, const char *value);
void log_slice(struct log_line *l, const char *key, struct slice value);
void log_num(struct log_line *l, const char *key, int64_t value);
void log_fmt(struct log_line *l, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_end(struct log_line *l);

/* Text of several lines that is no log line: findings at the start. */
void log_text(struct slice text);

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
