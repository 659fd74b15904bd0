#include "chain.h"

#include <stdlib.h>

#include "base/fail.h"

/* Segments are 32 octets and come and go with every read, so each thread
 * keeps those it has once made. There are never more than chunks allow. */
static _Thread_local struct seg *free_segs;

static struct seg *seg_new(struct chunk *chunk_take, const char *p, size_t n)
{
	struct seg *s = free_segs;

	if (s)
		free_segs = s->next;
	else
		s = xmalloc(sizeof(*s));
	*s = (struct seg){.chunk = chunk_take,
			  .p = chunk_take->data + (p - chunk_take->data),
			  .n = (uint32_t)n};
	return s;
}

static void seg_free(struct seg *s)
{
	chunk_unref(s->chunk);
	s->next = free_segs;
	free_segs = s;
}

void chain_release_kept(void)
{
	while (free_segs) {
		struct seg *s = free_segs;

		free_segs = s->next;
		free(s);
	}
}

static void push(struct chain *c, struct seg *s)
{
	s->next = NULL;
	if (c->last)
		c->last->next = s;
	else
		c->first = s;
	c->last = s;
	c->n += s->n;
}

static struct seg *pop(struct chain *c)
{
	struct seg *s = c->first;

	c->first = s->next;
	if (!c->first)
		c->last = NULL;
	c->n -= s->n;
	return s;
}

/* Whoever has the last octets of a chunk may write behind them. */
static size_t tail_room(const struct chain *c)
{
	const struct seg *s = c->last;

	if (!s || s->p + s->n != s->chunk->data + s->chunk->used)
		return 0;
	return s->chunk->room - s->chunk->used;
}

/* Below this the tail of a chunk is not worth a slice of its own. */
enum { TAIL_MIN = 512 };

size_t chain_reserve(struct chain *c, int pieces, struct iovec *room,
		     int *n_room)
{
	size_t want = chain_room(c), got = 0, tail = tail_room(c);

	*n_room = 0;
	if (tail >= TAIL_MIN && want) {
		got = tail < want ? tail : want;
		room[(*n_room)++] =
			(struct iovec){c->last->p + c->last->n, got};
	}
	while (*n_room < pieces && got < want) {
		struct chunk *chunk = chunk_new();
		size_t n = want - got;

		if (!chunk)
			break;
		if (n > chunk->room)
			n = chunk->room;
		room[(*n_room)++] = (struct iovec){chunk->data, n};
		got += n;
	}
	return got;
}

static struct chunk *chunk_of(const struct iovec *room)
{
	return (struct chunk *)(void *)((char *)room->iov_base -
					offsetof(struct chunk, data));
}

void chain_commit(struct chain *c, const struct iovec *room, int n_room,
		  size_t n)
{
	for (int i = 0; i < n_room; i++) {
		size_t part = n < room[i].iov_len ? n : room[i].iov_len;

		n -= part;
		if (i == 0 && c->last &&
		    room[i].iov_base == c->last->p + c->last->n) {
			c->last->chunk->used += (uint32_t)part;
			c->last->n += (uint32_t)part;
			c->n += (uint32_t)part;
			continue;
		}
		if (part == 0) {
			chunk_unref(chunk_of(&room[i]));
			continue;
		}
		chunk_of(&room[i])->used = (uint32_t)part;
		push(c, seg_new(chunk_of(&room[i]), room[i].iov_base, part));
	}
}

int chain_gather(const struct chain *c, struct iovec *out, int max)
{
	int n = 0;

	for (const struct seg *s = c->first; s && n < max; s = s->next)
		out[n++] = (struct iovec){s->p, s->n};
	return n;
}

void chain_drain(struct chain *c, size_t n)
{
	assert(n <= c->n);
	while (n > 0) {
		struct seg *s = c->first;

		if (n < s->n) {
			s->p += n;
			s->n -= (uint32_t)n;
			c->n -= (uint32_t)n;
			return;
		}
		n -= s->n;
		seg_free(pop(c));
	}
	if (c->n == 0)
		chain_release(c); /* a claim that nothing was written to */
}

