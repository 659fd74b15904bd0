#include "daemon.h"
#include "explain_daemon.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "balance/anomaly.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/journal.h"
#include "base/log.h"
#include "cert_watch.h"
#include "commands.h"
#include "conns.h"
#include "generations.h"
#include "history.h"
#include "logs.h"
#include "maintenance.h"
#include "memory.h"
#include "net/chain.h"
#include "net/chunk.h"
#include "net/sock.h"
#include "notify.h"
#include "stop.h"
#include "target_commands.h"
#include "tls/ticket.h"
#include "trial.h"

enum {
	TEND_MS = 1000,
	TICKETS_MS = 60 * 1000,
	/* A start or a reload waits so long for names that are new. */
	NAMES_MS = 2000,
	/* Buffers of the control thread: checks and admin answers. */
	CONTROL_OCTETS_MAX = 64 << 20,
	/* Descriptors that are not connections: logs, admin, checks... */
	DESCRIPTORS_KEPT = 128,
	/* Fewer connections than this cannot be meant. */
	CONNECTIONS_FEW = 256,
	/* Parts of the memory that buffers of all workers, and those of the
	 * control thread, may take. */
	WORKERS_PART = 4,
	CONTROL_PART = 16,
	/* Buffers of a thread, however little there is. */
	THREAD_OCTETS_MIN = 4 << 20,
	/* At the end, for the last lines of log files. */
	LOGS_WAIT_MS = 5000,
};

/* -- those who follow the snapshot ----------------------------------------- */

static void want_names(struct daemon *d)
{
	if (!d->resolver)
		return;
	resolver_begin(d->resolver);
	for (size_t i = 0; i < d->snap->n_groups; i++) {
		size_t n;
		const struct target *t = group_targets(&d->snap->groups[i], &n);

		for (size_t k = 0; k < n; k++)
			if (t[k].kind == TARGET_NAME &&
			    t[k].laid != LAID_DEREGISTERED)
				resolver_want(d->resolver, t[k].id);
	}
	resolver_end(d->resolver);
}

void daemon_follow(struct daemon *d)
{
	want_names(d);
	resolver_settle(d->resolver, NAMES_MS);
	rosters_update(d->rosters, d->snap);
	prober_update(d->prober, d->snap);
}

void daemon_tend(struct daemon *d)
{
	uint64_t next = rosters_tend(d->rosters);

	generations_tend(d);
	if (d->tend_timer)
		loop_watch_rearm(d->tend_timer,
				 next < TEND_MS ? next : TEND_MS);
}

/* Many names may answer in one turn; they are taken in one go. */
static void on_names(int fd, int what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!d->snap)
		return;
	rosters_update(d->rosters, d->snap);
	prober_update(d->prober, d->snap);
	daemon_tend(d);
}

static void on_name_changed(void *arg, struct slice name)
{
	struct daemon *d = arg;

	(void)name;
	loop_watch_rearm(d->names_timer, 0);
}

static size_t lookup(void *arg, struct slice name,
		     const struct addr **addresses)
{
	struct daemon *d = arg;

	return resolver_lookup(d->resolver, name, addresses);
}

static void cut(void *arg, struct target_state *state)
{
	struct daemon *d = arg;

	for (unsigned w = 0; w < d->n_workers; w++)
		worker_cut_target(d->workers[w], state_ref(state));
}

static const struct rosters_ops daemon_rosters_ops = {lookup, cut};

static void swap_certificates(void *arg, const struct listener *l,
			      struct tls_server *next)
{
	struct daemon *d = arg;

	for (unsigned w = 0; w < d->n_workers; w++)
		worker_swap_tls(d->workers[w], l->tls, next);
}

/* Which targets fail more than others; anomaly.h. */
static void compare_targets(struct daemon *d)
{
	for (size_t i = 0; i < d->snap->n_groups; i++) {
		const struct target_group *g = &d->snap->groups[i];
		struct roster *roster = group_state_roster(g->state);

		if (roster->n_members >= ANOMALY_TARGETS &&
		    anomaly_period(g, roster))
			group_state_touch(g->state);
		roster_unref(roster);
	}
}

static void on_tend(int fd, int what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (d->tickets && clock_now_ms() - d->tickets_seen_ms >= TICKETS_MS) {
		d->tickets_seen_ms = clock_now_ms();
		if (ticket_rotate(d->tickets, clock_wall_s()) < 0)
			log_say(LOG_ERROR, "no random octets: the keys of "
					   "session tickets stay as they are");
	}
	if (clock_now_ms() - d->compared_ms >= ANOMALY_PERIOD_MS) {
		d->compared_ms = clock_now_ms();
		compare_targets(d);
	}
	if (d->web.web)
		pulse_tend(d);
	journal_hand_over(d->pen);
	logs_tend(d->journals);
	history_tend(d);
	daemon_tend(d);
}

