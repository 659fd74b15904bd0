#include "seen.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* Of so many the one that is missed least makes room. */
enum { CANDIDATES = 8 };

#define PUBLISHED SLICE("-published")

void seen_release(struct seen *seen)
{
	map_release(&seen->by_key);
	free(seen->flows);
	*seen = (struct seen){.flows = NULL};
}

static bool is_end_of(struct slice name, struct slice end)
{
	return name.n >= end.n &&
	       slice_eq(slice_from(name, name.n - end.n), end);
}

bool seen_is_egress(const char *chain)
{
	struct slice name = slice_of(chain);

	return is_end_of(name, SLICE("-out")) ||
	       is_end_of(name, SLICE("-local"));
}

static void make_key(const struct sighting *s, struct slice chain,
		     struct seen_key *key)
{
	const struct nft_packet *p = &s->packet;

	memset(key, 0, sizeof(*key));
	memcpy(key->chain, chain.p, chain.n);
	key->protocol = p->protocol;
	key->peer = seen_is_egress(key->chain) ? p->destination : p->source;
	if (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP) {
		key->port = is_end_of(chain, PUBLISHED) ? p->ct_dport
							: p->dport;
	} else {
		key->icmp_type = p->icmp_type;
		key->icmp_code = p->icmp_code;
	}
}

static struct slice octets_of(const struct seen_key *key)
{
	return slice_make((const char *)key, sizeof(*key));
}

static bool is_missed_less(const struct seen_flow *a, const struct seen_flow *b)
{
	return a->packets != b->packets ? a->packets < b->packets
					: a->last_ms < b->last_ms;
}

static struct seen_flow *make_room(struct seen *seen)
{
	struct seen_flow *least;

	if (!seen->flows)
		seen->flows = xcalloc(SEEN_MAX, sizeof(*seen->flows));
	if (seen->n < SEEN_MAX)
		return &seen->flows[seen->n++];
	least = &seen->flows[seen->cursor % SEEN_MAX];
	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct seen_flow *f = &seen->flows[seen->cursor++ % SEEN_MAX];

		if (is_missed_less(f, least))
			least = f;
	}
	map_remove(&seen->by_key, octets_of(&least->key));
	seen->forgotten++;
	return least;
}

void seen_add(struct seen *seen, const struct sighting *s,
	      const struct tell_words *words)
{
	uint8_t protocol = s->packet.protocol;
	bool has_parts = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
			 protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
	struct seen_flow *f;
	struct seen_key key;

	if (!slice_starts(words->chain, SLICE("p-")) ||
	    words->chain.n >= SEEN_CHAIN_MAX) {
		seen->others++;
		return;
	}
	if (sighting_is_of_flow(s)) {
		seen->middle++;
		return;
	}
	/* Which port of ours it was, not every kernel tells. */
	if ((has_parts && !s->has_ports) ||
	    (is_end_of(words->chain, PUBLISHED) && !s->packet.translated)) {
		seen->unread++;
		return;
	}
	make_key(s, words->chain, &key);
	f = map_get(&seen->by_key, octets_of(&key));
	if (!f) {
		f = make_room(seen);
		*f = (struct seen_flow){.sample = *s};
		memcpy(&f->key, &key, sizeof(key));
		map_put(&seen->by_key, octets_of(&f->key), f);
	}
	seen->packets++;
	f->packets++;
	f->last_ms = s->at_ms;
}
