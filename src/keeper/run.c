/* The processes of a keeper: the one that stays, and the one that only holds
 * a timer. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "config/config.h"
#include "control/admin.h"
#include "control/notify.h"
#include "control/privilege.h"
#include "ear.h"
#include "kernel/machine.h"
#include "kernel/nft_watch.h"
#include "net/chunk.h"
#include "net/loop.h"
#include "net/sock.h"
#include "state.h"

enum {
	LOOK_AT_FILE_MS = 2000,
	/* Changes come in crowds; one look is enough for all of them. Counted
	 * from the first: whoever never stops must not put the look off. */
	SETTLE_MS = 50,
	KEEPER_OCTETS = 64 << 20,
};

enum { KEEPER_GOOD = 0, KEEPER_FAILURE = 1 };

struct process {
	struct loop loop;
	struct keeper *keeper;
	struct admin *admin;
	char *socket; /* unlinked at the end; owned */
	bool stays;   /* false: ends when nothing waits any more */
	bool handed;  /* a keeper has the timer now, and soon the socket */
	int kernel_fd, machine_fd;
	struct loop_watch *kernel_watch, *machine_watch;
	struct loop_watch *kernel_timer, *machine_timer, *file_timer;
	bool settles; /* kernel_timer runs for no longer than SETTLE_MS */
	struct loop_watch *confirm_timer, *hangup_timer;
	uint64_t hangup_memo;
	struct loop_watch *signals[3];
	struct ear ear; /* of one that stays */
};

/* -- the timer of a change that waits -------------------------------------- */

static void process_arm(struct process *p)
{
	uint64_t deadline = keeper_deadline_ms(p->keeper);
	uint64_t now = clock_now_ms();

	if (deadline)
		loop_watch_rearm(p->confirm_timer,
				 deadline > now ? deadline - now : 0);
	else if (!p->stays)
		/* The answer leaves first: at the end of this turn. */
		loop_watch_rearm(p->confirm_timer, SETTLE_MS);
}

static void on_confirm_timer(int fd, int what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	keeper_tick(p->keeper);
	if (!p->stays && !keeper_deadline_ms(p->keeper))
		loop_stop(&p->loop);
	else
		process_arm(p);
}

/* To a keeper that starts. It listens where we do. */
static json_t *hand_over(struct process *p)
{
	json_t *said;

	if (p->stays)
		return admin_error("another keeper runs");
	said = admin_ok();
	json_object_set_new(
		said, "left_ms",
		json_integer((json_int_t)keeper_hand_over(p->keeper)));
	unlink(p->socket);
	p->handed = true;
	return said;
}

static bool is_hand_over(const json_t *request)
{
	const char *name =
		json_string_value(json_object_get(request, "command"));

	return name && strcmp(name, "hand over") == 0;
}

static json_t *process_answer(void *arg, const json_t *request, uint64_t *memo)
{
	struct process *p = arg;
	json_t *said = is_hand_over(request)
			       ? hand_over(p)
			       : keeper_answer(p->keeper, request, memo);

	process_arm(p);
	ear_turn(&p->ear);
	return said;
}

/* -- what goes on around us ------------------------------------------------ */

static void look_at_kernel(struct process *p)
{
	uint64_t again = keeper_look_at_kernel(p->keeper);

	p->settles = again > 0 && again <= SETTLE_MS;
	if (again)
		loop_watch_rearm(p->kernel_timer, again);
}

static void on_kernel(int fd, int what, void *arg)
{
	struct process *p = arg;
	struct nft_news news = {0};

	(void)what;
	nft_watch_heard(fd, KERNEL_TABLE, 0, &news);
	if (news.opened) {
		look_at_kernel(p);
	} else if (news.touched && !p->settles) {
		p->settles = true;
		loop_watch_rearm(p->kernel_timer, SETTLE_MS);
	}
}

static void on_kernel_timer(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	look_at_kernel(arg);
}

static void on_machine(int fd, int what, void *arg)
{
	struct process *p = arg;

	(void)what;
	machine_heard(fd);
	loop_watch_rearm(p->machine_timer, SETTLE_MS);
}

static void on_machine_timer(int fd, int what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	keeper_look_at_machine(p->keeper);
}

static void on_file_timer(int fd, int what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	keeper_look_at_file(p->keeper);
	ear_turn(&p->ear);
	loop_watch_rearm(p->file_timer, LOOK_AT_FILE_MS);
}

/* Who sends a signal reads no answer. */
static void log_refusal(const json_t *said)
{
	const char *text = json_string_value(json_object_get(said, "text"));
	struct slice rest = slice_of(text ? text : "");

	if (json_is_true(json_object_get(said, "ok")))
		return;
	log_say(LOG_ERROR, "not applied: %s",
		json_string_value(json_object_get(said, "error")));
	while (rest.n) {
		struct slice line = slice_cut(&rest, '\n');

		if (line.n)
			log_say(LOG_ERROR, "%.*s", SLICE_ARG(line));
	}
}

