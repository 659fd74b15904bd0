#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "net/sock.h"

enum { WATCH_S = 1 };

const char *text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

long long number_at(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

void print_lost_lines(const json_t *logs)
{
	const json_t *log;
	size_t i;

	json_array_foreach (logs, i, log) {
		const char *error = text_at(log, "last_error");

		if (number_at(log, "lost") == 0)
			continue;
		printf("\n%lld lines of the log to %s were lost: %s\n",
		       number_at(log, "lost"), text_at(log, "path"),
		       *error ? error : "its reader is too slow");
	}
}

static int dial(const char *path, unsigned seconds)
{
	return sock_dial_path(path, seconds);
}

int client_dial(const char *path)
{
	return dial(path, CLIENT_PATIENCE_S);
}

static int unreachable(const struct command *self, const char *path, int error)
{
	const char *advice = "start it with \"weir serve\", or name another "
			     "socket with --socket";

	if (error == EACCES || error == EPERM)
		advice = "its owner and group may: try as that user, or as "
			 "root";
	else if (error == ECONNRESET || error == EPIPE)
		advice = "it hung up: it stops, or too many ask it at once; "
			 "what was asked may have been done";
	else if (error == ETIMEDOUT)
		advice = "it is there, but busy or stuck";
	fprintf(stderr, "weir %s: no weir answers on %s: %s; %s\n", self->name,
		path, strerror(error), advice);
	return EXIT_UNREACHABLE;
}

static bool send_all(int fd, struct slice text)
{
	while (text.n > 0) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = slice_from(text, (size_t)n);
	}
	return true;
}

/* Reads up to the end of the line; false with errno when there is none. */
static bool read_line(int fd, struct text *line)
{
	char room[65536];

	while (line->n < CLIENT_ANSWER_MAX) {
		ssize_t n = recv(fd, room, sizeof(room), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : ECONNRESET;
			return false;
		}
		text_add(line, slice_make(room, (size_t)n));
		if (room[n - 1] == '\n')
			return true;
	}
	errno = EMSGSIZE;
	return false;
}

/* The descriptors go with the first octets. */
static bool send_with(int fd, struct slice text, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FILE_LENT_MAX * sizeof(int))];
	} control = {.room = {0}};
	struct iovec all = {(void *)(uintptr_t)text.p, text.n};
	struct msghdr m = {.msg_iov = &all,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	ssize_t sent;

	if (n == 0)
		return send_all(fd, text);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent > 0 && send_all(fd, slice_from(text, (size_t)sent));
}

static int talk(int fd, const json_t *request, const int *fds, size_t n,
		json_t **answer)
{
	char *question = json_dumps(request, JSON_COMPACT);
	struct text line = {0};
	int error = 0;

	*answer = NULL;
	if (!send_with(fd, slice_of(question), fds, n) ||
	    !send_all(fd, SLICE("\n")) || !read_line(fd, &line))
		error = errno;
	else
		*answer = json_loadb(line.p, line.n, 0, NULL);
	if (!error && !json_is_object(*answer)) {
		json_decref(*answer);
		*answer = NULL;
		error = EPROTO;
	}
	text_release(&line);
	free(question);
	/* What the kernel says when the patience is over. */
	return error == EAGAIN ? ETIMEDOUT : error;
}

int client_talk(int fd, const json_t *request, json_t **answer)
{
	return talk(fd, request, NULL, 0, answer);
}

static int call(const char *path, const json_t *request, unsigned seconds,
		json_t **answer)
{
	int fd = dial(path, seconds), error;

	*answer = NULL;
	if (fd < 0)
		return errno == EAGAIN ? ETIMEDOUT : errno;
	error = client_talk(fd, request, answer);
	close(fd);
	return error;
}

int client_call(const char *path, const json_t *request, json_t **answer)
{
	return call(path, request, CLIENT_PATIENCE_S, answer);
}

static int ask_at(const struct command *self, const char *path,
		  const json_t *request, unsigned seconds, json_t **answer)
{
	int error = call(path, request, seconds, answer);

	return error ? unreachable(self, path, error) : EXIT_GOOD;
}

int client_ask(const struct command *self, const char *config,
	       const char *socket, json_t *request_take, json_t **answer)
{
	return client_ask_for(self, config, socket, request_take,
			      CLIENT_PATIENCE_S, answer);
}

char *client_find_socket(const struct command *self, const char *config,
			 const char *socket)
{
	struct diag diag = {0};
	char *found;

	if (socket)
		return xstrdup(socket);
	found = config_find_socket(config, &diag);
	if (!found) {
		diag_print(&diag, stderr, isatty(STDERR_FILENO));
		fprintf(stderr,
			"weir %s: so the file does not say where the "
			"admin socket is: name it with --socket\n",
			self->name);
	}
	diag_release(&diag);
	return found;
}

int client_ask_for(const struct command *self, const char *config,
		   const char *socket, json_t *request_take, unsigned seconds,
		   json_t **answer)
{
	char *path = client_find_socket(self, config, socket);
	int status = EXIT_INVALID;

	if (path)
		status = ask_at(self, path, request_take, seconds, answer);
	free(path);
	json_decref(request_take);
	return status;
}

int client_ask_handing(const struct command *self, const char *path,
		       json_t *request_take, const int *fds, size_t n,
		       json_t **answer)
{
	int fd = dial(path, CLIENT_PATIENCE_S);
	int error = fd < 0 ? errno : talk(fd, request_take, fds, n, answer);

	if (fd >= 0)
		close(fd);
	json_decref(request_take);
	return error ? unreachable(self, path, error) : EXIT_GOOD;
}

