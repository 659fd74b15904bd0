/*
 * names.h - objects that others name: defined once, found, or told apart from
 * what was meant.
 *
 * Floor: config.
 */
#ifndef WEIR_CONFIG_NAMES_H
#define WEIR_CONFIG_NAMES_H

#include "read.h"

/*
 * The object of that name; NULL after a finding that says which one was meant,
 * perhaps, and which there are. `what` is "security group", as in the section
 * security_groups.
 */
void *names_find(struct reader *r, const struct map *map, const char *what,
		 const struct node *name);

/* Puts it under its name, unless that is empty, or reports that there is one
 * already, at twin_place() of it. */
void names_define(struct reader *r, struct map *map, const char *what,
		  struct slice name, void *object, const struct place *place,
		  const struct place *(*twin_place)(const void *twin));

#endif
