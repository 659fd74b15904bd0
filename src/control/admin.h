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
 * Who may write to the socket may ask; what he may ask for is up to who
 *answers, by admin_peer(). Here is the protocol; what the commands do is in
 *commands.c.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_ADMIN_H
#define WEIR_CONTROL_ADMIN_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

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
	/* The same for one that has answered, and waits for more. */
	ADMIN_FOLLOW_MS = 100,
	/* No descriptor was free for who came: looked at again after this. */
	ADMIN_REOPEN_MS = 250,
};

/* Who asks, as the kernel says it of when he connected. */
struct admin_peer {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* the others; n_groups of them */
	size_t n_groups;
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

/* For a function that answers: who asks. Borrowed. */
const struct admin_peer *admin_peer(const struct admin *a);
/* The same: descriptors that came with the first octets of the request, from
 * root alone; what others send is closed. They are closed with the request. */
size_t admin_descriptors(const struct admin *a, const int **fds);
/* The same: what it returns is one line of several, and it is asked again. The
 * request ends when the client has closed its side. */
void admin_answer_more(struct admin *a);

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
