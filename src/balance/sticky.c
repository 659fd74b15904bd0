#include "balance/sticky.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/fail.h"
#include "http/cookie.h"
#include "http/h1_write.h"

enum {
	STICKY_VERSION = 1,
	/* Nodes whose clocks differ may find a cookie from the future. */
	CLOCK_SKEW_S = 300,
};

struct sticky_keys {
	_Atomic unsigned refs;
	struct seal_keys keys;
};

struct sticky_keys *sticky_keys_load(const char *path, char *why, size_t size)
{
	struct sticky_keys *keys = xcalloc(1, sizeof(*keys));

	if (seal_keys_load(path, &keys->keys, why, size) < 0) {
		free(keys);
		return NULL;
	}
	atomic_init(&keys->refs, 1);
	return keys;
}

struct sticky_keys *sticky_keys_ref(struct sticky_keys *keys)
{
	atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

void sticky_keys_unref(struct sticky_keys *keys)
{
	if (!keys || atomic_fetch_sub_explicit(&keys->refs, 1,
					       memory_order_acq_rel) != 1)
		return;
	seal_keys_wipe(&keys->keys);
	free(keys);
}

struct sealer *sticky_sealer_new(const struct sticky_keys *keys)
{
	return sealer_new(&keys->keys);
}

static void put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *from)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

size_t sticky_seal(struct sealer *sealer, const struct target_group *group,
		   uint64_t identity, time_t now_s, char *out, size_t size)
{
	uint8_t plain[STICKY_PLAIN_OCTETS] = {STICKY_VERSION};

	put_u64(plain + 1, (uint64_t)now_s);
	put_u64(plain + 9, identity);
	return seal(sealer, group->name, plain, sizeof(plain), out, size);
}

bool sticky_open(struct sealer *sealer, const struct target_group *group,
		 struct slice value, time_t now_s, uint64_t *identity)
{
	uint8_t plain[STICKY_PLAIN_OCTETS];
	uint64_t now = (uint64_t)now_s, issued;

	if (!unseal(sealer, group->name, value, plain, sizeof(plain)) ||
	    plain[0] != STICKY_VERSION)
		return false;
	issued = get_u64(plain + 1);
	if (issued > now + CLOCK_SKEW_S ||
	    (issued < now && now - issued > group->stickiness.duration_s))
		return false;
	*identity = get_u64(plain + 9);
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

size_t sticky_fields(struct field out[static STICKY_FIELDS], struct writer *w,
		     struct sealer *sealer, const struct target_group *group,
		     uint64_t identity, time_t now_s)
{
	char value[STICKY_VALUE_OCTETS];
	size_t n = sticky_seal(sealer, group, identity, now_s, value,
			       sizeof(value));
	struct set_cookie cookie = {
		.name = group->stickiness.cookie,
		.value = slice_make(value, n),
		.expires_s = now_s + STICKY_EXPIRES_S,
	};

	if (n == 0)
		return 0;
	out[0] = cookie_field(w, &cookie);
	cookie.name = group->stickiness.twin;
	cookie.cross_site = true;
	out[1] = cookie_field(w, &cookie);
	return w->overflow ? 0 : STICKY_FIELDS;
}