static void on_hangup_timer(int fd, int what, void *arg);

/* Asked again while flows are being ended. */
static void apply_file(struct process *p)
{
	json_t *request = json_pack("{s:s}", "command", "apply");
	json_t *said = process_answer(p, request, &p->hangup_memo);

	if (!said && p->hangup_timer)
		loop_watch_rearm(p->hangup_timer, ADMIN_RETRY_MS);
	else if (!said)
		p->hangup_timer = loop_watch_timer(&p->loop, ADMIN_RETRY_MS,
						   on_hangup_timer, p);
	else
		log_refusal(said);
	json_decref(said);
	json_decref(request);
}

static void on_hangup_timer(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	apply_file(arg);
}

static void on_signal(int number, int what, void *arg)
{
	struct process *p = arg;

	(void)what;
	if (number == SIGHUP) {
		p->hangup_memo = 0;
		apply_file(p);
		return;
	}
	keeper_abandon(p->keeper);
	loop_stop(&p->loop);
}

/* -- one process ----------------------------------------------------------- */

static void process_watch(struct process *p)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	/* To whom only waits, a hangup is the end of the shell that asked,
	 * and no wish to apply anything. */
	if (!p->stays)
		signal(SIGHUP, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (p->stays || numbers[i] != SIGHUP)
			p->signals[i] = loop_watch_signal(&p->loop, numbers[i],
							  on_signal, p);
	p->confirm_timer = loop_watch_timer(&p->loop, 24 * 3600 * 1000,
					    on_confirm_timer, p);
	if (!p->stays)
		return;
	ear_init(&p->ear, &p->loop, p->keeper);
	p->kernel_timer =
		loop_watch_timer(&p->loop, SETTLE_MS, on_kernel_timer, p);
	p->machine_timer =
		loop_watch_timer(&p->loop, SETTLE_MS, on_machine_timer, p);
	p->file_timer =
		loop_watch_timer(&p->loop, LOOK_AT_FILE_MS, on_file_timer, p);
	p->kernel_fd = nft_watch_open();
	if (p->kernel_fd >= 0)
		p->kernel_watch = loop_watch_fd(&p->loop, p->kernel_fd,
						LOOP_READ, on_kernel, p);
	p->machine_fd = machine_watch();
	if (p->machine_fd >= 0)
		p->machine_watch = loop_watch_fd(&p->loop, p->machine_fd,
						 LOOP_READ, on_machine, p);
	if (!p->kernel_watch || !p->machine_watch)
		log_say(LOG_WARNING,
			"changes of tables or addresses cannot be heard: %s",
			strerror(errno));
}

/* Where commands reach us. Returns 0, or -1 with errno. */
static int listen_on(struct process *p, const char *path)
{
	const struct identity as_we_are = {.changes = false};
	int fd;

	identity_make_folder(&as_we_are, slice_of(path), 0750);
	fd = sock_listen_path(path);
	if (fd < 0)
		return -1;
	p->socket = xstrdup(path);
	p->admin = admin_new(&p->loop, fd, process_answer, p);
	return 0;
}

static void process_init(struct process *p, bool stays)
{
	*p = (struct process){
		.stays = stays, .kernel_fd = -1, .machine_fd = -1};
	signal(SIGPIPE, SIG_IGN);
	chunk_pool_init(KEEPER_OCTETS);
	loop_init(&p->loop);
}

static void process_release(struct process *p)
{
	struct loop_watch *all[] = {p->kernel_watch, p->machine_watch,
				    p->kernel_timer, p->machine_timer,
				    p->file_timer,   p->confirm_timer,
				    p->hangup_timer, p->signals[0],
				    p->signals[1],   p->signals[2]};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		loop_watch_free(all[i]);
	ear_release(&p->ear);
	admin_free(p->admin);
	loop_turn(&p->loop, false);
	if (p->kernel_fd >= 0)
		close(p->kernel_fd);
	if (p->machine_fd >= 0)
		close(p->machine_fd);
	if (p->socket && !p->handed)
		unlink(p->socket);
	free(p->socket);
	keeper_free(p->keeper);
	loop_release(&p->loop);
	chunk_pool_release();
}

/* -- a keeper and its kernel ----------------------------------------------- */

/* NULL with errno. */
static struct keeper *open_keeper(const char *file)
{
	struct keeper_options options = {.file = file, .kernel = kernel_open()};
	char *folder = keeper_folder();
	struct keeper *k = NULL;

	options.folder = folder;
	if (options.kernel)
		k = keeper_new(&options);
	free(folder);
	return k;
}

/* One privilege is all that the firewall needs. Whoever may not give the
 * others up, goes on with them: in a user namespace they mean little. */
