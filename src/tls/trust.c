#include "trust.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/slice.h"
#include "library.h"
#include "pem.h"

/* Of AWS: quotas of trust stores. */
enum {
	AWS_CERTIFICATE_OCTETS = 16 * 1024,
	AWS_AUTHORITIES = 25,
	AWS_SUBJECT_OCTETS = 10000,
	AWS_CRL_OCTETS = 50 * 1024 * 1024,
	AWS_CRLS = 30,
	AWS_CRL_ENTRIES = 500000,
};

struct trust {
	_Atomic unsigned refs;
	X509_STORE *store;
	STACK_OF(X509) * authorities;
	STACK_OF(X509_NAME) * names;
	size_t names_octets, n_revoked;
	uint64_t print;
};

struct loading {
	struct trust *trust;
	const struct trust_spec *spec;
	struct diag *diag;
};

#define STRICT " (settings.strict_aws_limits)"

/* -- revocation lists in a handshake --------------------------------------- */

/* What a list carries whose signature was found good on load. */
static char proven;

static X509_STORE_CTX_check_crl_fn usual_check;

/* OpenSSL does not name its own check, but has it in a fresh context. */
static void find_usual_check(void)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();

	if (!ctx || !store || X509_STORE_CTX_init(ctx, store, NULL, NULL) != 1)
		BUG("out of memory");
	usual_check = X509_STORE_CTX_get_check_crl(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

static int complain_of_crl(X509_STORE_CTX *ctx, int error)
{
	X509_STORE_CTX_set_error(ctx, error);
	return X509_STORE_CTX_get_verify_cb(ctx)(0, ctx);
}

/* OpenSSL's check would digest the whole list for each handshake. */
static int check_crl(X509_STORE_CTX *ctx, X509_CRL *crl)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	if (X509_CRL_get_meth_data(crl) != &proven)
		return usual_check(ctx, crl);
	if (X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)) > 0 &&
	    !complain_of_crl(ctx, X509_V_ERR_CRL_NOT_YET_VALID))
		return 0;
	if (next && X509_cmp_current_time(next) < 0 &&
	    !complain_of_crl(ctx, X509_V_ERR_CRL_HAS_EXPIRED))
		return 0;
	return 1;
}

/* -- authorities ----------------------------------------------------------- */

static void add_print(struct trust *t, const struct pem *pem)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint64_t first;

	if (EVP_Digest(pem->text, pem->n, digest, NULL, EVP_sha256(), NULL) !=
	    1)
		fail_no_memory();
	memcpy(&first, digest, sizeof(first));
	t->print = t->print * 31 + first;
}

static bool add_authority(struct loading *l, X509 *x_take)
{
	struct trust *t = l->trust;
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(x_take));
	int octets = name ? i2d_X509_NAME(name, NULL) : -1;

	/* Reads the extensions now, not in the first handshake. */
	X509_check_purpose(x_take, -1, 0);
	if (octets < 0 || !sk_X509_NAME_push(t->names, name)) {
		X509_NAME_free(name);
		X509_free(x_take);
		return false;
	}
	t->names_octets += (size_t)octets + 2;
	if (!sk_X509_push(t->authorities, x_take)) {
		X509_free(x_take);
		return false;
	}
	if (X509_cmp_current_time(X509_get0_notAfter(x_take)) < 0)
		diag_warning(l->diag, &l->spec->bundle.place, NULL,
			     "%s: the time of certificate %d is over: nobody "
			     "gets in by it",
			     l->spec->bundle.path, sk_X509_num(t->authorities));
	return X509_STORE_add_cert(t->store, x_take) == 1;
}

static bool read_authorities(struct loading *l, const struct pem *pem)
{
	const struct place *at = &l->spec->bundle.place;
	BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->n);
	bool ok = bio != NULL;
	X509 *x;

	while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		ok = add_authority(l, x);
	BIO_free(bio);
	ok = ok && pem_at_end();
	if (!ok)
		diag_error(l->diag, at, NULL,
			   "%s holds a certificate that cannot be read: %s",
			   pem->path, library_reason());
	else if (sk_X509_num(l->trust->authorities) == 0)
		diag_error(l->diag, at, NULL, "%s holds no certificate",
			   pem->path);
	library_forget();
	return ok && sk_X509_num(l->trust->authorities) > 0;
}

