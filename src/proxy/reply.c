#include "reply.h"

#include "base/clock.h"
#include "http/h1_write.h"
#include "proxy/core.h"

/* Titles of 46x and 56x are the number alone. */
static void write_title(struct writer *w, unsigned status)
{
	struct slice phrase = status == 302 ? SLICE("Found")
					    : http_phrase(status);

	writer_u64(w, status);
	if (phrase.n) {
		writer_char(w, ' ');
		writer_put(w, phrase);
	}
}

/* The page of nginx, without its last line. */
static void write_page(struct writer *w, unsigned status)
{
	writer_literal(w, "<html>\r\n<head><title>");
	write_title(w, status);
	writer_literal(w, "</title></head>\r\n<body>\r\n<center><h1>");
	write_title(w, status);
	writer_literal(w, "</h1></center>\r\n</body>\r\n</html>\r\n");
}

struct answer {
	unsigned status;
	enum reason reason;
	struct slice content_type, body;
	struct slice location; /* empty: none */
	bool keep;
};

static bool is_set(const struct listener *l, enum name id)
{
	for (size_t i = 0; i < l->n_response_fields; i++)
		if (l->response_fields[i].id == id)
			return true;
	return false;
}

static void write_head(struct writer *w, const struct listener *l,
		       const struct answer *a)
{
	writer_status_line(w, a->status);
	if (l->server_field && !is_set(l, NAME_SERVER))
		writer_field(w, SLICE("Server"), SLICE("awselb/2.0"));
	writer_field(w, SLICE("Date"),
		     slice_make(clock_http_date(), CLOCK_HTTP_DATE_OCTETS));
	/* RFC 9110 15.3.5: a 204 has no content and so no length. */
	if (a->status != 204) {
		writer_field(w, SLICE("Content-Type"), a->content_type);
		writer_field_u64(w, SLICE("Content-Length"), a->body.n);
	}
	writer_field(w, SLICE("Connection"),
		     a->keep ? SLICE("keep-alive") : SLICE("close"));
	if (a->location.n)
		writer_field(w, SLICE("Location"), a->location);
	for (size_t i = 0; i < l->n_response_fields; i++)
		writer_field(w, l->response_fields[i].name,
			     l->response_fields[i].value);
	if (l->reason_field && !reason_is_action(a->reason))
		writer_field(w, SLICE("weir-reason"),
			     slice_of(reason_token(a->reason)));
	writer_literal(w, "\r\n");
}

static bool send_answer(struct exchange *x, const struct answer *a)
{
	const struct listener *l = x->listener;
	size_t need = 1024 + a->location.n + a->body.n;
	struct piece piece;
	struct writer w;
	char *room;

	for (size_t i = 0; i < l->n_response_fields; i++)
		need += l->response_fields[i].name.n +
			l->response_fields[i].value.n + 4;
	room = piece_claim(need);
	if (!room)
		return false;
	w = writer_make(room, need);
	write_head(&w, l, a);
	if (x->method != METHOD_HEAD && a->status != 204)
		writer_put(&w, a->body);
	piece = piece_take(w.overflow ? 0 : (size_t)(w.at - room));
	chain_append_piece(&x->front.conn->out, &piece);
	piece_release(&piece);
	conn_dirty(x->front.conn);
	x->status = (uint16_t)a->status;
	x->answered = true;
	return !w.overflow;
}

enum { PAGE_MAX = 512 };

/* An answer with the page of its status as the body. */
static bool send_page(struct exchange *x, struct answer *a)
{
	char page[PAGE_MAX];
	struct writer w = writer_make(page, sizeof(page));

	write_page(&w, a->status);
	a->content_type = SLICE("text/html");
	a->body = slice_make(page, (size_t)(w.at - page));
	return send_answer(x, a);
}

bool reply_error(struct exchange *x, enum reason reason, bool keep)
{
	return send_page(x, &(struct answer){
				    .status = (unsigned)reason_status(reason),
				    .reason = reason,
				    .keep = keep,
			    });
}

bool reply_redirect(struct exchange *x, unsigned status, struct slice location,
		    bool keep)
{
	return send_page(x, &(struct answer){
				    .status = status,
				    .reason = REASON_REDIRECT,
				    .location = location,
				    .keep = keep,
			    });
}

bool reply_fixed(struct exchange *x, const struct fixed_response *fixed,
		 bool keep)
{
	return send_answer(x, &(struct answer){
				      .status = fixed->status,
				      .reason = REASON_FIXED_RESPONSE,
				      .content_type = fixed->content_type,
				      .body = fixed->body,
				      .keep = keep,
			      });
}
