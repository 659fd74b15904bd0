/*
 * sg.h - what the commands of the firewall half share: they ask the keeper,
 * and where none runs they do its work themselves.
 *
 * Floor: cmd.  Source: weir-sg(8).
 */
#ifndef WEIR_CMD_SG_H
#define WEIR_CMD_SG_H

#include "client.h"

/*
 * Puts one request to the keeper, or to ourselves.
 *
 * config        path of the file
 * request_take  an object; its reference becomes ours
 * answer        gets a new reference, an object, after EXIT_GOOD; "ok" may be
 *               false in it
 *
 * Returns an exit status; what is wrong has been said on stderr.
 */
int sg_ask(const struct command *self, const char *config, json_t *request_take,
	   json_t **answer);

/* A line to the keeper that stays open; whoever may not read the file still
 * reaches the usual socket. */
struct sg_line {
	const struct command *self;
	char *socket; /* owned */
	int fd;
};

/* Both return an exit status and say what is wrong on stderr; after a failure
 * there is nothing to close, and no answer. */
int sg_line_open(const struct command *self, const char *config,
		 struct sg_line *line);
int sg_line_ask(struct sg_line *line, const json_t *request, json_t **answer);
void sg_line_close(struct sg_line *line);

/* Prints findings, and the error of an answer that is not "ok". Returns the
 * exit status that it means. */
int sg_tell(const struct command *self, const json_t *answer);

/*
 * SSH_CONNECTION of this process, or of the nearest ancestor that has it:
 * sudo, su and the like take it away. An ancestor in another network
 * namespace does not count. NULL: there is none. The caller frees it.
 */
char *sg_session(void);

/*
 * The path from the root on; symbolic links in it stay what they are, so that
 * one that moves later is followed. The caller frees it.
 */
char *sg_path(const char *config);

/* {"command":name}; with the session of this shell for those that care. */
json_t *sg_request(const char *name, bool with_session);

/* The keeper's answer to "overlay"; NULL where none answers. A new
 * reference. */
json_t *sg_overlay(const char *config);

/* Run-time entries as a table, with what is left of their time. */
void sg_print_overlay(const json_t *overlay);

void sg_print_json(const json_t *answer);

/* Asks, prints the answer as JSON or with `print`, and says what there is to
 * say besides. Takes over the request. Returns the exit status. */
int sg_ask_and_tell(const struct command *self, const char *config,
		    json_t *request_take, bool json,
		    void (*print)(const json_t *answer));

#endif