/* -- the form that AWS asks for -------------------------------------------- */

static bool is_fine_line(struct slice line, bool inside)
{
	if (slice_trim(line).n == 0)
		return false;
	return inside || (line.p[0] == '#' && slice_find(line, '-') == line.n);
}

static void check_form(struct loading *l, const struct pem *pem)
{
	const struct place *at = &l->spec->bundle.place;
	struct slice rest = slice_make(pem->text, pem->n);
	const char *began = NULL;
	unsigned number = 0;

	while (rest.p && rest.n) {
		struct slice line = slice_cut(&rest, '\n');

		number++;
		if (slice_starts(line, SLICE("-----BEGIN "))) {
			began = line.p;
		} else if (slice_starts(line, SLICE("-----END ")) && began) {
			if (line.p + line.n - began > AWS_CERTIFICATE_OCTETS)
				diag_error(l->diag, at, NULL,
					   "%s: AWS takes certificates of at "
					   "most 16 KB, and the one that ends "
					   "in line %u has more" STRICT,
					   pem->path, number);
			began = NULL;
		} else if (!is_fine_line(line, began != NULL)) {
			diag_error(l->diag, at, NULL,
				   "%s: line %u: AWS takes no empty lines, and "
				   "between certificates only lines that begin "
				   "with # and have no -" STRICT,
				   pem->path, number);
			return;
		}
	}
}

static void check_number(struct loading *l, const struct place *at, size_t n,
			 size_t most, const char *of_what)
{
	if (n > most)
		diag_error(l->diag, at, NULL,
			   "AWS takes at most %zu %s in a trust store, not "
			   "%zu" STRICT,
			   most, of_what, n);
}

static bool load_bundle(struct loading *l)
{
	const struct trust_file *file = &l->spec->bundle;
	struct pem pem;
	bool ok;

	if (!file->path)
		return X509_STORE_set_default_paths(l->trust->store) == 1;
	ok = pem_read(&pem, file->path, TRUST_BUNDLE_MAX, &file->place,
		      l->diag) &&
	     read_authorities(l, &pem);
	if (ok && l->spec->strict) {
		check_form(l, &pem);
		check_number(l, &file->place,
			     (size_t)sk_X509_num(l->trust->authorities),
			     AWS_AUTHORITIES, "certificates");
		check_number(l, &file->place, l->trust->names_octets,
			     AWS_SUBJECT_OCTETS, "octets of subjects");
	}
	if (ok)
		add_print(l->trust, &pem);
	pem_release(&pem);
	return ok;
}

/* -- revocation lists on load ---------------------------------------------- */

enum signer { SIGNER_NONE, SIGNER_OTHER, SIGNER_FOUND };

static enum signer signer_of(const struct trust *t, X509_CRL *crl)
{
	enum signer found = SIGNER_NONE;

	for (int i = 0; i < sk_X509_num(t->authorities); i++) {
		X509 *ca = sk_X509_value(t->authorities, i);

		if (X509_NAME_cmp(X509_get_subject_name(ca),
				  X509_CRL_get_issuer(crl)) != 0)
			continue;
		found = SIGNER_OTHER;
		if (X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			return SIGNER_FOUND;
	}
	library_forget();
	return found;
}

/* A list for a part of the certificates is left to OpenSSL, which knows which
 * part. */
static bool is_whole(X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point,
				       -1) < 0 &&
	       X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0;
}

/* OpenSSL sorts it in the first search. */
static void sort_crl(X509_CRL *crl)
{
	ASN1_INTEGER *none = ASN1_INTEGER_new();
	X509_REVOKED *found;

	if (none)
		X509_CRL_get0_by_serial(crl, &found, none);
	ASN1_INTEGER_free(none);
}

static bool add_crl(struct loading *l, const struct trust_file *file,
		    X509_CRL *crl)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	switch (signer_of(l->trust, crl)) {
	case SIGNER_OTHER:
		diag_error(l->diag, &file->place, NULL,
			   "%s: the authority that it names has not signed it",
			   file->path);
		return false;
	case SIGNER_NONE:
		diag_warning(l->diag, &file->place, NULL,
			     "%s is of no authority in %s", file->path,
			     l->spec->bundle.path);
		break;
	case SIGNER_FOUND:
		if (is_whole(crl))
			X509_CRL_set_meth_data(crl, &proven);
		break;
	}
	if (next && X509_cmp_current_time(next) < 0)
		diag_warning(l->diag, &file->place, NULL,
			     "%s has run out: certificates of its authority "
			     "are refused (ClientCertCrlProcessingError)",
			     file->path);
	sort_crl(crl);
	l->trust->n_revoked +=
		(size_t)(X509_CRL_get_REVOKED(crl)
				 ? sk_X509_REVOKED_num(
					   X509_CRL_get_REVOKED(crl))
				 : 0);
	return X509_STORE_add_crl(l->trust->store, crl) == 1;
}

