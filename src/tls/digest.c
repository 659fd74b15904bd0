#include "digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/fail.h"

void digest_hex(const struct slice *texts, size_t n, char out[DIGEST_HEX_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned size = 0;

	if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
		fail_no_memory();
	for (size_t i = 0; i < n; i++)
		EVP_DigestUpdate(context, texts[i].p, texts[i].n);
	EVP_DigestFinal_ex(context, digest, &size);
	EVP_MD_CTX_free(context);
	for (unsigned i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
