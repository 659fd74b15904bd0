/*
 * loop.h - an event base, its turns and its mailbox.
 *
 *	while (!stopping) {
 *		wait for events and call their owners
 *		run those who stopped before the kernel did   (loop_again)
 *		flush those who have output                   (loop_dirty)
 *		free those who died                           (loop_retire)
 *	}
 *
 * Nothing is freed in the middle of a turn, and output leaves once in a turn,
 * whatever number of steps produced it. libevent stays inside net/.
 *
 * Floor: net.  One loop for each thread; only loop_post may be called by
 * others.
 */
#ifndef WEIR_NET_LOOP_H
#define WEIR_NET_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/wheel.h"

struct conn;
struct event;
struct event_base;

/* Something that dies at the end of the turn. First in its object, or not:
 * `free_it` gets the node. */
struct retired {
	struct retired *next;
	void (*free_it)(struct retired *r);
};

struct loop {
	struct event_base *base;
	struct list again;  /* of conn->again */
	struct list doubts; /* of conn->doubt */
	struct conn *dirty; /* linked by conn->next_dirty */
	struct retired *retired;
	struct wheel wheel;
	struct event *tick; /* drives the wheel, added while it is used */
	bool tick_is_on;
	uint32_t n_turns;
	bool stopping;
	bool began; /* the clock was read in this turn */

	struct event *mail_event;
	int mail_fd; /* eventfd */
	pthread_mutex_t mail_lock;
	struct letter *mail; /* newest first */
};

/* Dies with a message when the kernel refuses. */
void loop_init(struct loop *l);
void loop_release(struct loop *l);

/* Turns until loop_stop(). */
void loop_run(struct loop *l);
/* Turns once; waits for an event if `wait`. For tests. */
void loop_turn(struct loop *l, bool wait);
void loop_stop(struct loop *l);

/* Calls fn(arg) in the loop's thread, in the order posted. Any thread. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* The connection stopped reading before the kernel had no more: its owner is
 * called again in this turn's end, after the others had theirs. */
void loop_again(struct loop *l, struct conn *c);
/*
 * The owner needs more than the last read gave, and that was a short one. As a
 * rule the socket was empty. But libevent tells of a reset as if octets had
 * come, so one that came together with octets is heard of by nobody: within a
 * slot of the wheel the kernel is asked once more. To ask at once would cost a
 * call for each piece of a body.
 */
void loop_doubt(struct loop *l, struct conn *c);
/* The connection has output; it is written at the end of the turn. */
void loop_dirty(struct loop *l, struct conn *c);
void loop_retire(struct loop *l, struct retired *r,
		 void (*free_it)(struct retired *r));
/* Reads the clock if this is the first event of the turn. */
static inline void loop_began(struct loop *l)
{
	if (l->began)
		return;
	l->began = true;
	clock_update();
}

/* Tells those whose deadline has passed, and asks for those in doubt. The
 * wheel's timer does it; tests that move the clock by hand call it. */
void loop_expire(struct loop *l);
/* Starts the wheel's timer if it stands still. */
void loop_tick(struct loop *l);
/* Sets a deadline, or moves it: d->fire(d) is called at that time, or up to a
 * slot later; 0: never. Moving it later is a store. */
static inline void loop_deadline(struct loop *l, struct deadline *d,
				 uint64_t at_ms)
{
	wheel_set(&l->wheel, d, at_ms);
	if (at_ms && !l->tick_is_on)
		loop_tick(l);
}
/* It is not set any more, and its memory may go. */
static inline void loop_forget(struct loop *l, struct deadline *d)
{
	wheel_remove(&l->wheel, d);
}

/*
 * Timers and descriptors for those who are not connections: prober, resolver,
 * signals. `what` is LOOP_READ, LOOP_WRITE or both; level-triggered and
 * persistent until freed. Freed with loop_watch_free; NULL is allowed. Only
 * loop_watch_fd may return NULL, with errno, where the kernel watches no more.
 */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_TIMEOUT = 4 };
struct loop_watch;
struct loop_watch *loop_watch_fd(struct loop *l, int fd, int what,
				 void (*fn)(int fd, int what, void *arg),
				 void *arg);
struct loop_watch *
loop_watch_signal(struct loop *l, int signal,
		  void (*fn)(int signal, int what, void *arg), void *arg);
/* Fires once after ms, then again only after loop_watch_rearm. */
struct loop_watch *loop_watch_timer(struct loop *l, uint64_t ms,
				    void (*fn)(int fd, int what, void *arg),
				    void *arg);
void loop_watch_rearm(struct loop_watch *w, uint64_t ms);
void loop_watch_free(struct loop_watch *w);

#endif
