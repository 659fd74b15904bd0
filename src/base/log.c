#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "outbox.h"

enum {
	/* What waits to be written. A worker says 50 lines a second of its
	 * requests; findings of a start come from the control thread. */
	WORKER_OCTETS = 64 * 1024,
	CONTROL_OCTETS = 256 * 1024,
	STOP_WAIT_MS = 1000,
};

static _Atomic int least_level = LOG_INFO;
static _Atomic int line_format = LOG_TEXT;
static _Thread_local int worker = -1;

/* Changed by the control thread, before others start and after they ended. */
static struct courier *courier; /* NULL: whoever has a line writes it */
static bool given_up;           /* the thread hangs in a write for ever */
static _Thread_local struct outbox *outbox;
static _Thread_local uint64_t told_lost; /* of outbox_lost() */

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_setup(enum log_level least, enum log_format format)
{
	least_level = (int)least;
	line_format = (int)format;
}

bool log_is_on(enum log_level level)
{
	return (int)level >= least_level;
}

/* -- where lines go -------------------------------------------------------- */

static bool wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* Returns 0 or an errno. Whoever shares our terminal may have made it
 * non-blocking. */
static int write_all(struct slice text)
{
	while (text.n) {
		ssize_t n = write(STDERR_FILENO, text.p, text.n);

		if (n >= 0)
			text = slice_from(text, (size_t)n);
		else if (errno == EAGAIN && !wait_writable(STDERR_FILENO))
			return errno;
		else if (errno != EAGAIN && errno != EINTR)
			return errno;
	}
	return 0;
}

static int deliver_lines(void *arg, uint32_t tag, struct slice record)
{
	(void)arg;
	(void)tag;
	return write_all(record);
}

/* Returns whether it is on its way. */
static bool emit_line(struct slice text)
{
	if (given_up)
		return false;
	return outbox ? outbox_put(outbox, 0, text) : !write_all(text);
}

void log_queue(void)
{
	courier = courier_new(deliver_lines, NULL);
	outbox = courier_outbox(courier, CONTROL_OCTETS);
	told_lost = 0;
}

int log_run(void)
{
	return courier_start(courier);
}

void log_stop(void)
{
	if (!courier)
		return;
	given_up = !courier_stop(courier, STOP_WAIT_MS);
	outbox = NULL;
	if (given_up)
		return;
	courier_free(courier);
	courier = NULL;
}

void log_read_counts(struct log_counts *out)
{
	struct courier_counts counts = {0};

	if (courier)
		courier_read_counts(courier, &counts);
	*out = (struct log_counts){counts.records, counts.lost,
				   counts.last_error};
}

void log_set_worker(int number)
{
	worker = number;
	if (courier && !outbox)
		outbox = courier_outbox(courier, WORKER_OCTETS);
}

/* -- building them --------------------------------------------------------- */

/* Room that every line keeps for its end: "...", a quote, a brace, \n. */
enum { TAIL = 8 };

static bool line_put(struct log_line *l, const char *p, size_t n)
{
	if (l->n + n > LOG_LINE_MAX - TAIL)
		return false;
	memcpy(l->text + l->n, p, n);
	l->n += n;
	return true;
}

static bool puts_to(struct log_line *l, const char *text)
{
	return line_put(l, text, strlen(text));
}

static bool is_plain(struct slice v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return v.n > 0;
}

static void put_quoted(struct log_line *l, struct slice v)
{
	bool fits = puts_to(l, "\"");

	for (size_t i = 0; i < v.n && fits; i++) {
		unsigned char c = (unsigned char)v.p[i];
		char hex[8];

		if (c == '"' || c == '\\') {
			char pair[2] = {'\\', (char)c};

			fits = line_put(l, pair, 2);
		} else if (c < ' ' || c >= 0x7f) {
			/* As JSON wants it; both readers can undo it. */
			snprintf(hex, sizeof(hex), "\\u%04x", c);
			fits = line_put(l, hex, 6);
		} else {
			fits = line_put(l, v.p + i, 1);
		}
	}
	if (!fits) {
		memcpy(l->text + l->n, "...", 3);
		l->n += 3;
	}
	l->text[l->n++] = '"';
}

static bool put_key(struct log_line *l, const char *key)
{
	if (l->n + strlen(key) + 16 > LOG_LINE_MAX - TAIL)
		return false; /* a pair without room is left out as a whole */
	if (line_format == LOG_JSON) {
		puts_to(l, l->n > 1 ? ",\"" : "\"");
		puts_to(l, key);
		puts_to(l, "\":");
	} else {
		if (l->n)
			puts_to(l, " ");
		puts_to(l, key);
		puts_to(l, "=");
	}
	return true;
}

void log_slice(struct log_line *l, const char *key, struct slice value)
{
	if (!l->on || !put_key(l, key))
		return;
	if (line_format == LOG_TEXT && is_plain(value) &&
	    line_put(l, value.p, value.n))
		return;
	put_quoted(l, value);
}

void log_str(struct log_line *l, const char *key, const char *value)
{
	log_slice(l, key, slice_of(value));
}

static bool put_number(struct log_line *l, const char *key, int64_t value)
{
	char digits[24];

	if (!put_key(l, key))
		return false;
	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	return puts_to(l, digits);
}

void log_num(struct log_line *l, const char *key, int64_t value)
{
	if (l->on)
		put_number(l, key, value);
}

void log_fmt(struct log_line *l, const char *key, const char *format, ...)
{
	char value[512];
	va_list args;
	int n;

	if (!l->on)
		return;
	va_start(args, format);
	n = vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	if (n >= (int)sizeof(value))
		n = sizeof(value) - 1;
	log_slice(l, key, slice_make(value, n > 0 ? (size_t)n : 0));
}

void log_begin(struct log_line *l, enum log_level level, const char *sentence)
{
	char when[96];
	struct timespec now;
	struct tm tm;

	l->on = log_is_on(level);
	l->n = 0;
	if (!l->on)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	snprintf(when, sizeof(when), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
	if (line_format == LOG_JSON)
		puts_to(l, "{");
	log_str(l, "time", when);
	log_str(l, "level", level_names[level]);
	log_str(l, "msg", sentence);
	if (worker >= 0)
		log_num(l, "worker", worker);
}

void log_end(struct log_line *l)
{
	uint64_t lost = outbox ? outbox_lost(outbox) : 0;
	bool told = false;

	if (!l->on)
		return;
	if (lost > told_lost)
		told = put_number(l, "lines_lost", (int64_t)(lost - told_lost));
	if (line_format == LOG_JSON)
		l->text[l->n++] = '}';
	l->text[l->n++] = '\n';
	if (emit_line(slice_make(l->text, l->n)) && told)
		told_lost = lost;
}

/* A line each, as others do not wait for more than a line. */
void log_text(struct slice text)
{
	while (text.n) {
		size_t n = slice_find(text, '\n');

		n += n < text.n;
		emit_line(slice_first(text, n));
		text = slice_from(text, n);
	}
}

void log_say(enum log_level level, const char *format, ...)
{
	char sentence[1024];
	struct log_line l;
	va_list args;

	if (!log_is_on(level))
		return;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	log_begin(&l, level, sentence);
	log_end(&l);
}

bool log_budget_take(struct log_budget *b, unsigned per_second,
		     unsigned *left_out)
{
	uint64_t second = clock_now_ms() / 1000;

	if (b->second != second) {
		b->second = second;
		b->used = 0;
	}
	if (b->used >= per_second) {
		b->left_out++;
		return false;
	}
	b->used++;
	*left_out = b->left_out;
	b->left_out = 0;
	return true;
}
