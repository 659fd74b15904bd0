#include "counter.h"

static const struct {
	const char *name, *help;
} rows[] = {
#define X(symbol, name, help) {name, help},
#include "counters.def"
#undef X
};

const char *counter_name(enum counter c)
{
	return rows[c].name;
}

const char *counter_help(enum counter c)
{
	return rows[c].help;
}
