#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fail_bug(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "weir: bug at %s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

_Noreturn void fail_exit(const char *format, ...)
{
	va_list args;

	fputs("weir: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

_Noreturn void fail_no_memory(void)
{
	fail_exit("out of memory");
}

static void *memory_need(void *p)
{
	if (!p)
		fail_no_memory();
	return p;
}

void *xmalloc(size_t size)
{
	return memory_need(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return memory_need(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *old_take, size_t size)
{
	return memory_need(realloc(old_take, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return memory_need(strdup(text));
}

char *xasprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return memory_need(n < 0 ? NULL : text);
}
