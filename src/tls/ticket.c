#include "ticket.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "library.h"

/*
 * Keys stand in a ring, numbered from 0. Number n is written once, before
 * `newest` is moved to it, and readers look at `newest` and the two below
 * it, so they never see a key that is being written. A key that is no longer
 * read is wiped by the next call of ticket_rotate, about a minute later: far
 * more time than a reader needs to finish with it.
 */
enum { RING = 16 };

struct ticket_key {
	unsigned char name[16]; /* stands in the ticket, tells the key */
	unsigned char aes[32];
	unsigned char hmac[32];
};

struct ticket_keys {
	_Atomic unsigned refs;
	_Atomic uint64_t newest;
	struct ticket_key ring[RING];
	EVP_CIPHER *cipher; /* fetched once: a look-up takes locks */
	/* Of the control thread alone. */
	time_t made_at;
	uint64_t oldest; /* not wiped yet */
};

static struct ticket_key *key_at(struct ticket_keys *keys, uint64_t n)
{
	return &keys->ring[n % RING];
}

static int make_key(struct ticket_keys *keys, uint64_t n)
{
	struct ticket_key key;

	if (RAND_bytes(key.name, sizeof(key.name)) != 1 ||
	    RAND_priv_bytes(key.aes, sizeof(key.aes)) != 1 ||
	    RAND_priv_bytes(key.hmac, sizeof(key.hmac)) != 1) {
		library_forget();
		return -1;
	}
	*key_at(keys, n) = key;
	OPENSSL_cleanse(&key, sizeof(key));
	atomic_store_explicit(&keys->newest, n, memory_order_release);
	return 0;
}

struct ticket_keys *ticket_keys_new(time_t now)
{
	struct ticket_keys *keys = xcalloc(1, sizeof(*keys));

	keys->refs = 1;
	keys->made_at = now;
	keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!keys->cipher || make_key(keys, 0)) {
		library_forget();
		ticket_keys_unref(keys);
		return NULL;
	}
	return keys;
}

struct ticket_keys *ticket_keys_ref(struct ticket_keys *keys)
{
	atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

void ticket_keys_unref(struct ticket_keys *keys)
{
	if (!keys || atomic_fetch_sub_explicit(&keys->refs, 1,
					       memory_order_acq_rel) != 1)
		return;
	OPENSSL_cleanse(keys->ring, sizeof(keys->ring));
	EVP_CIPHER_free(keys->cipher);
	free(keys);
}

int ticket_rotate(struct ticket_keys *keys, time_t now)
{
	uint64_t newest = keys->newest;
	time_t due;
	int made = 0;

	/* The clock was set back: the period begins again, or the keys would
	 * stay until it has caught up. */
	if (now < keys->made_at)
		keys->made_at = now;
	due = (now - keys->made_at) / TICKET_PERIOD_S;
	while (keys->oldest + TICKET_READ_KEYS <= newest)
		OPENSSL_cleanse(key_at(keys, keys->oldest++),
				sizeof(struct ticket_key));

	/* After a long sleep all that was sealed before is too old. */
	while (made < due && made < TICKET_READ_KEYS) {
		if (make_key(keys, ++newest))
			return -1;
		made++;
	}
	if (made)
		keys->made_at = now;
	return made;
}

/* The key of a ticket; `*age` counts the keys made since. NULL: unknown. */
static struct ticket_key *find_key(struct ticket_keys *keys,
				   const unsigned char *name, unsigned *age)
{
	uint64_t newest =
		atomic_load_explicit(&keys->newest, memory_order_acquire);

	for (*age = 0; *age < TICKET_READ_KEYS && *age <= newest; (*age)++) {
		struct ticket_key *key = key_at(keys, newest - *age);

		if (CRYPTO_memcmp(key->name, name, sizeof(key->name)) == 0)
			return key;
	}
	return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	static char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac,
						  sizeof(key->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256,
						 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int on_seal(struct ticket_keys *keys, unsigned char *name,
		   unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct ticket_key *key =
		key_at(keys, atomic_load_explicit(&keys->newest,
						  memory_order_acquire));
	int iv_octets = EVP_CIPHER_get_iv_length(keys->cipher);

	if (RAND_bytes(iv, iv_octets) != 1 ||
	    EVP_EncryptInit_ex(cipher, keys->cipher, NULL, key->aes, iv) != 1 ||
	    !set_mac(mac, key))
		return -1;
	memcpy(name, key->name, sizeof(key->name));
	return 1;
}

static int ex_index = -1;

/* What OpenSSL wants back: -1 failed, 0 not ours, 1 good, 2 good and the
 * client gets a new one. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
		     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct ticket_keys *keys =
		SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ex_index);
	struct ticket_key *key;
	unsigned age;

	if (seal)
		return on_seal(keys, name, iv, cipher, mac);
	key = find_key(keys, name, &age);
	if (!key)
		return 0;
	if (EVP_DecryptInit_ex(cipher, keys->cipher, NULL, key->aes, iv) != 1 ||
	    !set_mac(mac, key))
		return -1;
	/* RFC 8446 C.4: clients use a ticket once, so each connection gives
	 * them the one for the next. */
	return age || SSL_version(ssl) >= TLS1_3_VERSION ? 2 : 1;
}

int ticket_install(struct ticket_keys *keys, SSL_CTX *ctx)
{
	/* Always called by the control thread. */
	if (ex_index < 0)
		ex_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (ex_index < 0 || SSL_CTX_set_ex_data(ctx, ex_index, keys) != 1 ||
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 1) != 1)
		return -1;
	SSL_CTX_set_timeout(ctx, TICKET_LIFETIME_S);
	return 0;
}
