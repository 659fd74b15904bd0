/*
 * sticky_app.h - sessions that last as long as a cookie of the application.
 *
 * One cookie of ours, AWSALBAPP-0, stands for all groups with app_cookie: the
 * sessions used last, each with its group, its target, when it was renewed and
 * what the application's cookie was. It leads back to a target only together
 * with that very cookie. It is set when the application sets its own, and
 * renewed with each answer of the session.
 *
 * The sessions fit one cookie of 4 KiB, so -1 to -3 of ALB never come.
 *
 * Floor: balance.  Source: AWS: sticky sessions, application-based.
 */
#ifndef WEIR_BALANCE_STICKY_APP_H
#define WEIR_BALANCE_STICKY_APP_H

#include <time.h>

#include "model/group.h"
#include "tls/seal.h"

struct field;
struct http_head;
struct writer;

enum {
	APP_SESSIONS_MAX = 16,
	APP_SESSION_OCTETS = 32, /* sealed, of one */
	APP_PLAIN_MAX = 1 + APP_SESSIONS_MAX * APP_SESSION_OCTETS,
	APP_EXPIRES_S = 7 * 24 * 3600, /* what the cookie tells browsers */
};

/* Of one group; names and cookies as hashes. */
struct app_session {
	uint64_t group, identity, issued_s, cookie;
};

/* What a request brought, kept until its answer. */
struct app_sessions {
	size_t n;
	struct app_session sessions[APP_SESSIONS_MAX]; /* used last first */
	uint64_t cookie;     /* of the application, in this request */
	bool is_of_session;  /* it came with our cookie, and in time: the
			      * session goes on, at whatever target */
	bool from_elsewhere; /* a request across sites by a browser that wants
			      * to be told so */
};

/*
 * Reads the cookies of a request. True when they lead to a target of this
 * group; *identity is then for pick_find(). *came tells whether both were
 * there: when they were and no target comes of it, the session moves.
 */
bool app_sticky_of_head(struct sealer *sealer, const struct target_group *group,
			const struct http_head *head, time_t now_s,
			struct app_sessions *out, uint64_t *identity,
			bool *came);

/*
 * Our Set-Cookie field for an answer of a target, where the answer sets the
 * application's cookie or the session goes on.
 *
 * out  gets one field
 * w    gets its value, about 850 octets at most
 *
 * Returns how many there are: 0 also when sealing fails or there is no room.
 */
size_t app_sticky_field(struct field *out, struct writer *w,
			struct sealer *sealer, const struct target_group *group,
			struct app_sessions *sessions,
			const struct http_head *answer, uint64_t identity,
			time_t now_s);

#endif
