/*
 * shim.c - lets one allocation or one system call fail.
 *
 * Preloaded into weir, it counts what passes through it, and lets the one fail
 * whose turn it is. Counting and choosing go through a page of a file that the
 * tests share: WEIR_FAULT_PAGE names it. Nothing is counted before that page
 * says so, and what has failed once works again.
 *
 * Standard output and error stay as they are: without them nobody could say
 * what failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_NONE, KIND_MEMORY, KIND_CALLS };

/* As the tests write and read it: Page in faults.py. */
struct page {
	_Atomic uint32_t kind;  /* of what is counted; 0: nothing */
	_Atomic uint32_t turn;  /* which one fails, from 1; 0: none */
	_Atomic uint32_t count; /* that have passed */
	_Atomic uint32_t hit;   /* 1: it has failed */
	char name[32];          /* and this was it */
};

static struct page nobody; /* without a page nothing fails */
static struct page *page = &nobody;

__attribute__((constructor)) static void open_page(void)
{
	const char *path = getenv("WEIR_FAULT_PAGE");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path,
				     O_RDWR | O_CLOEXEC)
		      : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
				MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		page = p;
	if (fd >= 0)
		syscall(SYS_close, fd);
}

/* Whether it is this one's turn. */
static bool fails(enum kind kind, const char *name)
{
	uint32_t n;

	if (atomic_load(&page->kind) != kind)
		return false;
	n = atomic_fetch_add(&page->count, 1) + 1;
	if (n != atomic_load(&page->turn))
		return false;
	strncpy(page->name, name, sizeof(page->name) - 1);
	atomic_store(&page->hit, 1);
	return true;
}

/* -- memory ---------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return fails(KIND_MEMORY, "malloc") ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(KIND_MEMORY, "calloc") ? no_memory()
					    : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails(KIND_MEMORY, "realloc") ? no_memory()
					     : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	static __typeof__(aligned_alloc) *real;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "aligned_alloc");
	return fails(KIND_MEMORY, "aligned_alloc") ? no_memory()
						   : real(alignment, size);
}

/* -- calls ----------------------------------------------------------------- */

static int refuse(int error)
{
	errno = error;
	return -1;
}

#define REAL(name)                                                             \
	static __typeof__(name) *real;                                         \
	if (!real)                                                             \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

#define CALL(type, name, params, args, error)                                  \
	type name params                                                       \
	{                                                                      \
		REAL(name);                                                    \
		return fails(KIND_CALLS, #name) ? (type)refuse(error)          \
						: real args;                   \
	}

/* The standard ones work always. */
#define CALL_FD(type, name, params, args, error)                               \
	type name params                                                       \
	{                                                                      \
		REAL(name);                                                    \
		return fd > 2 && fails(KIND_CALLS, #name)                      \
			       ? (type)refuse(error)                           \
			       : real args;                                    \
	}

CALL_FD(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), EIO)
CALL_FD(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), ENOSPC)
CALL_FD(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n),
	ECONNRESET)
CALL_FD(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n),
	ECONNRESET)
CALL_FD(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f),
	ECONNRESET)
CALL_FD(ssize_t, send, (int fd, const void *p, size_t n, int f), (fd, p, n, f),
	ECONNRESET)
CALL_FD(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f),
	ENOBUFS)
CALL_FD(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f),
	ENOBUFS)
CALL_FD(int, fsync, (int fd), (fd), EIO)
CALL_FD(int, ftruncate, (int fd, off_t n), (fd, n), ENOSPC)
CALL_FD(int, fchmod, (int fd, mode_t m), (fd, m), EPERM)
CALL_FD(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g), EPERM)
CALL_FD(int, fstat, (int fd, struct stat *st), (fd, st), EIO)
CALL_FD(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n),
	EADDRINUSE)
CALL_FD(int, listen, (int fd, int n), (fd, n), EADDRINUSE)
CALL_FD(int, connect, (int fd, const struct sockaddr *a, socklen_t n),
	(fd, a, n), ENETUNREACH)
CALL_FD(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f),
	(fd, a, n, f), EMFILE)
CALL_FD(int, setsockopt, (int fd, int l, int o, const void *v, socklen_t n),
	(fd, l, o, v, n), ENOMEM)
CALL_FD(int, getsockopt, (int fd, int l, int o, void *v, socklen_t *n),
	(fd, l, o, v, n), ENOMEM)
CALL_FD(int, epoll_ctl, (int fd, int op, int other, struct epoll_event *e),
	(fd, op, other, e), ENOSPC)
CALL(int, socket, (int a, int b, int c), (a, b, c), EMFILE)
CALL(int, socketpair, (int a, int b, int c, int v[2]), (a, b, c, v), EMFILE)
CALL(int, pipe2, (int v[2], int f), (v, f), EMFILE)
CALL(int, eventfd, (unsigned n, int f), (n, f), EMFILE)
CALL(int, epoll_create1, (int f), (f), EMFILE)
CALL(int, mkdir, (const char *p, mode_t m), (p, m), EACCES)
CALL(int, mkdirat, (int at, const char *p, mode_t m), (at, p, m), EACCES)
CALL(int, unlinkat, (int at, const char *p, int f), (at, p, f), EACCES)
CALL(int, linkat, (int a, const char *p, int b, const char *q, int f),
     (a, p, b, q, f), EACCES)
CALL(int, fstatat, (int at, const char *p, struct stat *st, int f),
     (at, p, st, f), EACCES)
CALL(int, fchownat, (int at, const char *p, uid_t u, gid_t g, int f),
     (at, p, u, g, f), EPERM)
CALL(int, pipe, (int v[2]), (v), EMFILE)
CALL(ssize_t, getrandom, (void *p, size_t n, unsigned f), (p, n, f), ENOSYS)
CALL(int, rename, (const char *a, const char *b), (a, b), EACCES)
CALL(int, unlink, (const char *p), (p), EACCES)
CALL(int, stat, (const char *p, struct stat *st), (p, st), EACCES)
CALL(int, lstat, (const char *p, struct stat *st), (p, st), EACCES)

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *),
		   void *arg)
{
	REAL(pthread_create);
	return fails(KIND_CALLS, "pthread_create") ? EAGAIN
						   : real(t, a, fn, arg);
}

FILE *fopen(const char *path, const char *mode)
{
	REAL(fopen);
	if (!fails(KIND_CALLS, "fopen"))
		return real(path, mode);
	errno = EMFILE;
	return NULL;
}

/* What openat(2) becomes with -D_FORTIFY_SOURCE. */
int __openat_2(int at, const char *path, int flags);
int __openat_2(int at, const char *path, int flags)
{
	return openat(at, path, flags);
}

static mode_t mode_of(int flags, va_list list)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	REAL(open);
	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return fails(KIND_CALLS, "open") ? refuse(EMFILE)
					 : real(path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	REAL(openat);
	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return fails(KIND_CALLS, "openat") ? refuse(EMFILE)
					   : real(at, path, flags, mode);
}
