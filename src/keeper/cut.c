/*
 * cut.c - ends flows while the keeper goes on with its work.
 *
 * A hundred thousand flows take seconds, and who asks for status meanwhile,
 * confirms, or takes the rules back, cannot wait for them. So a child has the
 * rules as they are now, and tells by a pipe what it did.
 *
 * Floor: keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "control/admin.h"
#include "kernel/conntrack.h"
#include "state.h"

/* What the child says. */
struct said {
	struct conntrack_result result;
	int error; /* 0: it is done; ECANCELED: it ended before */
};

static struct said cut_here(struct keeper *k)
{
	struct said said = {0};

	if (k->kernel->ops->cut(k->kernel, &k->intent->config, k->intent->rules,
				&said.result))
		said.error = errno ? errno : EIO;
	return said;
}

/* Nothing of the keeper's may outlive it here: least of all the socket that
 * owns our table. */
_Noreturn static void be_the_child(struct keeper *k, int to)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct said said;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		signal(numbers[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(to, STDIN_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	said = cut_here(k);
	if (write(STDIN_FILENO, &said, sizeof(said)) != sizeof(said))
		_exit(1);
	_exit(0);
}

static void put_said(json_t *answer, const struct said *said)
{
	char *text;

	json_object_set_new(answer, "flows_seen",
			    json_integer(said->result.n_seen));
	json_object_set_new(answer, "flows_cut",
			    json_integer(said->result.n_cut));
	if (!said->error)
		return;
	text = xasprintf(
		"%swarning: established flows could not be ended: "
		"%s\n",
		json_is_string(json_object_get(answer, "text"))
			? json_string_value(json_object_get(answer, "text"))
			: "",
		nft_reason(said->error));
	json_object_set_new(answer, "text", json_string_nocheck(text));
	free(text);
}

static json_t **answer_of(struct keeper_cut *c, uint64_t number)
{
	return &c->answers[number % CUT_ANSWERS];
}

static void end_child(struct keeper_cut *c, const struct said *said)
{
	close(c->fd);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	put_said(*answer_of(c, c->number), said);
	log_say(said->error ? LOG_WARNING : LOG_INFO,
		"flows ended: %u of %u%s%s", said->result.n_cut,
		said->result.n_seen, said->error ? ": " : "",
		said->error ? nft_reason(said->error) : "");
}

bool keeper_cut_runs(struct keeper *k)
{
	struct keeper_cut *c = &k->cut;
	struct said said;
	ssize_t got;

	if (!c->pid)
		return false;
	got = read(c->fd, &said, sizeof(said));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got != sizeof(said))
		said = (struct said){.error = ECANCELED};
	end_child(c, &said);
	return false;
}

void keeper_cut_stop(struct keeper *k)
{
	const struct said said = {.error = ECANCELED};

	if (!keeper_cut_runs(k))
		return;
	kill(k->cut.pid, SIGKILL);
	end_child(&k->cut, &said);
}

json_t *keeper_cut_begin(struct keeper *k, json_t *answer_take, uint64_t *memo)
{
	struct keeper_cut *c = &k->cut;
	struct said said;
	int ends[2];
	pid_t pid = -1;

	c->is_due = false;
	if (k->keeps && pipe2(ends, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			be_the_child(k, ends[1]);
		close(ends[1]);
		if (pid < 0)
			close(ends[0]);
	}
	if (pid < 0) {
		said = cut_here(k);
		put_said(answer_take, &said);
		return answer_take;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	c->pid = pid;
	c->fd = ends[0];
	*memo = ++c->number;
	json_decref(*answer_of(c, *memo));
	*answer_of(c, *memo) = answer_take;
	return NULL;
}

json_t *keeper_cut_answer(struct keeper *k, uint64_t memo)
{
	struct keeper_cut *c = &k->cut;

	if (c->number == memo && keeper_cut_runs(k))
		return NULL;
	/* Asked for each ten milliseconds, so it is there. */
	return c->number - memo < CUT_ANSWERS
		       ? json_incref(*answer_of(c, memo))
		       : admin_error("the answer was not fetched in time");
}

void keeper_cut_release(struct keeper *k)
{
	keeper_cut_stop(k);
	for (size_t i = 0; i < CUT_ANSWERS; i++)
		json_decref(k->cut.answers[i]);
	k->cut = (struct keeper_cut){0};
}
