#include "check_world.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/map.h"
#include "control/trial.h"

/* -- names ----------------------------------------------------------------- */

enum { LOOKERS_MAX = 8 };

struct lookup {
	char *name; /* owned */
	struct place place;
	const char *why; /* static; NULL: it has an address */
	bool is_done;
};

/* Static and never freed: a looker that is still waiting may write to it. */
static struct lookups {
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct lookup *all;
	size_t n, n_taken, n_done;
} lookups = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER,
};

static void *look_up(void *arg)
{
	struct lookups *l = arg;

	pthread_mutex_lock(&l->lock);
	while (l->n_taken < l->n) {
		struct lookup *mine = &l->all[l->n_taken++];
		struct addrinfo *found = NULL;
		int failure;

		pthread_mutex_unlock(&l->lock);
		failure = getaddrinfo(mine->name, NULL, NULL, &found);
		if (!failure)
			freeaddrinfo(found);
		pthread_mutex_lock(&l->lock);
		mine->why = failure ? gai_strerror(failure) : NULL;
		mine->is_done = true;
		l->n_done++;
		pthread_cond_signal(&l->done);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static size_t count_targets(const struct snapshot *snap)
{
	size_t n = 0;

	for (size_t i = 0; i < snap->n_groups; i++)
		n += snap->groups[i].n_targets;
	return n;
}

static void collect_names(const struct snapshot *snap, struct lookups *l)
{
	struct map seen = {0};

	l->all = xcalloc(count_targets(snap) + 1, sizeof(*l->all));
	for (size_t i = 0; i < snap->n_groups; i++) {
		const struct target_group *g = &snap->groups[i];

		for (size_t j = 0; j < g->n_targets; j++) {
			const struct target *t = &g->targets[j];
			struct lookup *new = &l->all[l->n];

			if (t->kind != TARGET_NAME || map_get(&seen, t->id))
				continue;
			*new = (struct lookup){
				.name = slice_dup(t->id),
				.place = t->place,
			};
			map_put(&seen, t->id, new);
			l->n++;
		}
	}
	map_release(&seen);
}

/* Waits until all have their answer, or nobody waits any longer. */
static void wait_for_names(struct lookups *l)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CHECK_NAMES_S;
	while (l->n_done < l->n &&
	       pthread_cond_timedwait(&l->done, &l->lock, &until) == 0)
		;
}

static void check_names(const struct snapshot *snap, struct diag *diag)
{
	struct lookups *l = &lookups;
	pthread_t looker;
	unsigned n_lookers = 0;

	collect_names(snap, l);
	while (n_lookers < LOOKERS_MAX && n_lookers < l->n &&
	       pthread_create(&looker, NULL, look_up, l) == 0) {
		pthread_detach(looker);
		n_lookers++;
	}
	pthread_mutex_lock(&l->lock);
	if (n_lookers)
		wait_for_names(l);
	for (size_t i = 0; i < l->n; i++) {
		const struct lookup *one = &l->all[i];

		if (!one->is_done)
			diag_warning(diag, &one->place, NULL,
				     "no answer for the name \"%s\" within "
				     "%d s",
				     one->name, CHECK_NAMES_S);
		else if (one->why)
			diag_warning(diag, &one->place, NULL,
				     "the name \"%s\" has no address now: %s",
				     one->name, one->why);
	}
	pthread_mutex_unlock(&l->lock);
}

/* -- files ----------------------------------------------------------------- */

/* In a process of its own, which does not come back. Writes a zero for each
 * file that can be read, else errno. */
static _Noreturn void try_files(const struct snapshot *snap,
				const struct passwd *pw, int out)
{
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
		_exit(1);
	for (const struct named_file *f = snap->files; f; f = f->next) {
		int result = access(f->path.p, R_OK) == 0 ? 0 : errno;

		if (write(out, &result, sizeof(result)) != sizeof(result))
			_exit(1);
	}
	_exit(0);
}

static void report_files(const struct snapshot *snap, const struct passwd *pw,
			 int in, struct diag *diag)
{
	const struct place whole = {.file = snap->file.p};
	int result;

	for (const struct named_file *f = snap->files; f; f = f->next) {
		if (read(in, &result, sizeof(result)) != sizeof(result))
			return;
		if (result)
			diag_warning(diag, f->place.line ? &f->place : &whole,
				     "let its group read it",
				     "a reload as user %s could not read "
				     "%.*s: %s",
				     pw->pw_name, SLICE_ARG(f->path),
				     strerror(result));
	}
}

static const struct passwd *later_user(const struct snapshot *snap)
{
	const struct passwd *pw = getpwnam(snap->settings.user.p);

	if (!pw && snap->settings.user_is_default)
		pw = getpwnam("nobody");
	return pw;
}

/* Only root becomes somebody else after the start. */
static void check_files(const struct snapshot *snap, struct diag *diag)
{
	const struct passwd *pw;
	int ends[2];
	pid_t child;

	if (geteuid() != 0)
		return;
	pw = later_user(snap);
	if (!pw || pw->pw_uid == 0 || pipe(ends) != 0)
		return;
	/* So that nothing is printed twice: _exit() with the thread sanitizer
	 * writes what is left. */
	fflush(stdout);
	child = fork();
	if (child == 0)
		try_files(snap, pw, ends[1]);
	close(ends[1]);
	if (child > 0) {
		report_files(snap, pw, ends[0], diag);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
}

void check_world(const struct snapshot *snap, struct diag *diag)
{
	/* Before there are threads: a process is forked. A file with the
	 * firewall alone is not for serve. */
	if (snap->n_balancers)
		trial_of_world(snap, diag);
	check_files(snap, diag);
	check_names(snap, diag);
}
