#include "pages.h"

#include <stdlib.h>

#include "model/route.h"
#include "proxy/core.h"
#include "proxy/edits.h"

static struct slice keep(char **at, struct slice text)
{
	struct slice kept = slice_make(*at, text.n);

	memcpy(*at, text.p, text.n);
	*at += text.n;
	return kept;
}

static void note(struct exchange *x, struct slice host, struct slice trace_id)
{
	struct told *told = malloc(sizeof(*told) + host.n + trace_id.n);
	char *at;

	if (!told)
		return;
	at = told->octets;
	told->host = keep(&at, host);
	told->trace_id = keep(&at, trace_id);
	x->told = told;
}

void pages_note(struct exchange *x, const struct http_head *head)
{
	struct worker *w = x->worker;

	note(x, route_host(x->listener, head, &w->scratch.route),
	     edits_trace_id(w, head));
}

const struct error_page *pages_find(const struct exchange *x, unsigned status)
{
	const struct error_page *page = NULL;

	if (x->group && x->group->version == VERSION_GRPC)
		return NULL;
	if (x->group)
		page = error_page_find(&x->group->error_pages, status);
	if (!page)
		page = error_page_find(&x->listener->error_pages, status);
	if (!page)
		page = error_page_find(&x->listener->balancer->error_pages,
				       status);
	return page;
}

static void fill(struct exchange *x, enum reason reason, struct writer *code,
		 unsigned status, struct slice values[PAGE_PLACES])
{
	static const struct http_head none = {0};
	char *start = code->at;

	/* One whose head was never read has an id all the same. */
	if (!x->told) {
		x->worker->scratch.trace = SLICE("");
		note(x, SLICE(""), edits_trace_id(x->worker, &none));
	}
	writer_u64(code, status);
	values[PAGE_TEXT] = SLICE("");
	values[PAGE_STATUS_CODE] =
		slice_make(start, (size_t)(code->at - start));
	values[PAGE_REASON] = slice_of(reason_token(reason));
	values[PAGE_SENTENCE] = slice_of(reason_sentence(reason));
	values[PAGE_HOST] = x->told ? x->told->host : SLICE("");
	values[PAGE_TRACE_ID] = x->told ? x->told->trace_id : SLICE("");
}

char *pages_write(struct exchange *x, const struct error_page *page,
		  enum reason reason, unsigned status, struct slice *body)
{
	struct slice values[PAGE_PLACES];
	char code[4], *room;
	struct writer number = writer_make(code, sizeof(code)), w;

	*body = SLICE("");
	if (!page->holes) {
		if (page->n_parts)
			*body = page->parts[0].text;
		return NULL;
	}
	room = malloc(page->most);
	if (!room)
		return NULL;
	fill(x, reason, &number, status, values);
	w = writer_make(room, page->most);
	error_page_write(&w, page, values);
	*body = slice_make(room, (size_t)(w.at - room));
	return room;
}
