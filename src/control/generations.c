#include "generations.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon.h"
#include "model/generation.h"
#include "status.h"

void generations_begin(struct daemon *d, struct snapshot *snap)
{
	struct generation *g = generation_begin(snap, d->n_workers);

	list_foreach (node, &d->generations) {
		struct generation *old =
			list_entry(node, struct generation, node);

		if (!old->replaced_ms)
			old->replaced_ms = clock_now_ms() + !clock_now_ms();
	}
	list_push_front(&d->generations, &g->node);
}

static void forget(struct generation *g)
{
	list_remove(&g->node);
	generation_unref(g);
}

static void end(struct daemon *d, const struct generation *g,
		const struct generation_sum *sum)
{
	struct log_line l;

	log_begin(&l, LOG_WARNING,
		  "the time of a generation that was replaced is over: what "
		  "runs in it is cut");
	log_num(&l, "generation", (int64_t)g->number);
	log_num(&l, "requests", (int64_t)sum->exchanges);
	log_end(&l);
	for (unsigned w = 0; w < d->n_workers; w++)
		worker_end_generations(d->workers[w], g->number);
}

void generations_tend(struct daemon *d)
{
	uint64_t now = clock_now_ms(), most_ms;

	if (!d->snap)
		return;
	most_ms = d->snap->settings.drain_timeout_ms;
	list_foreach_safe (node, &d->generations) {
		struct generation *g =
			list_entry(node, struct generation, node);
		struct generation_sum sum = generation_sum(g);

		if (!g->replaced_ms)
			continue;
		if (sum.workers == 0)
			forget(g);
		else if (most_ms && now - g->replaced_ms >= most_ms)
			end(d, g, &sum);
	}
}

/* All there are, also those that are upgraded and in no generation. */
static struct generation_sum all_of(const struct daemon *d)
{
	struct generation_sum sum = {0};

	for (unsigned w = 0; w < d->n_workers; w++) {
		struct worker_gauges g;

		worker_read_gauges(d->workers[w], &g);
		sum.exchanges += g.requests_under_way;
		sum.connections += g.client_connections;
	}
	return sum;
}

static uint64_t less(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

static json_t *one(const struct generation *g, struct generation_sum sum)
{
	return json_pack("{s:I, s:o, s:I, s:I}", "generation",
			 (json_int_t)g->number, "since",
			 status_time((uint64_t)g->since_s), "exchanges",
			 (json_int_t)sum.exchanges, "connections",
			 (json_int_t)sum.connections);
}

json_t *generations_alive(const struct daemon *d)
{
	struct generation_sum rest = all_of(d);
	json_t *list = json_array();

	/* From the oldest on: the newest has what is left. */
	for (struct list *node = d->generations.prev; node != &d->generations;
	     node = node->prev) {
		const struct generation *g =
			list_entry(node, struct generation, node);
		struct generation_sum sum = generation_sum(g);

		if (g->replaced_ms && sum.workers == 0)
			continue;
		json_array_insert_new(list, 0,
				      one(g, g->replaced_ms ? sum : rest));
		rest.exchanges = less(rest.exchanges, sum.exchanges);
		rest.connections = less(rest.connections, sum.connections);
	}
	return list;
}

void generations_release(struct daemon *d)
{
	list_foreach_safe (node, &d->generations)
		forget(list_entry(node, struct generation, node));
}
