#include "loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "net/conn.h"

struct letter {
	struct letter *next;
	void (*fn)(void *arg);
	void *arg;
};

static void ask_again(struct loop *l)
{
	struct list now, *node;

	list_take(&now, &l->doubts);
	while ((node = list_pop_front(&now)) != NULL)
		conn_ask(list_entry(node, struct conn, doubt));
}

void loop_expire(struct loop *l)
{
	struct deadline *d;

	ask_again(l);
	while ((d = wheel_expired(&l->wheel, clock_now_ms())) != NULL)
		d->fire(d);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	loop_began(l);
	l->tick_is_on = false;
	loop_expire(l);
	if (l->wheel.n_nodes || !list_is_empty(&l->doubts))
		loop_tick(l);
}

void loop_tick(struct loop *l)
{
	const struct timeval slot = {0, WHEEL_SLOT_MS * 1000};

	if (l->tick_is_on)
		return;
	l->tick_is_on = true;
	event_add(l->tick, &slot);
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct letter *mail, *in_order = NULL;
	uint64_t count;

	(void)what;
	loop_began(l);
	/* What cannot be read stays readable, and calls us again. */
	(void)!read((int)fd, &count, sizeof(count));
	pthread_mutex_lock(&l->mail_lock);
	mail = l->mail;
	l->mail = NULL;
	pthread_mutex_unlock(&l->mail_lock);

	while (mail) {
		struct letter *next = mail->next;

		mail->next = in_order;
		in_order = mail;
		mail = next;
	}
	while (in_order) {
		struct letter *next = in_order->next;

		in_order->fn(in_order->arg);
		free(in_order);
		in_order = next;
	}
}

/* Nothing is known to fail there twice. */
enum { POST_TRIES = 3 };

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	const uint64_t one = 1;
	struct letter *letter = xmalloc(sizeof(*letter));

	letter->fn = fn;
	letter->arg = arg;
	pthread_mutex_lock(&l->mail_lock);
	letter->next = l->mail;
	l->mail = letter;
	pthread_mutex_unlock(&l->mail_lock);
	/* EAGAIN: it has been called more often than it can count. */
	for (int i = 0; i < POST_TRIES; i++)
		if (write(l->mail_fd, &one, sizeof(one)) > 0 || errno == EAGAIN)
			return;
	fail_exit("the mailbox cannot be written: %s", strerror(errno));
}

void loop_init(struct loop *l)
{
	struct event_config *config = event_config_new();

	*l = (struct loop){.mail_fd = -1};
	list_init(&l->again);
	list_init(&l->doubts);
	clock_update();
	wheel_init(&l->wheel, clock_now_ms());
	pthread_mutex_init(&l->mail_lock, NULL);

	/* One thread uses the base, so it needs no lock; the environment must
	 * not choose another way to wait. */
	if (!config)
		fail_no_memory();
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	event_config_require_features(config,
				      EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
	l->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!l->base)
		fail_exit("no event base: %s", strerror(errno));
	l->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->mail_fd < 0)
		fail_exit("no eventfd: %s", strerror(errno));
	l->mail_event = event_new(l->base, l->mail_fd, EV_READ | EV_PERSIST,
				  on_mail, l);
	l->tick = event_new(l->base, -1, 0, on_tick, l);
	if (!l->mail_event || !l->tick || event_add(l->mail_event, NULL))
		fail_exit("no event for the mailbox: %s", strerror(errno));
}

void loop_release(struct loop *l)
{
	event_free(l->mail_event);
	event_free(l->tick);
	event_base_free(l->base);
	close(l->mail_fd);
	while (l->mail) {
		struct letter *next = l->mail->next;

		free(l->mail);
		l->mail = next;
	}
	pthread_mutex_destroy(&l->mail_lock);
}

void loop_again(struct loop *l, struct conn *c)
{
	if (list_is_empty(&c->again))
		list_push_back(&l->again, &c->again);
}

void loop_doubt(struct loop *l, struct conn *c)
{
	if (list_is_empty(&c->doubt))
		list_push_back(&l->doubts, &c->doubt);
	if (!l->tick_is_on)
		loop_tick(l);
}