/* -- signals --------------------------------------------------------------- */

static void on_signal(int number, int what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	switch (number) {
	case SIGHUP:
		if (d->phase == DAEMON_SERVING)
			reload_run(d, TESTS_BIND, 0);
		break;
	case SIGUSR1:
		journals_reopen(d->journals);
		log_say(LOG_INFO, "opening log files anew");
		break;
	case SIGUSR2:
		log_say(LOG_WARNING, "upgrade in place is not built yet: "
				     "restart instead");
		break;
	default:
		stop_asked(d);
		break;
	}
}

static void watch_signals(struct daemon *d)
{
	static const int numbers[DAEMON_SIGNALS] = {SIGHUP, SIGTERM, SIGINT,
						    SIGUSR1, SIGUSR2};

	for (int i = 0; i < DAEMON_SIGNALS; i++)
		d->signals[i] =
			loop_watch_signal(&d->loop, numbers[i], on_signal, d);
}

/* -- start ----------------------------------------------------------------- */

/* As many descriptors as we may have. */
static uint64_t raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) &&
	    getrlimit(RLIMIT_NOFILE, &limit))
		return 1024;
	return limit.rlim_cur;
}

static void open_admin(struct daemon *d)
{
	const struct settings *s = &d->snap->settings;
	int fd, why = 0;

	d->admin_path = slice_dup(s->admin_socket);
	if (identity_make_folder(&d->identity, s->admin_socket,
				 d->roles.has_read ? 0755 : 0750))
		why = errno;
	fd = sock_listen_path(d->admin_path);
	if (fd < 0 && errno == ENOENT && why)
		errno = why; /* why there is no folder says more */
	if (fd >= 0) {
		if (roles_give_socket(&d->roles, &d->identity, d->admin_path))
			log_say(LOG_WARNING,
				"the admin socket cannot be given to those who "
				"may ask: %s: %s",
				d->admin_path, strerror(errno));
		d->admin = admin_new(&d->loop, fd, command_answer, d);
	}
}

/* Two processes on one socket would be two balancers on the same ports. */
static int start_admin(struct daemon *d)
{
	int error;

	open_admin(d);
	if (d->admin)
		return DAEMON_GOOD;
	error = errno;
	if (error == EADDRINUSE)
		log_say(LOG_ERROR,
			"another weir listens on %s: stop it, or "
			"choose another settings.admin.socket",
			d->admin_path);
	else
		log_say(LOG_WARNING,
			"no admin socket, so no status and "
			"reload by signal only: %s: %s",
			d->admin_path, strerror(error));
	free(d->admin_path);
	d->admin_path = NULL;
	return error == EADDRINUSE ? DAEMON_FAILURE : DAEMON_GOOD;
}

/* Octets of buffers for one of n threads that share a part of the memory. */
static size_t buffer_octets(unsigned part, unsigned n_threads)
{
	uint64_t share = memory_limit() / part / n_threads;

	return share > THREAD_OCTETS_MIN ? (size_t)share : THREAD_OCTETS_MIN;
}

static size_t control_octets(void)
{
	size_t share = buffer_octets(CONTROL_PART, 1);

	return share < CONTROL_OCTETS_MAX ? share : CONTROL_OCTETS_MAX;
}

/* A connection from a client may need one to a target. */
static uint64_t most_connections(const struct daemon *d, uint64_t descriptors)
{
	uint64_t most = d->snap->settings.max_connections;
	uint64_t kept = DESCRIPTORS_KEPT + d->ports.n * d->n_workers;
	uint64_t can = descriptors > kept + 2 ? (descriptors - kept) / 2 : 1;

	if (most > can)
		log_say(LOG_WARNING,
			"settings.max_connections is %llu, but the limit of "
			"%llu open files allows %llu",
			(unsigned long long)most,
			(unsigned long long)descriptors,
			(unsigned long long)can);
	else if (most == 0 && can < CONNECTIONS_FEW)
		log_say(LOG_WARNING,
			"the limit of %llu open files leaves room for %llu "
			"connections only: raise it",
			(unsigned long long)descriptors,
			(unsigned long long)can);
	return most == 0 || most > can ? can : most;
}

