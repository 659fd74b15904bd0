/*
 * check.h - one health check under way: connect, ask, read a head.
 *
 * Knows nothing of groups and verdicts. Whoever starts one is told once how
 * it ended, from a later event; checks come from a pool, so that a check a
 * millisecond allocates nothing.
 *
 *	connect --> (TLS) --> request --> head --> end
 *	   |          |          |         |
 *	   +----------+----------+---------+--> end: broken, timed out
 *
 * Floor: control.  Control thread.  Source: AWS: target group health
 * checks.
 */
#ifndef WEIR_CONTROL_CHECK_H
#define WEIR_CONTROL_CHECK_H

#include "balance/health.h"
#include "model/group.h"
#include "net/addr.h"
#include "net/loop.h"

struct check;
struct check_pool;
struct pattern;    /* http/pattern.h */
struct tls_client; /* tls/client.h */

enum { CHECK_DETAIL_MAX = 256 }; /* octets of a detail, with its end */

struct check_outcome {
	enum check_result result;
	uint16_t code;      /* with CHECK_ANSWERED, else 0; of gRPC its own */
	const char *detail; /* "Connection refused", "status 301 to /login";
			     * NULL: connected; valid during the call */
};

/* All of it is borrowed until the check has ended. */
struct check_spec {
	const struct addr *addr;
	struct slice name;        /* of the target, for TLS sessions */
	struct slice verify_name; /* that its certificate must have; of
				   * use where `tls` verifies */
	struct slice request;     /* empty: being connected is enough; of
				   * HTTP/2 it is made of path and sent_host */
	enum protocol_version version;
	struct slice path, sent_host;
	struct slice host;          /* that the request names, with a port or
				     * not, for TLS; empty: none */
	const struct pattern *body; /* must be found in the first 64 KiB of
				     * the answer's body; NULL: whatever */
	bool over_tls;
	struct tls_client *tls; /* of the snapshot; NULL unless over_tls */
	unsigned tls_worker;    /* whose contexts in it are ours */
	void (*end)(void *arg, const struct check_outcome *outcome);
	void *arg;
};

struct check_pool *check_pool_new(struct loop *loop);
/* No check is under way any more, and no turn of the loop. */
void check_pool_free(struct check_pool *pool);

/* Never calls end() before it returns. NULL when it failed at once; then
 * *failed says how and end() is not called. */
struct check *check_start(struct check_pool *pool,
			  const struct check_spec *spec,
			  struct check_outcome *failed);

/* Ends it at once with CHECK_TIMEOUT: calls end(). */
void check_time_out(struct check *c);

/* Ends it without a word. */
void check_cancel(struct check *c);

#endif
