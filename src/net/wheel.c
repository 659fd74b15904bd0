#include "wheel.h"

#include "base/fail.h"

static struct list *slot_at(struct wheel *w, uint64_t ms)
{
	return &w->slots[ms / WHEEL_SLOT_MS % WHEEL_SLOTS];
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	for (int i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	w->done_ms = now_ms - now_ms % WHEEL_SLOT_MS;
	w->n_nodes = 0;
}

/* Into the slot after the deadline, so that it never fires early; what lies
 * beyond the horizon waits in the farthest slot and is put on from there. */
static void place(struct wheel *w, struct deadline *d)
{
	uint64_t last =
		w->done_ms + (uint64_t)(WHEEL_SLOTS - 1) * WHEEL_SLOT_MS;
	uint64_t look = d->at_ms + WHEEL_SLOT_MS;

	if (look <= w->done_ms)
		look = w->done_ms + WHEEL_SLOT_MS;
	if (look > last)
		look = last;
	d->looked_ms = look - look % WHEEL_SLOT_MS;
	list_push_back(slot_at(w, look), &d->node);
	w->n_nodes++;
}

void wheel_remove(struct wheel *w, struct deadline *d)
{
	d->at_ms = 0;
	if (list_is_empty(&d->node))
		return;
	list_remove(&d->node);
	w->n_nodes--;
}

void wheel_place(struct wheel *w, struct deadline *d)
{
	if (!list_is_empty(&d->node)) {
		list_remove(&d->node);
		w->n_nodes--;
	}
	place(w, d);
}

struct deadline *wheel_expired(struct wheel *w, uint64_t now_ms)
{
	/* An empty wheel has nothing to catch up with. */
	if (w->n_nodes == 0 && now_ms > w->done_ms)
		w->done_ms = now_ms - now_ms % WHEEL_SLOT_MS;
	while (w->done_ms + WHEEL_SLOT_MS <= now_ms ||
	       !list_is_empty(slot_at(w, w->done_ms))) {
		struct list *node = list_pop_front(slot_at(w, w->done_ms));
		struct deadline *d;

		if (!node) {
			w->done_ms += WHEEL_SLOT_MS;
			continue;
		}
		d = list_entry(node, struct deadline, node);
		w->n_nodes--;
		if (d->at_ms == 0)
			continue;
		if (d->at_ms <= now_ms) {
			d->at_ms = 0;
			return d;
		}
		place(w, d);
	}
	return NULL;
}
