#include "sni.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/map.h"
#include "identity.h"

/* The longest name that DNS has; what is longer matches nothing. */
enum { NAME_MAX_OCTETS = 253 };

/* The certificates of one name, best first. */
struct sni_list {
	size_t n;
	struct candidate {
		const struct tls_identity *id;
		unsigned rank; /* over all certificates; 0 is the best */
	} items[];
};

struct sni {
	const struct tls_identity *fallback; /* the default certificate */
	struct map exact;                    /* "www.example.com" */
	struct map wild;                     /* "example.com": "*." is cut */
};

/* Everything but the date, which changes while we run. */
static int by_quality(const void *left, const void *right)
{
	const struct tls_identity *a = *(struct tls_identity *const *)left;
	const struct tls_identity *b = *(struct tls_identity *const *)right;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->digest_bits != b->digest_bits)
		return a->digest_bits > b->digest_bits ? -1 : 1;
	if (a->key_bits != b->key_bits)
		return a->key_bits > b->key_bits ? -1 : 1;
	if (a->not_after != b->not_after)
		return a->not_after > b->not_after ? -1 : 1;
	return 0;
}

/* The map borrows its keys: names live as long as their identities. */
static void append(struct map *map, struct slice name, struct candidate c)
{
	struct sni_list *old = map_get(map, name);
	size_t n = old ? old->n : 0;
	struct sni_list *list;

	/* One certificate may hold the same name twice. */
	if (n && old->items[n - 1].id == c.id)
		return;
	list = xrealloc(old, sizeof(*list) + (n + 1) * sizeof(c));
	list->items[n] = c;
	list->n = n + 1;
	map_put(map, name, list);
}

static void add_names(struct sni *sni, const struct tls_identity *id,
		      unsigned rank)
{
	struct candidate c = {.id = id, .rank = rank};

	for (size_t i = 0; i < id->n_names; i++) {
		if (slice_starts(id->names[i], SLICE("*.")))
			append(&sni->wild, slice_from(id->names[i], 2), c);
		else
			append(&sni->exact, id->names[i], c);
	}
}

struct sni *sni_new(struct tls_identity *const *ids, size_t n_ids)
{
	struct sni *sni = xcalloc(1, sizeof(*sni));
	size_t n = n_ids - 1;
	struct tls_identity **sorted =
		xcalloc(n + 1, sizeof(struct tls_identity *));

	assert(n_ids > 0);
	sni->fallback = ids[0];
	memcpy(sorted, ids + 1, n * sizeof(struct tls_identity *));
	qsort(sorted, n, sizeof(struct tls_identity *), by_quality);
	for (size_t i = 0; i < n; i++)
		add_names(sni, sorted[i], (unsigned)i);
	free(sorted);
	return sni;
}

static void free_lists(struct map *map)
{
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(map, &at)) != NULL)
		free(slot->value);
	map_release(map);
}

void sni_free(struct sni *sni)
{
	if (!sni)
		return;
	free_lists(&sni->exact);
	free_lists(&sni->wild);
	free(sni);
}

static bool can_verify(const struct tls_identity *id, unsigned curves)
{
	if (id->kind != TLS_KEY_ECDSA)
		return true;
	switch (id->key_bits) {
	case 256:
		return curves & CURVE_P256;
	case 384:
		return curves & CURVE_P384;
	case 521:
		return curves & CURVE_P521;
	}
	return true;
}

/* The first of its kind that has not expired, or else the first. */
static const struct candidate *best(const struct sni_list *list,
				    enum tls_key kind, time_t now,
				    unsigned curves)
{
	const struct candidate *expired = NULL;

	for (size_t i = 0; list && i < list->n; i++) {
		const struct candidate *c = &list->items[i];

		if (c->id->kind != kind || !can_verify(c->id, curves))
			continue;
		if (c->id->not_after >= now)
			return c;
		if (!expired)
			expired = c;
	}
	return expired;
}

static const struct tls_identity *better(const struct candidate *a,
					 const struct candidate *b, time_t now)
{
	bool a_lives, b_lives;

	if (!a || !b)
		return a ? a->id : b ? b->id : NULL;
	a_lives = a->id->not_after >= now;
	b_lives = b->id->not_after >= now;
	if (a_lives != b_lives)
		return a_lives ? a->id : b->id;
	return a->rank <= b->rank ? a->id : b->id;
}

/* As names are kept: lower case, no dot at the end. Empty: no such name. */
static struct slice tidy(struct slice name, char *buf)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > NAME_MAX_OCTETS)
		name.n = 0;
	for (size_t i = 0; i < name.n; i++)
		buf[i] = ascii_lower(name.p[i]);
	return slice_make(buf, name.n);
}

/* What a wildcard must have behind its "*.": all but the first label. */
static struct slice parent_of(struct slice name)
{
	size_t dot = slice_find(name, '.');

	return dot ? slice_from(name, dot + 1) : slice_make("", 0);
}

static void choose_default(const struct sni *sni, struct sni_choice *out)
{
	*out = (struct sni_choice){0};
	if (sni->fallback->kind == TLS_KEY_ECDSA)
		out->ecdsa = sni->fallback;
	else
		out->rsa = sni->fallback;
}

void sni_choose(const struct sni *sni, struct slice name, time_t now,
		unsigned curves, struct sni_choice *out)
{
	char buf[NAME_MAX_OCTETS];
	const struct sni_list *exact, *wild;

	name = tidy(name, buf);
	exact = name.n ? map_get(&sni->exact, name) : NULL;
	name = parent_of(name);
	wild = name.n ? map_get(&sni->wild, name) : NULL;
	*out = (struct sni_choice){
		.ecdsa = better(best(exact, TLS_KEY_ECDSA, now, curves),
				best(wild, TLS_KEY_ECDSA, now, curves), now),
		.rsa = better(best(exact, TLS_KEY_RSA, now, curves),
			      best(wild, TLS_KEY_RSA, now, curves), now),
	};
	out->matched = out->ecdsa || out->rsa;
	if (!out->matched)
		choose_default(sni, out);
	else if (!out->rsa && sni->fallback->kind == TLS_KEY_RSA)
		out->rsa = sni->fallback;
}

static bool is_for(const struct tls_identity *id, struct slice name)
{
	struct slice parent = parent_of(name);

	for (size_t i = 0; i < id->n_names; i++) {
		if (slice_eq(id->names[i], name))
			return true;
		if (parent.n && slice_starts(id->names[i], SLICE("*.")) &&
		    slice_eq(slice_from(id->names[i], 2), parent))
			return true;
	}
	return false;
}

bool sni_knows(const struct sni *sni, struct slice name)
{
	char buf[NAME_MAX_OCTETS];

	name = tidy(name, buf);
	if (!name.n)
		return false;
	if (is_for(sni->fallback, name) || map_get(&sni->exact, name))
		return true;
	name = parent_of(name);
	return name.n && map_get(&sni->wild, name);
}
