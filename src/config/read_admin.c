/* Where programs and people may ask over HTTP, and under which names. */
#include "http/uri.h"
#include "read.h"

static void parse_listen(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	struct settings *s = &r->snap->settings;
	struct addr addr;

	(void)slot;
	if (!want_scalar(r, k->name, v))
		return;
	if (!addr_parse(v->text, &addr) || addr.sa.sa_family == AF_UNIX) {
		complain(r, &v->at, "write 127.0.0.1:9901",
			 "%s must be an IP address and a port, not \"%s\"",
			 k->name, v->text.p);
		return;
	}
	/* Whoever can reach another one would be let in without a word. */
	if (!addr_is_loopback(&addr)) {
		complain(r, &v->at, "write 127.0.0.1:9901",
			 "%s, \"%s\", is not a loopback address: that needs "
			 "admin.token_file or admin.tls.client_ca, which are "
			 "not built yet",
			 k->name, v->text.p);
		return;
	}
	s->admin_listen = addr;
	s->admin_listen_place = v->at;
}

/* As browsers send them in Host. */
static bool is_host_name(struct slice text)
{
	struct slice name;
	uint16_t port;

	return host_split(text, &name, &port) && slice_eq(name, text) &&
	       host_without_last_dot(text).n == text.n;
}

static void parse_host_names(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct settings *s = &r->snap->settings;

	(void)slot;
	s->admin_host_names = ARENA_ARRAY(r->arena, list->n, struct slice);
	s->n_admin_host_names = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct node *name = list->items[i];

		if (!want_scalar(r, k->name, name))
			continue;
		if (!is_host_name(name->text)) {
			complain(r, &name->at, NULL,
				 "%s are names without a port, such as "
				 "weir.example.com",
				 k->name);
			continue;
		}
		s->admin_host_names[s->n_admin_host_names++] =
			arena_slice(r->arena, name->text);
	}
}

/* As it stands in a path that is normalised, or it would never be met. */
static bool is_path_prefix(struct slice text)
{
	char room[256];
	struct slice normal;

	return text.n > 1 && text.p[0] == '/' && text.p[text.n - 1] != '/' &&
	       slice_find(text, '?') == text.n &&
	       slice_find(text, '#') == text.n &&
	       uri_normalise(text, room, sizeof(room), &normal) &&
	       slice_eq(text, normal);
}

static void parse_path_prefix(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n && !is_path_prefix(v->text))
		complain(r, &v->at, NULL,
			 "%s must be a path such as /weir, as addresses of "
			 "pages have it, without \"/\" at its end",
			 k->name);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static const struct listener *listener_on(struct reader *r, struct addr addr)
{
	char text[ADDR_TEXT_MAX];

	return map_get(&r->sockets, slice_make(text, addr_format(&addr, text)));
}

void check_admin_listen(struct reader *r)
{
	const struct settings *s = &r->snap->settings;
	const struct addr *addr = &s->admin_listen;
	const struct listener *taken;
	struct addr all;

	if (!addr->len)
		return;
	addr_parse_ip(addr->sa.sa_family == AF_INET ? SLICE("0.0.0.0")
						    : SLICE("::"),
		      addr_port(addr), &all);
	taken = listener_on(r, *addr);
	if (!taken)
		taken = listener_on(r, all);
	if (taken)
		complain(r, &s->admin_listen_place, first_at(r, &taken->place),
			 "admin.listen has the address and port of a "
			 "listener");
}

const struct type type_admin_listen = {parse_listen, SHAPE_TEXT, NULL};
const struct type type_admin_hosts = {parse_host_names, SHAPE_TEXT | SHAPE_LIST,
				      NULL};
const struct type type_admin_prefix = {parse_path_prefix, SHAPE_TEXT, NULL};
