#include "hand_over.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "config/config.h"

/* Octets of names: a request has 64 KiB in all. */
enum { NAMES_MAX = 48 * 1024, GROUPS_MAX = 1024 };

/* Who a process is, as far as files are concerned. */
struct who {
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t n_groups;
};

/* The last number of "Uid:\t0\t0\t0\t0" is that for files. */
static bool read_ids(const char *line, const char *name, unsigned *id)
{
	return strncmp(line, name, strlen(name)) == 0 &&
	       sscanf(line + strlen(name), "%*u %*u %*u %u", id) == 1;
}

static void read_groups(const char *line, struct who *who)
{
	char *end;

	if (strncmp(line, "Groups:", 7) != 0)
		return;
	for (line += 7; who->n_groups < GROUPS_MAX; line = end) {
		unsigned long id = strtoul(line, &end, 10);

		if (end == line)
			return;
		who->groups[who->n_groups++] = (gid_t)id;
	}
}

static bool find_who(long pid, struct who *who)
{
	char *path = xasprintf("/proc/%ld/status", pid), *line = NULL;
	FILE *from = fopen(path, "re");
	bool has_uid = false, has_gid = false;
	size_t room = 0;

	free(path);
	if (!from)
		return false;
	while (getline(&line, &room, from) > 0) {
		has_uid |= read_ids(line, "Uid:", &who->uid);
		has_gid |= read_ids(line, "Gid:", &who->gid);
		read_groups(line, who);
	}
	free(line);
	fclose(from);
	return has_uid && has_gid;
}

/* Whether somebody else may open it: asked by trying, as that user. */
static bool may_open(const char *path)
{
	int fd = file_open(path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static char *whole_path(struct slice path)
{
	char *here = slice_starts(path, SLICE("/")) ? NULL : getcwd(NULL, 0);
	char *whole = here ? xasprintf("%s/%.*s", here, SLICE_ARG(path))
			   : slice_dup(path);

	free(here);
	return whole;
}

static bool is_there(const struct handed *h, const char *path)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->paths[i], path) == 0)
			return true;
	return false;
}

/* As somebody else, for files alone: which of the names he may not open. */
static void choose(struct handed *h, const struct snapshot *snap,
		   const struct who *who)
{
	gid_t ours[GROUPS_MAX];
	int n_ours = getgroups(GROUPS_MAX, ours);
	size_t octets = 0;

	if (n_ours < 0 || setgroups(who->n_groups, who->groups))
		return;
	setfsgid(who->gid);
	setfsuid(who->uid);
	for (const struct named_file *f = snap->files; f; f = f->next) {
		char *path = whole_path(f->path);

		octets += strlen(path) + 3;
		if (h->n < FILE_LENT_MAX && octets < NAMES_MAX &&
		    !is_there(h, path) && !may_open(path))
			h->paths[h->n++] = path;
		else
			free(path);
	}
	setfsuid(geteuid());
	setfsgid(getegid());
	if (setgroups((size_t)n_ours, ours))
		fail_exit("cannot take the groups of root again");
}

static void open_chosen(struct handed *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		h->fds[n] = file_open(h->paths[i]);
		if (h->fds[n] < 0)
			free(h->paths[i]);
		else
			h->paths[n++] = h->paths[i];
	}
	h->n = n;
}

void hand_collect(struct handed *h, const char *config, long pid)
{
	struct who *who = xcalloc(1, sizeof(*who));
	struct diag ignored = {0};
	struct snapshot *snap = NULL;

	*h = (struct handed){.n = 0};
	if (geteuid() == 0 && find_who(pid, who) && who->uid != 0)
		snap = config_load(config, NULL, &ignored);
	if (snap) {
		choose(h, snap, who);
		open_chosen(h);
	}
	snapshot_unref(snap);
	diag_release(&ignored);
	free(who);
}

json_t *hand_names(const struct handed *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(list, json_string(h->paths[i]));
	return list;
}

void hand_release(struct handed *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->paths[i]);
		close(h->fds[i]);
	}
	h->n = 0;
}
