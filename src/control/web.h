/*
 * web.h - HTTP for programs and people that watch: admin.listen.
 *
 * Requests of HTTP/1.x are read and answered by the stream that clients have,
 * without an exchange: no rule, no target, no log line. A page is a function
 * of a table; it fills an answer, which may be larger than should lie in
 * memory: then it is asked for one part behind the other, as fast as they are
 * taken.
 *
 *	IDLE --> ASKING --> ANSWERED --> LINGERING --> closed
 *	  ^_____________________|
 *
 * GET and HEAD alone, no body, under our own names (web_request.h). No page
 * may wait: all of them run in the control thread, between its other duties.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_WEB_H
#define WEIR_CONTROL_WEB_H

#include "base/text.h"
#include "net/loop.h"
#include "web_request.h"

struct listening; /* net/listening.h */
struct web;

enum {
	WEB_CLIENTS_MAX = 64,
	WEB_REQUEST_MS = 10 * 1000, /* its first octet to its answer's last */
	WEB_IDLE_MS = 60 * 1000,    /* between two requests */
	WEB_FIELDS_MAX = 4,         /* that a page adds */
};

/* Filled by a page. It begins as 200 with an empty text/plain. */
struct web_answer {
	unsigned status;
	struct slice content_type;           /* static */
	struct field fields[WEB_FIELDS_MAX]; /* n_fields of them; static text */
	uint16_t n_fields;
	struct text body;
	/*
	 * NULL: the body is all there is. Otherwise more is asked for whenever
	 * that has been sent: appends to the body, which is empty then; false:
	 * there was nothing left. A few KiB a call, or more than that.
	 */
	bool (*more)(struct web_answer *a);
	/* The page's own; `release` is called once the answer is over, however
	 * it ended. */
	void *state;
	void (*release)(void *state);
};

struct web_page {
	struct slice path; /* below admin.path_prefix */
	void (*answer)(void *arg, const struct web_request *q,
		       struct web_answer *a);
};

/*
 * Takes over a reference to the socket.
 *
 * pages  n_pages of them; borrowed
 * arg    for them
 */
struct web *web_new(struct loop *loop, struct listening *socket_take,
		    const struct web_page *pages, size_t n_pages, void *arg);
/* Closes all; connections die at the end of the turn. NULL is allowed. */
void web_free(struct web *web);

/* Under which names it is asked from now on; their text is borrowed until the
 * next call. */
void web_rename(struct web *web, const struct web_names *names);

struct web_counts {
	unsigned clients; /* now; at most WEB_CLIENTS_MAX */
	uint64_t requests;
	uint64_t evicted; /* the one idle longest, for the next one */
	uint64_t refused; /* while each of the others had asked */
	uint64_t expired; /* requests that took longer than WEB_REQUEST_MS */
};
/* Zeros for NULL. */
void web_read_counts(const struct web *web, struct web_counts *out);

/* Says what is wrong in one line of text, as pages here do. */
void web_say(struct web_answer *a, unsigned status, const char *sentence);

#endif
