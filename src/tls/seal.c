#include "tls/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

enum {
	NONCE_OCTETS = 12,
	NONCE_RANDOM = 8, /* of these; the rest counts */
	TAG_OCTETS = 16,
	KEY_FILE_MAX = 4096,
	SEALED_MAX = SEAL_PLAIN_MAX + SEAL_OVERHEAD,
};

/* -- keys ------------------------------------------------------------------ */

void seal_keys_wipe(struct seal_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

static bool read_hex(struct slice text, uint8_t *out, size_t n)
{
	if (text.n != n * 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = ascii_hex(text.p[i * 2]);
		int low = ascii_hex(text.p[i * 2 + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Returns NULL or what is wrong. */
static const char *read_key(struct slice line, struct seal_keys *out)
{
	struct slice id = slice_cut(&line, ' ');
	uint64_t number;

	if (out->n == SEAL_KEYS_MAX)
		return "two keys are the most there can be";
	if (!slice_to_u64(id, &number) || number > UINT8_MAX)
		return "a key begins with a number from 0 to 255";
	if (out->n && out->keys[0].id == number)
		return "both keys have the same number";
	if (!read_hex(slice_trim(line), out->keys[out->n].secret,
		      SEAL_KEY_OCTETS))
		return "a key has 64 hexadecimal digits";
	out->keys[out->n++].id = (uint8_t)number;
	return NULL;
}

int seal_keys_parse(struct slice text, struct seal_keys *out, char *why,
		    size_t size)
{
	unsigned number = 0;

	*out = (struct seal_keys){0};
	while (text.p) {
		struct slice line = slice_trim(slice_cut(&text, '\n'));
		const char *wrong = NULL;

		number++;
		if (line.n && line.p[line.n - 1] == '\r')
			line = slice_trim(slice_first(line, line.n - 1));
		if (line.n && line.p[0] != '#')
			wrong = read_key(line, out);
		if (wrong) {
			snprintf(why, size, "line %u: %s", number, wrong);
			seal_keys_wipe(out);
			return -1;
		}
	}
	if (out->n)
		return 0;
	snprintf(why, size, "there is no key in it");
	return -1;
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		text += put;
		n -= (size_t)put;
	}
	return fsync(fd);
}

static int write_new_key(int fd)
{
	uint8_t secret[SEAL_KEY_OCTETS];
	char text[256];
	int n, result;

	if (RAND_priv_bytes(secret, sizeof(secret)) != 1) {
		errno = EIO;
		return -1;
	}
	n = snprintf(text, sizeof(text),
		     "# Keys that seal weir's cookies. The first seals, both "
		     "open.\n1 ");
	for (size_t i = 0; i < sizeof(secret); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x",
			      secret[i]);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\n");
	result = write_all(fd, text, (size_t)n);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(text, sizeof(text));
	return result;
}

/* A name in the folder that is not in use. Returns the descriptor of the empty
 * file, or -1 with errno. */
static int open_aside(int folder, char *name, size_t size)
{
	uint64_t random;

	if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1) {
		errno = EIO;
		return -1;
	}
	snprintf(name, size, ".new-key-%016" PRIx64, random);
	return openat(folder, name,
		      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0600);
}

/* Written aside and linked: nobody ever reads half a file, and of two who
 * make it at once the second finds the first one's. The folder is looked up
 * once, so that all of it happens there, whoever turns the path meanwhile. */
static int make_key_in(int folder, const char *name)
{
	char aside[64];
	int fd = open_aside(folder, aside, sizeof(aside));
	int result, error;

	if (fd < 0)
		return -1;
	result = write_new_key(fd);
	if (result == 0 && linkat(folder, aside, folder, name, 0) < 0 &&
	    errno != EEXIST)
		result = -1;
	error = errno;
	close(fd);
	unlinkat(folder, aside, 0);
	errno = error;
	return result;
}

static int make_key_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xasprintf("%.*s", (int)(slash - path) + 1, path)
			     : xstrdup(".");
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result, error;

	free(folder);
	if (fd < 0)
		return -1;
	result = make_key_in(fd, slash ? slash + 1 : path);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static int read_file(int fd, char *room, size_t size, size_t *n)
{
	ssize_t got;

	*n = 0;
	while (*n < size) {
		got = file_read(fd, room + *n, size - *n);
		if (got <= 0)
			return (int)got;
		*n += (size_t)got;
	}
	errno = EFBIG;
	return -1;
}

int seal_keys_load(const char *path, struct seal_keys *out, char *why,
		   size_t size)
{
	char text[KEY_FILE_MAX];
	size_t n = 0;
	int fd = file_open(path);
	int result;

	if (fd < 0 && errno == ENOENT && make_key_file(path) == 0)
		fd = file_open(path);
	if (fd < 0 || read_file(fd, text, sizeof(text), &n) < 0) {
		snprintf(why, size, "%s", strerror(errno));
		result = -1;
	} else {
		result = seal_keys_parse(slice_make(text, n), out, why, size);
	}
	if (fd >= 0)
		close(fd);
	OPENSSL_cleanse(text, sizeof(text));
	return result;
}

/* -- base64url without padding (RFC 4648, 5) ------------------------------- */

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each digit, plus one; 0: no digit. */
static const uint8_t values[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
	['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

static size_t encode(const uint8_t *octets, size_t n, char *out)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	char *to = out;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | octets[i];
		n_bits += 8;
		while (n_bits >= 6) {
			n_bits -= 6;
			*to++ = digits[bits >> n_bits & 63];
		}
	}
	if (n_bits)
		*to++ = digits[bits << (6 - n_bits) & 63];
	return (size_t)(to - out);
}

/* `text` is as long as n octets become. False also when bits are set that
 * stand for nothing: each value has one text. */
static bool decode(struct slice text, uint8_t *out, size_t n)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t done = 0;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t value = values[(uint8_t)text.p[i]];

		if (!value)
			return false;
		bits = bits << 6 | (value - 1u);
		n_bits += 6;
		if (n_bits >= 8 && done < n) {
			n_bits -= 8;
			out[done++] = (uint8_t)(bits >> n_bits);
		}
	}
	return done == n && (bits & ((1u << n_bits) - 1)) == 0;
}

/* -- sealing --------------------------------------------------------------- */

struct sealer {
	EVP_CIPHER_CTX *sealing;                /* with the first key */
	EVP_CIPHER_CTX *opening[SEAL_KEYS_MAX]; /* NULL beyond n */
	uint8_t ids[SEAL_KEYS_MAX];
	unsigned n;
	uint8_t random[NONCE_RANDOM];
	uint32_t count; /* nonces used with these random octets */
};

static EVP_CIPHER_CTX *context_new(const uint8_t *secret, bool sealing)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, secret, NULL,
				     sealing) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