static int start_workers(struct daemon *d, uint64_t descriptors)
{
	struct worker_options options = {
		.most_octets = buffer_octets(WORKERS_PART, d->n_workers),
		.most_connections = most_connections(d, descriptors),
		.n_connections = &d->n_connections,
		.journals = d->journals,
	};
	sigset_t all, before;

	d->workers = xcalloc(d->n_workers, sizeof(*d->workers));
	d->pulses = xcalloc(d->n_workers, sizeof(*d->pulses));
	/* Signals are for the control thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned w = 0; w < d->n_workers; w++) {
		options.number = w;
		d->workers[w] = worker_start(&options);
		if (d->workers[w])
			continue;
		log_say(LOG_ERROR, "cannot start a thread: %s",
			strerror(errno));
		d->n_workers = w;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		return DAEMON_FAILURE;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return DAEMON_GOOD;
}

static void on_health(void *arg, const struct target_state *s,
		      const char *sentence)
{
	struct daemon *d = arg;
	char *what = xasprintf("%.*s %s", SLICE_ARG(s->group), s->name);

	events_note(&d->events, EVENT_HEALTH, what, "%s", sentence);
	free(what);
}

static int start_control(struct daemon *d)
{
	d->names_timer = loop_watch_timer(&d->loop, TEND_MS, on_names, d);
	d->tend_timer = loop_watch_timer(&d->loop, TEND_MS, on_tend, d);
	d->cert_watch = cert_watch_new(&d->loop, swap_certificates, d);
	d->counts.n_workers = d->n_workers;
	d->rosters = rosters_new(d->n_workers, &daemon_rosters_ops, d);
	d->prober = prober_new(&d->loop);
	prober_on_change(d->prober, on_health, d);
	prober_log_with(d->prober, d->pen);
	d->resolver = resolver_new(&d->loop, NULL, on_name_changed, d);
	return DAEMON_GOOD;
}

static void say_started(const struct daemon *d)
{
	struct log_line l;

	for (size_t i = 0; i < d->ports.n; i++) {
		char text[ADDR_TEXT_MAX];
		size_t n = addr_format(&d->ports.rows[i].addr, text);

		log_begin(&l, LOG_INFO, "listening");
		log_slice(&l, "address", slice_make(text, n));
		log_end(&l);
	}
	log_begin(&l, LOG_INFO, "weir has started");
	log_str(&l, "version", PACKAGE_VERSION);
	log_num(&l, "generation", (int64_t)d->snap->generation);
	log_num(&l, "workers", d->n_workers);
	log_num(&l, "listeners", (int64_t)d->snap->n_listeners);
	log_num(&l, "target_groups", (int64_t)d->snap->n_groups);
	log_end(&l);
	notify_send("READY=1\nSTATUS=Generation %llu, %u workers, %zu "
		    "listeners",
		    (unsigned long long)d->snap->generation, d->n_workers,
		    d->snap->n_listeners);
}

static int start_logs(struct daemon *d)
{
	if (!log_run() && !journals_start(d->journals))
		return 0;
	log_say(LOG_ERROR, "cannot start a thread that writes logs: %s",
		strerror(errno));
	return -1;
}

static void load_overlay(struct daemon *d)
{
	char *path = slice_dup(d->snap->settings.overlay_file);

	runtime_load(&d->runtime, path);
	if (d->runtime.why)
		log_say(LOG_ERROR,
			"the overlay file %s cannot be read: %s; the file "
			"alone is served, and nothing is changed at run time "
			"until \"weir overlay drop\"",
			path, d->runtime.why);
	free(path);
}

/* What was confirmed last, where a change to it was not when the process ended;
 * else the file. */
static int load_first(struct world *first, struct daemon *d, struct diag *diag)
{
	struct config_texts kept = {0};
	struct diag ignored = {0};
	char *overlay = config_find_overlay(d->file, &ignored);
	char *path = overlay ? confirm_path(slice_of(overlay)) : NULL;
	int result;

	diag_release(&ignored);
	free(overlay);
	if (!path || !confirm_find(path, &kept)) {
		free(path);
		return world_load(first, d, TESTS_WARN, NULL, diag);
	}
	log_say(LOG_WARNING,
		"a reload was never confirmed: what was confirmed last is "
		"served, and not the file, until the next reload");
	result = world_load(first, d, TESTS_WARN, &kept, diag);
	config_texts_release(&first->texts);
	first->texts = kept;
	d->confirm.path = path;
	return result;
}

/* The order matters: what needs root comes before it is given up, what
 * belongs to the user after it. */
static int start_world(struct daemon *d, struct world *first, struct diag *diag)
{
	uint64_t descriptors = raise_descriptors();
	int status;

	/* Who starts has nothing to fall back to: tests that fail are said. */
	if (load_first(first, d, diag))
		return DAEMON_CONFIG_INVALID;
	d->snap = snapshot_ref(first->snap);
	d->n_workers = d->snap->settings.workers;
	log_setup(d->snap->settings.log_level, d->snap->settings.log_format);
	/* Nothing is opened yet: later we may lack the rights to take it
	 * away again. */
	if (identity_find(d->snap, &d->identity, diag) ||
	    roles_find(d->snap, &d->identity, &d->roles, diag) ||
	    trial_of_keys(d->snap, &d->identity, diag))
		return DAEMON_FAILURE;
	if (logs_try(d->snap, &d->identity, diag))
		return DAEMON_CONFIG_INVALID;
	status = start_admin(d);
	if (status)
		return status;
	if (world_open_ports(first, d, diag))
		return DAEMON_FAILURE;
	identity_make_folder(&d->identity,
			     d->snap->settings.stickiness_key_file, 0750);
	identity_make_folder(&d->identity, d->snap->settings.overlay_file,
			     0750);
	logs_make_folders(d->snap, &d->identity);
	/* Where that fails, a reload may say that an address is in use. */
	if (d->identity.changes)
		(void)ports_give(&first->ports, d->identity.uid,
				 d->identity.gid);
	if (identity_become(&d->identity) || world_read_keys(first, diag) ||
	    start_logs(d))
		return DAEMON_FAILURE;
	load_overlay(d);
	if (logs_open(first->snap, d->journals, diag))
		return DAEMON_CONFIG_INVALID;
	status = start_control(d);
	return status ? status : start_workers(d, descriptors);
}

/* For the people and journals that read standard error. From malloc. */
static char *findings_text(struct diag *diag)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	if (!to)
		return NULL;
	diag_print(diag, to, isatty(STDERR_FILENO));
	fclose(to);
	return text;
}

