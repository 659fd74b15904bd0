/*
 * keeper_scene.h - a keeper with a file, a folder of state, a kernel made of
 * memory, and a clock that stands still at 1000 s.
 */
#ifndef WEIR_TESTS_KEEPER_SCENE_H
#define WEIR_TESTS_KEEPER_SCENE_H

#include "fake_kernel.h"
#include "keeper/keeper.h"
#include "unit.h"

/* One instance that takes port 80; and one that takes 443, too. */
extern const char one_port[], two_ports[];

struct scene {
	struct fake_kernel kernel;
	struct keeper *keeper;
	char folder[64], file[100], state[100];
	unsigned n_writes;
};

/* For cmocka; *state is the scene. */
int scene_setup(void **state);
int scene_teardown(void **state);

/* Each writing has a time of its own, however fast they follow. */
void write_file(struct scene *s, const char *text);
void open_keeper(struct scene *s);
/* As when the process dies: nothing is reverted. */
void die_and_begin_again(struct scene *s);

json_t *ask(struct scene *s, json_t *request_take);
bool is_ok(const json_t *answer);
const char *text_at(const json_t *o, const char *key);
long long number_at(const json_t *o, const char *key);
/* Asks for something without arguments; it must be granted. Returns the
 * number of changes. */
long long do_it(struct scene *s, const char *command);
void apply_to_confirm(struct scene *s, int seconds);

void assert_rules(struct scene *s, const char *expect);
bool admits_443(struct scene *s);

/* The path of a state file; the caller frees it. */
char *state_file(struct scene *s, const char *name);

#endif