static bool read_crls(struct loading *l, const struct trust_file *file,
		      const struct pem *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->n);
	unsigned before = l->diag->n_errors;
	bool ok = bio != NULL;
	size_t n = 0;
	X509_CRL *crl;

	while (ok &&
	       (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
		ok = add_crl(l, file, crl);
		X509_CRL_free(crl);
		n++;
	}
	BIO_free(bio);
	ok = ok && pem_at_end();
	if (!ok && l->diag->n_errors == before)
		diag_error(l->diag, &file->place, NULL,
			   "%s holds a revocation list that cannot be read: %s",
			   pem->path, library_reason());
	else if (ok && n == 0)
		diag_error(l->diag, &file->place, NULL,
			   "%s holds no revocation list", pem->path);
	library_forget();
	return ok && n > 0;
}

static void load_crls(struct loading *l)
{
	const struct trust_spec *spec = l->spec;

	for (size_t i = 0; i < spec->n_crls; i++) {
		const struct trust_file *file = &spec->crls[i];
		struct pem pem;

		if (pem_read(&pem, file->path, TRUST_CRL_MAX, &file->place,
			     l->diag) &&
		    read_crls(l, file, &pem))
			add_print(l->trust, &pem);
		if (spec->strict && pem.n > AWS_CRL_OCTETS)
			diag_error(l->diag, &file->place, NULL,
				   "%s: AWS takes revocation lists of at most "
				   "50 MB" STRICT,
				   file->path);
		pem_release(&pem);
	}
	if (!spec->strict)
		return;
	check_number(l, &spec->bundle.place, spec->n_crls, AWS_CRLS,
		     "revocation lists");
	check_number(l, &spec->bundle.place, l->trust->n_revoked,
		     AWS_CRL_ENTRIES, "revoked certificates");
}

/* -- the whole ------------------------------------------------------------- */

static struct trust *trust_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct trust *t = xcalloc(1, sizeof(*t));

	pthread_once(&once, find_usual_check);
	t->refs = 1;
	t->store = X509_STORE_new();
	t->authorities = sk_X509_new_null();
	t->names = sk_X509_NAME_new_null();
	if (!t->store || !t->authorities || !t->names)
		BUG("out of memory");
	return t;
}

struct trust *trust_load(const struct trust_spec *spec, struct diag *diag)
{
	struct trust *t = trust_new();
	struct loading l = {.trust = t, .spec = spec, .diag = diag};
	unsigned before = diag->n_errors;

	if (load_bundle(&l))
		load_crls(&l);
	else if (diag->n_errors == before)
		diag_error(diag, &spec->bundle.place, NULL,
			   "the system's certificates cannot be read: %s",
			   library_reason());
	if (diag->n_errors != before) {
		trust_unref(t);
		return NULL;
	}
	if (spec->n_crls) {
		X509_STORE_set_check_crl(t->store, check_crl);
		X509_STORE_set_flags(t->store,
				     X509_V_FLAG_CRL_CHECK |
					     X509_V_FLAG_CRL_CHECK_ALL);
	}
	return t;
}

struct trust *trust_ref(struct trust *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void trust_unref(struct trust *t)
{
	if (!t ||
	    atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	X509_STORE_free(t->store);
	sk_X509_pop_free(t->authorities, X509_free);
	sk_X509_NAME_pop_free(t->names, X509_NAME_free);
	free(t);
}

X509_STORE *trust_store(const struct trust *t)
{
	return t->store;
}

const STACK_OF(X509_NAME) * trust_names(const struct trust *t)
{
	return t->names;
}

size_t trust_names_octets(const struct trust *t)
{
	return t->names_octets;
}

uint64_t trust_print(const struct trust *t)
{
	return t->print;
}
