#include "piece.h"

#include "base/fail.h"

static _Thread_local struct chunk *room;

char *piece_claim(size_t need)
{
	if (room && room->room - room->used >= need)
		return room->data + room->used;
	piece_room_release();
	room = need <= CHUNK_OCTETS ? chunk_new() : chunk_new_large(need);
	return room ? room->data : NULL;
}

struct piece piece_take(size_t used)
{
	struct piece piece = {chunk_ref(room), room->data + room->used,
			      (uint32_t)used};

	assert(room->room - room->used >= used);
	room->used += (uint32_t)used;
	return piece;
}

void piece_release(struct piece *piece)
{
	if (piece->chunk)
		chunk_unref(piece->chunk);
	*piece = (struct piece){0};
}

bool piece_shed(struct piece *piece, struct slice *part)
{
	struct chunk *own = chunk_new_large(part->n);

	if (!own)
		return false;
	memcpy(own->data, part->p, part->n);
	own->used = (uint32_t)part->n;
	piece_release(piece);
	*piece = (struct piece){own, own->data, own->used};
	*part = slice_make(piece->p, piece->n);
	return true;
}

void piece_room_release(void)
{
	if (room)
		chunk_unref(room);
	room = NULL;
}
