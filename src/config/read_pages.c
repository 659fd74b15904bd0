/* Error pages, and maintenance: what clients are told in place of an answer. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cidr_set.h"
#include "base/fail.h"
#include "base/file.h"
#include "files.h"
#include "read_firewall.h"

/* -- error pages ----------------------------------------------------------- */

struct draft {
	struct error_page page;
	struct slice file;
	struct place file_at;
	uint32_t status;
};

#define INTO(member) .offset = offsetof(struct draft, member)

static void parse_codes(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct error_page *page = slot;

	page->codes = want_codes(r, k, v, &page->n_codes);
}

static void parse_file(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	struct draft *d = slot;

	d->file_at = v->at;
	type_path.parse(r, k, v, &d->file);
}

static const struct type type_codes = {parse_codes, SHAPE_NUMBER | SHAPE_TEXT,
				       "^[0-9, -]+$"};
static const struct type type_file = {parse_file, SHAPE_TEXT, NULL};

/* clang-format off */
const struct key error_page_keys[] = {
	{"status_codes", &type_codes, INTO(page), .any = {400, 599},
	 .flags = KEY_REQUIRED,
	 .doc = "The errors that it is for.",
	 .values = "codes and ranges from 400 to 599, such as "
		   "\"500,502-504\""},
	{"file", &type_file, 0, .flags = KEY_REQUIRED | KEY_PATH,
	 .doc = "The body, at most 64 KiB; read at start and reload."},
	{"content_type", &type_content_type, INTO(page.content_type),
	 "text/html", .doc = "What the file is."},
	{"status_code", &type_count, INTO(status), .any = {200, 599},
	 .doc = "Sent in place of the code.", .absent = "the same"},
	{0},
};
/* clang-format on */

/* Returns why it cannot be read, or NULL. */
static const char *read_whole(const char *path, char *room, size_t size,
			      size_t *n)
{
	int fd = file_open(path);
	struct stat st;
	ssize_t got = 1;

	*n = 0;
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR, got = -1;
	while (got > 0 && *n < size) {
		got = file_read(fd, room + *n, size - *n);
		*n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return got < 0 ? strerror(errno) : NULL;
}

static void read_file(struct reader *r, struct draft *d)
{
	char *room;
	const char *why;
	size_t n;

	if (r->alone) {
		complain(r, &d->file_at, NULL,
			 "file: nothing is read beside this text");
		return;
	}
	files_note(r->snap, d->file, &d->file_at);
	room = xmalloc(PAGE_FILE_MAX + 1);
	why = read_whole(d->file.p, room, PAGE_FILE_MAX + 1, &n);
	if (why)
		complain(r, &d->file_at, NULL, "cannot read %s: %s", d->file.p,
			 why);
	else if (n > PAGE_FILE_MAX)
		complain(r, &d->file_at, NULL, "%s has more than 64 KiB",
			 d->file.p);
	else
		error_page_cut(r->arena,
			       arena_slice(r->arena, slice_make(room, n)),
			       &d->page);
	free(room);
	if (d->page.most > PAGE_OCTETS_MAX)
		complain(r, &d->file_at, NULL,
			 "%s may have more than 96 KiB once its placeholders "
			 "are filled in",
			 d->file.p);
}

static void parse_pages(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct error_pages *out = slot;

	out->pages = ARENA_ARRAY(r->arena, list->n, struct error_page);
	for (size_t i = 0; i < list->n; i++) {
		struct draft d = {.page = {.place = list->items[i]->at}};

		if (!want_map(r, "an error page", list->items[i]))
			continue;
		read_mapping(r, list->items[i], "an error page", k->keys, &d);
		d.page.status = (uint16_t)d.status;
		d.page.escape = error_page_escape(d.page.content_type);
		if (d.file.n)
			read_file(r, &d);
		r->snap->page_holes |= d.page.holes;
		out->pages[out->n++] = d.page;
	}
}

const struct type type_error_pages = {parse_pages, SHAPE_MAP | SHAPE_LIST,
				      NULL};

void note_page_holes(struct snapshot *snap)
{
	for (size_t i = 0; snap->page_holes && i < snap->n_balancers; i++) {
		struct load_balancer *lb = &snap->balancers[i];

		for (size_t k = 0; k < lb->n_listeners; k++)
			lb->listeners[k].is_gated = true;
	}
}

/* -- maintenance ----------------------------------------------------------- */

static void parse_allow(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct cidr_set *set = slot;

	(void)k;
	fw_networks(r, v, set);
}

static const struct type type_allow = {
	parse_allow, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, "/[0-9]{1,3}$"};

#define PART(member) .offset = offsetof(struct maintenance, member)

/* clang-format off */
const struct key maintenance_keys[] = {
	{"enabled", &type_boolean, PART(enabled), "false",
	 .doc = "Answers with 503, maintenance, and Retry-After."},
	{"allow", &type_allow, PART(allow), .keys = network_peer_keys,
	 .doc = "Clients that are served all the same.", .absent = "none"},
	{"retry_after_seconds", &type_count, PART(retry_after_s), "300",
	 .any = {1, 31536000}, .doc = "What Retry-After says."},
	{0},
};
/* clang-format on */

static void parse_maintenance(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	struct maintenance *m = ARENA_NEW(r->arena, struct maintenance);

	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, k->name, k->keys, m);
	*(const struct maintenance **)slot = m;
}

const struct type type_maintenance = {parse_maintenance, SHAPE_MAP, NULL};