void loop_dirty(struct loop *l, struct conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	c->next_dirty = l->dirty;
	l->dirty = c;
}

void loop_retire(struct loop *l, struct retired *r,
		 void (*free_it)(struct retired *r))
{
	r->free_it = free_it;
	r->next = l->retired;
	l->retired = r;
}

/* Those who come to the list meanwhile wait for the next turn. */
static void run_again(struct loop *l)
{
	struct list now, *node;

	list_take(&now, &l->again);
	while ((node = list_pop_front(&now)) != NULL)
		conn_wake(list_entry(node, struct conn, again));
}

/* Writing may wake an owner who then has more to write. */
static void flush(struct loop *l)
{
	struct conn *c;

	while ((c = l->dirty) != NULL) {
		l->dirty = c->next_dirty;
		c->next_dirty = NULL;
		c->is_dirty = false;
		conn_write_out(c);
	}
}

static void reap(struct loop *l)
{
	struct retired *r;

	while ((r = l->retired) != NULL) {
		l->retired = r->next;
		r->free_it(r);
	}
}

void loop_turn(struct loop *l, bool wait)
{
	int flags = EVLOOP_ONCE;

	l->began = false;
	l->n_turns++;
	if (!list_is_empty(&l->again) || !wait)
		flags |= EVLOOP_NONBLOCK;
	if (event_base_loop(l->base, flags) < 0)
		BUG("the event loop failed: %s", strerror(errno));
	loop_began(l);
	run_again(l);
	flush(l);
	reap(l);
}

void loop_run(struct loop *l)
{
	while (!l->stopping)
		loop_turn(l, true);
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
}

struct loop_watch {
	struct event event;
	struct loop *loop;
	void (*fn)(int fd, int what, void *arg);
	void *arg;
};

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;
	int told = 0;

	loop_began(w->loop);
	told |= what & EV_READ ? LOOP_READ : 0;
	told |= what & EV_WRITE ? LOOP_WRITE : 0;
	told |= what & EV_TIMEOUT ? LOOP_TIMEOUT : 0;
	w->fn((int)fd, told, w->arg);
}

static struct loop_watch *watch(struct loop *l, int fd, int what,
				void (*fn)(int fd, int what, void *arg),
				void *arg)
{
	struct loop_watch *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	event_assign(&w->event, l->base, fd, (short)what, on_watch, w);
	return w;
}

struct loop_watch *loop_watch_fd(struct loop *l, int fd, int what,
				 void (*fn)(int fd, int what, void *arg),
				 void *arg)
{
	int events = EV_PERSIST | (what & LOOP_READ ? EV_READ : 0) |
		     (what & LOOP_WRITE ? EV_WRITE : 0);
	struct loop_watch *w = watch(l, fd, events, fn, arg);

	if (event_add(&w->event, NULL) == 0)
		return w;
	free(w);
	errno = ENOSPC; /* of epoll watches; libevent keeps the cause */
	return NULL;
}

struct loop_watch *
loop_watch_signal(struct loop *l, int signal,
		  void (*fn)(int signal, int what, void *arg), void *arg)
{
	struct loop_watch *w =
		watch(l, signal, EV_SIGNAL | EV_PERSIST, fn, arg);

	if (event_add(&w->event, NULL))
		fail_exit("no event for signal %d: %s", signal,
			  strerror(errno));
	return w;
}

struct loop_watch *loop_watch_timer(struct loop *l, uint64_t ms,
				    void (*fn)(int fd, int what, void *arg),
				    void *arg)
{
	struct loop_watch *w = watch(l, -1, 0, fn, arg);

	loop_watch_rearm(w, ms);
	return w;
}

void loop_watch_rearm(struct loop_watch *w, uint64_t ms)
{
	const struct timeval after = {(time_t)(ms / 1000),
				      (suseconds_t)(ms % 1000 * 1000)};

	event_add(&w->event, &after);
}

void loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	event_del(&w->event);
	free(w);
}
