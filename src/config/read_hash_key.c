/* load_balancing.algorithm.hash_key: what consistent_hash goes by. */
#include "http/octets.h"
#include "read.h"

static void parse_token(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct hash_key *key = slot;

	if (!want_scalar(r, k->name, v))
		return;
	if (!http_is_token(v->text))
		complain(r, &v->at, NULL, "\"%.*s\" is no name of a %s",
			 SLICE_ARG(v->text), k->name);
	key->name = arena_slice(r->arena, v->text);
}

static void parse_header(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	((struct hash_key *)slot)->kind = HASH_HEADER;
	parse_token(r, k, v, slot);
}

static void parse_cookie(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	((struct hash_key *)slot)->kind = HASH_COOKIE;
	parse_token(r, k, v, slot);
}

static void parse_pair(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	struct hash_key *key = slot;

	key->kind = HASH_QUERY;
	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n == 0)
		complain(r, &v->at, NULL, "the key of a pair is empty");
	key->name = arena_slice(r->arena, v->text);
}

static const char TOKEN[] = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
static const struct type type_header = {parse_header, SHAPE_TEXT, TOKEN};
static const struct type type_cookie = {parse_cookie, SHAPE_TEXT, TOKEN};
static const struct type type_pair = {parse_pair, SHAPE_TEXT, NULL};

/* clang-format off */
const struct key hash_key_keys[] = {
	{"header", &type_header, 0, .doc = "The first field of that name.",
	 .absent = "none"},
	{"cookie", &type_cookie, 0, .doc = "The first cookie of that name.",
	 .absent = "none"},
	{"query", &type_pair, 0,
	 .doc = "The first pair of the query with that key, in any case.",
	 .absent = "none"},
	{0},
};
/* clang-format on */

static const struct word words[] = {
	{"source_ip", HASH_SOURCE_IP, NULL},
	{"host", HASH_HOST, NULL},
	{"path", HASH_PATH, NULL},
	{0},
};

static void parse_hash_key(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct hash_key *key = slot;
	const struct node *value;
	int word;

	r->group_said[SAID_HASH_KEY] = v->at;
	if (v->kind == NODE_MAP) {
		k = read_one_key(r, v, "a hash_key", hash_key_keys, &value);
		if (k)
			k->type->parse(r, k, value, key);
		return;
	}
	word = want_word(r, k->name, v, words);
	if (word >= 0)
		key->kind = (enum hash_part)words[word].value;
}

const struct type type_hash_key = {
	parse_hash_key, SHAPE_TEXT | SHAPE_MAP | SHAPE_ONE_KEY, NULL};

void check_turns(struct reader *r, const struct target_group *g)
{
	uint32_t divisor = 0;
	uint64_t turns = 0;

	for (size_t i = 0; i < g->n_targets; i++)
		divisor = weight_divisor(divisor, g->targets[i].weight);
	for (size_t i = 0; i < g->n_targets; i++)
		turns += g->targets[i].weight / divisor;
	if (turns > HASH_TURNS_MAX)
		complain(r, &r->group_said[SAID_ALGORITHM],
			 "use smaller weights, such as 1 to 100",
			 "consistent_hash has %d slots, and the weights of its "
			 "targets, divided by what divides them all, add up to "
			 "%llu",
			 HASH_SLOTS, (unsigned long long)turns);
}
