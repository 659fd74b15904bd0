/*
 * sg_session.c - where does the shell come from in which we are typed?
 *
 * Floor: cmd.  Source: proc(5).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "sg.h"

#define VARIABLE "SSH_CONNECTION="

/* Shells in shells in shells; and an environment larger than any sane one. */
enum { ANCESTORS_MAX = 64, ENVIRONMENT_OCTETS = 256 * 1024 };

/* The whole of a file of a process; NULL if it cannot be read. */
static char *read_file(long pid, const char *name, size_t *n)
{
	char *path = xasprintf("/proc/%ld/%s", pid, name);
	FILE *from = fopen(path, "re");
	char *text = from ? xmalloc(ENVIRONMENT_OCTETS + 1) : NULL;

	free(path);
	if (!from)
		return NULL;
	*n = fread(text, 1, ENVIRONMENT_OCTETS, from);
	text[*n] = '\0';
	fclose(from);
	return text;
}

/* "4711 (name) S 4710 ...", where the name may be anything. 0: none. */
static long parent_of(long pid)
{
	size_t n;
	char *text = read_file(pid, "stat", &n);
	char *at = text ? strrchr(text, ')') : NULL;
	long parent = at && strlen(at) > 4 ? strtol(at + 4, NULL, 10) : 0;

	free(text);
	return parent;
}

static char *variable_of(long pid)
{
	size_t n, length = strlen(VARIABLE);
	char *text = read_file(pid, "environ", &n), *found = NULL;

	for (char *at = text; text && !found && at < text + n;
	     at += strlen(at) + 1)
		if (strncmp(at, VARIABLE, length) == 0)
			found = xstrdup(at + length);
	free(text);
	return found;
}

/* A session elsewhere is none that our rules could cut. */
static bool is_in_our_network(long pid)
{
	char path[40], ours[80], theirs[80];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
	n = readlink("/proc/self/ns/net", ours, sizeof(ours));
	m = readlink(path, theirs, sizeof(theirs));
	return n > 0 && n == m && memcmp(ours, theirs, (size_t)n) == 0;
}

char *sg_session(void)
{
	const char *own = getenv("SSH_CONNECTION");
	long pid = getpid();

	if (own)
		return xstrdup(own);
	for (int i = 0; i < ANCESTORS_MAX && (pid = parent_of(pid)) > 0; i++) {
		char *found = is_in_our_network(pid) ? variable_of(pid) : NULL;

		if (found)
			return found;
	}
	return NULL;
}
