/* weir sg import: what another firewall's file says, as security groups. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/near.h"
#include "cmd.h"
#include "firewall/import.h"

/* Larger than any ruleset that a person or a program keeps in one file. */
enum { FILE_MAX = 64 * 1024 * 1024, SERVICE_MAX = 64 * 1024 };

/* Returns false with errno. */
static bool read_whole(const char *path, size_t most, struct text *to)
{
	char room[16 * 1024];
	int fd = file_open(path);
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = file_read(fd, room, sizeof(room))) > 0 && to->n <= most)
		text_add(to, slice_make(room, (size_t)n));
	close(fd);
	if (n == 0)
		return true;
	if (n > 0)
		errno = EFBIG;
	return false;
}

/* The administrator's own services come before those of the package. */
static bool find_service(void *context, struct slice name, struct text *xml)
{
	static const char *const folders[] = {
		"/etc/firewalld/services",
		"/usr/lib/firewalld/services",
	};

	(void)context;
	if (name.n == 0 || slice_find(name, '/') < name.n)
		return false;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		struct text path = {0};
		bool found;

		text_addf(&path, "%s/%.*s.xml", folders[i], SLICE_ARG(name));
		found = read_whole(text_str(&path), SERVICE_MAX, xml);
		text_release(&path);
		if (found)
			return true;
	}
	return false;
}

static const struct {
	const char *name;
	enum import_kind kind;
} kinds[] = {
	{"ufw", IMPORT_UFW},
	{"firewalld", IMPORT_FIREWALLD},
	{"iptables-save", IMPORT_IPTABLES},
};

static int find_kind(const struct command *self, const char *word,
		     enum import_kind *kind)
{
	struct nearest near = nearest_to(word);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, word) == 0) {
			*kind = kinds[i].kind;
			return EXIT_GOOD;
		}
		nearest_try(&near, kinds[i].name);
	}
	return cmd_misused(self,
			   "\"%s\" cannot be imported%s%s%s (ufw, "
			   "firewalld, iptables-save)",
			   word, near.best ? "; did you mean \"" : "",
			   near.best ? near.best : "", near.best ? "\"?" : "");
}

static int import_file(const struct command *self, enum import_kind kind,
		       const char *file)
{
	const struct import_services services = {.find = find_service};
	struct import result = {0};
	struct text text = {0};
	bool good;

	if (!read_whole(file, FILE_MAX, &text)) {
		fprintf(stderr, "weir %s: cannot read %s: %s\n", self->name,
			file, strerror(errno));
		text_release(&text);
		return EXIT_FAILED;
	}
	good = import_text(kind, text_slice(&text), file, &services, &result);
	fputs(text_str(&result.yaml), stdout);
	fputs(text_str(&result.left), stderr);
	if (good)
		fprintf(stderr,
			"%u rules said; %u lines above are not, or not quite; "
			"nothing was applied\n",
			result.n_said, result.n_left);
	text_release(&result.yaml);
	text_release(&result.left);
	text_release(&text);
	return good ? EXIT_GOOD : EXIT_INVALID;
}

static int run_import(const struct command *self, int argc, char **argv)
{
	const struct cmd_option options[] = {{0}};
	enum import_kind kind = IMPORT_UFW;
	struct cmd_line line;
	int status;

	if (!cmd_parse(self, options, argc, argv, &line, &status))
		return status;
	if (line.argc != 2)
		return cmd_misused(self, "say what to import, and its file");
	status = find_kind(self, line.argv[0], &kind);
	return status ? status : import_file(self, kind, line.argv[1]);
}

const struct command cmd_sg_import = {
	.name = "sg import",
	.summary = "another firewall's file as security groups; applies "
		   "nothing",
	.usage = "ufw|firewalld|iptables-save FILE",
	.run = run_import,
};
