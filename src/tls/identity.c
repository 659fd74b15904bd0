#include "identity.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "library.h"
#include "pem.h"

/* Below this AWS takes no RSA key, and neither do clients. */
enum { RSA_BITS_MIN = 2048 };

struct loading {
	const struct place *at;
	struct diag *diag;
	struct tls_identity *id;
};

static bool read_certificates(struct loading *l, const struct pem *pem)
{
	struct tls_identity *id = l->id;
	BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->n);
	X509 *x = NULL;
	bool ok;

	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (!id->leaf) {
			id->leaf = x;
			continue;
		}
		if (!id->chain)
			id->chain = sk_X509_new_null();
		if (!id->chain || !sk_X509_push(id->chain, x)) {
			X509_free(x);
			break;
		}
	}
	BIO_free(bio);
	ok = pem_at_end() && id->leaf;
	if (!ok && pem_at_end())
		diag_error(l->diag, l->at, NULL, "%s holds no certificate",
			   pem->path);
	else if (!ok)
		diag_error(l->diag, l->at, NULL,
			   "%s holds a certificate that cannot be read: %s",
			   pem->path, library_reason());
	library_forget();
	return ok;
}

/* There is nobody to ask; notes that somebody should be. */
static int on_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)arg = true;
	return -1;
}

static bool read_key(struct loading *l, const struct pem *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->n);
	bool locked = false;

	l->id->key =
		bio ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &locked)
		    : NULL;
	BIO_free(bio);
	if (l->id->key) {
		library_forget();
		return true;
	}
	if (locked)
		diag_error(l->diag, l->at, NULL,
			   "the private key in %s is under a passphrase; "
			   "it has to be stored without one",
			   pem->path);
	else if (!memmem(pem->text, pem->n, "PRIVATE KEY-----", 16))
		diag_error(l->diag, l->at, NULL, "%s holds no private key",
			   pem->path);
	else
		diag_error(l->diag, l->at, NULL,
			   "%s holds a private key that cannot be read: %s",
			   pem->path, library_reason());
	library_forget();
	return false;
}

/* The usual slip: the issuer stands before the certificate itself. */
static const char *hint_for_mismatch(const struct tls_identity *id)
{
	for (int i = 0; i < sk_X509_num(id->chain); i++)
		if (X509_check_private_key(sk_X509_value(id->chain, i),
					   id->key) == 1)
			return "the certificate of the key must come first";
	return NULL;
}

static bool check_pair(struct loading *l, const char *key_path)
{
	if (X509_check_private_key(l->id->leaf, l->id->key) == 1)
		return true;
	diag_error(l->diag, l->at, hint_for_mismatch(l->id),
		   "the private key in %s is not that of the certificate in %s",
		   key_path, l->id->file);
	library_forget();
	return false;
}

static bool judge_key(struct loading *l)
{
	struct tls_identity *id = l->id;
	const char *type = EVP_PKEY_get0_type_name(id->key);

	id->key_bits = (unsigned)EVP_PKEY_get_bits(id->key);
	if (EVP_PKEY_is_a(id->key, "EC")) {
		id->kind = TLS_KEY_ECDSA;
		return true;
	}
	if (!EVP_PKEY_is_a(id->key, "RSA")) {
		diag_error(l->diag, l->at, NULL,
			   "%s: a key of type %s; only RSA and ECDSA are "
			   "served",
			   id->file, type ? type : "unknown");
		return false;
	}
	id->kind = TLS_KEY_RSA;
	if (id->key_bits >= RSA_BITS_MIN)
		return true;
	diag_error(l->diag, l->at, NULL,
		   "%s: an RSA key of %u bits is too weak; the least is %d",
		   id->file, id->key_bits, RSA_BITS_MIN);
	return false;
}

static time_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static void format_day(time_t t, char *out, size_t size)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, size, "%Y-%m-%d", &tm);
}

static void judge_dates(struct loading *l)
{
	struct tls_identity *id = l->id;
	time_t now = time(NULL);
	char day[16];

	id->not_before = time_of(X509_get0_notBefore(id->leaf));
	id->not_after = time_of(X509_get0_notAfter(id->leaf));
	if (id->not_after < now) {
		format_day(id->not_after, day, sizeof(day));
		diag_warning(l->diag, l->at, NULL,
			     "the certificate in %s expired on %s", id->file,
			     day);
	} else if (id->not_before > now) {
		format_day(id->not_before, day, sizeof(day));
		diag_warning(l->diag, l->at, NULL,
			     "the certificate in %s is not valid before %s",
			     id->file, day);
	}
}

static void judge_digest(struct tls_identity *id)
{
	int digest = NID_undef;
	const EVP_MD *md;

	X509_get_signature_info(id->leaf, &digest, NULL, NULL, NULL);
	md = digest == NID_undef || digest == NID_md5
		     ? NULL
		     : EVP_get_digestbynid(digest);
	id->digest_bits = md ? 8 * (unsigned)EVP_MD_get_size(md) : 0;
	library_forget();
}

static void judge_chain(struct loading *l)
{
	X509 *below = l->id->leaf;

	for (int i = 0; i < sk_X509_num(l->id->chain); i++) {
		X509 *issuer = sk_X509_value(l->id->chain, i);

		if (X509_check_issued(issuer, below) != X509_V_OK) {
			diag_warning(l->diag, l->at, NULL,
				     "%s: certificate %d did not sign the one "
				     "before it; clients may not find their "
				     "way to the root",
				     l->id->file, i + 2);
			break;
		}
		below = issuer;
	}
	library_forget();
}

