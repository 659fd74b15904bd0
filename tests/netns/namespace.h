/* namespace.h - a network namespace of the test's own. */
#ifndef WEIR_TESTS_NAMESPACE_H
#define WEIR_TESTS_NAMESPACE_H

#include <stdbool.h>

/* What automake takes for "skipped". */
enum { SKIPPED = 77 };

/* Root in a fresh network namespace, or false with a word on stderr. */
bool namespace_enter(void);

#endif
