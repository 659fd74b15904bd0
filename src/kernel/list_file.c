#include "list_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

/* A file that is being read. */
struct list_reader {
	const char *path;
	int fd;
	char block[64 * 1024];
	size_t at, end;        /* of what is unread in the block */
	unsigned n_lines;      /* so far */
	struct cidr *networks; /* from malloc */
	unsigned n, room;
	const char *fault; /* what is wrong; NULL: nothing yet */
	bool of_line;      /* it stands in the last line */
	struct cidr meant; /* by that line; family 0: nobody knows */
};

static void refuse(struct list_reader *r, const char *fault, bool of_line)
{
	r->fault = fault;
	r->of_line = of_line;
}

/* -- lines ----------------------------------------------------------------- */

/* The next octet, or -1 at the end and after a fault. */
static int next_octet(struct list_reader *r)
{
	ssize_t got;

	if (r->at < r->end)
		return (unsigned char)r->block[r->at++];
	got = file_read(r->fd, r->block, sizeof(r->block));
	if (got < 0)
		refuse(r, strerror(errno), false);
	if (got <= 0)
		return -1;
	r->at = 1;
	r->end = (size_t)got;
	return (unsigned char)r->block[0];
}

/* Returns false at the end of the file, and after a fault. */
static bool next_line(struct list_reader *r, char line[LIST_LINE_OCTETS],
		      size_t *n)
{
	int octet = next_octet(r);

	*n = 0;
	if (octet < 0)
		return false;
	if (++r->n_lines > LIST_LINES_MAX) {
		refuse(r, "the file has more than 1000000 lines", true);
		return false;
	}
	for (; octet >= 0 && octet != '\n'; octet = next_octet(r)) {
		if (*n == LIST_LINE_OCTETS) {
			refuse(r, "the line has more than 512 octets", true);
			return false;
		}
		line[(*n)++] = (char)octet;
	}
	return !r->fault;
}

static void list_add(struct list_reader *r, const struct cidr *network)
{
	if (r->n == r->room) {
		r->room = r->room ? r->room * 2 : 256;
		r->networks =
			xrealloc(r->networks, r->room * sizeof(*r->networks));
	}
	r->networks[r->n++] = *network;
}

static void take_line(struct list_reader *r, struct slice line)
{
	struct slice word =
		slice_trim(slice_first(line, slice_find(line, '#')));
	struct cidr network;

	if (word.n == 0)
		return;
	switch (cidr_parse(word, &network)) {
	case CIDR_FINE:
	case CIDR_NO_LENGTH:
		list_add(r, &network);
		return;
	case CIDR_HOST_BITS:
		refuse(r, "the network has bits set behind its length", true);
		r->meant = network;
		return;
	case CIDR_MALFORMED:
	case CIDR_BAD_LENGTH:
		refuse(r, "this is no address and no network", true);
		return;
	}
}

static void read_lines(struct list_reader *r)
{
	char line[LIST_LINE_OCTETS];
	size_t n;

	while (!r->fault && next_line(r, line, &n))
		take_line(r, slice_make(line, n));
}

/* -- files ----------------------------------------------------------------- */

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

/* Before the first octet, so that what is written meanwhile is seen later. */
static void open_list(struct list_reader *r, struct prefix_stamp *stamp)
{
	struct stat st;

	r->fd = file_open(r->path);
	if (r->fd < 0 || fstat(r->fd, &st)) {
		refuse(r, strerror(errno), false);
		return;
	}
	*stamp = stamp_of(&st);
	if (S_ISDIR(st.st_mode))
		refuse(r, "it is a folder", false);
}

static void report_list(const struct list_reader *r,
			const struct prefix_list *list, bool is_error,
			struct diag *diag)
{
	struct place at = {.file = r->path, .line = r->n_lines, .column = 1};
	const struct place *place = r->of_line ? &at : &list->place;
	char meant[CIDR_TEXT_MAX], hint[CIDR_TEXT_MAX + 8];

	if (r->meant.family)
		snprintf(hint, sizeof(hint), "write %s",
			 cidr_format(&r->meant, meant));

	if (is_error && r->of_line)
		diag_error(diag, place, r->meant.family ? hint : NULL,
			   "prefix list \"%s\": %s", list->name, r->fault);
	else if (is_error)
		diag_error(diag, place, NULL, "cannot read %s: %s", r->path,
			   r->fault);
	else
		diag_warning(diag, place, NULL,
			     "%s: %s; the prefix list \"%s\" stays as it was",
			     r->path, r->fault, list->name);
}

/* Returns whether there is something to go on with. */
static bool fill(const struct prefix_list *list, struct prefix_lines *out,
		 const struct prefix_lines *old, struct arena *arena,
		 struct diag *diag)
{
	struct list_reader *r = xcalloc(1, sizeof(*r));
	const struct cidr *from;
	struct cidr *networks;
	bool good;

	r->path = list->file;
	open_list(r, &out->stamp);
	if (!r->fault)
		read_lines(r);
	good = !r->fault || old;
	if (r->fault)
		report_list(r, list, !old, diag);
	from = r->fault && old ? old->networks : r->networks;
	out->n = r->fault && old ? old->n : r->n;
	networks = ARENA_ARRAY(arena, out->n, struct cidr);
	if (out->n)
		memcpy(networks, from, out->n * sizeof(*networks));
	out->networks = networks;
	if (r->fd >= 0)
		close(r->fd);
	free(r->networks);
	free(r);
	return good;
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
		    !fill(&config->lists[i], &lines[i],
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
