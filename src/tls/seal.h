/*
 * seal.h - short texts that only we can write and read: values of cookies.
 *
 * AES-256-GCM. A sealed text is base64url without padding, so it needs no
 * quotes and no escapes anywhere, of
 *
 *	key id (1)  nonce (12)  sealed octets (n)  tag (16)
 *
 * The nonce is a random number of the sealer (8) and a count (4): random
 * nonces alone would be used up after 2^32 texts, which is a day of traffic.
 *
 * Keys are shared by the nodes in a file that people and tools can edit:
 *
 *	# comment
 *	ID KEY
 *	ID KEY
 *
 * ID is a number from 0 to 255, KEY 64 hexadecimal digits; one or two lines
 * and empty ones. The first key seals, both open. To change keys put a new
 * line on top, drop the third, reload; do so again when the cookies of the
 * old key have expired.
 *
 * Floor: tls, for libcrypto.  Source: NIST SP 800-38D, RFC 4648 section 5.
 */
#ifndef WEIR_TLS_SEAL_H
#define WEIR_TLS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	SEAL_KEYS_MAX = 2,
	SEAL_KEY_OCTETS = 32,
	SEAL_PLAIN_MAX = 520, /* octets that can be sealed at once */
	SEAL_OVERHEAD = 1 + 12 + 16,
};

/* Octets of the text that n octets become. */
#define SEAL_TEXT_OCTETS(n) ((((n) + SEAL_OVERHEAD) * 4 + 2) / 3)

/* A value; overwrite it with seal_keys_wipe() when done. */
struct seal_keys {
	unsigned n; /* 1 or 2 */
	struct {
		uint8_t id;
		uint8_t secret[SEAL_KEY_OCTETS];
	} keys[SEAL_KEYS_MAX];
};

/*
 * Reads a key file. If there is none it is made first, with one random key,
 * mode 0600, owned by whoever runs this; of several processes that do so at
 * once one wins and all read the same file.
 *
 * why, size  gets a sentence for people after an error, without the path
 *
 * Returns 0 or -1. Control thread; blocks.
 */
int seal_keys_load(const char *path, struct seal_keys *out, char *why,
		   size_t size);

/* Reads the text of a key file: as above, without the file. */
int seal_keys_parse(struct slice text, struct seal_keys *out, char *why,
		    size_t size);

void seal_keys_wipe(struct seal_keys *keys);

/* Keys made ready; one for each worker, not thread-safe. */
struct sealer;

/* Copies the keys. NULL when memory or randomness is out. */
struct sealer *sealer_new(const struct seal_keys *keys);
void sealer_free(struct sealer *sealer);

/*
 * Seals n octets, SEAL_PLAIN_MAX at most. No allocation.
 *
 * bound  text that is not in the result but must be the same to open it
 * out    gets SEAL_TEXT_OCTETS(n) characters of A-Z a-z 0-9 - _, no zero
 *
 * Returns how many, or 0 when `size` is too small or libcrypto fails.
 */
size_t seal(struct sealer *sealer, struct slice bound, const void *plain,
	    size_t n, char *out, size_t size);

/*
 * Opens a text. True when it was sealed with a live key, bound to the same
 * text, and holds exactly n octets; these are then in `plain`. No allocation.
 */
bool unseal(struct sealer *sealer, struct slice bound, struct slice text,
	    void *plain, size_t n);

#endif
