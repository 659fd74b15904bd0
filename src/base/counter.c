#include "counter.h"

const struct counter counters[] = {
#define WORKER(symbol, name, help)   {SCOPE_WORKER, COUNT_##symbol, name},
#define LISTENER(symbol, name, help) {SCOPE_LISTENER, COUNT_##symbol, name},
#define GROUP(symbol, name, help)    {SCOPE_GROUP, COUNT_##symbol, name},
#define TARGET(symbol, name, help)   {SCOPE_TARGET, COUNT_##symbol, name},
#include "counters.def"
};

const size_t n_counters = sizeof(counters) / sizeof(counters[0]);
