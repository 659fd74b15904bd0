#include "cert_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "base/log.h"
#include "model/counts.h"
#include "tls/identity.h"
#include "tls/server.h"
#include "tls/sources.h"
#include "tls/trust.h"

enum {
	QUIET_MS = 500,    /* after the last event: a renewal is several */
	LOUD_MS = 1500,    /* after the first one, whatever happens there */
	LOOK_MS = 60000,   /* where nothing is heard of */
	WARN_MS = 3600000, /* until a fault that stays is told again */
	DAY_S = 86400,
	EVENTS = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
		 IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
		 IN_ONLYDIR,
};

/* What tells whether a file is still the same. */
struct print {
	int error; /* of stat(2); 0: there is one */
	dev_t device;
	ino_t inode;
	off_t octets;
	struct timespec modified, changed;
};

struct watched_file {
	const char *path; /* the snapshot's */
	struct print print;
};

/* One listener with TLS. */
struct watched {
	const struct listener *listener;
	struct watched_file *files; /* n_files of them; owned */
	size_t n_files;
	struct tls_server *now; /* one reference */
	time_t since_s;
	char *fault;        /* why the files were not taken; NULL: they were */
	uint64_t warned_ms; /* when that was told */
};

struct cert_watch {
	struct loop *loop;
	cert_swap_fn *swap;
	void *arg;
	const struct snapshot *snap;
	struct watched *rows; /* n_rows of them; owned */
	size_t n_rows;
	int fd; /* of inotify; -1: none */
	struct loop_watch *events, *timer, *minute;
	uint64_t first_event_ms; /* 0: none since the last look */
	time_t expiry_told_s;
	bool deaf; /* said that folders cannot be watched */
};

/* -- files ----------------------------------------------------------------- */

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct print *a, const struct print *b)
{
	return a->error == b->error && a->device == b->device &&
	       a->inode == b->inode && a->octets == b->octets &&
	       same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}

static struct print print_of(const char *path)
{
	struct print p = {0};
	struct stat st;

	if (stat(path, &st)) {
		p.error = errno;
		return p;
	}
	p.device = st.st_dev;
	p.inode = st.st_ino;
	p.octets = st.st_size;
	p.modified = st.st_mtim;
	p.changed = st.st_ctim;
	return p;
}

static void add_file(struct watched *w, const char *path)
{
	if (!path)
		return;
	w->files[w->n_files++] = (struct watched_file){path, print_of(path)};
}

static void watch_listener(struct watched *w, const struct listener *l)
{
	const struct tls_sources *s = l->tls_sources;

	*w = (struct watched){
		.listener = l,
		.now = tls_server_ref(l->tls),
		.since_s = clock_wall_s(),
	};
	w->files = xcalloc(2 * s->server.n_certificates + s->trust.n_crls + 1,
			   sizeof(*w->files));
	for (size_t i = 0; i < s->server.n_certificates; i++) {
		add_file(w, s->server.certificates[i].chain);
		add_file(w, s->server.certificates[i].key);
	}
	add_file(w, s->trust.bundle.path);
	for (size_t i = 0; i < s->trust.n_crls; i++)
		add_file(w, s->trust.crls[i].path);
}

/* -- folders --------------------------------------------------------------- */

static void watch_folder(struct cert_watch *cw, const char *path, size_t n)
{
	char folder[PATH_MAX];

	if (n >= sizeof(folder))
		return;
	memcpy(folder, n ? path : "/", n ? n : 1);
	folder[n ? n : 1] = '\0';
	if (inotify_add_watch(cw->fd, folder, EVENTS) >= 0 || cw->deaf ||
	    errno != ENOSPC)
		return;
	cw->deaf = true;
	log_say(LOG_WARNING,
		"no more folders can be watched (fs.inotify.max_user_watches): "
		"certificate files are looked at each minute");
}

/* The folder of a file, and of each symbolic link on the way there; of what
 * is missing, the folder where it would appear. */
static void watch_way(struct cert_watch *cw, const char *path)
{
	char part[PATH_MAX];
	const char *slash = path;
	struct stat st;

	if (strlen(path) >= sizeof(part))
		return;
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		size_t n = (size_t)(slash - path);
		const char *before;

		memcpy(part, path, n);
		part[n] = '\0';
		if (lstat(part, &st) == 0 && !S_ISLNK(st.st_mode))
			continue;
		before = strrchr(part, '/');
		watch_folder(cw, path, before ? (size_t)(before - part) : 0);
		if (stat(part, &st))
			return;
	}
	slash = strrchr(path, '/');
	watch_folder(cw, path, slash ? (size_t)(slash - path) : 0);
}

