/*
 * file.h - reads files without waiting for ever, and knows a user's folder.
 *
 * A path from a configuration may name a FIFO that nobody writes to, and
 * open(2) or read(2) would then hold up the thread that reloads, checks
 * targets and answers the administrator. Pipes are read all the same, so
 * that a shell can hand over the output of a program as a file.
 *
 * Floor: base.  Source: open(2), fifo(7).
 */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* How long a pipe may take for the next octet. */
enum { FILE_PATIENCE_MS = 3000 };

/* Opens a file to be read. Returns a descriptor, the caller's, or -1 with
 * errno. Never waits. */
int file_open(const char *path);

/* A file that somebody else has opened for us. */
struct file_lent {
	const char *path; /* whole */
	int fd;
};

enum { FILE_LENT_MAX = 253 }; /* as many as the kernel passes in one message */

/*
 * From now on file_open() gives these in place of what their paths lead to,
 * from their beginning; n is 0: no more. Borrowed until then, and for this
 * thread alone.
 */
void file_lend(const struct file_lent *lent, size_t n);

/* As read(2) on such a descriptor; goes on after EINTR, and waits for a pipe,
 * but no longer than the patience: then -1 with ETIMEDOUT. */
ssize_t file_read(int fd, void *room, size_t size);

/*
 * Writes a file aside, syncs and renames it, so that a crash or a full disk
 * leaves the old file or the new one, whole.
 *
 * write_it  writes all of it; what goes wrong shows in ferror()
 * mode      of the new file, before the umask
 *
 * Returns 0, or -1 with errno and the old file as it was. A folder that cannot
 * be synced is no failure: the new file is in place, though it may not outlive
 * a loss of power.
 */
int file_replace(const char *path, mode_t mode,
		 void (*write_it)(FILE *to, const void *what),
		 const void *what);

/* Removes a file and syncs its folder. Returns 0, also where there was none;
 * or -1 with errno. */
int file_remove(const char *path);

/* The folder of a path: "." for a name alone, "/" for "/name". From malloc. */
char *file_folder(const char *path);

/*
 * Where programs of an ordinary user keep their state: $XDG_STATE_HOME, unset
 * or no whole path ~/.local/state. From malloc; NULL for a user without a
 * home. Source: XDG Base Directory Specification.
 */
char *file_state_home(void);

#endif