struct sealer *sealer_new(const struct seal_keys *keys)
{
	struct sealer *s = calloc(1, sizeof(*s));
	bool good;

	if (!s)
		return NULL;
	s->sealing = context_new(keys->keys[0].secret, true);
	good = s->sealing && RAND_bytes(s->random, NONCE_RANDOM) == 1;
	for (s->n = 0; good && s->n < keys->n; s->n++) {
		s->ids[s->n] = keys->keys[s->n].id;
		s->opening[s->n] = context_new(keys->keys[s->n].secret, false);
		good = s->opening[s->n] != NULL;
	}
	if (good)
		return s;
	sealer_free(s);
	return NULL;
}

void sealer_free(struct sealer *sealer)
{
	if (!sealer)
		return;
	EVP_CIPHER_CTX_free(sealer->sealing);
	for (size_t i = 0; i < SEAL_KEYS_MAX; i++)
		EVP_CIPHER_CTX_free(sealer->opening[i]);
	free(sealer);
}

/* A nonce must never come twice with one key. */
static bool next_nonce(struct sealer *s, uint8_t *nonce)
{
	if (s->count == UINT32_MAX) {
		if (RAND_bytes(s->random, NONCE_RANDOM) != 1)
			return false;
		s->count = 0;
	}
	memcpy(nonce, s->random, NONCE_RANDOM);
	memcpy(nonce + NONCE_RANDOM, &s->count, sizeof(s->count));
	s->count++;
	return true;
}

/* Sets the nonce and what the text is bound to: the key's id, which stands
 * in the open, and the caller's. */
static bool begin(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, uint8_t id,
		  struct slice bound)
{
	int n;

	return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, &id, 1) == 1 &&
	       (bound.n == 0 ||
		EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)bound.p,
				 (int)bound.n) == 1);
}

size_t seal(struct sealer *s, struct slice bound, const void *plain, size_t n,
	    char *out, size_t size)
{
	uint8_t room[SEALED_MAX];
	uint8_t *nonce = room + 1, *body = nonce + NONCE_OCTETS;
	int put;

	if (n > SEAL_PLAIN_MAX || size < SEAL_TEXT_OCTETS(n))
		return 0;
	room[0] = s->ids[0];
	if (!next_nonce(s, nonce) ||
	    !begin(s->sealing, nonce, room[0], bound) ||
	    EVP_CipherUpdate(s->sealing, body, &put, plain, (int)n) != 1 ||
	    EVP_CipherFinal_ex(s->sealing, body + n, &put) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->sealing, EVP_CTRL_AEAD_GET_TAG, TAG_OCTETS,
				body + n) != 1)
		return 0;
	return encode(room, n + SEAL_OVERHEAD, out);
}

static EVP_CIPHER_CTX *opening_of(struct sealer *s, uint8_t id)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->ids[i] == id)
			return s->opening[i];
	return NULL;
}

bool unseal(struct sealer *s, struct slice bound, struct slice text,
	    void *plain, size_t n)
{
	uint8_t room[SEALED_MAX], opened[SEAL_PLAIN_MAX + TAG_OCTETS];
	uint8_t *nonce = room + 1, *body = nonce + NONCE_OCTETS;
	EVP_CIPHER_CTX *ctx;
	int got;

	if (n > SEAL_PLAIN_MAX || text.n != SEAL_TEXT_OCTETS(n) ||
	    !decode(text, room, n + SEAL_OVERHEAD))
		return false;
	ctx = opening_of(s, room[0]);
	if (!ctx || !begin(ctx, nonce, room[0], bound) ||
	    EVP_CipherUpdate(ctx, opened, &got, body, (int)n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_OCTETS,
				body + n) != 1 ||
	    EVP_CipherFinal_ex(ctx, opened + got, &got) != 1)
		return false;
	/* Not before the tag was right. */
	memcpy(plain, opened, n);
	return true;
}