static void keep_one_capability(void)
{
	if (capng_get_caps_process()) {
		log_say(LOG_WARNING, "cannot read the capabilities: %s",
			strerror(errno));
		return;
	}
	if (!capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN))
		return;
	capng_clear(CAPNG_SELECT_BOTH);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		     CAP_NET_ADMIN);
	if (capng_apply(CAPNG_SELECT_CAPS))
		log_say(LOG_WARNING, "cannot give up other capabilities: %s",
			strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_say(LOG_WARNING, "no_new_privs: %s", strerror(errno));
}

/* -- weir sg keep ---------------------------------------------------------- */

static int process_start(struct process *p, const char *file,
			 const char *socket)
{
	uint64_t left_ms = 0;

	if (listen_on(p, socket) &&
	    (errno != EADDRINUSE || keeper_ask_timer(socket, &left_ms) ||
	     listen_on(p, socket))) {
		log_say(LOG_ERROR,
			errno == EADDRINUSE ? "another keeper listens on %s"
					    : "cannot listen on %s: %s",
			socket, strerror(errno));
		return KEEPER_FAILURE;
	}
	p->keeper = open_keeper(file);
	if (!p->keeper) {
		log_say(LOG_ERROR, "cannot reach the kernel's tables: %s",
			nft_reason(errno));
		return KEEPER_FAILURE;
	}
	keeper_take_over(p->keeper, left_ms);
	keep_one_capability();
	if (log_run()) {
		log_say(LOG_ERROR,
			"cannot start the thread that writes the log: %s",
			strerror(errno));
		return KEEPER_FAILURE;
	}
	kernel_own(p->keeper->kernel);
	/* Listen first: what changes between the start and the first turn
	 * must be heard. */
	process_watch(p);
	if (keeper_start(p->keeper))
		return KEEPER_FAILURE;
	ear_turn(&p->ear);
	notify_send("READY=1\nSTATUS=Keeping %s", file);
	return KEEPER_GOOD;
}

int keeper_keep(const char *file)
{
	struct process p;
	struct diag diag = {0};
	char *socket = config_find_keeper(file, &diag);
	int status = KEEPER_FAILURE;

	/* Where even the YAML is broken, nobody knows another place. */
	diag_release(&diag);
	if (!socket)
		socket = config_default_keeper();
	notify_begin();
	log_queue();
	process_init(&p, true);
	clock_update();
	status = process_start(&p, file, socket);
	if (status == KEEPER_GOOD) {
		loop_run(&p.loop);
		log_say(LOG_INFO, "the keeper ends; the rules stay in force");
	}
	process_release(&p);
	notify_end();
	log_stop();
	free(socket);
	return status;
}

/* -- for a command --------------------------------------------------------- */

static json_t *answer_once(const char *file, const json_t *request)
{
	struct keeper *k = open_keeper(file);
	uint64_t memo = 0;
	json_t *said;

	if (!k)
		return admin_error("cannot reach the kernel's tables: %s",
				   nft_reason(errno));
	clock_update();
	said = keeper_answer(k, request, &memo);
	keeper_free(k);
	return said;
}

/* The child's descriptors: nothing of the terminal stays open, so that the
 * shell and its session can end. */
static void process_detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	/* The folder that we stand in must be free to go. Paths are whole. */
	if (chdir("/"))
		return;
}

static void send_answer(int fd, json_t *said_take)
{
	json_dumpfd(said_take, fd, JSON_COMPACT);
	json_decref(said_take);
	close(fd);
}

_Noreturn static void process_hold(const char *file, const char *socket,
				   const json_t *request, int fd)
{
	struct process p;
	uint64_t memo = 0;
	json_t *said = NULL;

	process_init(&p, false);
	clock_update();
	p.keeper = open_keeper(file);
	/* Who cannot be reached can be confirmed by nobody. */
	if (!p.keeper)
		said = admin_error("cannot reach the kernel's tables: %s",
				   nft_reason(errno));
	else if (listen_on(&p, socket))
		said = admin_error("cannot wait to be confirmed on %s: %s",
				   socket, strerror(errno));
	else
		process_watch(&p);
	if (!said)
		said = keeper_answer(p.keeper, request, &memo);
	send_answer(fd, said);
	if (p.keeper && keeper_deadline_ms(p.keeper)) {
		process_detach();
		process_arm(&p);
		loop_run(&p.loop);
	}
	process_release(&p);
	_exit(0);
}

static json_t *read_answer(int fd)
{
	json_t *said = json_loadfd(fd, 0, NULL);

	close(fd);
	return said ? said
		    : admin_error("the process that holds the timer ended");
}

static json_t *answer_and_hold(const char *file, const char *socket,
			       const json_t *request)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return admin_error("cannot make a pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		process_hold(file, socket, request, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return admin_error("cannot start the process that holds the "
				   "timer: %s",
				   strerror(errno));
	}
	return read_answer(ends[0]);
}

json_t *keeper_answer_alone(const char *file, const char *socket,
			    const json_t *request)
{
	if (json_object_get(request, "confirm"))
		return answer_and_hold(file, socket, request);
	return answer_once(file, request);
}
