#include "node.h"

#include "base/fail.h"

void tree_release(struct tree *t)
{
	arena_release(&t->arena);
	*t = (struct tree){0};
}

struct place node_part(const struct node *n, size_t offset, size_t width)
{
	struct place at = n->at;

	if (!n->exact)
		return at;
	at.column += (uint32_t)(offset + !n->plain);
	at.width = (uint32_t)width;
	return at;
}

const char *node_kind_name(const struct node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a mapping";
	case NODE_SCALAR:
		break;
	}
	return "a text";
}

size_t node_key_without_space(struct slice text)
{
	size_t n = 0;

	while (n < text.n && ((ascii_lower(text.p[n]) >= 'a' &&
			       ascii_lower(text.p[n]) <= 'z') ||
			      text.p[n] == '_' || text.p[n] == '.'))
		n++;
	/* "http://" and "unix:/path" are no keys. */
	if (n == 0 || n + 1 >= text.n || text.p[n] != ':' ||
	    strchr(" /:", text.p[n + 1]))
		return 0;
	return n;
}

struct node *node_scalar(struct tree *t, const char *text,
			 const struct place *at)
{
	struct node *n = ARENA_NEW(&t->arena, struct node);

	*n = (struct node){
		.kind = NODE_SCALAR,
		.plain = true,
		.at = *at,
		.text = arena_slice(&t->arena, slice_of(text)),
	};
	return n;
}

struct node *node_map(struct tree *t, const struct node *key,
		      struct node *value)
{
	struct node *n = ARENA_NEW(&t->arena, struct node);
	struct node *copy = ARENA_NEW(&t->arena, struct node);

	*copy = *key;
	*n = (struct node){.kind = NODE_MAP, .at = key->at, .n = 1};
	n->entries = ARENA_NEW(&t->arena, struct entry);
	n->entries[0] = (struct entry){copy, value};
	return n;
}

/* Room for more elements behind those there are. */
static void make_room(struct tree *t, struct node *n, size_t more)
{
	size_t size = n->kind == NODE_MAP ? sizeof(*n->entries)
					  : sizeof(*n->items);
	void *old = n->kind == NODE_MAP ? (void *)n->entries : (void *)n->items;
	char *room;

	if (n->n + more <= n->n_room)
		return;
	n->n_room = 2 * (n->n + more);
	room = arena_array(&t->arena, n->n_room, size);
	if (n->n)
		memcpy(room, old, n->n * size);
	t->n_steps += n->n;
	if (n->kind == NODE_MAP)
		n->entries = (struct entry *)(void *)room;
	else
		n->items = (struct node **)(void *)room;
}

struct node *node_concat(struct tree *t, const struct node *a,
			 const struct node *b)
{
	/* With room behind it, it was made here and is ours to change. */
	struct node *n = (struct node *)(uintptr_t)a;

	assert(a->kind == b->kind && a->kind != NODE_SCALAR);
	if (!a->n_room) {
		n = ARENA_NEW(&t->arena, struct node);
		*n = *a;
	}
	make_room(t, n, b->n);
	for (size_t i = 0; i < b->n; i++)
		if (n->kind == NODE_MAP)
			n->entries[n->n++] = b->entries[i];
		else
			n->items[n->n++] = b->items[i];
	t->n_steps += b->n;
	return n;
}

const struct node *node_as_list_in(struct node_one *room, const struct node *n)
{
	if (n->kind == NODE_LIST)
		return n;
	room->item = (struct node *)(uintptr_t)n;
	room->list = (struct node){
		.kind = NODE_LIST, .at = n->at, .items = &room->item, .n = 1};
	return &room->list;
}

const struct node *node_as_list(struct tree *t, const struct node *n)
{
	if (n->kind == NODE_LIST)
		return n;
	return node_as_list_in(ARENA_NEW(&t->arena, struct node_one), n);
}
