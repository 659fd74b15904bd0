#include "cidr_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

/* A file that is being read. */
struct reader {
	struct cidr_file *file;
	int fd;
	char block[64 * 1024];
	size_t at, end;   /* of what is unread in the block */
	unsigned n_lines; /* so far */
	unsigned room;    /* for networks */
};

static void refuse(struct reader *r, const char *fault, bool of_line)
{
	r->file->fault = fault;
	r->file->line = of_line ? r->n_lines : 0;
}

/* The next octet, or -1 at the end and after a fault. */
static int next_octet(struct reader *r)
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
static bool next_line(struct reader *r, char line[CIDR_FILE_LINE_OCTETS],
		      size_t *n)
{
	int octet = next_octet(r);

	*n = 0;
	if (octet < 0)
		return false;
	if (++r->n_lines > CIDR_FILE_LINES_MAX) {
		refuse(r, "the file has more than 1000000 lines", true);
		return false;
	}
	for (; octet >= 0 && octet != '\n'; octet = next_octet(r)) {
		if (*n == CIDR_FILE_LINE_OCTETS) {
			refuse(r, "the line has more than 512 octets", true);
			return false;
		}
		line[(*n)++] = (char)octet;
	}
	return !r->file->fault;
}

static void add_network(struct reader *r, const struct cidr *network)
{
	struct cidr_file *f = r->file;

	if (f->n == r->room) {
		r->room = r->room ? r->room * 2 : 256;
		f->networks =
			xrealloc(f->networks, r->room * sizeof(*f->networks));
	}
	f->networks[f->n++] = *network;
}

static void take_line(struct reader *r, struct slice line)
{
	struct slice word =
		slice_trim(slice_first(line, slice_find(line, '#')));
	struct cidr network;

	if (word.n == 0)
		return;
	switch (cidr_parse(word, &network)) {
	case CIDR_FINE:
	case CIDR_NO_LENGTH:
		add_network(r, &network);
		return;
	case CIDR_HOST_BITS:
		refuse(r, "the network has bits set behind its length", true);
		r->file->meant = network;
		return;
	case CIDR_MALFORMED:
	case CIDR_BAD_LENGTH:
		refuse(r, "this is no address and no network", true);
		return;
	}
}

static void read_lines(struct reader *r)
{
	char line[CIDR_FILE_LINE_OCTETS];
	size_t n;

	while (!r->file->fault && next_line(r, line, &n))
		take_line(r, slice_make(line, n));
}

/* Before the first octet, so that what is written meanwhile is seen later. */
static void open_file(struct reader *r, const char *path)
{
	r->fd = file_open(path);
	if (r->fd < 0 || fstat(r->fd, &r->file->stat))
		refuse(r, strerror(errno), false);
	else if (S_ISDIR(r->file->stat.st_mode))
		refuse(r, "it is a folder", false);
}

bool cidr_file_read(struct cidr_file *out, const char *path)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	*out = (struct cidr_file){.path = path};
	r->file = out;
	open_file(r, path);
	read_lines(r);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	return !out->fault;
}

void cidr_file_complain(const struct cidr_file *f, const char *list,
			const struct place *place, struct diag *diag)
{
	const struct place at = {.file = f->path, .line = f->line, .column = 1};
	char meant[CIDR_TEXT_MAX], hint[CIDR_TEXT_MAX + 8];

	if (f->line == 0) {
		diag_error(diag, place, NULL, "cannot read %s: %s", f->path,
			   f->fault);
		return;
	}
	if (f->meant.family)
		snprintf(hint, sizeof(hint), "write %s",
			 cidr_format(&f->meant, meant));
	diag_error(diag, &at, f->meant.family ? hint : NULL,
		   "prefix list \"%s\": %s", list, f->fault);
}

void cidr_file_release(struct cidr_file *f)
{
	free(f->networks);
	*f = (struct cidr_file){0};
}
