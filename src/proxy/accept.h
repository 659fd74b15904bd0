/*
 * accept.h - the listening sockets of one worker.
 *
 * Each is level-triggered and takes one connection for each wake-up: who
 * still waits wakes it again, and reading the queue until it is empty would
 * cost a call that fails.
 *
 * Floor: proxy.  One thread.
 */
#ifndef WEIR_PROXY_ACCEPT_H
#define WEIR_PROXY_ACCEPT_H

#include "base/list.h"
#include "model/listener.h"
#include "net/addr.h"

struct worker;
struct endpoint;
struct listening; /* net/listening.h */
struct loop_watch;
struct view;

/* Outlives its listener's configuration: connections hold on to it, and find
 * the listener of the newest snapshot through it. */
struct acceptor {
	struct list node; /* in worker->acceptors */
	struct worker *worker;
	struct listening *socket; /* one reference; NULL: let go */
	int fd;                   /* the socket's; -1 without one */
	struct addr addr;         /* that it listens on */
	struct loop_watch *watch;
	const struct listener *listener; /* of `last`, or of worker->view; NULL
					  * when it has gone and nobody may ask
					  */
	struct view *last; /* entered: the last view that had this address, once
			    * a newer one has not; NULL: worker->view has it,
			    * or nobody is left who may ask */
	unsigned users;    /* connections, plus the worker */
	unsigned n_asking; /* connections on which a request may yet come */
	struct loop_watch *retry; /* while no descriptor was free; else NULL */
	bool paused;    /* at the limit of connections or of descriptors */
	bool is_wanted; /* while a view is adopted */
};

/* Brings the acceptors of a worker to what worker->view has; `old` is the view
 * before it, or NULL. Connections whose listener is gone are served by the
 * old view, and their next answer is their last. */
void accept_adopt(struct worker *w, struct view *old,
		  const struct endpoint *endpoints, size_t n_endpoints);
/* No more connections; those that wait in the queues are taken first. */
void accept_stop(struct worker *w);
/* A connection has ended: there is room again. */
void accept_resume(struct worker *w);

/* One connection less that may ask; it goes on using the acceptor. */
void acceptor_asks_no_more(struct acceptor *a);
void acceptor_leave(struct acceptor *a);

/* The address that a connection which it took has come to; its port means
 * nothing. False: it is not known any more. */
bool acceptor_address(const struct acceptor *a, int fd, struct addr *out);

#endif
