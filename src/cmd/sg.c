#include "sg.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "base/log.h"
#include "config/config.h"
#include "keeper/keeper.h"

enum { LEAVING_TRIES = 10, LEAVING_US = 50 * 1000 };

json_t *sg_request(const char *name, bool with_session)
{
	char *session = with_session ? sg_session() : NULL;
	json_t *request = json_pack("{s:s}", "command", name);

	if (session)
		json_object_set_new(request, "session", json_string(session));
	free(session);
	return request;
}

char *sg_path(const char *config)
{
	char here[PATH_MAX];

	if (config[0] == '/' || !getcwd(here, sizeof(here)))
		return xstrdup(config);
	return xasprintf("%s/%s", here, config);
}

/* The keeper and we must mean the same file. */
static char *whole_path(const struct command *self, const char *config)
{
	if (access(config, R_OK) == 0)
		return sg_path(config);
	fprintf(stderr, "weir %s: cannot read %s: %s\n", self->name, config,
		strerror(errno));
	return NULL;
}

/* NULL, after findings, when nobody knows: to take a keeper for none would be
 * to change the rules behind its back. */
static char *find_socket(const char *file, struct diag *diag)
{
	char *socket = config_find_keeper(file, diag);

	/* A file that is no YAML does not say where the keeper is. */
	if (!socket && !diag->unread)
		socket = config_default_keeper();
	if (!socket)
		diag_print(diag, stderr, isatty(STDERR_FILENO));
	return socket;
}

/* So it was perhaps not its keeper that we asked: who keeps another file says
 * nothing of ours, but that ours is invalid is known. */
static void blame_file(json_t *answer, struct diag *diag)
{
	char *text;

	if (!diag->n_errors ||
	    !json_is_true(json_object_get(answer, "other_file")))
		return;
	text = diag_to_text(diag);
	json_object_set_new(answer, "invalid", json_true());
	json_object_set_new(answer, "text", json_string_nocheck(text));
	free(text);
}

/* Whether a process of our network listens there; /proc tells who may not
 * look into the folder. */
static bool is_listening(const char *socket)
{
	FILE *from = fopen("/proc/net/unix", "re");
	bool found = !from;
	char line[512];

	while (from && !found && fgets(line, sizeof(line), from)) {
		const char *path = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		found = path && strcmp(path, socket) == 0;
	}
	if (from)
		fclose(from);
	return found;
}

static bool is_nobody_there(int error, const char *socket)
{
	return error == ENOENT || error == ECONNREFUSED || error == ENOTDIR ||
	       (error == EACCES && !is_listening(socket));
}

static int unreachable(const struct command *self, const char *socket,
		       int error)
{
	fprintf(stderr, "weir %s: the keeper on %s does not answer: %s%s\n",
		self->name, socket, strerror(error),
		error == EACCES ? "; its owner and group may: try as that "
				  "user, or as root"
				: "");
	return EXIT_UNREACHABLE;
}

static int ask(const struct command *self, const char *file, const char *socket,
	       const json_t *request, json_t **answer)
{
	int error = client_call(socket, request, answer);

	/* The process that held a timer was just leaving. */
	for (int i = 0; error == ECONNRESET && i < LEAVING_TRIES; i++) {
		usleep(LEAVING_US);
		error = client_call(socket, request, answer);
	}
	if (error == 0)
		return EXIT_GOOD;
	if (!is_nobody_there(error, socket))
		return unreachable(self, socket, error);
	log_setup(LOG_WARNING, LOG_TEXT);
	*answer = keeper_answer_alone(file, socket, request);
	json_object_set_new(*answer, "alone", json_true());
	return EXIT_GOOD;
}

int sg_ask(const struct command *self, const char *config, json_t *request_take,
	   json_t **answer)
{
	char *file = whole_path(self, config);
	struct diag diag = {0};
	char *socket = file ? find_socket(file, &diag) : NULL;
	int status = EXIT_INVALID;

	if (socket) {
		json_object_set_new(request_take, "file",
				    json_string_nocheck(file));
		status = ask(self, file, socket, request_take, answer);
		if (status == EXIT_GOOD)
			blame_file(*answer, &diag);
	}
	diag_release(&diag);
	json_decref(request_take);
	free(socket);
	free(file);
	return status;
}

/* -- a line ---------------------------------------------------------------- */

int sg_line_open(const struct command *self, const char *config,
		 struct sg_line *line)
{
	int status = EXIT_UNREACHABLE, error;
	struct diag diag = {0};

	*line = (struct sg_line){self, find_socket(config, &diag), -1};
	diag_release(&diag);
	if (!line->socket)
		return EXIT_INVALID;
	line->fd = client_dial(line->socket);
	if (line->fd >= 0)
		return EXIT_GOOD;
	error = errno;
	if (is_nobody_there(error, line->socket))
		fprintf(stderr,
			"weir %s: no keeper runs on %s: start it with \"weir "
			"sg keep\", or weir-sg.service\n",
			self->name, line->socket);
	else
		status = unreachable(self, line->socket, error);
	sg_line_close(line);
	return status;
}

int sg_line_ask(struct sg_line *line, const json_t *request, json_t **answer)
{
	int error = client_talk(line->fd, request, answer);

	return error ? unreachable(line->self, line->socket, error) : EXIT_GOOD;
}

void sg_line_close(struct sg_line *line)
{
	if (line->fd >= 0)
		close(line->fd);
	free(line->socket);
	*line = (struct sg_line){.fd = -1};
}

json_t *sg_overlay(const char *config)
{
	struct diag diag = {0};
	char *socket = find_socket(config, &diag);
	json_t *request = sg_request("overlay", false), *answer = NULL;

	diag_release(&diag);
	if (socket)
		client_call(socket, request, &answer);
	json_decref(request);
	free(socket);
	return answer;
}

int sg_tell(const struct command *self, const json_t *answer)
{
	fputs(text_at(answer, "text"), stderr);
	if (json_is_true(json_object_get(answer, "ok")))
		return EXIT_GOOD;
	fprintf(stderr, "weir %s: %s\n", self->name, text_at(answer, "error"));
	return json_is_true(json_object_get(answer, "invalid")) ? EXIT_INVALID
								: EXIT_FAILED;
}

void sg_print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

int sg_ask_and_tell(const struct command *self, const char *config,
		    json_t *request_take, bool json,
		    void (*print)(const json_t *answer))
{
	json_t *answer;
	int status = sg_ask(self, config, request_take, &answer);

	if (status != EXIT_GOOD)
		return status;
	if (json)
		sg_print_json(answer);
	status = sg_tell(self, answer);
	if (status == EXIT_GOOD && !json)
		print(answer);
	json_decref(answer);
	return status;
}