/* *findings: what prevents it, or is worth a warning; from malloc. */
static int start(struct daemon *d, char **findings)
{
	struct world first = {0};
	struct diag diag = {0};
	int status = start_world(d, &first, &diag);

	if (status == DAEMON_GOOD) {
		snapshot_unref(d->snap);
		d->snap = NULL;
		world_publish(&first, d, &diag);
	}
	*findings = findings_text(&diag);
	diag_release(&diag);
	if (status) {
		world_release(&first);
		return status;
	}
	log_text(slice_of(*findings));
	say_started(d);
	return DAEMON_GOOD;
}

/* -- end ------------------------------------------------------------------- */

static void end_workers(struct daemon *d)
{
	for (unsigned w = 0; d->workers && w < d->n_workers; w++)
		worker_stop(d->workers[w]);
	for (unsigned w = 0; d->workers && w < d->n_workers; w++)
		worker_join(d->workers[w]);
	free(d->workers);
	free(d->pulses);
}

/* Whoever may call others goes first; then one turn frees what has died. */
static void release(struct daemon *d)
{
	end_workers(d);
	for (int i = 0; i < DAEMON_SIGNALS; i++)
		loop_watch_free(d->signals[i]);
	resolver_free(d->resolver);
	loop_watch_free(d->tend_timer);
	loop_watch_free(d->drain_timer);
	loop_watch_free(d->names_timer);
	admin_free(d->admin);
	web_pages_close(&d->web);
	confirm_release(&d->confirm);
	explain_end(d);
	target_waits_end(d);
	conns_end(d);
	history_free(d->history);
	loop_turn(&d->loop, false);
	prober_free(d->prober);
	if (d->admin_path)
		unlink(d->admin_path);
	free(d->admin_path);
	cert_watch_free(d->cert_watch);
	/* Snapshots hold rosters, these hold states: in this order. */
	snapshot_unref(d->snap);
	rosters_free(d->rosters);
	maintenance_release(d);
	counts_release(&d->counts);
	ports_release(&d->ports);
	ticket_keys_unref(d->tickets);
	journals_free(d->journals, LOGS_WAIT_MS);
	reload_report_release(&d->last_reload);
	kept_settings_release(&d->kept);
	config_texts_release(&d->texts);
	generations_release(d);
	runtime_release(&d->runtime);
	events_release(&d->events);
	loop_release(&d->loop);
	chain_release_kept();
	chunk_pool_release();
}

int daemon_serve(const char *file)
{
	struct daemon d = {.file = file};
	char *findings = NULL;
	int status;

	signal(SIGPIPE, SIG_IGN);
	/* A file that may not grow is an error of that file. */
	signal(SIGXFSZ, SIG_IGN);
	log_queue();
	notify_begin();
	chunk_pool_init(control_octets());
	loop_init(&d.loop);
	list_init(&d.explains);
	list_init(&d.target_waits);
	list_init(&d.generations);
	list_init(&d.conns);
	d.started_ms = clock_now_ms();
	d.started_s = clock_wall_s();
	d.tickets = ticket_keys_new(d.started_s);
	d.journals = journals_new();
	d.pen = journals_pen(d.journals);
	watch_signals(&d);
	status = start(&d, &findings);
	if (status == DAEMON_GOOD) {
		loop_run(&d.loop);
		stop_say_end(&d);
	}
	release(&d);
	notify_end();
	log_stop();
	/* Now TERM is the end again, also while nobody reads them. */
	if (status != DAEMON_GOOD && findings)
		fputs(findings, stderr);
	free(findings);
	return status;
}