/* Line by line, until one is an error or nobody takes it. */
static int follow(const struct command *self, const char *path, int fd,
		  bool (*each)(const json_t *answer, void *arg), void *arg)
{
	FILE *from = fdopen(fd, "r");
	int status = EXIT_GOOD;
	bool goes_on = from != NULL;
	char *line = NULL;
	size_t room = 0;

	while (goes_on) {
		ssize_t n = getline(&line, &room, from);
		json_t *answer = n > 0 ? json_loadb(line, (size_t)n, 0, NULL)
				       : NULL;

		if (!answer) {
			status = unreachable(self, path, ECONNRESET);
			break;
		}
		goes_on = json_is_true(json_object_get(answer, "ok"));
		if (!goes_on) {
			fprintf(stderr, "weir %s: %s\n", self->name,
				text_at(answer, "error"));
			status = EXIT_FAILED;
		} else {
			goes_on = each(answer, arg);
		}
		json_decref(answer);
	}
	free(line);
	if (from)
		fclose(from);
	return status;
}

int client_follow(const struct command *self, const char *config,
		  const char *socket, json_t *request_take,
		  bool (*each)(const json_t *answer, void *arg), void *arg)
{
	char *path = client_find_socket(self, config, socket);
	char *question = json_dumps(request_take, JSON_COMPACT);
	int fd = path ? dial(path, 0) : -1, status = EXIT_INVALID;

	if (path && (fd < 0 || !send_all(fd, slice_of(question)) ||
		     !send_all(fd, SLICE("\n"))))
		status = unreachable(self, path, errno);
	else if (path)
		status = follow(self, path, fd, each, arg);
	free(question);
	free(path);
	json_decref(request_take);
	return status;
}

void client_print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

int client_print(const struct command *self, json_t *answer_take,
		 void (*print)(const json_t *answer))
{
	int status = EXIT_GOOD;

	if (json_is_true(json_object_get(answer_take, "ok"))) {
		print(answer_take);
	} else {
		fprintf(stderr, "weir %s: %s\n", self->name,
			text_at(answer_take, "error"));
		status = EXIT_FAILED;
	}
	json_decref(answer_take);
	return status;
}

static int show_once(const struct command *self, const char *config,
		     const char *socket, const json_t *question,
		     void (*print)(const json_t *answer), bool clear)
{
	json_t *answer;
	int status = client_ask(self, config, socket, json_deep_copy(question),
				&answer);

	if (status != EXIT_GOOD)
		return status;
	if (clear)
		fputs("\033[H\033[2J", stdout);
	status = client_print(self, answer, print);
	fflush(stdout);
	return status;
}

static int show(const struct command *self, const char *config,
		const char *socket, const json_t *question,
		void (*print)(const json_t *answer), bool watch)
{
	bool clear = watch && print != client_print_json &&
		     isatty(STDOUT_FILENO);

	for (;;) {
		int status =
			show_once(self, config, socket, question, print, clear);

		if (!watch || status != EXIT_GOOD || ferror(stdout))
			return status;
		sleep(WATCH_S);
	}
}

/* Puts what was given into the question; false after a message. */
static bool add_filter(const struct command *self, json_t *question,
		       const struct client_filter *f, const char *given)
{
	uint64_t number;

	if (!f->is_number) {
		json_object_set_new(question, f->name, json_string(given));
		return true;
	}
	if (!slice_to_u64(slice_of(given), &number) || number > INT32_MAX) {
		cmd_misused(self, "--%s takes a number, not \"%s\"", f->name,
			    given);
		return false;
	}
	json_object_set_new(question, f->name,
			    json_integer((json_int_t)number));
	return true;
}

int client_show_filtered(const struct command *self, int argc, char **argv,
			 const char *what, const struct client_filter *filters,
			 void (*print)(const json_t *answer))
{
	bool json = false, watch = false;
	const char *socket = NULL, *given[CLIENT_FILTERS_MAX] = {NULL};
	struct cmd_option options[CLIENT_FILTERS_MAX + 4] = {
		{"json", 0, NULL, &json, NULL, "one JSON document"},
		{"watch", 0, NULL, &watch, NULL, "again each second, until ^C"},
		{"socket", 0, "PATH", NULL, &socket,
		 "the admin socket, in place of the one in FILE"},
	};
	struct cmd_line line;
	json_t *question;
	int status = EXIT_GOOD;

	for (size_t i = 0; filters[i].name; i++)
		options[3 + i] = (struct cmd_option){
			filters[i].name,     0,
			filters[i].argument, NULL,
			&given[i],           filters[i].doc};
	if (!cmd_parse_all(self, options, argc, argv, &line, &status))
		return status;
	question = json_pack("{s:s}", "command", what);
	for (size_t i = 0; filters[i].name && status == EXIT_GOOD; i++)
		if (given[i] &&
		    !add_filter(self, question, &filters[i], given[i]))
			status = EXIT_USAGE;
	if (status == EXIT_GOOD)
		status = show(self, line.config, socket, question,
			      json ? client_print_json : print, watch);
	json_decref(question);
	return status;
}

int client_show(const struct command *self, int argc, char **argv,
		const char *what, void (*print)(const json_t *answer))
{
	static const struct client_filter none[] = {{0}};

	return client_show_filtered(self, argc, argv, what, none, print);
}
