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
	struct writer *writer;
	struct outbox *next; /* set before the writer sees it */
	size_t size;
	_Atomic size_t head;   /* moved by the writer */
	char apart[64];        /* the two ends are not in one cache line */
	_Atomic size_t tail;   /* moved by the owner */
	_Atomic uint64_t lost; /* counted by the owner */
	char octets[];
};

struct writer {
	writer_deliver_fn *deliver;
	void *arg;
	_Atomic(struct outbox *) first;
	_Atomic bool asleep, stopping;
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

static void writer_wake(struct writer *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake_fd, &one, sizeof(one));

	(void)n; /* the counter is full: it will wake without us */
}

bool outbox_put(struct outbox *o, uint32_t tag, struct slice record)
{
	struct writer *w = o->writer;
	struct mark mark = {(uint32_t)record.n, tag};
	size_t need = (sizeof(mark) * 2 - 1 + record.n) & ~(sizeof(mark) - 1);
	size_t head = atomic_load_explicit(&o->head, memory_order_acquire);
	size_t tail = atomic_load_explicit(&o->tail, memory_order_relaxed);
	size_t at = tail & (o->size - 1);
	size_t skip = o->size - at < need ? o->size - at : 0;

	if (record.n >= o->size || skip + need > o->size - (tail - head)) {
		count_one(&o->lost);
		return false;
	}
	if (skip) {
		memcpy(o->octets + at, &(struct mark){SKIP, 0}, sizeof(mark));
		at = 0;
	}
	memcpy(o->octets + at, &mark, sizeof(mark));
	memcpy(o->octets + at + sizeof(mark), record.p, record.n);
	/* In one order with what the writer does before it sleeps: either it
	 * sees the record, or we see that it sleeps. */
	atomic_store(&o->tail, tail + skip + need);
	if (atomic_load(&w->asleep) && atomic_exchange(&w->asleep, false))
		writer_wake(w);
	return true;
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

static void deliver(struct writer *w, uint32_t tag, struct slice record)
{
	int error = w->deliver(w->arg, tag, record);

	if (!error) {
		count_one(&w->written);
		return;
	}
	count_one(&w->failed);
	atomic_store_explicit(&w->last_error, error, memory_order_relaxed);
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
			deliver(o->writer, mark.tag,
				slice_make(o->octets + at + sizeof(mark),
					   mark.octets));
			head += (sizeof(mark) * 2 - 1 + mark.octets) &
				~(sizeof(mark) - 1);
		}
		atomic_store_explicit(&o->head, head, memory_order_release);
	}
}

/* Returns whether there was anything. */
static bool writer_drain(struct writer *w)
{
	bool any = false;

	for (struct outbox *o = atomic_load(&w->first); o; o = o->next) {
		if (outbox_is_empty(o))
			continue;
		outbox_drain(o);
		any = true;
	}
	return any;
}

static bool writer_has_work(struct writer *w)
{
	if (atomic_load(&w->stopping))
		return true;
	for (struct outbox *o = atomic_load(&w->first); o; o = o->next)
		if (!outbox_is_empty(o))
			return true;
	return false;
}

static void writer_sleep(struct writer *w)
{
	uint64_t count;
	ssize_t n;

	atomic_store(&w->asleep, true);
	/* Who put before the line above has not seen it, and wakes nobody. */
	if (writer_has_work(w)) {
		atomic_store(&w->asleep, false);
		return;
	}
	n = read(w->wake_fd, &count, sizeof(count));
	(void)n; /* what there is shows at the next look */
	atomic_store(&w->asleep, false);
}

static void *writer_run(void *arg)
{
	struct writer *w = arg;

	for (;;) {
		/* In this order: what was put before the wish to stop is
		 * found after it. */
		bool stopping = atomic_load(&w->stopping);

		if (writer_drain(w))
			continue;
		if (stopping)
			return NULL;
		writer_sleep(w);
	}
}

/* -- its life -------------------------------------------------------------- */

struct writer *writer_new(writer_deliver_fn *deliver_fn, void *arg)
{
	struct writer *w = xcalloc(1, sizeof(*w));

	w->deliver = deliver_fn;
	w->arg = arg;
	w->wake_fd = eventfd(0, EFD_CLOEXEC);
	return w;
}

struct outbox *writer_outbox(struct writer *w, size_t octets)
{
	struct outbox *o = xcalloc(1, sizeof(*o) + octets);

	assert(octets >= OUTBOX_LEAST && (octets & (octets - 1)) == 0);
	o->writer = w;
	o->size = octets;
	o->next = atomic_load(&w->first);
	while (!atomic_compare_exchange_weak(&w->first, &o->next, o))
		;
	return o;
}

int writer_start(struct writer *w)
{
	sigset_t all, before;

	if (w->wake_fd < 0) {
		errno = EMFILE;
		return -1;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&w->thread, NULL, writer_run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->started = errno == 0;
	return w->started ? 0 : -1;
}

bool writer_stop(struct writer *w, unsigned wait_ms)
{
	struct timespec end;

	if (!w->started && writer_start(w))
		return true; /* nobody reads them, then */
	atomic_store(&w->stopping, true);
	if (atomic_exchange(&w->asleep, false))
		writer_wake(w);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += wait_ms / 1000;
	end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	return pthread_timedjoin_np(w->thread, NULL, &end) == 0;
}

void writer_free(struct writer *w)
{
	struct outbox *next;

	for (struct outbox *o = atomic_load(&w->first); o; o = next) {
		next = o->next;
		free(o);
	}
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	free(w);
}

void writer_read_counts(struct writer *w, struct writer_counts *out)
{
	out->records = read_count(&w->written);
	out->lost = read_count(&w->failed);
	out->last_error =
		atomic_load_explicit(&w->last_error, memory_order_relaxed);
	for (struct outbox *o = atomic_load(&w->first); o; o = o->next)
		out->lost += outbox_lost(o);
}
