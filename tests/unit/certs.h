/* certs.h - certificates made for a test, in a folder of its own. */
#ifndef WEIR_TESTS_CERTS_H
#define WEIR_TESTS_CERTS_H

#include <stdbool.h>

struct cert_spec {
	const char *key;        /* "P-256", "RSA-2048", "ED25519" ... */
	const char *names;      /* "a.example,*.b.example"; NULL: none */
	const char *cn;         /* NULL: "test" */
	const char *digest;     /* NULL: "SHA256" */
	long starts_s, ends_s;  /* from now; both 0: an hour ago to a year */
	const char *passphrase; /* of the key; NULL: none */
	bool fresh_key;         /* else all of one type share a key */
};

/* Makes a folder and goes there; and away again. For group set-up. */
int certs_enter(void **state);
int certs_leave(void **state);

/* Self-signed. `key_path` NULL: the key goes into the same file. */
void cert_write(const struct cert_spec *spec, const char *chain_path,
		const char *key_path);

void file_write(const char *path, const char *text);
/* Adds the text of one file to another. */
void file_append(const char *path, const char *from);

#endif
