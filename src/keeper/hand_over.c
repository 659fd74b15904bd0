/*
 * hand_over.c - a timer that goes from one process to the next.
 *
 * `apply --confirm` without a keeper leaves a process behind that waits. A
 * keeper that starts meanwhile takes the wait over: the new rules stay in
 * force, and go at the same moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "net/sock.h"
#include "state.h"

/* Seconds that the process before may take to answer. */
enum { PATIENCE_S = 5 };

int keeper_ask_timer(const char *socket, uint64_t *left_ms)
{
	static const char request[] = "{\"command\":\"hand over\"}\n";
	int fd = sock_dial_path(socket, PATIENCE_S);
	json_t *said = NULL;
	bool given;

	*left_ms = 0;
	if (fd >= 0 && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) ==
			       (ssize_t)sizeof(request) - 1)
		said = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, NULL);
	if (fd >= 0)
		close(fd);
	given = json_is_true(json_object_get(said, "ok"));
	*left_ms =
		(uint64_t)json_integer_value(json_object_get(said, "left_ms"));
	json_decref(said);
	errno = EADDRINUSE;
	return given ? 0 : -1;
}

uint64_t keeper_hand_over(struct keeper *k)
{
	uint64_t now = clock_now_ms();
	uint64_t left = k->deadline_ms > now ? k->deadline_ms - now : 1;

	if (!keeper_waits(k))
		return 0;
	/* The file that tells of it stays, for the next. */
	keeper_enter(k, KEEPER_OUTSIDE, 0);
	return left;
}

void keeper_take_over(struct keeper *k, uint64_t left_ms)
{
	k->handed_ms = left_ms;
}

/* The file, if it is still the one that waits: it knows more than the kernel,
 * such as which addresses to follow. */
static bool adopt_file(struct keeper *k)
{
	struct diag ignored = {0};
	struct intent *intent = keeper_load_intent(k, &ignored);
	char hash[RULES_HASH_MAX] = "";

	diag_release(&ignored);
	if (intent)
		intent_hash(intent, hash);
	if (intent && strcmp(hash, k->memory.waiting) == 0) {
		keeper_adopt(k, intent, NULL);
		return true;
	}
	k->edit = intent ? EDIT_PENDING : EDIT_INVALID;
	intent_free(intent);
	return false;
}

int keeper_start_handed(struct keeper *k, struct diag *diag)
{
	struct ruleset *now;
	uint32_t generation;

	keeper_take_waiting(k);
	if (!keeper_waits(k))
		return 1;
	if (!adopt_file(k)) {
		if (kernel_now(k->kernel, &now, &generation))
			return -1;
		if (now)
			ruleset_drop_foreign(now);
		keeper_adopt(k, NULL, now);
	}
	if (keeper_enforce(k, keeper_wanted(k), NULL, diag) < 0) {
		keeper_log_findings(diag, LOG_ERROR);
		return -1;
	}
	keeper_enter(k, KEEPER_WAITS, clock_now_ms() + k->handed_ms);
	k->applied_s = time(NULL);
	log_say(LOG_INFO,
		"new rules wait to be confirmed for %llu seconds more",
		(unsigned long long)(k->handed_ms + 999) / 1000);
	return 0;
}