void chain_release(struct chain *c)
{
	while (c->first)
		seg_free(pop(c));
}

bool chain_linearise(struct chain *c, size_t n)
{
	struct chunk *chunk;
	struct seg *joined;
	size_t left = n;

	assert(n <= c->n);
	if (!c->first || c->first->n >= n)
		return true;
	/* Twice as much as is there, so that a head that arrives in small
	 * pieces is not copied for each of them. */
	chunk = n <= CHUNK_OCTETS ? chunk_new() : chunk_new_large(2 * n);
	if (!chunk)
		return false;
	while (left > 0) {
		struct seg *s = c->first;
		size_t part = s->n < left ? s->n : left;

		memcpy(chunk->data + chunk->used, s->p, part);
		chunk->used += (uint32_t)part;
		left -= part;
		chain_drain(c, part);
	}
	joined = seg_new(chunk, chunk->data, n);
	joined->next = c->first;
	c->first = joined;
	if (!c->last)
		c->last = joined;
	c->n += (uint32_t)n;
	return true;
}

/* Fewer octets than this are cheaper to copy than to hold a chunk for. */
enum { COPY_MAX = 512 };

static void copy_behind(struct chain *to, struct chain *from, size_t n)
{
	while (n > 0) {
		struct seg *s = from->first;
		size_t part = s->n < n ? s->n : n;

		memcpy(to->last->p + to->last->n, s->p, part);
		chain_claimed(to, part);
		chain_drain(from, part);
		n -= part;
	}
}

size_t chain_move(struct chain *to, struct chain *from, size_t n)
{
	size_t left = n < from->n ? n : from->n, moved = left;

	if (left <= COPY_MAX && tail_room(to) >= left) {
		copy_behind(to, from, left);
		return moved;
	}

	while (left > 0) {
		struct seg *s = from->first;

		if (s->n <= left) {
			left -= s->n;
			push(to, pop(from));
			continue;
		}
		push(to, seg_new(chunk_ref(s->chunk), s->p, left));
		s->p += left;
		s->n -= (uint32_t)left;
		from->n -= (uint32_t)left;
		left = 0;
	}
	return moved;
}

bool chain_append(struct chain *c, struct chunk *chunk, const char *p, size_t n)
{
	if (n)
		push(c, seg_new(chunk_ref(chunk), p, n));
	return true;
}

char *chain_claim(struct chain *c, size_t need)
{
	struct chunk *chunk;
	struct seg *s;

	if (tail_room(c) >= need)
		return c->last->p + c->last->n;
	chunk = need <= CHUNK_OCTETS ? chunk_new() : chunk_new_large(need);
	if (!chunk)
		return NULL;
	s = seg_new(chunk, chunk->data, 0);
	push(c, s);
	return s->p;
}

void chain_claimed(struct chain *c, size_t used)
{
	struct seg *s = c->last;

	assert(s && s->chunk->room - s->chunk->used >= used);
	s->chunk->used += (uint32_t)used;
	s->n += (uint32_t)used;
	c->n += (uint32_t)used;
}

bool chain_copy(struct chain *c, struct slice text)
{
	while (text.n > 0) {
		size_t tail = tail_room(c);
		size_t part = tail ? tail : CHUNK_OCTETS;
		char *at;

		if (part > text.n)
			part = text.n;
		at = chain_claim(c, part);
		if (!at)
			return false;
		memcpy(at, text.p, part);
		chain_claimed(c, part);
		text = slice_from(text, part);
	}
	return true;
}

enum { KEEP_MIN = 2048 };

bool chain_keep(struct chain *c, struct slice text)
{
	struct chunk *chunk;

	if (tail_room(c) < text.n) {
		chunk = chunk_new_large(text.n < KEEP_MIN ? KEEP_MIN : text.n);
		if (!chunk)
			return false;
		push(c, seg_new(chunk, chunk->data, 0));
	}
	memcpy(c->last->p + c->last->n, text.p, text.n);
	chain_claimed(c, text.n);
	return true;
}
