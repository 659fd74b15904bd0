/* From the texts of all files to a snapshot; config.h has the contract. */
#include <stdlib.h>

#include "base/fail.h"
#include "files.h"
#include "read_firewall.h"

/* -- the whole ------------------------------------------------------------- */

static void check_whole(struct reader *r, const struct node *root)
{
	const struct snapshot *snap = r->snap;
	const struct place file = {.file = snap->file.p};

	/* A file that an editor or a full disk has emptied must not take
	 * everything down with it. */
	if (root->n == 0)
		complain(r, &file, NULL, "the file is empty");
	else if (snap->n_balancers == 0 && !snap->firewall)
		warn(r, &file, NULL,
		     "no load balancer is defined: there is nothing to do");
	for (size_t i = 0; i < snap->n_groups; i++) {
		const struct target_group *g = &snap->groups[i];

		if (!g->is_used && g->name.n)
			warn(r, &g->place, NULL,
			     "no rule forwards to the target group \"%.*s\": "
			     "its targets are not checked",
			     SLICE_ARG(g->name));
	}
}

static void read_root(struct reader *r, const struct node *root,
		      unsigned before)
{
	read_mapping(r, root, "the configuration", root_keys, r->snap);
	read_settings_done(r);
	if (r->diag->n_errors != before)
		return;
	firewall_done(r);
	if (r->diag->n_errors != before)
		return;
	snapshot_note_forwards(r->snap);
	snapshot_note_check_logs(r->snap);
	note_page_holes(r->snap);
	check_whole(r, root);
	check_versions(r);
	if (r->strict)
		check_strict(r);
	if (!r->options->without_secrets) {
		check_sense(r);
		make_target_tls(r);
	}
	if (r->options->tests != TESTS_SKIP)
		run_tests(r);
	if (r->options->print_to && r->diag->n_errors == before)
		print_config(r, root, r->options->print_to);
}

/* The tree of what is to be read: a text, the texts that were kept, or the
 * file. */
static const struct node *read_tree(struct reader *r, const char *file,
				    const struct slice *text)
{
	if (text)
		return node_parse(r->tree, file, *text);
	if (r->options->given)
		return files_join(r->tree, r->snap, r->options->given);
	return files_load(r->tree, r->snap, file, r->options->keep);
}

/* `text` is NULL: it is read from the file. */
static struct snapshot *load(const char *file, const struct slice *text,
			     const struct config_options *options,
			     struct diag *diag)
{
	static const struct config_options plain = {0};
	struct snapshot *snap = snapshot_new();
	struct tree tree = {.names = &snap->arena, .diag = diag};
	struct reader r = {
		.snap = snap,
		.arena = &snap->arena,
		.tree = &tree,
		.diag = diag,
		.options = options ? options : &plain,
		.alone = text != NULL,
	};
	struct firewall_reader firewall = {
		.config = ARENA_NEW(&snap->arena, struct firewall_config),
	};
	unsigned before = diag->n_errors;
	const struct node *root;

	r.firewall = &firewall;
	snap->file = arena_slice(&snap->arena, slice_of(file));
	root = read_tree(&r, file, text);
	if (root)
		read_root(&r, root, before);
	map_release(&r.groups);
	map_release(&r.balancers);
	map_release(&r.sockets);
	release_trusts(&r);
	firewall_reader_release(&firewall);
	tree_release(&tree);
	if (root && diag->n_errors == before)
		return snap;
	snapshot_unref(snap);
	return NULL;
}

/* Reads two sections, whatever is wrong with them and with the rest. Returns
 * a snapshot with nothing else in it; NULL when there is nothing to read. */
static struct snapshot *find_sections(const char *file, struct diag *diag)
{
	static const struct config_options plain = {0};
	static const char *const names[] = {"settings", "firewall", "include",
					    NULL};
	static const struct key sections[] = {
		{"settings", &type_settings,
		 offsetof(struct snapshot, settings), "{}",
		 .keys = settings_keys},
		{"firewall", &type_firewall, 0, "{}", .keys = firewall_keys},
		{0},
	};
	struct snapshot *snap = snapshot_new();
	struct diag ignored = {0};
	struct tree tree = {
		.names = &snap->arena, .diag = diag, .sections = names};
	struct firewall_reader firewall = {
		.config = ARENA_NEW(&snap->arena, struct firewall_config),
	};
	struct reader r = {
		.snap = snap,
		.arena = &snap->arena,
		.tree = &tree,
		.diag = &ignored,
		.options = &plain,
		.firewall = &firewall,
	};
	const struct node *root = files_load(&tree, snap, file, NULL);

	if (root) {
		tree.diag = &ignored;
		read_mapping(&r, root, "the configuration", sections, snap);
		read_settings_done(&r);
		snap->firewall = firewall.config;
	}
	firewall_reader_release(&firewall);
	tree_release(&tree);
	diag_release(&ignored);
	if (root)
		return snap;
	snapshot_unref(snap);
	return NULL;
}

bool config_is_same(const char *file, const struct snapshot *snap)
{
	static const char *const names[] = {"include", NULL};
	struct snapshot *now = snapshot_new();
	struct diag ignored = {0};
	struct tree tree = {
		.names = &now->arena, .diag = &ignored, .sections = names};
	bool same = files_load(&tree, now, file, NULL) &&
		    now->contents == snap->contents;

	tree_release(&tree);
	diag_release(&ignored);
	snapshot_unref(now);
	return same;
}

static char *find_path(const char *file, struct diag *diag,
		       struct slice (*choose)(const struct snapshot *snap))
{
	struct snapshot *snap = find_sections(file, diag);
	char *path = snap ? slice_dup(choose(snap)) : NULL;

	snapshot_unref(snap);
	return path;
}

struct snapshot *config_find_firewall(const char *file, struct diag *diag)
{
	return find_sections(file, diag);
}

static struct slice admin_socket(const struct snapshot *snap)
{
	return snap->settings.admin_socket;
}

static struct slice keeper_socket(const struct snapshot *snap)
{
	return slice_of(snap->firewall->settings.socket);
}

char *config_find_socket(const char *file, struct diag *diag)
{
	return find_path(file, diag, admin_socket);
}

static struct slice overlay_file(const struct snapshot *snap)
{
	return snap->settings.overlay_file;
}

char *config_find_overlay(const char *file, struct diag *diag)
{
	return find_path(file, diag, overlay_file);
}

char *config_find_keeper(const char *file, struct diag *diag)
{
	return find_path(file, diag, keeper_socket);
}

struct snapshot *config_load(const char *file,
			     const struct config_options *options,
			     struct diag *diag)
{
	return load(file, NULL, options, diag);
}

struct snapshot *config_load_text(const char *name, struct slice text,
				  const struct config_options *options,
				  struct diag *diag)
{
	return load(name, &text, options, diag);
}