static void watch_file(struct cert_watch *cw, const char *path)
{
	char *whole = realpath(path, NULL);
	char *here;

	if (path[0] != '/') {
		here = getcwd(NULL, 0);
		if (here) {
			char *named = xasprintf("%s/%s", here, path);

			watch_way(cw, named);
			free(named);
		}
		free(here);
	} else {
		watch_way(cw, path);
	}
	if (whole && strcmp(whole, path) != 0)
		watch_way(cw, whole);
	free(whole);
}

static void on_events(int fd, int what, void *arg);

/* Anew each time: folders come and go, and links lead elsewhere. */
static void watch_folders(struct cert_watch *cw)
{
	loop_watch_free(cw->events);
	cw->events = NULL;
	if (cw->fd >= 0)
		close(cw->fd);
	cw->fd = cw->n_rows ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
	if (cw->fd < 0)
		return;
	for (size_t i = 0; i < cw->n_rows; i++)
		for (size_t k = 0; k < cw->rows[i].n_files; k++)
			watch_file(cw, cw->rows[i].files[k].path);
	cw->events = loop_watch_fd(cw->loop, cw->fd, LOOP_READ, on_events, cw);
}

/* -- swapping -------------------------------------------------------------- */

/* Why it failed: the first finding, without its place. */
static char *fault_of(const struct diag *diag)
{
	for (unsigned i = 0; i < diag->n_findings; i++)
		if (diag->findings[i].severity == SEVERITY_ERROR)
			return xstrdup(diag->findings[i].sentence);
	return xstrdup("it cannot be served");
}

static struct tls_server *load(const struct listener *l, struct diag *diag)
{
	const struct tls_sources *s = l->tls_sources;
	struct tls_server_spec spec = s->server;
	struct tls_server *next = NULL;

	if (s->trust.bundle.path)
		spec.mutual.trust = trust_load(&s->trust, diag);
	if (diag->n_errors == 0)
		next = tls_server_new(&spec, diag);
	trust_unref(spec.mutual.trust);
	return next;
}

static void warn(struct watched *w)
{
	struct log_line l;

	w->warned_ms = clock_now_ms();
	log_begin(&l, LOG_WARNING,
		  "certificate files have changed and cannot be taken: the old "
		  "ones stay in force");
	log_slice(&l, "listener", w->listener->balancer->name);
	log_num(&l, "port", w->listener->port);
	log_str(&l, "error", w->fault);
	log_end(&l);
}

static void say_taken(const struct watched *w)
{
	const struct tls_identity *id = tls_server_identity(w->now, 0);
	struct log_line l;

	log_begin(&l, LOG_INFO, "certificate files have changed: taken");
	log_slice(&l, "listener", w->listener->balancer->name);
	log_num(&l, "port", w->listener->port);
	log_str(&l, "certificate", id->file);
	log_str(&l, "serial", id->serial);
	log_end(&l);
}

/* Whether some file is another one, or the fault is due to be told again. */
static bool has_changed(struct watched *w)
{
	bool changed = w->fault && clock_now_ms() - w->warned_ms >= WARN_MS;

	for (size_t i = 0; i < w->n_files; i++) {
		struct print now = print_of(w->files[i].path);

		changed |= !same(&now, &w->files[i].print);
		w->files[i].print = now;
	}
	return changed;
}

static void try_files(struct cert_watch *cw, struct watched *w)
{
	struct listener_state *counted = w->listener->state;
	struct diag diag = {0};
	struct tls_server *next = load(w->listener, &diag);

	free(w->fault);
	w->fault = next ? NULL : fault_of(&diag);
	diag_release(&diag);
	if (!next) {
		if (counted)
			counted->certificates_refused++;
		warn(w);
		return;
	}
	if (counted)
		counted->certificates_taken++;
	cw->swap(cw->arg, w->listener, next);
	tls_server_unref(w->now);
	w->now = next;
	w->since_s = clock_wall_s();
	say_taken(w);
}

/* -- expiry ---------------------------------------------------------------- */

static void warn_of_end(const struct watched *w, const struct tls_identity *id)
{
	int64_t left_s = (int64_t)(id->not_after - clock_wall_s());
	struct log_line l;

	log_begin(&l, LOG_WARNING,
		  left_s < 0 ? "a certificate has expired"
			     : "a certificate expires soon");
	log_slice(&l, "listener", w->listener->balancer->name);
	log_num(&l, "port", w->listener->port);
	log_str(&l, "certificate", id->file);
	log_num(&l, "days_left", tls_identity_days_left(id, clock_wall_s()));
	log_end(&l);
}

