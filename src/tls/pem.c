#include "pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

/* What is made room for at first; a pipe does not say how much it has. */
enum { FIRST_OCTETS = 16 * 1024 };

void pem_release(struct pem *pem)
{
	if (pem->text)
		OPENSSL_cleanse(pem->text, pem->n);
	free(pem->text);
	*pem = (struct pem){0};
}

/* As realloc, but leaves no copy behind. */
static void grow(struct pem *pem, size_t room)
{
	char *text = xmalloc(room);

	if (pem->text) {
		memcpy(text, pem->text, pem->n);
		OPENSSL_cleanse(pem->text, pem->n);
		free(pem->text);
	}
	pem->text = text;
}

/* 0, or -1 with errno. */
static int read_all(int fd, struct pem *pem, size_t most)
{
	size_t room = 0;
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	/* One more, to see that it is too large. */
	while (pem->n <= most) {
		ssize_t got;

		if (pem->n == room) {
			room = room ? room * 2 : FIRST_OCTETS;
			room = room > most ? most + 1 : room;
			grow(pem, room);
		}
		got = file_read(fd, pem->text + pem->n, room - pem->n);
		if (got <= 0)
			return (int)got;
		pem->n += (size_t)got;
	}
	errno = EFBIG;
	return -1;
}

bool pem_read(struct pem *pem, const char *path, size_t most,
	      const struct place *at, struct diag *diag)
{
	int fd = file_open(path);
	int error;

	*pem = (struct pem){.path = path};
	if (fd < 0 || read_all(fd, pem, most)) {
		error = errno;
		if (fd >= 0)
			close(fd);
		diag_error(diag, at,
			   error == EACCES ? "the user that weir runs as must "
					     "be able to read it"
					   : NULL,
			   "%s cannot be read: %s", path, strerror(error));
		return false;
	}
	close(fd);
	if (!memmem(pem->text, pem->n, "-----BEGIN ", 11)) {
		diag_error(diag, at, NULL, "%s is not a PEM file", path);
		return false;
	}
	return true;
}

bool pem_at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM &&
	       ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}
