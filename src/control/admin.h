/*
 * admin.h - the unix socket on which a running process is asked.
 *
 * One JSON object per line comes in, one per line goes out, in order:
 *
 *	{"command":"status"}
 *	{"ok":true,"version":"0.1.0",...}
 *	{"command":"nonsense"}
 *	{"ok":false,"error":"..."}
 *
 * Who may write to the socket may ask: its mode is the permission. Here is
 * the protocol; what the commands do is in commands.c.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_ADMIN_H
#define WEIR_CONTROL_ADMIN_H

#include <jansson.h>
#include <stdint.h>

#include "net/loop.h"

struct admin;

enum {
	ADMIN_LINE_MAX = 64 * 1024, /* octets of a request */
	ADMIN_CLIENTS_MAX = 64,
	/* Who has so much to read yet is asked nothing more: answers and
	 * checks have their buffers from one pool. */
	ADMIN_UNREAD_MAX = 256 * 1024,
	ADMIN_IDLE_MS = 60 * 1000,
	/* A command that cannot answer yet is asked again after this. */
	ADMIN_RETRY_MS = 10,
};

/*
 * Answers one request, which is an object.
 *
 * memo  0 when a request is asked for the first time; the command's own then
 *
 * Returns a new reference, or NULL: ask again soon.
 */
typedef json_t *admin_answer_fn(void *arg, const json_t *request,
				uint64_t *memo);

/* Takes over a listening socket. */
struct admin *admin_new(struct loop *loop, int fd_take, admin_answer_fn *answer,
			void *arg);
/* Closes all; clients die at the end of the turn. NULL is allowed. */
void admin_free(struct admin *a);

struct admin_counts {
	unsigned clients; /* now; at most ADMIN_CLIENTS_MAX */
	uint64_t evicted; /* the one idle longest, for the next one */
	uint64_t refused; /* while each of the others waited for an answer */
};
/* Zeros for NULL. */
void admin_read_counts(const struct admin *a, struct admin_counts *out);

/* {"ok":false,"error":sentence} */
json_t *admin_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* {"ok":true}, to be filled. */
json_t *admin_ok(void);

#endif
