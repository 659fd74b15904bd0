#include "chain_bio.h"

#include <openssl/bio.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* NULL: could not be made */

static int on_write(BIO *bio, const char *p, int n)
{
	struct filter *f = BIO_get_data(bio);
	uint32_t before = f->raw_out.n;

	BIO_clear_retry_flags(bio);
	if (n <= 0 || before >= RAW_OUT_OCTETS + RAW_OUT_EXCESS)
		return -1;
	/* With an empty pool only a part of it may have gone. */
	chain_copy(&f->raw_out, slice_make(p, (size_t)n));
	if (f->raw_out.n > before)
		return (int)(f->raw_out.n - before);
	BIO_set_retry_write(bio);
	return -1;
}

static int on_read(BIO *bio, char *p, int n)
{
	struct filter *f = BIO_get_data(bio);
	int got = 0;

	BIO_clear_retry_flags(bio);
	while (got < n && !chain_is_empty(&f->raw_in)) {
		struct slice front =
			slice_first(chain_front(&f->raw_in), (size_t)(n - got));

		memcpy(p + got, front.p, front.n);
		got += (int)front.n;
		chain_drain(&f->raw_in, front.n);
	}
	if (got > 0)
		return got;
	BIO_set_retry_read(bio);
	return -1;
}

static long on_ctrl(BIO *bio, int command, long number, void *arg)
{
	struct filter *f = BIO_get_data(bio);

	(void)number;
	(void)arg;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_PENDING:
		return (long)f->raw_in.n;
	case BIO_CTRL_WPENDING:
		return (long)f->raw_out.n;
	}
	return 0;
}

static void make_method(void)
{
	int type = BIO_get_new_index();

	method = type > 0 ? BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "chains")
			  : NULL;
	if (!method)
		return;
	BIO_meth_set_write(method, on_write);
	BIO_meth_set_read(method, on_read);
	BIO_meth_set_ctrl(method, on_ctrl);
}

BIO *chain_bio_new(struct filter *f)
{
	BIO *bio;

	pthread_once(&method_once, make_method);
	bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, f);
	BIO_set_init(bio, 1);
	return bio;
}
