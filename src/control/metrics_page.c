/*
 * metrics_page.c - who asks for metrics, and in which format.
 *
 * Floor: control.
 */
#include "admin.h"
#include "daemon.h"
#include "http/head.h"
#include "metrics.h"
#include "status.h"

/* -- Accept ---------------------------------------------------------------- */

/* Thousandths of "0.5"; 1000 for what cannot be read. */
static unsigned quality(struct slice text)
{
	unsigned q = 0, part = 1000;

	if (text.n == 0 || text.p[0] < '0' || text.p[0] > '1')
		return 1000;
	for (size_t i = 0; i < text.n; i++) {
		if (i == 1 && text.p[i] == '.')
			continue;
		if (text.p[i] < '0' || text.p[i] > '9' || part == 0)
			break;
		q += (unsigned)(text.p[i] - '0') * part;
		part /= 10;
	}
	return q < 1000 ? q : 1000;
}

/* One of the list; its type is cut off, and its q is returned. */
static unsigned read_range(struct slice range, struct slice *type)
{
	unsigned q = 1000;

	*type = slice_trim(slice_cut(&range, ';'));
	while (range.n) {
		struct slice value = slice_trim(slice_cut(&range, ';'));
		struct slice key = slice_trim(slice_cut(&value, '='));

		if (slice_eq_fold(key, SLICE("q")))
			q = quality(slice_trim(value));
	}
	return q;
}

enum metrics_format metrics_format_of(struct slice accept)
{
	unsigned open = 0, text = 0;

	while (accept.n) {
		struct slice type;
		unsigned q = read_range(slice_cut(&accept, ','), &type);

		if (slice_eq_fold(type, SLICE("application/openmetrics-text")))
			open = q;
		else if (slice_eq_fold(type, SLICE("text/plain")))
			text = q;
	}
	return open && open >= text ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}

/* -- the page -------------------------------------------------------------- */

static bool more_metrics(struct web_answer *a)
{
	return metrics_go_on(a->state, &a->body);
}

static void release(void *state)
{
	metrics_end(state);
}

static struct slice accept_of(const struct http_head *head)
{
	for (size_t i = 0; i < head->n_fields; i++)
		if (slice_eq_fold(head->fields[i].name, SLICE("Accept")))
			return head->fields[i].value;
	return SLICE("");
}

void metrics_page(void *arg, const struct web_request *q, struct web_answer *a)
{
	enum metrics_format format = metrics_format_of(accept_of(q->head));

	a->content_type =
		format == METRICS_OPENMETRICS
			? SLICE("application/openmetrics-text; version=1.0.0; "
				"charset=utf-8")
			: SLICE("text/plain; version=0.0.4; charset=utf-8");
	a->state = metrics_begin(arg, format);
	a->release = release;
	a->more = more_metrics;
}

json_t *metrics_answer(struct daemon *d, const json_t *request, uint64_t *memo)
{
	struct metrics *m = metrics_begin(d, METRICS_PROMETHEUS);
	json_t *o = admin_ok();
	struct text all = {0};

	(void)request;
	(void)memo;
	while (metrics_go_on(m, &all))
		continue;
	metrics_end(m);
	json_object_set_new(o, "text", status_text(text_slice(&all)));
	text_release(&all);
	return o;
}