/* Letters to lower case; false when it cannot be a name that is asked for. */
static bool tidy_name(struct slice *name, char *out)
{
	struct slice rest;

	if (name->n && name->p[name->n - 1] == '.')
		name->n--;
	for (size_t i = 0; i < name->n; i++)
		out[i] = ascii_lower(name->p[i]);
	*name = slice_make(out, name->n);
	rest = slice_starts(*name, SLICE("*.")) ? slice_from(*name, 2) : *name;
	return rest.n && slice_find(rest, '*') == rest.n &&
	       slice_find(rest, '\0') == rest.n;
}

static void add_name(struct tls_identity *id, const ASN1_STRING *value)
{
	struct slice name = {(const char *)ASN1_STRING_get0_data(value),
			     (size_t)ASN1_STRING_length(value)};
	char *copy = xmalloc(name.n + 1);

	if (!tidy_name(&name, copy)) {
		free(copy);
		return;
	}
	copy[name.n] = '\0';
	id->names = xrealloc(id->names, (id->n_names + 1) * sizeof(*id->names));
	id->names[id->n_names++] = name;
}

static void read_names(struct tls_identity *id)
{
	GENERAL_NAMES *all =
		X509_get_ext_d2i(id->leaf, NID_subject_alt_name, NULL, NULL);
	bool has_dns = false;
	X509_NAME *subject;
	int at = -1;

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

		if (one->type != GEN_DNS)
			continue;
		has_dns = true;
		add_name(id, one->d.dNSName);
	}
	GENERAL_NAMES_free(all);
	library_forget();

	/* RFC 6125 6.4.4: the common name counts only where no DNS name is. */
	subject = X509_get_subject_name(id->leaf);
	while (!has_dns && (at = X509_NAME_get_index_by_NID(
				    subject, NID_commonName, at)) >= 0)
		add_name(id, X509_NAME_ENTRY_get_data(
				     X509_NAME_get_entry(subject, at)));
}

static char *issuer_of(const X509 *leaf)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text, *copy;
	long n = 0;

	if (out && X509_NAME_print_ex(out, X509_get_issuer_name(leaf), 0,
				      XN_FLAG_RFC2253) >= 0)
		n = BIO_get_mem_data(out, &text);
	copy = n > 0 ? slice_dup(slice_make(text, (size_t)n)) : xstrdup("");
	BIO_free(out);
	return copy;
}

static char *serial_of(const X509 *leaf)
{
	static const char hex[] = "0123456789abcdef";
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	size_t n = (size_t)ASN1_STRING_length(serial);
	char *text = xcalloc(2 * n + 1, 1);

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = hex[p[i] >> 4];
		text[2 * i + 1] = hex[p[i] & 15];
	}
	return text;
}

/* What people and other programs know it by. */
static void read_marks(struct tls_identity *id)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned n = 0;

	id->serial = serial_of(id->leaf);
	id->issuer = issuer_of(id->leaf);
	X509_digest(id->leaf, EVP_sha256(), digest, &n);
	for (size_t i = 0; i < 32; i++)
		snprintf(id->fingerprint + 2 * i, 3, "%02x", digest[i]);
	library_forget();
}

struct tls_identity *tls_identity_load(const char *chain, const char *key,
				       const struct place *at,
				       struct diag *diag)
{
	struct tls_identity *id = xcalloc(1, sizeof(*id));
	struct loading l = {.at = at, .diag = diag, .id = id};
	struct pem certs = {0}, keys = {0};
	bool ok;

	id->refs = 1;
	id->file = xstrdup(chain);
	ok = pem_read(&certs, chain, IDENTITY_FILE_MAX, at, diag) &&
	     read_certificates(&l, &certs);
	if (ok && key)
		ok = pem_read(&keys, key, IDENTITY_FILE_MAX, at, diag) &&
		     read_key(&l, &keys);
	else if (ok)
		ok = read_key(&l, &certs);
	ok = ok && check_pair(&l, key ? key : chain) && judge_key(&l);
	pem_release(&certs);
	pem_release(&keys);
	if (!ok) {
		tls_identity_unref(id);
		return NULL;
	}
	read_names(id);
	read_marks(id);
	judge_dates(&l);
	judge_digest(id);
	judge_chain(&l);
	return id;
}

struct tls_label *tls_label_ref(struct tls_label *label)
{
	atomic_fetch_add_explicit(&label->refs, 1, memory_order_relaxed);
	return label;
}

void tls_label_unref(struct tls_label *label)
{
	if (label && atomic_fetch_sub_explicit(&label->refs, 1,
					       memory_order_acq_rel) == 1)
		free(label);
}

void tls_identity_name(struct tls_identity *id, struct slice path)
{
	size_t n = strlen(id->file) + 1;
	struct tls_label *label = xmalloc(sizeof(*label) + n);

	label->refs = 1;
	certificate_id(path, label->id);
	memcpy(label->file, id->file, n);
	id->label = label;
}

struct tls_identity *tls_identity_ref(struct tls_identity *id)
{
	atomic_fetch_add_explicit(&id->refs, 1, memory_order_relaxed);
	return id;
}

void tls_identity_unref(struct tls_identity *id)
{
	if (!id ||
	    atomic_fetch_sub_explicit(&id->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < id->n_names; i++)
		free((char *)(uintptr_t)id->names[i].p);
	free(id->names);
	sk_X509_pop_free(id->chain, X509_free);
	X509_free(id->leaf);
	EVP_PKEY_free(id->key);
	tls_label_unref(id->label);
	free(id->file);
	free(id->serial);
	free(id->issuer);
	free(id);
}

const char *tls_key_name(enum tls_key kind)
{
	return kind == TLS_KEY_RSA ? "RSA" : "ECDSA";
}
