#include "balance/sticky.h"

#include "base/big_endian.h"
#include "base/fail.h"
#include "http/cookie.h"
#include "http/h1_write.h"

enum {
	STICKY_VERSION = 1,
	/* Nodes whose clocks differ may find a cookie from the future. */
	CLOCK_SKEW_S = 300,
};

size_t sticky_seal(struct sealer *sealer, const struct target_group *group,
		   uint64_t identity, time_t now_s, char *out, size_t size)
{
	uint8_t plain[STICKY_PLAIN_OCTETS] = {STICKY_VERSION};

	big_endian_put(plain + 1, (uint64_t)now_s);
	big_endian_put(plain + 9, identity);
	return seal(sealer, group->name, plain, sizeof(plain), out, size);
}

/* What every plain text begins with: version and time of issue. */
static bool is_in_time(const uint8_t *plain, time_t now_s, uint64_t duration_s)
{
	uint64_t now = (uint64_t)now_s, issued = big_endian_get(plain + 1);

	return plain[0] == STICKY_VERSION && issued <= now + CLOCK_SKEW_S &&
	       (issued >= now || now - issued <= duration_s);
}

bool sticky_open(struct sealer *sealer, const struct target_group *group,
		 struct slice value, time_t now_s, uint64_t *identity)
{
	uint8_t plain[STICKY_PLAIN_OCTETS];

	if (!unseal(sealer, group->name, value, plain, sizeof(plain)) ||
	    !is_in_time(plain, now_s, group->stickiness.duration_s))
		return false;
	*identity = big_endian_get(plain + 9);
	return true;
}

bool sticky_of_head(struct sealer *sealer, const struct target_group *group,
		    const struct http_head *head, time_t now_s,
		    uint64_t *identity, bool *came)
{
	struct slice value;

	*came = cookie_of_head(head, group->stickiness.twin, &value) ||
		cookie_of_head(head, group->stickiness.cookie, &value);
	return *came && sticky_open(sealer, group, value, now_s, identity);
}

/* Both cookies, whose names begin alike. */
static size_t make_pair(struct field out[static STICKY_FIELDS],
			struct writer *w, struct slice name, struct slice cors,
			struct slice value, time_t now_s)
{
	struct set_cookie cookie = {
		.name = name,
		.value = value,
		.expires_s = now_s + STICKY_EXPIRES_S,
	};

	if (value.n == 0)
		return 0;
	out[0] = cookie_field(w, &cookie);
	cookie.name = cors;
	cookie.cross_site = true;
	out[1] = cookie_field(w, &cookie);
	return w->overflow ? 0 : STICKY_FIELDS;
}

size_t sticky_fields(struct field out[static STICKY_FIELDS], struct writer *w,
		     struct sealer *sealer, const struct target_group *group,
		     uint64_t identity, time_t now_s)
{
	char value[STICKY_VALUE_OCTETS];
	size_t n = sticky_seal(sealer, group, identity, now_s, value,
			       sizeof(value));

	return make_pair(out, w, group->stickiness.cookie,
			 group->stickiness.twin, slice_make(value, n), now_s);
}

/* -- the group of a weighted forward --------------------------------------- */

/* No group can have this name, to which its own cookies are bound. */
#define BOUND_OF_GROUPS SLICE("AWSALBTG/")

size_t sticky_group_seal(struct sealer *sealer,
			 const struct target_group *group, time_t now_s,
			 char *out, size_t size)
{
	uint8_t plain[STICKY_GROUP_PLAIN_OCTETS] = {STICKY_VERSION};

	assert(group->name.n <= STICKY_NAME_OCTETS);
	big_endian_put(plain + 1, (uint64_t)now_s);
	memcpy(plain + 9, group->name.p, group->name.n);
	return seal(sealer, BOUND_OF_GROUPS, plain, sizeof(plain), out, size);
}

const struct target_group *sticky_group_open(struct sealer *sealer,
					     const struct forward *forward,
					     struct slice value, time_t now_s)
{
	char plain[STICKY_GROUP_PLAIN_OCTETS];
	struct slice name;

	if (!unseal(sealer, BOUND_OF_GROUPS, value, plain, sizeof(plain)) ||
	    !is_in_time((const uint8_t *)plain, now_s,
			forward->stickiness.duration_s))
		return NULL;
	name = slice_make(plain + 9, strnlen(plain + 9, STICKY_NAME_OCTETS));
	for (size_t i = 0; i < forward->n_groups; i++)
		if (slice_eq(forward->groups[i].group->name, name))
			return forward->groups[i].group;
	return NULL;
}

static bool find_group_cookie(const struct http_head *head, struct slice *value)
{
	return cookie_of_head(head, SLICE("AWSALBTGCORS"), value) ||
	       cookie_of_head(head, SLICE("AWSALBTG"), value);
}

const struct target_group *sticky_group_of_head(struct sealer *sealer,
						const struct forward *forward,
						const struct http_head *head,
						time_t now_s)
{
	struct slice value;

	return find_group_cookie(head, &value)
		       ? sticky_group_open(sealer, forward, value, now_s)
		       : NULL;
}

bool sticky_group_is_broken(struct sealer *sealer, const struct http_head *head)
{
	char plain[STICKY_GROUP_PLAIN_OCTETS];
	struct slice value;

	return find_group_cookie(head, &value) &&
	       !unseal(sealer, BOUND_OF_GROUPS, value, plain, sizeof(plain));
}

size_t sticky_group_fields(struct field out[static STICKY_FIELDS],
			   struct writer *w, struct sealer *sealer,
			   const struct target_group *group, time_t now_s)
{
	char value[STICKY_GROUP_VALUE_OCTETS];
	size_t n =
		sticky_group_seal(sealer, group, now_s, value, sizeof(value));

	return make_pair(out, w, SLICE("AWSALBTG"), SLICE("AWSALBTGCORS"),
			 slice_make(value, n), now_s);
}
