#include "list_file.h"

#include <string.h>

#include "base/cidr_file.h"

static struct prefix_stamp stamp_of(const struct stat *st)
{
	return (struct prefix_stamp){
		.device = st->st_dev,
		.inode = st->st_ino,
		.octets = (uint64_t)st->st_size,
		.s = st->st_mtim.tv_sec,
		.ns = st->st_mtim.tv_nsec,
	};
}

static void list_warn(const struct cidr_file *f, const struct prefix_list *list,
		      struct diag *diag)
{
	const struct place at = {.file = f->path, .line = f->line, .column = 1};

	diag_warning(diag, f->line ? &at : &list->place, NULL,
		     "%s: %s; the prefix list \"%s\" stays as it was", f->path,
		     f->fault, list->name);
}

/* Returns whether there is something to go on with. */
static bool list_fill(const struct prefix_list *list, struct prefix_lines *out,
		      const struct prefix_lines *old, struct arena *arena,
		      struct diag *diag)
{
	struct cidr_file file;
	bool read = cidr_file_read(&file, list->file);
	const struct cidr *from = !read && old ? old->networks : file.networks;
	struct cidr *networks;

	if (!read && old)
		list_warn(&file, list, diag);
	else if (!read)
		cidr_file_complain(&file, list->name, &list->place, diag);
	out->stamp = stamp_of(&file.stat);
	out->n = !read && old ? old->n : file.n;
	networks = ARENA_ARRAY(arena, out->n, struct cidr);
	if (out->n)
		memcpy(networks, from, out->n * sizeof(*networks));
	out->networks = networks;
	cidr_file_release(&file);
	return read || old;
}

int list_files_fill(struct firewall_config *config,
		    const struct firewall_config *old, struct arena *arena,
		    struct diag *diag)
{
	struct prefix_lines *lines =
		ARENA_ARRAY(arena, config->n_lists, struct prefix_lines);
	int result = 0;

	config->lines = lines;
	for (unsigned i = 0; i < config->n_lists; i++)
		if (config->lists[i].file &&
		    !list_fill(&config->lists[i], &lines[i],
			       old ? &old->lines[i] : NULL, arena, diag))
			result = -1;
	return result;
}

static bool same_stamp(const struct prefix_stamp *a,
		       const struct prefix_stamp *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->octets == b->octets && a->s == b->s && a->ns == b->ns;
}

bool list_files_changed(const struct firewall_config *config)
{
	for (unsigned i = 0; i < config->n_lists && config->lines; i++) {
		struct prefix_stamp now = {0};
		struct stat st;

		if (!config->lists[i].file)
			continue;
		if (stat(config->lists[i].file, &st) == 0)
			now = stamp_of(&st);
		if (!same_stamp(&now, &config->lines[i].stamp))
			return true;
	}
	return false;
}
