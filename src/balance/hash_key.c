#include "hash_key.h"

#include <netinet/in.h>

#include "balance/maglev.h"
#include "http/cookie.h"
#include "http/head.h"
#include "http/query.h"

/* As everywhere in queries, case does not matter. */
static bool find_pair(struct slice query, struct slice name,
		      struct slice *value)
{
	struct slice key;

	while (query_next(&query, &key, value))
		if (slice_eq_fold(key, name))
			return true;
	return false;
}

static bool find_field(const struct http_head *head, struct slice name,
		       struct slice *value)
{
	const struct field *f = head_find_text(head, name);

	if (f)
		*value = f->value;
	return f != NULL;
}

bool hash_key_of(const struct hash_key *key, const struct route_input *in,
		 uint64_t *hash)
{
	struct slice text = {0};
	bool found = true;

	switch (key->kind) {
	case HASH_SOURCE_IP:
		*hash = maglev_hash_address(in->peer, IPPROTO_TCP);
		return in->peer->len > 0;
	case HASH_HOST:
		text = in->host;
		break;
	case HASH_PATH:
		text = in->path;
		break;
	case HASH_HEADER:
		found = find_field(in->head, key->name, &text);
		break;
	case HASH_COOKIE:
		found = cookie_of_head(in->head, key->name, &text);
		break;
	case HASH_QUERY:
		found = find_pair(in->query, key->name, &text);
		break;
	}
	*hash = maglev_hash_text(text);
	return found;
}
