/*
 * fail.h - what happens when the program itself is wrong, or out of memory.
 *
 * Input never ends up here: that is what 400 is for. Assertions stay on in
 * releases. The x-allocators are for start-up and the control thread, where
 * no memory means no service; the data path takes from pools with limits.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_FAIL_H
#define WEIR_BASE_FAIL_H

#undef NDEBUG
#include <assert.h>
#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* For branches that cannot be; says what was seen there, then aborts. */
#define BUG(...) fail_bug(__FILE__, __LINE__, __VA_ARGS__)

_Noreturn void fail_bug(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The system refused what nothing goes without: says so, and ends the process
 * with status 1. For start-up and the control thread. */
_Noreturn void fail_exit(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* The same for memory that a library did not get. */
_Noreturn void fail_no_memory(void);

/* As malloc(3) and its sisters, but they end the process when they fail. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old_take, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...)
	__attribute__((format(printf, 1, 2), malloc, returns_nonnull));

#endif
