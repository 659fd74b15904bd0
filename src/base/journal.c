#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "outbox.h"

enum {
	/* Of one process. */
	JOURNALS_MAX = 16384,
	/* In front of the writer, for each thread: some 8,000 lines. */
	PEN_OCTETS = 4 * 1024 * 1024,
	/* The writer is woken before the time when so much waits. */
	PEN_MUCH = 256 * 1024,
	/* Written at once, and files for which that is gathered. */
	BATCH_OCTETS = 64 * 1024,
	BATCHES = 8,
	/* For which a pipe may keep the other files waiting, once. */
	STALL_MS = 1000,
	/* Between two looks at a file, or attempts to open it. */
	LOOK_S = 1,
};

struct journal {
	_Atomic unsigned refs;
	uint32_t tag;
	char *path;

	/* The writer's, once it is in the table. */
	int fd;          /* -1: it could not be opened */
	time_t looked_s; /* when we looked whether it is still there */
	bool stalled;    /* nobody reads from it */
	char *rest;      /* of a line of which a part is written; or NULL */
	size_t n_rest;

	_Atomic uint64_t lines, lost;
	_Atomic int last_error, open_error;

	/* The control thread's. */
	uint64_t told_lost, told_ms; /* the second: 0 for never */
	uint64_t dead_round; /* of the courier; 0: somebody refers to it */
};

/* Lines of one file, until they are written. The writer's. */
struct batch {
	struct journal *journal; /* NULL: empty */
	size_t n;
	uint64_t lines;
	char text[BATCH_OCTETS];
};

struct journal_pen {
	struct journal_pen *next;
	struct outbox *outbox;
	char *room;
	bool waits; /* a line does, and nobody was told */
};

struct journals {
	struct courier *courier;
	_Atomic(struct journal_pen *) pens;
	_Atomic uint64_t wished, reopened;
	unsigned victim; /* batch that is written next for want of one */
	struct batch batches[BATCHES];
	uint32_t n_used; /* of the table; by control */
	_Atomic(struct journal *) table[JOURNALS_MAX];
};

static struct journal *journal_at(const struct journals *js, uint32_t tag)
{
	return atomic_load_explicit(&js->table[tag], memory_order_acquire);
}

/* -- files ----------------------------------------------------------------- */

