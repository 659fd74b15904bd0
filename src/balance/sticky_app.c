#include "sticky_app.h"

#include <string.h>
#include <xxhash.h>

#include "base/big_endian.h"
#include "http/cookie.h"
#include "http/h1_write.h"
#include "http/head.h"

_Static_assert((int)APP_PLAIN_MAX <= (int)SEAL_PLAIN_MAX,
	       "all sessions can be sealed");

enum {
	APP_VERSION = 1,
	/* Nodes whose clocks differ may find a cookie from the future. */
	CLOCK_SKEW_S = 300,
	/* Browsers from this one on keep cookies of other sites only when
	 * these say SameSite=None. */
	CHROME_OF_SAME_SITE = 80,
};

static const struct slice cookie_name = SLICE_INIT("AWSALBAPP-0");

static uint64_t hash_of(struct slice text)
{
	return XXH3_64bits(text.p, text.n);
}

/* -- the sealed form ------------------------------------------------------- */

/* The length tells how many there are. */
static void open_sessions(struct sealer *sealer, struct slice value,
			  struct app_sessions *out)
{
	uint8_t plain[APP_PLAIN_MAX];
	size_t n = 1;

	while (n <= APP_SESSIONS_MAX &&
	       SEAL_TEXT_OCTETS(1 + n * APP_SESSION_OCTETS) != value.n)
		n++;
	if (n > APP_SESSIONS_MAX ||
	    !unseal(sealer, cookie_name, value, plain,
		    1 + n * APP_SESSION_OCTETS) ||
	    plain[0] != APP_VERSION)
		return;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = plain + 1 + i * APP_SESSION_OCTETS;

		out->sessions[i] = (struct app_session){
			big_endian_get(at),
			big_endian_get(at + 8),
			big_endian_get(at + 16),
			big_endian_get(at + 24),
		};
	}
	out->n = n;
}

static size_t seal_sessions(struct sealer *sealer,
			    const struct app_sessions *sessions, char *out,
			    size_t size)
{
	uint8_t plain[APP_PLAIN_MAX] = {APP_VERSION};

	for (size_t i = 0; i < sessions->n; i++) {
		const struct app_session *s = &sessions->sessions[i];
		uint8_t *at = plain + 1 + i * APP_SESSION_OCTETS;

		big_endian_put(at, s->group);
		big_endian_put(at + 8, s->identity);
		big_endian_put(at + 16, s->issued_s);
		big_endian_put(at + 24, s->cookie);
	}
	return seal(sealer, cookie_name, plain,
		    1 + sessions->n * APP_SESSION_OCTETS, out, size);
}

/* -- requests -------------------------------------------------------------- */

static size_t find_session(const struct app_sessions *sessions, uint64_t group)
{
	size_t i = 0;

	while (i < sessions->n && sessions->sessions[i].group != group)
		i++;
	return i;
}

static bool is_in_time(const struct app_session *s,
		       const struct target_group *group, time_t now_s)
{
	uint64_t now = (uint64_t)now_s;

	return s->issued_s <= now + CLOCK_SKEW_S &&
	       (s->issued_s >= now ||
		now - s->issued_s <= group->stickiness.duration_s);
}

/* "Chrome/80.0.3987" */
static bool wants_same_site(struct slice agent)
{
	static const struct slice chrome = SLICE_INIT("Chrome/");

	for (size_t i = 0; i + chrome.n < agent.n; i++) {
		struct slice rest = slice_from(agent, i);
		uint64_t version;

		if (!slice_starts(rest, chrome))
			continue;
		rest = slice_from(rest, chrome.n);
		rest = slice_first(rest, slice_find(rest, '.'));
		return slice_to_u64(rest, &version) &&
		       version >= CHROME_OF_SAME_SITE;
	}
	return false;
}

static bool is_from_elsewhere(const struct http_head *head)
{
	const struct field *agent = head_find(head, NAME_USER_AGENT);

	return agent && head_find_text(head, SLICE("origin")) &&
	       wants_same_site(agent->value);
}

bool app_sticky_of_head(struct sealer *sealer, const struct target_group *group,
			const struct http_head *head, time_t now_s,
			struct app_sessions *out, uint64_t *identity,
			bool *came)
{
	const struct app_session *session;
	struct slice ours, theirs;
	size_t at;

	*out = (struct app_sessions){.from_elsewhere = is_from_elsewhere(head)};
	*came = false;
	if (!cookie_of_head(head, cookie_name, &ours))
		return false;
	open_sessions(sealer, ours, out);
	if (!cookie_of_head(head, group->stickiness.app_cookie, &theirs))
		return false;
	*came = true;
	out->cookie = hash_of(theirs);
	at = find_session(out, hash_of(group->name));
	session = &out->sessions[at];
	if (at == out->n || session->cookie != out->cookie ||
	    !is_in_time(session, group, now_s))
		return false;
	out->is_of_session = true;
	*identity = session->identity;
	return true;
}

/* -- answers --------------------------------------------------------------- */

/* The value of the cookie that the answer sets; a later one wins, as in
 * browsers. */
static bool set_by_answer(const struct http_head *answer, struct slice name,
			  struct slice *value)
{
	const struct field *f = NULL;
	bool found = false;

	while ((f = head_next(answer, NAME_SET_COOKIE, f)) != NULL) {
		struct slice rest = f->value, pair;

		if (!set_cookie_is(f->value, name))
			continue;
		pair = slice_cut(&rest, ';');
		*value =
			slice_trim(slice_from(pair, slice_find(pair, '=') + 1));
		found = true;
	}
	return found;
}

/* In the first place; without room the one unused longest goes. */
static void put_session(struct app_sessions *sessions, struct app_session s)
{
	size_t at = find_session(sessions, s.group);

	if (at == sessions->n && sessions->n < APP_SESSIONS_MAX)
		sessions->n++;
	if (at == APP_SESSIONS_MAX)
		at--;
	memmove(sessions->sessions + 1, sessions->sessions, at * sizeof(s));
	sessions->sessions[0] = s;
}

size_t app_sticky_field(struct field *out, struct writer *w,
			struct sealer *sealer, const struct target_group *group,
			struct app_sessions *sessions,
			const struct http_head *answer, uint64_t identity,
			time_t now_s)
{
	char text[SEAL_TEXT_OCTETS(APP_PLAIN_MAX)];
	struct slice set;
	size_t n;

	if (set_by_answer(answer, group->stickiness.app_cookie, &set))
		sessions->cookie = hash_of(set);
	else if (!sessions->is_of_session)
		return 0;
	put_session(sessions, (struct app_session){
				      .group = hash_of(group->name),
				      .identity = identity,
				      .issued_s = (uint64_t)now_s,
				      .cookie = sessions->cookie,
			      });
	n = seal_sessions(sealer, sessions, text, sizeof(text));
	if (n == 0)
		return 0;
	*out = cookie_field(w, &(struct set_cookie){
				       .name = cookie_name,
				       .value = slice_make(text, n),
				       .expires_s = now_s + APP_EXPIRES_S,
				       .cross_site = sessions->from_elsewhere,
			       });
	return w->overflow ? 0 : 1;
}
