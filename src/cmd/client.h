/*
 * client.h - a command as a client of the process that runs.
 *
 * Floor: cmd.  Source: weir(8).
 */
#ifndef WEIR_CMD_CLIENT_H
#define WEIR_CMD_CLIENT_H

#include <jansson.h>

#include "cmd.h"

/* Seconds without an octet after which an answer is given up. */
enum { CLIENT_PATIENCE_S = 60, CLIENT_ANSWER_MAX = 256 << 20 };

/*
 * Asks one question. The socket is the one that the configuration names, or
 * `socket` unless that is NULL.
 *
 * request_take  an object; its reference becomes ours
 * answer        gets a new reference, an object, after EXIT_GOOD
 *
 * Returns an exit status; what is wrong has been said on stderr, which
 * socket it was and what to do about it. An answer with "ok":false is still
 * an answer.
 */
int client_ask(const struct command *self, const char *config,
	       const char *socket, json_t *request_take, json_t **answer);

/* The same for an answer that may take longer than CLIENT_PATIENCE_S. */
int client_ask_for(const struct command *self, const char *config,
		   const char *socket, json_t *request_take, unsigned seconds,
		   json_t **answer);

/* Where to ask: `socket`, or what the configuration names. From malloc; NULL
 * after a message. */
char *client_find_socket(const struct command *self, const char *config,
			 const char *socket);

/* As client_ask() on a path, with descriptors (FILE_LENT_MAX of them at most)
 * for who answers. */
int client_ask_handing(const struct command *self, const char *path,
		       json_t *request_take, const int *fds, size_t n,
		       json_t **answer);

/*
 * Asks for what goes on: gives each line of the answer to `each`, as long as it
 * returns true. Ends with an error line, or with the daemon.
 */
int client_follow(const struct command *self, const char *config,
		  const char *socket, json_t *request_take,
		  bool (*each)(const json_t *answer, void *arg), void *arg);

/* A connection for several questions, one after the other: -1 with errno, or a
 * descriptor. client_talk() is like client_call(). */
int client_dial(const char *path);
int client_talk(int fd, const json_t *request, json_t **answer);

/* Asks one question on a socket. Returns 0, or an errno value and no answer:
 * ENOENT and ECONNREFUSED where nobody listens. */
int client_call(const char *path, const json_t *request, json_t **answer);

/*
 * A command that shows one answer: parses the options --json, --watch and
 * --socket, asks for `what`, and prints it with `print` or as it came.
 * Returns an exit status.
 */
int client_show(const struct command *self, int argc, char **argv,
		const char *what, void (*print)(const json_t *answer));

/* An option that goes with the question. */
struct client_filter {
	const char *name;     /* of the option and of the member */
	const char *argument; /* what it is called */
	const char *doc;      /* half a sentence */
	bool is_number;
};

enum { CLIENT_FILTERS_MAX = 4 };

/* The same, with filters, the last of which has no name. */
int client_show_filtered(const struct command *self, int argc, char **argv,
			 const char *what, const struct client_filter *filters,
			 void (*print)(const json_t *answer));

/* Prints an answer, or on stderr why there is none. Returns an exit status. */
int client_print(const struct command *self, json_t *answer_take,
		 void (*print)(const json_t *answer));

/* An answer as one JSON document, for --json. */
void client_print_json(const json_t *answer);

/* Text of a key, "" without it; a number, 0 without it. */
const char *text_at(const json_t *o, const char *key);
long long number_at(const json_t *o, const char *key);

/* Says of `logs`, an array of a status, which of them lost lines, and why. */
void print_lost_lines(const json_t *logs);

#define CLIENT_SHOW_USAGE "[--json] [--watch] [--socket PATH]"

#endif