/* A pipe without a reader, or with a slow one, must not stop us. */
enum { OPEN_FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

static int open_file(const char *path, bool make)
{
	int fd = open(path, OPEN_FLAGS);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	fd = open(path, OPEN_FLAGS | O_CREAT | O_EXCL, 0640);
	if (fd >= 0)
		(void)fchmod(fd, 0640); /* whatever the umask is */
	else if (errno == EEXIST)
		fd = open(path, OPEN_FLAGS); /* somebody was faster */
	return fd;
}

int journal_try(const char *path)
{
	int fd = open_file(path, false);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void forget_rest(struct journal *j)
{
	free(j->rest);
	j->rest = NULL;
	j->n_rest = 0;
}

static void take_file(struct journal *j, int fd_take)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd_take;
	j->stalled = false;
	if (j->rest)
		journal_lose(j);
	forget_rest(j);
}

static bool is_gone(const struct journal *j)
{
	struct stat st;

	return fstat(j->fd, &st) == 0 && st.st_nlink == 0;
}

/* What is open stays so where the path cannot be opened, unless nobody would
 * ever read it. */
static void open_anew(struct journal *j)
{
	int fd = open_file(j->path, true);

	atomic_store(&j->open_error, fd < 0 ? errno : 0);
	if (fd >= 0 || (j->fd >= 0 && is_gone(j)))
		take_file(j, fd);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* Makes a file that was removed again, now and then. */
static void look_after(struct journal *j)
{
	time_t now = seconds();

	if (now - j->looked_s < LOOK_S)
		return;
	j->looked_s = now;
	if (j->fd < 0 || is_gone(j))
		open_anew(j);
}

/* -- writing --------------------------------------------------------------- */

static uint64_t count_lines(struct slice text)
{
	const char *end = text.p + text.n;
	uint64_t n = 0;

	for (const char *p = text.p; p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			break;
		n++;
	}
	return n;
}

static void note_written(struct journal *j, struct slice text)
{
	atomic_fetch_add_explicit(&j->lines, count_lines(text),
				  memory_order_relaxed);
}

static void note_lost(struct journal *j, struct slice text, int error)
{
	atomic_fetch_add_explicit(&j->lost, count_lines(text),
				  memory_order_relaxed);
	atomic_store_explicit(&j->last_error, error, memory_order_relaxed);
}

static bool wait_for_reader(struct journal *j)
{
	struct pollfd p = {.fd = j->fd, .events = POLLOUT};
	int n = poll(&p, 1, j->stalled ? 0 : STALL_MS);

	j->stalled = n <= 0 || !(p.revents & POLLOUT);
	return !j->stalled;
}

/* Writes as much as goes; *text is what is left. Returns 0, or an errno. */
static int write_some(struct journal *j, struct slice *text)
{
	while (text->n) {
		ssize_t n = write(j->fd, text->p, text->n);

		if (n > 0)
			*text = slice_from(*text, (size_t)n);
		else if (n == 0)
			return EIO;
		else if (errno == EAGAIN && !wait_for_reader(j))
			return EAGAIN;
		else if (errno != EINTR && errno != EAGAIN)
			return errno;
	}
	return 0;
}

/* Takes the last octets of the file back; false: it is no file that can be cut,
 * or another process writes to it too. */
static bool take_back(const struct journal *j, size_t octets)
{
	off_t end = lseek(j->fd, 0, SEEK_CUR);
	struct stat st;

	return end >= (off_t)octets && fstat(j->fd, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == end &&
	       ftruncate(j->fd, end - (off_t)octets) == 0;
}

/* `done` was written and ends in the midst of a line, which `left` goes on
 * with. Returns what of `left` is lost. */
static struct slice mend(struct journal *j, struct slice done,
			 struct slice left)
{
	size_t torn = 0, more = slice_find(left, '\n') + 1;

	while (torn < done.n && done.p[done.n - torn - 1] != '\n')
		torn++;
	if (torn == 0 || take_back(j, torn))
		return slice_make(left.p - torn, left.n + torn);
	/* The rest of the line goes first when there is room again. */
	j->rest = malloc(more);
	if (!j->rest)
		return left;
	memcpy(j->rest, left.p, more);
	j->n_rest = more;
	return slice_from(left, more);
}

static int write_rest(struct journal *j)
{
	struct slice left = slice_make(j->rest, j->n_rest);
	int error = write_some(j, &left);

	if (error) {
		memmove(j->rest, left.p, left.n);
		j->n_rest = left.n;
		return error;
	}
	note_written(j, SLICE("\n"));
	forget_rest(j);
	return 0;
}

static void write_lines(struct journal *j, struct slice text)
{
	struct slice left = text;
	size_t done;
	int error;

	look_after(j);
	if (j->fd < 0)
		error = atomic_load(&j->open_error);
	else
		error = j->rest ? write_rest(j) : 0;
	if (!error)
		error = write_some(j, &left);
	if (!error) {
		note_written(j, text);
		return;
	}
	done = text.n - left.n;
	if (done)
		left = mend(j, slice_first(text, done), left);
	note_written(j, slice_first(text, text.n - left.n));
	if (j->rest && done)
		/* It was counted with its newline, which has not left. */
		atomic_fetch_sub_explicit(&j->lines, 1, memory_order_relaxed);
	note_lost(j, left, error);
}

/* -- gathering ------------------------------------------------------------- */

static void write_batch(struct batch *b)
{
	if (!b->journal)
		return;
	write_lines(b->journal, slice_make(b->text, b->n));
	b->journal = NULL;
	b->n = 0;
}

static struct batch *batch_of(struct journals *js, struct journal *j)
{
	struct batch *empty = NULL;

	for (size_t i = 0; i < BATCHES; i++) {
		if (js->batches[i].journal == j)
			return &js->batches[i];
		if (!js->batches[i].journal)
			empty = &js->batches[i];
	}
	if (!empty) {
		empty = &js->batches[js->victim++ % BATCHES];
		write_batch(empty);
	}
	empty->journal = j;
	return empty;
}

/* Lines are counted with their files, not with the courier's. */
static int take_line(void *arg, uint32_t tag, struct slice line)
{
	struct journals *js = arg;
	struct journal *j = journal_at(js, tag);
	struct batch *b = batch_of(js, j);

	if (b->n + line.n > BATCH_OCTETS) {
		write_batch(b);
		b->journal = j;
	}
	if (line.n > BATCH_OCTETS) {
		b->journal = NULL;
		write_lines(j, line);
		return 0;
	}
	memcpy(b->text + b->n, line.p, line.n);
	b->n += line.n;
	return 0;
}

static void at_pause(void *arg)
{
	struct journals *js = arg;
	uint64_t wish = atomic_load(&js->wished);

	for (size_t i = 0; i < BATCHES; i++)
		write_batch(&js->batches[i]);
	if (atomic_load(&js->reopened) == wish)
		return;
	for (uint32_t tag = 0; tag < JOURNALS_MAX; tag++) {
		struct journal *j = journal_at(js, tag);

		if (j)
			open_anew(j);
	}
	atomic_store(&js->reopened, wish);
}

/* -- putting --------------------------------------------------------------- */

struct journal_pen *journals_pen(struct journals *js)
{
	struct journal_pen *pen = xcalloc(1, sizeof(*pen));

	pen->outbox = courier_outbox(js->courier, PEN_OCTETS);
	pen->room = xmalloc(JOURNAL_LINE_MAX);
	pen->next = atomic_load(&js->pens);
	while (!atomic_compare_exchange_weak(&js->pens, &pen->next, pen))
		;
	return pen;
}

char *journal_room(struct journal_pen *pen)
{
	return pen->room;
}

void journal_lose(struct journal *j)
{
	atomic_fetch_add_explicit(&j->lost, 1, memory_order_relaxed);
}

bool journal_put(struct journal_pen *pen, struct journal *j, struct slice text,
		 bool *pen_is_due)
{
	size_t waiting = outbox_put_quietly(pen->outbox, j->tag, text);

	*pen_is_due = false;
	if (waiting == 0) {
		journal_lose(j);
		return false;
	}
	if (waiting >= PEN_MUCH) {
		outbox_hand_over(pen->outbox);
		return true;
	}
	*pen_is_due = !pen->waits;
	pen->waits = true;
	return true;
}

void journal_hand_over(struct journal_pen *pen)
{
	pen->waits = false;
	outbox_hand_over(pen->outbox);
}

/* -- who is there ---------------------------------------------------------- */

static struct journal *find(const struct journals *js, const char *path)
{
	for (uint32_t tag = 0; tag < js->n_used; tag++) {
		struct journal *j = journal_at(js, tag);

		if (j && strcmp(j->path, path) == 0)
			return j;
	}
	return NULL;
}

static struct journal *add(struct journals *js, const char *path, int fd_take)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->refs = 1;
	j->path = xstrdup(path);
	j->fd = fd_take;
	while (journal_at(js, j->tag))
		j->tag++;
	if (j->tag == js->n_used)
		js->n_used++;
	atomic_store_explicit(&js->table[j->tag], j, memory_order_release);
	return j;
}

static size_t count_used(const struct journals *js)
{
	size_t n = 0;

	for (uint32_t tag = 0; tag < js->n_used; tag++)
		n += journal_at(js, tag) != NULL;
	return n;
}

struct journal *journals_open(struct journals *js, const char *path)
{
	struct journal *j = find(js, path);
	int fd;

	if (j) {
		j->dead_round = 0;
		return journal_ref(j);
	}
	if (count_used(js) == JOURNALS_MAX) {
		errno = ENFILE;
		return NULL;
	}
	fd = open_file(path, true);
	return fd < 0 ? NULL : add(js, path, fd);
}

struct journal *journal_ref(struct journal *j)
{
	atomic_fetch_add_explicit(&j->refs, 1, memory_order_relaxed);
	return j;
}

void journal_unref(struct journal *j)
{
	if (j)
		atomic_fetch_sub_explicit(&j->refs, 1, memory_order_acq_rel);
}

static void journal_free(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	free(j->rest);
	free(j->path);
	free(j);
}

void journals_sweep(struct journals *js)
{
	uint64_t round = courier_rounds(js->courier);

	for (uint32_t tag = 0; tag < js->n_used; tag++) {
		struct journal *j = journal_at(js, tag);

		if (!j || atomic_load(&j->refs))
			continue;
		/* Its last lines may still be on their way. */
		if (j->dead_round == 0)
			j->dead_round = round + 2;
		if (round < j->dead_round) {
			courier_call(js->courier);
			continue;
		}
		atomic_store(&js->table[tag], NULL);
		journal_free(j);
	}
}

uint64_t journals_reopen(struct journals *js)
{
	uint64_t wish = atomic_fetch_add(&js->wished, 1) + 1;

	courier_call(js->courier);
	return wish;
}

bool journals_are_reopened(const struct journals *js, uint64_t wish)
{
	return atomic_load(&js->reopened) >= wish;
}

bool journals_next(const struct journals *js, struct journal **at,
		   struct journal_status *out)
{
	for (uint32_t tag = *at ? (*at)->tag + 1 : 0; tag < js->n_used; tag++) {
		struct journal *j = journal_at(js, tag);

		if (!j || j->dead_round)
			continue;
		*out = (struct journal_status){
			.path = j->path,
			.lines = atomic_load(&j->lines),
			.lost = atomic_load(&j->lost),
			.last_error = atomic_load(&j->last_error),
			.open_error = atomic_load(&j->open_error),
		};
		*at = j;
		return true;
	}
	return false;
}

uint64_t journal_tell_lost(struct journal *j, uint64_t now_ms,
			   uint64_t every_ms)
{
	uint64_t lost = atomic_load(&j->lost), n = lost - j->told_lost;

	if (n == 0 || (j->told_ms && now_ms - j->told_ms < every_ms))
		return 0;
	j->told_lost = lost;
	j->told_ms = now_ms;
	return n;
}

/* -- its life -------------------------------------------------------------- */

struct journals *journals_new(void)
{
	struct journals *js = xcalloc(1, sizeof(*js));

	js->courier = courier_new(take_line, js);
	courier_at_pause(js->courier, at_pause);
	return js;
}

int journals_start(struct journals *js)
{
	return courier_start(js->courier);
}

void journals_free(struct journals *js, unsigned wait_ms)
{
	struct journal_pen *next;

	if (!js || !courier_stop(js->courier, wait_ms))
		return;
	courier_free(js->courier);
	for (uint32_t tag = 0; tag < js->n_used; tag++)
		if (journal_at(js, tag))
			journal_free(journal_at(js, tag));
	for (struct journal_pen *p = atomic_load(&js->pens); p; p = next) {
		next = p->next;
		free(p->room);
		free(p);
	}
	free(js);
}
