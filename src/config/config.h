/*
 * config.h - from a file to a snapshot.
 *
 * The configuration is a value: it is read, linked and checked as a whole
 * aside, and either becomes a snapshot that nobody changes any more or a list
 * of findings. Nothing half-built ever leaves here.
 *
 * Floor: config.  Source: weir.yaml(5).
 */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include <stdio.h>

#include "base/diag.h"
#include "model/snapshot.h"

struct ticket_keys; /* tls/ticket.h */

/* What "tests" of the file are for. */
enum config_tests {
	TESTS_SKIP, /* their grammar alone is checked */
	TESTS_WARN, /* one that fails is a warning */
	TESTS_BIND, /* one that fails is an error */
};

/* What the files of a configuration said when they were read, in that order;
 * the first is the main one. A zeroed one is empty. */
struct config_text {
	char *path;   /* owned, as all of this */
	char *octets; /* a zero follows */
	size_t n;
};

struct config_texts {
	struct config_text *rows;
	size_t n;
};

/* Copies. */
void config_texts_add(struct config_texts *texts, const char *path,
		      struct slice octets);
void config_texts_release(struct config_texts *texts);

/* A zeroed one is what most callers want. */
struct config_options {
	unsigned n_cpus;    /* what "workers: auto" means; 0: ask the system */
	unsigned n_workers; /* of the process that reloads, which keeps them
			     * whatever the file says; 0: none */
	struct ticket_keys *tickets; /* borrowed; NULL: no TLS resumption */
	bool without_secrets;        /* read no certificates and keys */
	enum config_tests tests;
	struct config_texts *keep; /* gets the texts that were read; NULL:
				    * nobody asks */
	const struct config_texts *given; /* read in place of the files; NULL:
					   * the files are */
	FILE *print_to; /* NULL, or where a good configuration is written
			 * with its defaults filled in */
};

/*
 * Loads a file and what it includes. All errors are reported, not the first
 * only; warnings alone do not keep it from being good.
 *
 * file     kept as snapshot->file, and what findings call it
 * options  NULL: all zero
 *
 * Returns a snapshot with one reference, or NULL after at least one error.
 * Control thread: reads files, certificates among them, and the environment.
 */
struct snapshot *config_load(const char *file,
			     const struct config_options *options,
			     struct diag *diag);

/*
 * Whether the file and what it includes say, octet for octet, what this
 * snapshot was made of. A file that cannot be read or is no YAML does not.
 */
bool config_is_same(const char *file, const struct snapshot *snap);

/*
 * Finds the admin socket that a file names, whatever else is wrong with the
 * file: an administrator has to reach the process that still runs with the
 * one of before. Reads no certificates and no other secrets.
 *
 * Returns the path, which the caller frees, or NULL after findings: a file
 * could not be read or is no YAML.
 */
char *config_find_socket(const char *file, struct diag *diag);

/* The same for settings.overlay_file. */
char *config_find_overlay(const char *file, struct diag *diag);

/* The same for firewall.socket, where the keeper listens. */
char *config_find_keeper(const char *file, struct diag *diag);

/* Where it listens when nothing can be read that says where. The caller frees
 * it. */
char *config_default_keeper(void);

/*
 * The section "firewall" of a file, as far as it can be read, whatever is
 * wrong with it and with the rest: its settings stand in the snapshot's
 * firewall, nothing else does. Rules of "management" with faults, or that refer
 * to prefix lists, are left out. NULL after findings, as above. One reference.
 */
struct snapshot *config_find_firewall(const char *file, struct diag *diag);

/* The same for a text that is no file, such as one that came by a socket. No
 * other file is read: "include" and "certificates" in it are errors. */
struct snapshot *config_load_text(const char *name, struct slice text,
				  const struct config_options *options,
				  struct diag *diag);

/* What is different in a file, object by object. */
enum config_change_kind { CONFIG_ADDED, CONFIG_REMOVED, CONFIG_CHANGED };

struct config_change {
	enum config_change_kind kind;
	char *object;     /* "listener web:443", "target app 10.0.0.1:80" */
	char *key;        /* "health_check.path"; NULL: all of the object */
	char *file, *now; /* values as one line; NULL: it is not there */
	char *place;      /* "weir.yaml:14", where it is; else where it was */
};

enum { CONFIG_CHANGES_MAX = 10000 };

/* All of it is owned. */
struct config_changes {
	struct config_change *rows;
	size_t n;
	size_t n_left_out; /* over the limit */
};

/*
 * What `file` changes of `now`; both are the texts of good configurations.
 * Defaults are values like others, secrets are masked, and the order of objects
 * means nothing.
 */
void config_diff(const struct config_texts *file,
		 const struct config_texts *now, struct config_changes *out);
void config_changes_release(struct config_changes *changes);

/*
 * The texts of a configuration, with the changes of run time laid over them, as
 * one file that means the same: scalars as they were written (${NAME} stays),
 * names of files whole, no comments and no "include". Holds what secrets the
 * texts hold.
 *
 * snap  what the texts were made into, with group states
 *
 * Returns a text from malloc.
 */
char *config_export(const struct config_texts *texts,
		    const struct snapshot *snap);

/* Writes the JSON Schema of the language. */
void config_write_schema(FILE *to);

/*
 * Writes all keys of the language, a line each, with tabs between: the name
 * with its sections; "required", "default", "absent" (has none), "choice" (one
 * of several), "planned" (not built yet) or "refused"; the default, or what
 * holds without it; a sentence; what it can be.
 */
void config_write_keys(FILE *to);

#endif
