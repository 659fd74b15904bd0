#include "commands.h"

#include <string.h>

#include "admin.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/text.h"
#include "conns.h"
#include "daemon.h"
#include "diff_command.h"
#include "errors.h"
#include "events_command.h"
#include "explain_daemon.h"
#include "history.h"
#include "logs.h"
#include "maintenance.h"
#include "metrics.h"
#include "reload.h"
#include "status.h"
#include "target_commands.h"

/* Workers that do not take a snapshot in this time are stuck. */
enum { ADOPT_LIMIT_MS = 30 * 1000 };

static json_t *report_of_reload(const struct daemon *d)
{
	const struct reload_report *r = &d->last_reload;
	json_t *o;

	if (r->ok)
		o = admin_ok();
	else
		o = admin_error("the configuration was refused; generation "
				"%llu runs on",
				(unsigned long long)r->generation);
	json_object_set_new(o, "generation",
			    json_integer((json_int_t)r->generation));
	json_object_set_new(o, "workers", json_integer(d->n_workers));
	json_object_set_new(o, "invalid", json_boolean(r->invalid));
	json_object_set(o, "findings", r->findings);
	json_object_set_new(o, "text", status_text(slice_of(r->text)));
	return o;
}

/* Of a reload that was accepted; since then there may have been another, and
 * what became of that one is not for who waited for this. */
static json_t *report_of_generation(const struct daemon *d, uint32_t generation)
{
	json_t *o;

	if (d->last_reload.ok &&
	    (uint32_t)d->last_reload.generation == generation)
		return report_of_reload(d);
	o = admin_ok();
	json_object_set_new(o, "generation", json_integer(generation));
	json_object_set_new(o, "workers", json_integer(d->n_workers));
	json_object_set_new(o, "invalid", json_false());
	json_object_set_new(o, "findings", json_array());
	json_object_set_new(o, "text", json_string(""));
	return o;
}

/* The memo is the generation to wait for and, above it, when it began. */
struct wait {
	uint32_t generation;
	uint32_t began_s;
};
_Static_assert(sizeof(struct wait) == sizeof(uint64_t), "fits the memo");

static json_t *report_with_confirm(json_t *report, unsigned confirm_s)
{
	if (confirm_s && json_is_true(json_object_get(report, "ok")))
		json_object_set_new(report, "confirm_seconds",
				    json_integer(confirm_s));
	return report;
}

/* 0: it is final; false: it is no number of seconds. */
static bool read_confirm(const json_t *request, unsigned *seconds)
{
	const json_t *confirm = json_object_get(request, "confirm");
	json_int_t n = json_integer_value(confirm);

	*seconds = (unsigned)n;
	return !confirm || (json_is_integer(confirm) && n >= CONFIRM_LEAST_S &&
			    n <= CONFIRM_MOST_S);
}

/* Files that who asks has opened for us: their names, in the order of their
 * descriptors. Returns how many; -1: they do not fit. */
static ssize_t read_lent(const struct daemon *d, const json_t *request,
			 struct file_lent lent[FILE_LENT_MAX])
{
	const json_t *files = json_object_get(request, "files"), *file;
	const int *fds = NULL;
	size_t n = files && d->admin ? admin_descriptors(d->admin, &fds) : 0;
	size_t i;

	if (files && (!json_is_array(files) || json_array_size(files) != n ||
		      n > FILE_LENT_MAX))
		return -1;
	json_array_foreach (files, i, file) {
		if (!json_is_string(file))
			return -1;
		lent[i] = (struct file_lent){json_string_value(file), fds[i]};
	}
	return (ssize_t)n;
}

static bool reload_with(struct daemon *d, const json_t *request,
			unsigned confirm_s, ssize_t *n_lent)
{
	bool skip = json_is_true(json_object_get(request, "skip_tests"));
	struct file_lent lent[FILE_LENT_MAX];
	bool good;

	*n_lent = read_lent(d, request, lent);
	if (*n_lent < 0)
		return false;
	file_lend(lent, (size_t)*n_lent);
	good = reload_run(d, skip ? TESTS_SKIP : TESTS_BIND, confirm_s);
	file_lend(NULL, 0);
	return good;
}

static json_t *answer_reload(struct daemon *d, const json_t *request,
			     uint64_t *memo)
{
	struct wait wait;
	unsigned confirm_s;
	ssize_t n_lent;
	uint32_t now_s = (uint32_t)(clock_now_ms() / 1000);

	memcpy(&wait, memo, sizeof(wait));
	if (!read_confirm(request, &confirm_s))
		return admin_error("\"confirm\" is seconds from %d to %d",
				   CONFIRM_LEAST_S, CONFIRM_MOST_S);
	if (d->phase != DAEMON_SERVING)
		return admin_error("weir is stopping");
	if (wait.generation == 0) {
		bool good = reload_with(d, request, confirm_s, &n_lent);

		if (n_lent < 0)
			return admin_error("\"files\" are the paths of the "
					   "descriptors that came with it");
		if (!good || !json_is_true(json_object_get(request, "wait")))
			return report_with_confirm(report_of_reload(d),
						   confirm_s);
		wait.generation = (uint32_t)d->last_reload.generation;
		wait.began_s = now_s;
		memcpy(memo, &wait, sizeof(wait));
	}
	if (reload_is_adopted(d, wait.generation))
		return report_with_confirm(
			report_of_generation(d, wait.generation), confirm_s);
	if (now_s - wait.began_s > ADOPT_LIMIT_MS / 1000)
		return admin_error("generation %u was accepted, but not every "
				   "worker serves it yet",
				   wait.generation);
	return NULL;
}

