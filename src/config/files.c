#include "files.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/map.h"
#include "base/text.h"

/* What is loaded, and what is being loaded. */
struct files {
	struct tree *tree;
	struct snapshot *snap;
	struct config_texts *keep; /* gets what is read; or NULL */
	struct map seen;           /* "device:inode" -> struct loaded */
	unsigned n_files;
	struct node *root; /* all topmost mappings so far */
	bool failed;
};

struct loaded {
	bool open; /* what it includes is not read to the end */
};

static void follow(struct files *f, const struct node *map, const char *file);

/* -- octets ---------------------------------------------------------------- */

static int read_all(int fd, struct text *out)
{
	char block[65536];
	ssize_t got;

	do {
		got = file_read(fd, block, sizeof(block));
		if (got > 0)
			text_add(out, slice_make(block, (size_t)got));
	} while (got > 0 && out->n <= NODE_OCTETS_MAX);
	return got < 0 ? -1 : 0;
}

static const char *open_file(const char *file, int *fd, struct stat *st)
{
	*fd = file_open(file);
	if (*fd < 0 || fstat(*fd, st) != 0)
		return strerror(errno);
	if (S_ISDIR(st->st_mode))
		return "it is a folder";
	return NULL;
}

/* Both hashes, so that no file's end is the next one's beginning. */
static uint64_t mix(uint64_t sum, const char *file, struct text *text)
{
	const uint64_t all[] = {sum, hash_slice(slice_of(file)),
				hash_slice(text_slice(text))};

	return hash_slice(slice_make((const char *)all, sizeof(all)));
}

static void load_file(struct files *f, const char *file,
		      const struct place *from)
{
	struct diag *diag = f->tree->diag;
	struct place whole = {.file = file};
	const struct place *at = from ? from : &whole;
	struct text text = {0};
	struct stat st = {0};
	struct node *map = NULL;
	struct loaded *mine = ARENA_NEW(&f->tree->arena, struct loaded);
	struct loaded *twin;
	const char *why, *key;
	int fd = -1;

	why = open_file(file, &fd, &st);
	if (!why && f->n_files >= FILES_MAX)
		why = "too many files";
	if (!why && read_all(fd, &text) != 0)
		why = errno == ETIMEDOUT ? "it is a pipe that nobody fills"
					 : strerror(errno);
	if (fd >= 0)
		close(fd);
	key = arena_printf(&f->tree->arena, "%llu:%llu",
			   (unsigned long long)st.st_dev,
			   (unsigned long long)st.st_ino);
	diag->unread |= why != NULL;
	if (why)
		diag_error(diag, at, NULL, "cannot read %s: %s", file, why);
	else if ((twin = map_get(&f->seen, slice_of(key))) != NULL)
		diag_error(diag, at, NULL, "%s %s", file,
			   twin->open ? "includes itself"
				      : "is included twice");
	else
		map = node_parse(f->tree, file, text_slice(&text));
	if (map)
		f->snap->contents = mix(f->snap->contents, file, &text);
	if (map && f->keep)
		config_texts_add(f->keep, file, text_slice(&text));
	text_release(&text);
	f->n_files++;
	if (!map) {
		f->failed = true;
		return;
	}
	files_note(f->snap, slice_of(map->at.file), from);
	mine->open = true;
	map_put(&f->seen, slice_of(key), mine);
	f->root = f->root ? node_concat(f->tree, f->root, map) : map;
	follow(f, map, map->at.file);
	mine->open = false;
}

/* -- include --------------------------------------------------------------- */

/* A folder that is not there matches nothing, as an empty one does. */
static int on_glob_error(const char *folder, int error)
{
	(void)folder;
	return error != ENOENT && error != ENOTDIR;
}

static void include(struct files *f, const struct node *v, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *pattern = v->text.p;
	glob_t found = {0};
	int status;

	if (v->kind != NODE_SCALAR || v->text.n == 0) {
		diag_error(f->tree->diag, &v->at, NULL,
			   "include must be the name of a file or a pattern");
		return;
	}
	if (pattern[0] != '/' && slash)
		pattern = arena_printf(&f->tree->arena, "%.*s/%s",
				       (int)(slash - file), file, v->text.p);
	/* A plain name is meant to be there; a pattern may match nothing. */
	if (!strpbrk(v->text.p, "*?[")) {
		load_file(f, pattern, &v->at);
		return;
	}
	status = glob(pattern, 0, on_glob_error, &found);
	if (status && status != GLOB_NOMATCH) {
		diag_error(f->tree->diag, &v->at, NULL,
			   "cannot read the folder of %s", pattern);
		f->failed = true;
	}
	for (size_t i = 0; status == 0 && i < found.gl_pathc; i++)
		load_file(f, found.gl_pathv[i], &v->at);
	globfree(&found);
}

static void follow(struct files *f, const struct node *map, const char *file)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct node *v = map->entries[i].value;

		if (!slice_eq(map->entries[i].key->text, SLICE("include")))
			continue;
		v = node_as_list(f->tree, v);
		for (size_t j = 0; j < v->n; j++)
			include(f, v->items[j], file);
	}
}

void files_note(struct snapshot *snap, struct slice path,
		const struct place *at)
{
	struct named_file *n = ARENA_NEW(&snap->arena, struct named_file);

	n->path = arena_slice(&snap->arena, path);
	if (at)
		n->place = *at;
	n->next = snap->files;
	snap->files = n;
}

const struct node *files_load(struct tree *t, struct snapshot *snap,
			      const char *file, struct config_texts *keep)
{
	struct files f = {.tree = t, .snap = snap, .keep = keep};

	load_file(&f, file, NULL);
	map_release(&f.seen);
	return f.failed ? NULL : f.root;
}

/* -- texts that were kept -------------------------------------------------- */

/* They stand in the order in which they were read, so that nothing has to be
 * followed. */
const struct node *files_join(struct tree *t, struct snapshot *snap,
			      const struct config_texts *texts)
{
	struct node *root = NULL;

	for (size_t i = 0; i < texts->n; i++) {
		const struct config_text *text = &texts->rows[i];
		struct text octets = {.p = text->octets, .n = text->n};
		struct node *map = node_parse(
			t, text->path, slice_make(text->octets, text->n));

		if (!map)
			return NULL;
		snap->contents = mix(snap->contents, text->path, &octets);
		files_note(snap, slice_of(map->at.file), NULL);
		root = root ? node_concat(t, root, map) : map;
	}
	return root;
}

void config_texts_add(struct config_texts *texts, const char *path,
		      struct slice octets)
{
	texts->rows =
		xrealloc(texts->rows, (texts->n + 1) * sizeof(*texts->rows));
	texts->rows[texts->n++] = (struct config_text){
		xstrdup(path), slice_dup(octets), octets.n};
}

void config_texts_release(struct config_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		free(texts->rows[i].path);
		free(texts->rows[i].octets);
	}
	free(texts->rows);
	*texts = (struct config_texts){0};
}
