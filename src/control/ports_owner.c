/*
 * ports_owner.c - who listens on an address: the question after EADDRINUSE.
 *
 * /proc/net/tcp names the inode of each listening socket; the process that
 * has it is found by its descriptors. Only root sees those of others, and a
 * process in another container stays unknown.
 *
 * Floor: control.  Source: proc_pid_net(5), proc_pid_fd(5).
 */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ports.h"

/* The state "listening" in /proc/net/tcp. */
enum { TCP_STATE_LISTEN = 0x0a };

/* The inode of a socket that listens on this port; 0: none. The address is
 * not compared: any listener on the port is the likely culprit. */
static uint64_t inode_on_port(const char *path, unsigned port)
{
	FILE *f = fopen(path, "re");
	char line[512];
	uint64_t found = 0;

	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f)) {
		unsigned local, state;
		uint64_t inode;

		if (sscanf(line,
			   " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			   "%*s %*s %*s %*s %*s %" SCNu64,
			   &local, &state, &inode) == 3 &&
		    local == port && state == TCP_STATE_LISTEN)
			found = inode;
	}
	fclose(f);
	return found;
}

static bool process_has(const char *pid, const char *socket_name)
{
	char path[64], link[64];
	DIR *fds;
	const struct dirent *e;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	fds = opendir(path);
	if (!fds)
		return false;
	while (!found && (e = readdir(fds)) != NULL) {
		ssize_t n = readlinkat(dirfd(fds), e->d_name, link,
				       sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, socket_name) == 0;
	}
	closedir(fds);
	return found;
}

static void name_process(const char *pid, char *out, size_t size)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	f = fopen(path, "re");
	if (f) {
		if (fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(f);
	}
	snprintf(out, size, "%s, process %.16s,", comm[0] ? comm : "somebody",
		 pid);
}

pid_t ports_owner(const struct addr *addr, char *out, size_t size)
{
	unsigned port = addr_port(addr);
	uint64_t inode = inode_on_port("/proc/net/tcp", port);
	char socket_name[48];
	const struct dirent *e;
	pid_t found = 0;
	DIR *proc;

	if (!inode)
		inode = inode_on_port("/proc/net/tcp6", port);
	proc = inode ? opendir("/proc") : NULL;
	if (!proc)
		return 0;
	snprintf(socket_name, sizeof(socket_name), "socket:[%" PRIu64 "]",
		 inode);
	while (!found && (e = readdir(proc)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    process_has(e->d_name, socket_name)) {
			name_process(e->d_name, out, size);
			found = (pid_t)strtol(e->d_name, NULL, 10);
		}
	closedir(proc);
	return found;
}
