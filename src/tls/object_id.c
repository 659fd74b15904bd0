#include "object_id.h"

#include <openssl/evp.h>

#include "base/fail.h"
#include "base/line.h"

enum { DIGEST_OCTETS = 32 };

/* SHA-256 is always there: what can be out is memory. */
static void digest_of(const struct slice *parts, size_t n, unsigned char *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		fail_no_memory();
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1)
			fail_no_memory();
	if (EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		fail_no_memory();
	EVP_MD_CTX_free(ctx);
}

static void put_octets(struct writer *w, const unsigned char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		line_octet(w, octets[i]);
}

void object_id(const char *kind, struct slice key, char *out)
{
	const struct slice nul = {.p = "", .n = 1};
	const struct slice parts[] = {SLICE("weir-id-1"), nul, slice_of(kind),
				      nul, key};
	struct writer w = writer_make(out, OBJECT_ID_OCTETS);
	unsigned char digest[DIGEST_OCTETS];

	digest_of(parts, ARRAY_SIZE(parts), digest);
	put_octets(&w, digest, OBJECT_ID_OCTETS / 2);
}

void certificate_id(struct slice path, char *out)
{
	static const size_t lengths[] = {4, 2, 2, 2, 6};
	struct writer w = writer_make(out, CERTIFICATE_ID_OCTETS);
	unsigned char digest[DIGEST_OCTETS];
	size_t at = 0;

	digest_of(&path, 1, digest);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		if (i > 0)
			writer_char(&w, '-');
		put_octets(&w, digest + at, lengths[i]);
		at += lengths[i];
	}
}
