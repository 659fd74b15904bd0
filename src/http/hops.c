#include "hops.h"

#include "base/fail.h"
#include "base/map.h"

/* A power of two, and mostly empty: a look-up finds its slot at once. */
enum { SLOTS = 4 * HEAD_FIELDS_MAX };

struct slot {
	uint16_t number; /* 1 + the first field of that name; 0: free */
	uint16_t tag;    /* of the hash, so that names are rarely compared */
};

/* Fields by their name, whatever its case: open addressing. */
struct table {
	const struct http_head *head;
	struct slot slots[SLOTS];
	/* For each field the first one of its name. */
	uint16_t first[HEAD_FIELDS_MAX];
};

/* As for maps, nobody outside can choose names that collide. */
static uint64_t hash_name(struct slice name)
{
	enum { BLOCK = 64 };
	char text[sizeof(uint64_t) + BLOCK];
	uint64_t hash = 0;

	do {
		struct slice part = slice_first(name, BLOCK);

		memcpy(text, &hash, sizeof(hash));
		for (size_t i = 0; i < part.n; i++)
			text[sizeof(hash) + i] = ascii_lower(part.p[i]);
		hash = hash_slice(slice_make(text, sizeof(hash) + part.n));
		name = slice_from(name, part.n);
	} while (name.n > 0);
	return hash;
}

static bool slot_is(const struct table *t, const struct slot *slot,
		    uint16_t tag, struct slice name)
{
	return slot->tag == tag &&
	       slice_eq_fold(t->head->fields[slot->number - 1].name, name);
}

/* Where the fields of that name are, or would be; its tag is set. */
static struct slot *table_slot(struct table *t, struct slice name)
{
	uint64_t hash = hash_name(name);
	uint16_t tag = (uint16_t)(hash >> 48);
	size_t at = hash % SLOTS;

	while (t->slots[at].number && !slot_is(t, &t->slots[at], tag, name))
		at = (at + 1) % SLOTS;
	if (!t->slots[at].number)
		t->slots[at].tag = tag;
	return &t->slots[at];
}

static void table_fill(struct table *t, const struct http_head *head)
{
	t->head = head;
	memset(t->slots, 0, sizeof(t->slots));
	for (uint16_t i = 0; i < head->n_fields; i++) {
		struct slot *slot = table_slot(t, head->fields[i].name);

		if (!slot->number)
			slot->number = (uint16_t)(i + 1);
		t->first[i] = (uint16_t)(slot->number - 1);
	}
}

/* Options that are no field. */
static bool is_usual(struct slice option)
{
	return slice_eq_fold(option, SLICE("keep-alive")) ||
	       slice_eq_fold(option, SLICE("close")) ||
	       slice_eq_fold(option, SLICE("upgrade"));
}

static bool names_fields(const struct http_head *head)
{
	const struct field *f = NULL;

	while ((f = head_next(head, NAME_CONNECTION, f)) != NULL) {
		struct slice rest = f->value, option;

		while (list_next(&rest, &option))
			if (!is_usual(option))
				return true;
	}
	return false;
}

static void name_fields(struct table *t, bool *named)
{
	const struct field *f = NULL;

	while ((f = head_next(t->head, NAME_CONNECTION, f)) != NULL) {
		struct slice rest = f->value, option;

		while (list_next(&rest, &option)) {
			uint16_t number = table_slot(t, option)->number;

			if (number)
				named[number - 1] = true;
		}
	}
}

bool hops_find_named(const struct http_head *head, struct hops *out)
{
	struct table t;

	assert(head->n_fields <= HEAD_FIELDS_MAX);
	if (!names_fields(head))
		return false;
	table_fill(&t, head);
	memset(out->named, 0, sizeof(out->named));
	name_fields(&t, out->named);
	for (size_t i = 0; i < head->n_fields; i++)
		out->named[i] = out->named[t.first[i]];
	return true;
}

static const uint64_t hop_by_hop =
	NAME_BIT(NAME_CONNECTION) | NAME_BIT(NAME_KEEP_ALIVE) |
	NAME_BIT(NAME_PROXY_CONNECTION) | NAME_BIT(NAME_TE) |
	NAME_BIT(NAME_TRAILER) | NAME_BIT(NAME_TRANSFER_ENCODING) |
	NAME_BIT(NAME_UPGRADE);

static const uint64_t never_named =
	NAME_BIT(NAME_HOST) | NAME_BIT(NAME_CONTENT_LENGTH) |
	NAME_BIT(NAME_X_FORWARDED_FOR) | NAME_BIT(NAME_X_FORWARDED_PROTO) |
	NAME_BIT(NAME_X_FORWARDED_PORT) | NAME_BIT(NAME_X_AMZN_TRACE_ID) |
	NAME_BIT(NAME_COOKIE) | NAME_BIT(NAME_SET_COOKIE);

enum hops_word hops_word(const struct http_head *head)
{
	const struct field *f = head_find(head, NAME_CONNECTION);

	if (!f)
		return HOPS_NOTHING;
	if (head_next(head, NAME_CONNECTION, f))
		return HOPS_LIST;
	/* As browsers write it, and as old tools do. */
	if (slice_eq(f->value, SLICE("keep-alive")) ||
	    slice_eq(f->value, SLICE("Keep-Alive")))
		return HOPS_KEEP_ALIVE;
	return slice_eq(f->value, SLICE("close")) ? HOPS_CLOSE : HOPS_LIST;
}

void hops_leave_out(struct http_head *head, enum hops_word word)
{
	struct hops hops;

	if (!(head->present & hop_by_hop))
		return;
	hops.any = word == HOPS_LIST && hops_find_named(head, &hops);
	for (size_t i = 0; i < head->n_fields; i++) {
		struct field *f = &head->fields[i];
		uint64_t name = NAME_BIT(f->id);

		if ((name & hop_by_hop) ||
		    (hops_has(&hops, i) && !(name & never_named)))
			f->quirks |= FIELD_LEAVE_OUT;
	}
	head->quirks |= QUIRK_LEAVE_OUT;
}
