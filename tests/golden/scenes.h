/* scenes.h - configurations that golden and kernel tests share. */
#ifndef WEIR_TESTS_SCENES_H
#define WEIR_TESTS_SCENES_H

#include "model.h"

struct scene {
	const char *name;
	void (*build)(struct model *m);
};

extern const struct scene scenes[];
extern const size_t n_scenes;

#endif