static json_t *answer_status(struct daemon *d, const json_t *request,
			     uint64_t *memo)
{
	(void)request;
	(void)memo;
	return status_of_daemon(d);
}

static json_t *answer_targets(struct daemon *d, const json_t *request,
			      uint64_t *memo)
{
	(void)request;
	(void)memo;
	return status_of_targets(d);
}

static json_t *answer_rules(struct daemon *d, const json_t *request,
			    uint64_t *memo)
{
	(void)request;
	(void)memo;
	return status_of_rules(d);
}

static json_t *answer_certs(struct daemon *d, const json_t *request,
			    uint64_t *memo)
{
	(void)request;
	(void)memo;
	return status_of_certs(d);
}

/* The memo is the wish that it waits for. */
static json_t *answer_reopen(struct daemon *d, const json_t *request,
			     uint64_t *memo)
{
	json_t *o;

	(void)request;
	if (*memo == 0)
		*memo = journals_reopen(d->journals);
	if (!journals_are_reopened(d->journals, *memo))
		return NULL;
	o = admin_ok();
	logs_report(d->journals, o);
	return o;
}

struct command {
	const char *name;
	json_t *(*answer)(struct daemon *d, const json_t *request,
			  uint64_t *memo);
	enum role role; /* that it needs */
	/* Members that take ROLE_ADMIN, with spaces between; or NULL. */
	const char *changes;
};

/* clang-format off */
static const struct command commands[] = {
	{"status", answer_status, ROLE_READ, NULL},
	{"targets", answer_targets, ROLE_READ, NULL},
	{"rules", answer_rules, ROLE_READ, NULL},
	{"certs", answer_certs, ROLE_READ, NULL},
	{"explain", explain_answer, ROLE_READ, NULL},
	{"reload", answer_reload, ROLE_ADMIN, NULL},
	{"reopen", answer_reopen, ROLE_ADMIN, NULL},
	{"confirm", confirm_answer, ROLE_ADMIN, NULL},
	{"register", register_answer, ROLE_ADMIN, NULL},
	{"deregister", deregister_answer, ROLE_ADMIN, NULL},
	{"drain", drain_answer, ROLE_ADMIN, NULL},
	{"resume", resume_answer, ROLE_ADMIN, NULL},
	{"overlay", overlay_answer, ROLE_READ, "drop"},
	{"export", export_answer, ROLE_ADMIN, NULL},
	{"events", events_answer, ROLE_READ, NULL},
	{"diff", diff_answer, ROLE_READ, "file"},
	{"maintenance", maintenance_answer, ROLE_READ, "on off"},
	{"metrics", metrics_answer, ROLE_READ, NULL},
	{"errors", errors_answer, ROLE_READ, NULL},
	{"conns", conns_answer, ROLE_READ, NULL},
	{"history", history_answer, ROLE_READ, NULL},
};
/* clang-format on */

static json_t *unknown(const char *name)
{
	struct text all = {0};
	json_t *answer;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		text_addf(&all, "%s%s", i ? ", " : "", commands[i].name);
	answer = admin_error("%s%.64s%s; there are: %s",
			     name ? "there is no command \"" : "no \"command\"",
			     name ? name : "", name ? "\"" : "",
			     text_str(&all));
	text_release(&all);
	return answer;
}

/* Whether who asks may; without a socket nobody else can. */
static bool is_allowed(const struct daemon *d, const struct command *c,
		       const json_t *request)
{
	enum role needs = c->role;
	struct slice rest = slice_of(c->changes ? c->changes : "");

	while (rest.n) {
		char *member = slice_dup(slice_cut(&rest, ' '));

		if (json_object_get(request, member))
			needs = ROLE_ADMIN;
		free(member);
	}

	return !d->admin || role_of(&d->roles, admin_peer(d->admin)) >= needs;
}

static json_t *deny(const struct command *c)
{
	json_t *answer = admin_error(
		"\"%s\" needs the %s group", c->name,
		c->role == ROLE_READ && !c->changes ? "read" : "admin");

	json_object_set_new(answer, "denied", json_true());
	return answer;
}

json_t *command_answer(void *daemon, const json_t *request, uint64_t *memo)
{
	json_t *named = json_object_get(request, "command");
	const char *name = json_string_value(named);

	for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return is_allowed(daemon, &commands[i], request)
				       ? commands[i].answer(daemon, request,
							    memo)
				       : deny(&commands[i]);
	return unknown(name);
}