/* Once a day. */
static void look_at_ends(struct cert_watch *cw)
{
	uint32_t days = cw->snap->settings.certificate_warning_days;
	const struct tls_identity *id;
	time_t now = clock_wall_s();

	if (now - cw->expiry_told_s < DAY_S)
		return;
	cw->expiry_told_s = now;
	for (size_t i = 0; i < cw->n_rows; i++)
		for (size_t k = 0;
		     (id = tls_server_identity(cw->rows[i].now, k)); k++)
			if (id->not_after - now < (time_t)days * DAY_S)
				warn_of_end(&cw->rows[i], id);
}

/* -- looking --------------------------------------------------------------- */

void cert_watch_look(struct cert_watch *cw)
{
	bool watches = cw->snap && cw->snap->settings.certificate_watch;

	cw->first_event_ms = 0;
	/* First the folders: what changes behind that is heard of. */
	if (watches)
		watch_folders(cw);
	for (size_t i = 0; watches && i < cw->n_rows; i++)
		if (has_changed(&cw->rows[i]))
			try_files(cw, &cw->rows[i]);
	if (cw->snap)
		look_at_ends(cw);
}

static void on_quiet(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	cert_watch_look(arg);
}

static void on_minute(int fd, int what, void *arg)
{
	struct cert_watch *cw = arg;

	(void)fd;
	(void)what;
	loop_watch_rearm(cw->minute, LOOK_MS);
	cert_watch_look(cw);
}

/* Which file it was does not matter: all are looked at, once it is quiet. */
static void on_events(int fd, int what, void *arg)
{
	struct cert_watch *cw = arg;
	uint64_t now = clock_now_ms(), wait = QUIET_MS;
	char events[4096];

	(void)what;
	while (read(fd, events, sizeof(events)) > 0)
		;
	if (!cw->first_event_ms)
		cw->first_event_ms = now;
	if (now + wait > cw->first_event_ms + LOUD_MS)
		wait = now < cw->first_event_ms + LOUD_MS
			       ? cw->first_event_ms + LOUD_MS - now
			       : 1;
	if (cw->timer)
		loop_watch_rearm(cw->timer, wait);
	else
		cw->timer = loop_watch_timer(cw->loop, wait, on_quiet, cw);
}

/* -- life ------------------------------------------------------------------ */

static void release_rows(struct cert_watch *cw)
{
	for (size_t i = 0; i < cw->n_rows; i++) {
		tls_server_unref(cw->rows[i].now);
		free(cw->rows[i].files);
		free(cw->rows[i].fault);
	}
	free(cw->rows);
	cw->rows = NULL;
	cw->n_rows = 0;
}

static void watch_listeners(struct cert_watch *cw, const struct snapshot *snap)
{
	cw->rows = xcalloc(snap->n_listeners + 1, sizeof(*cw->rows));
	for (size_t b = 0; b < snap->n_balancers; b++) {
		const struct load_balancer *lb = &snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++)
			if (lb->listeners[i].tls)
				watch_listener(&cw->rows[cw->n_rows++],
					       &lb->listeners[i]);
	}
}

void cert_watch_follow(struct cert_watch *cw, const struct snapshot *snap)
{
	release_rows(cw);
	cw->snap = snap;
	watch_listeners(cw, snap);
	if (snap->settings.certificate_watch)
		watch_folders(cw);
	look_at_ends(cw);
	if (cw->n_rows && !cw->minute)
		cw->minute = loop_watch_timer(cw->loop, LOOK_MS, on_minute, cw);
}

struct cert_watch *cert_watch_new(struct loop *loop, cert_swap_fn *swap,
				  void *arg)
{
	struct cert_watch *cw = xcalloc(1, sizeof(*cw));

	cw->loop = loop;
	cw->swap = swap;
	cw->arg = arg;
	cw->fd = -1;
	return cw;
}

void cert_watch_free(struct cert_watch *cw)
{
	if (!cw)
		return;
	release_rows(cw);
	loop_watch_free(cw->events);
	loop_watch_free(cw->timer);
	loop_watch_free(cw->minute);
	if (cw->fd >= 0)
		close(cw->fd);
	free(cw);
}

/* -- what is served -------------------------------------------------------- */

static const struct watched *row_of(const struct cert_watch *cw,
				    const struct listener *l)
{
	for (size_t i = 0; cw && i < cw->n_rows; i++)
		if (cw->rows[i].listener == l)
			return &cw->rows[i];
	return NULL;
}

const struct tls_server *cert_watch_server(const struct cert_watch *cw,
					   const struct listener *l)
{
	const struct watched *w = row_of(cw, l);

	return w ? w->now : l->tls;
}

time_t cert_watch_since(const struct cert_watch *cw, const struct listener *l)
{
	const struct watched *w = row_of(cw, l);

	return w && cw->snap->settings.certificate_watch ? w->since_s : 0;
}
