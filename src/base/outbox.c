#include "outbox.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"

/* Stands before each record, on a multiple of its size. */
struct mark {
	uint32_t octets; /* SKIP: the next record is at the beginning */
	uint32_t tag;
};

enum { OUTBOX_LEAST = 4096 };
#define SKIP UINT32_MAX

/*
 * A ring. Both ends only grow; where they stand in it is the rest of the
 * division by its size. A record is never cut in two at its end, so that it
 * can be written from where it is.
 */
struct outbox {
	struct courier *courier;
	struct outbox *next; /* set before the courier sees it */
	size_t size;
	_Atomic size_t head;   /* moved by the courier */
	char apart[64];        /* the two ends are not in one cache line */
	_Atomic size_t tail;   /* moved by the owner */
	_Atomic uint64_t lost; /* counted by the owner */
	char octets[];
};

struct courier {
	courier_deliver_fn *deliver;
	void *arg;
	_Atomic(struct outbox *) first;
	void (*pause)(void *arg); /* or NULL */
	_Atomic bool asleep, stopping, called;
	_Atomic uint64_t rounds;
	int wake_fd; /* an eventfd */
	bool started;
	pthread_t thread;
	_Atomic uint64_t written, failed;
	_Atomic int last_error;
};

static uint64_t read_count(const _Atomic uint64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

/* There is one thread that counts. */
static void count_one(_Atomic uint64_t *count)
{
	atomic_store_explicit(count, read_count(count) + 1,
			      memory_order_relaxed);
}

/* -- putting --------------------------------------------------------------- */

static void courier_wake(struct courier *c)
{
	uint64_t one = 1;
	ssize_t n = write(c->wake_fd, &one, sizeof(one));

	(void)n; /* the counter is full: it will wake without us */
}

static void courier_wake_sleeper(struct courier *c)
{
	if (atomic_load(&c->asleep) && atomic_exchange(&c->asleep, false))
		courier_wake(c);
}

/* Returns the octets that wait then, 0 for none. */
static size_t put(struct outbox *o, uint32_t tag, struct slice record,
		  memory_order order)
{
	struct mark mark = {(uint32_t)record.n, tag};
	size_t need = (sizeof(mark) * 2 - 1 + record.n) & ~(sizeof(mark) - 1);
	size_t head = atomic_load_explicit(&o->head, memory_order_acquire);
	size_t tail = atomic_load_explicit(&o->tail, memory_order_relaxed);
	size_t at = tail & (o->size - 1);
	size_t skip = o->size - at < need ? o->size - at : 0;

	if (record.n >= o->size || skip + need > o->size - (tail - head)) {
		count_one(&o->lost);
		return 0;
	}
	if (skip) {
		memcpy(o->octets + at, &(struct mark){SKIP, 0}, sizeof(mark));
		at = 0;
	}
	memcpy(o->octets + at, &mark, sizeof(mark));
	memcpy(o->octets + at + sizeof(mark), record.p, record.n);
	atomic_store_explicit(&o->tail, tail + skip + need, order);
	return tail + skip + need - head;
}

bool outbox_put(struct outbox *o, uint32_t tag, struct slice record)
{
	/* In one order with what the courier does before it sleeps: either it
	 * sees the record, or we see that it sleeps. */
	if (!put(o, tag, record, memory_order_seq_cst))
		return false;
	courier_wake_sleeper(o->courier);
	return true;
}

size_t outbox_put_quietly(struct outbox *o, uint32_t tag, struct slice record)
{
	return put(o, tag, record, memory_order_release);
}

void outbox_hand_over(struct outbox *o)
{
	/* For the order of outbox_put(), of all that was put before. */
	size_t tail = atomic_load_explicit(&o->tail, memory_order_relaxed);

	atomic_store(&o->tail, tail);
	courier_wake_sleeper(o->courier);
}

uint64_t outbox_lost(const struct outbox *o)
{
	return read_count(&o->lost);
}

/* -- the thread ------------------------------------------------------------ */

static bool outbox_is_empty(struct outbox *o)
{
	return atomic_load(&o->tail) ==
	       atomic_load_explicit(&o->head, memory_order_relaxed);
}

static void deliver_record(struct courier *c, uint32_t tag, struct slice record)
{
	int error = c->deliver(c->arg, tag, record);

	if (!error) {
		count_one(&c->written);
		return;
	}
	count_one(&c->failed);
	atomic_store_explicit(&c->last_error, error, memory_order_relaxed);
}

/* What is there now; what comes meanwhile waits until the others had their
 * turn. */
static void outbox_drain(struct outbox *o)
{
	size_t tail = atomic_load_explicit(&o->tail, memory_order_acquire);
	size_t head = atomic_load_explicit(&o->head, memory_order_relaxed);

	while (head != tail) {
		size_t at = head & (o->size - 1);
		struct mark mark;

		memcpy(&mark, o->octets + at, sizeof(mark));
		if (mark.octets == SKIP) {
			head += o->size - at;
		} else {
			deliver_record(o->courier, mark.tag,
				       slice_make(o->octets + at + sizeof(mark),
						  mark.octets));
			head += (sizeof(mark) * 2 - 1 + mark.octets) &
				~(sizeof(mark) - 1);
		}
		atomic_store_explicit(&o->head, head, memory_order_release);
	}
}

/* Returns whether there was anything. */
static bool courier_drain(struct courier *c)
{
	bool any = false;

	for (struct outbox *o = atomic_load(&c->first); o; o = o->next) {
		if (outbox_is_empty(o))
			continue;
		outbox_drain(o);
		any = true;
	}
	return any;
}

static bool courier_has_work(struct courier *c)
{
	if (atomic_load(&c->stopping) || atomic_load(&c->called))
		return true;
	for (struct outbox *o = atomic_load(&c->first); o; o = o->next)
		if (!outbox_is_empty(o))
			return true;
	return false;
}

static void courier_sleep(struct courier *c)
{
	uint64_t count;
	ssize_t n;

	atomic_store(&c->asleep, true);
	/* Who put before the line above has not seen it, and wakes nobody. */
	if (courier_has_work(c)) {
		atomic_store(&c->asleep, false);
		return;
	}
	n = read(c->wake_fd, &count, sizeof(count));
	(void)n; /* what there is shows at the next look */
	atomic_store(&c->asleep, false);
}

static void *courier_run(void *arg)
{
	struct courier *c = arg;

	for (;;) {
		/* In this order: what was put before the wish to stop is
		 * found after it. */
		bool stopping = atomic_load(&c->stopping);
		bool any;

		atomic_store(&c->called, false);
		any = courier_drain(c);
		if (c->pause)
			c->pause(c->arg);
		atomic_fetch_add(&c->rounds, 1);
		if (any)
			continue;
		if (stopping)
			return NULL;
		courier_sleep(c);
	}
}

/* -- its life -------------------------------------------------------------- */

struct courier *courier_new(courier_deliver_fn *deliver_fn, void *arg)
{
	struct courier *c = xcalloc(1, sizeof(*c));

	c->deliver = deliver_fn;
	c->arg = arg;
	c->wake_fd = eventfd(0, EFD_CLOEXEC);
	return c;
}

struct outbox *courier_outbox(struct courier *c, size_t octets)
{
	struct outbox *o = xcalloc(1, sizeof(*o) + octets);

	assert(octets >= OUTBOX_LEAST && (octets & (octets - 1)) == 0);
	o->courier = c;
	o->size = octets;
	o->next = atomic_load(&c->first);
	while (!atomic_compare_exchange_weak(&c->first, &o->next, o))
		;
	return o;
}

void courier_at_pause(struct courier *c, void (*pause_fn)(void *arg))
{
	c->pause = pause_fn;
}

void courier_call(struct courier *c)
{
	atomic_store(&c->called, true);
	courier_wake_sleeper(c);
}

uint64_t courier_rounds(const struct courier *c)
{
	return atomic_load(&c->rounds);
}

int courier_start(struct courier *c)
{
	sigset_t all, before;

	if (c->wake_fd < 0) {
		errno = EMFILE;
		return -1;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&c->thread, NULL, courier_run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->started = errno == 0;
	return c->started ? 0 : -1;
}

bool courier_stop(struct courier *c, unsigned wait_ms)
{
	struct timespec end;

	/* Without a thread we write ourselves, however long it takes: these
	 * are the last words of a start that failed. */
	if (!c->started && courier_start(c)) {
		courier_drain(c);
		if (c->pause)
			c->pause(c->arg);
		return true;
	}
	atomic_store(&c->stopping, true);
	if (atomic_exchange(&c->asleep, false))
		courier_wake(c);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += wait_ms / 1000;
	end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	return pthread_timedjoin_np(c->thread, NULL, &end) == 0;
}

void courier_free(struct courier *c)
{
	struct outbox *next;

	for (struct outbox *o = atomic_load(&c->first); o; o = next) {
		next = o->next;
		free(o);
	}
	if (c->wake_fd >= 0)
		close(c->wake_fd);
	free(c);
}

void courier_read_counts(struct courier *c, struct courier_counts *out)
{
	out->records = read_count(&c->written);
	out->lost = read_count(&c->failed);
	out->last_error =
		atomic_load_explicit(&c->last_error, memory_order_relaxed);
	for (struct outbox *o = atomic_load(&c->first); o; o = o->next)
		out->lost += outbox_lost(o);
}
