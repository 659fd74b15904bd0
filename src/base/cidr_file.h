/*
 * cidr_file.h - networks of a prefix list that stand in a file of their own,
 * one a line, so that a cron job or fail2ban can write it.
 *
 *	# from the abuse desk
 *	192.0.2.0/24
 *	2001:db8::7      # an address is a network of its own
 *
 * Floor: base.  Source: weir.yaml(5), prefix_lists.
 */
#ifndef WEIR_BASE_CIDR_FILE_H
#define WEIR_BASE_CIDR_FILE_H

#include <sys/stat.h>

#include "base/cidr.h"
#include "base/diag.h"

/* Lines of a file, and octets of a line. */
enum { CIDR_FILE_LINES_MAX = 1000000, CIDR_FILE_LINE_OCTETS = 512 };

struct cidr_file {
	const char *path;      /* borrowed */
	struct stat stat;      /* before the first octet was read */
	struct cidr *networks; /* n of them, in the order of the file */
	unsigned n;
	const char *fault; /* NULL: none; else what was read until then */
	unsigned line;     /* of the fault; 0: the file as a whole */
	struct cidr meant; /* by that line; family 0: nobody knows */
};

/*
 * Reads the file; false with a fault, where it cannot be read or a line is no
 * network. cidr_file_release() it in both cases. Blocks as file_read() does.
 */
bool cidr_file_read(struct cidr_file *out, const char *path);

/*
 * The fault as an error.
 *
 * list   name of the prefix list
 * place  where the configuration has it
 */
void cidr_file_complain(const struct cidr_file *f, const char *list,
			const struct place *place, struct diag *diag);

void cidr_file_release(struct cidr_file *f);

#endif
