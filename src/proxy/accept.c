#include "accept.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "net/sock.h"
#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/upstream.h"

/* Connections that are still taken from a queue that is about to be closed:
 * the kernel would reset them. */
enum { LAST_ACCEPTS = 65536 };

/* Descriptors belong to the whole process: none of our own connections may
 * ever end and make room. */
enum { RETRY_MS = 250 };

static void watch(struct acceptor *a);

/* The only function that changes a->paused. */
static void acceptor_pause(struct acceptor *a, bool paused)
{
	if (a->paused == paused)
		return;
	a->paused = paused;
	gauge_add(&a->worker->seen_paused, paused ? 1 : -1);
}

static void on_retry(int fd, int what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd;
	(void)what;
	if (a->paused)
		watch(a);
}

static void retry_later(struct acceptor *a)
{
	if (a->retry)
		loop_watch_rearm(a->retry, RETRY_MS);
	else
		a->retry = loop_watch_timer(&a->worker->loop, RETRY_MS,
					    on_retry, a);
}

static void reject(struct acceptor *a, const char *hint)
{
	struct worker *w = a->worker;
	struct log_line l;

	count_listener(w, a->listener->state, COUNT_CLIENT_REJECTED);
	if (!worker_log(w, &l, LOG_WARNING, "accepting no more connections"))
		return;
	log_num(&l, "connections",
		(int64_t)atomic_load_explicit(w->n_connections,
					      memory_order_relaxed));
	log_str(&l, "hint", hint);
	log_end(&l);
}

static void pause_accepting(struct acceptor *a)
{
	if (a->paused)
		return;
	acceptor_pause(a, true);
	loop_watch_free(a->watch);
	a->watch = NULL;
}

/* Returns whether there may be another one in the queue. */
static bool accept_one(struct acceptor *a)
{
	struct worker *w = a->worker;
	struct addr peer;
	int fd = sock_accept(a->fd, &peer);

	if (fd >= 0 && worker_take_place(w)) {
		client_new(w, a, fd, &peer);
		return true;
	}
	/* Closed rather than left in the queue: whoever comes learns at once
	 * that there is no room here, and may go elsewhere. */
	if (fd >= 0) {
		close(fd);
		reject(a, "raise settings.max_connections");
		return true;
	}
	switch (errno) {
	case EMFILE:
		/* Whoever waits here needs it more than one who may come. */
		if (upstream_shed(w))
			return true;
		/* fallthrough */
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		/* It stays in the queue until a descriptor is free. */
		reject(a, "raise the limit of open files");
		pause_accepting(a);
		retry_later(a);
		return false;
	case ECONNABORTED:
	case EINTR:
	case EPROTO:
		return true;
	default:
		return false;
	}
}

static void on_acceptable(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	accept_one(arg);
}

static void watch(struct acceptor *a)
{
	a->watch = loop_watch_fd(&a->worker->loop, a->fd, LOOP_READ,
				 on_acceptable, a);
	acceptor_pause(a, !a->watch);
	if (!a->watch)
		retry_later(a);
}

/* Who wants it closed has dropped his reference already: it closes here, and
 * not while more come into the queue. */
static void close_acceptor(struct acceptor *a)
{
	if (a->fd < 0)
		return;
	loop_watch_free(a->watch);
	a->watch = NULL;
	for (int i = 0; i < LAST_ACCEPTS && accept_one(a); i++)
		;
	loop_watch_free(a->watch);
	a->watch = NULL;
	loop_watch_free(a->retry);
	a->retry = NULL;
	listening_unref(a->socket);
	a->socket = NULL;
	a->fd = -1;
	acceptor_pause(a, false);
}

/* Tunnels may outlive by weeks the configuration that they were made in. */
static void release_view(struct acceptor *a)
{
	if (!a->last || a->n_asking > 0)
		return;
	view_leave(a->last);
	a->last = NULL;
	a->listener = NULL;
	worker_show_generations(a->worker);
}

void acceptor_asks_no_more(struct acceptor *a)
{
	a->n_asking--;
	if (a->last && a->n_asking)
		worker_show_generations(a->worker);
	release_view(a);
}

void acceptor_leave(struct acceptor *a)
{
	release_view(a);
	if (--a->users > 0)
		return;
	list_remove(&a->node);
	free(a);
}

bool acceptor_address(const struct acceptor *a, int fd, struct addr *out)
{
	*out = a->addr;
	return !addr_is_any(out) || sock_own_address(fd, out);
}

static struct acceptor *acceptor_of(struct worker *w,
				    const struct listening *socket)
{
	list_foreach (node, &w->acceptors) {
		struct acceptor *a = list_entry(node, struct acceptor, node);

		if (a->socket == socket)
			return a;
	}
	return NULL;
}

static const struct listener *listener_at(const struct snapshot *snap,
					  uint32_t index)
{
	for (size_t i = 0; i < snap->n_balancers; i++) {
		const struct load_balancer *lb = &snap->balancers[i];

		for (size_t k = 0; k < lb->n_listeners; k++)
			if (lb->listeners[k].index == index)
				return &lb->listeners[k];
	}
	return NULL;
}

static struct acceptor *acceptor_new(struct worker *w, const struct endpoint *e)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));

	*a = (struct acceptor){
		.worker = w,
		.socket = listening_ref(e->socket),
		.fd = e->socket->fd,
		.addr = e->addr,
		.users = 1,
	};
	list_push_back(&w->acceptors, &a->node);
	watch(a);
	return a;
}

static void remove_acceptor(struct acceptor *a, struct view *old)
{
	a->last = view_enter(old);
	close_acceptor(a);
	acceptor_leave(a);
}

void accept_adopt(struct worker *w, struct view *old,
		  const struct endpoint *endpoints, size_t n_endpoints)
{
	for (size_t i = 0; i < n_endpoints; i++) {
		const struct endpoint *e = &endpoints[i];
		struct acceptor *a = acceptor_of(w, e->socket);

		if (!a)
			a = acceptor_new(w, e);
		a->listener = listener_at(w->view->snap, e->listener);
		a->is_wanted = true;
	}
	list_foreach_safe (node, &w->acceptors) {
		struct acceptor *a = list_entry(node, struct acceptor, node);

		if (a->is_wanted || a->fd < 0)
			a->is_wanted = false;
		else
			remove_acceptor(a, old);
	}
}

void accept_stop(struct worker *w)
{
	list_foreach_safe (node, &w->acceptors) {
		struct acceptor *a = list_entry(node, struct acceptor, node);

		if (a->fd < 0)
			continue;
		close_acceptor(a);
		acceptor_leave(a);
	}
}

void accept_resume(struct worker *w)
{
	list_foreach (node, &w->acceptors) {
		struct acceptor *a = list_entry(node, struct acceptor, node);

		if (a->paused && a->fd >= 0)
			watch(a);
	}
}
