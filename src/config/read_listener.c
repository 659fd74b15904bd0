/* Listeners: protocols, certificates and the fields that they set. */
#include <stdio.h>

#include "base/fail.h"
#include "files.h"
#include "http/names.h"
#include "read.h"
#include "tls/policy.h"
#include "tls/server.h"
#include "tls/sources.h"

/* A listener, and what is needed of it only while it is read. */
struct draft {
	struct listener listener;
	struct slice policy;
	struct place policy_at;
	struct tls_certificate_spec *certificates;
	size_t n_certificates;
	struct place certificates_at;
	struct mutual_draft mutual;
};

#define INTO(member) .offset = offsetof(struct draft, listener.member)

/* -- certificates ---------------------------------------------------------- */

struct certificate_draft {
	struct slice chain, key;
	struct slice written; /* the first, as it stands there */
};

static void parse_chain(struct reader *r, const struct key *k,
			const struct node *v, void *slot)
{
	struct certificate_draft *c = slot;

	type_path.parse(r, k, v, &c->chain);
	if (c->chain.n)
		c->written = arena_slice(r->arena, v->text);
}

static const struct type type_chain = {parse_chain, SHAPE_TEXT, NULL};

/* clang-format off */
static const struct key certificate_keys[] = {
	{"certificate", &type_chain, .offset = 0,
	 .flags = KEY_REQUIRED | KEY_PATH,
	 .doc = "PEM file with the chain, the leaf first."},
	{"private_key", &type_path,
	 .offset = offsetof(struct certificate_draft, key),
	 .doc = "PEM file with the key.", .absent = "in the same file"},
	{0},
};
/* clang-format on */

static void parse_certificates(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct draft *d = slot;

	d->certificates_at = v->at;
	if (r->alone) {
		complain(r, &v->at, NULL,
			 "%s: nothing is read beside this text", k->name);
		return;
	}
	if (list->n == 0)
		complain(r, &v->at, NULL, "%s must name at least one", k->name);
	d->certificates = ARENA_ARRAY(&r->tree->arena, list->n,
				      struct tls_certificate_spec);
	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];
		struct certificate_draft c = {{0}, {0}, {0}};

		if (one->kind == NODE_SCALAR)
			parse_chain(r, k, one, &c);
		else if (want_map(r, "a certificate", one))
			read_mapping(r, one, "a certificate", certificate_keys,
				     &c);
		if (c.chain.n == 0)
			continue;
		files_note(r->snap, c.chain, &one->at);
		if (c.key.n)
			files_note(r->snap, c.key, &one->at);
		d->certificates[d->n_certificates++] =
			(struct tls_certificate_spec){
				.chain = c.chain.p,
				.key = c.key.p,
				.written = c.written.p,
				.place = one->at,
			};
	}
	r->n_certificates += list->n ? list->n - 1 : 0;
}

static void parse_policy(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	struct draft *d = slot;
	const struct tls_policy *policy;
	struct nearest near;

	if (!want_scalar(r, k->name, v))
		return;
	d->policy_at = v->at;
	if (tls_policy_find(v->text)) {
		d->policy = arena_slice(r->arena, v->text);
		return;
	}
	near = nearest_to(v->text.p);
	for (size_t i = 0; (policy = tls_policy_at(i)) != NULL; i++)
		nearest_try(&near, policy->name);
	complain(r, &v->at, nearest_hint(r, &near),
		 "there is no security policy \"%s\"", v->text.p);
}

static void free_tls(void *object)
{
	tls_server_unref(object);
}

/* For as long as the listener lives: its files may change. The trust is loaded
 * anew then. */
static const struct tls_sources *
keep_sources(struct reader *r, const struct draft *d,
	     const struct tls_server_spec *spec)
{
	struct tls_sources *s = ARENA_NEW(r->arena, struct tls_sources);
	struct tls_certificate_spec *certificates = ARENA_ARRAY(
		r->arena, spec->n_certificates, struct tls_certificate_spec);

	memcpy(certificates, spec->certificates,
	       spec->n_certificates * sizeof(*certificates));
	s->server = *spec;
	s->server.certificates = certificates;
	s->server.mutual.trust = NULL;
	s->trust = keep_trust(r, &d->mutual);
	return s;
}

/* `workers: auto` is known by now: settings are read first. */
static void set_up_tls(struct reader *r, struct draft *d)
{
	static const char *const alpn[] = {"h2", "http/1.1"};
	struct listener *l = &d->listener;
	const size_t first = l->balancer->http2 ? 0 : 1;
	struct slice name = slice_of(arena_printf(
		r->arena, "%.*s:%u", SLICE_ARG(l->balancer->name), l->port));
	struct tls_server_spec spec = {
		.policy = d->policy,
		.policy_place = d->policy_at,
		.certificates = d->certificates,
		.n_certificates = d->n_certificates,
		.n_workers = r->snap->settings.workers,
		.alpn = alpn + first,
		.n_alpn = ARRAY_SIZE(alpn) - first,
		.tickets = r->options->tickets,
		.context = name,
	};

	if (spec.n_workers == 0)
		spec.n_workers = 1;
	if (d->policy_at.line == 0)
		spec.policy_place = l->place;
	fill_mutual(r, &d->mutual, &spec.mutual);
	l->tls = tls_server_new(&spec, r->diag);
	if (!l->tls)
		return;
	snapshot_on_free(r->snap, free_tls, l->tls);
	l->tls_sources = keep_sources(r, d, &spec);
}

/* -- fields on responses --------------------------------------------------- */

enum { FIELD_VALUE_MAX = 1024 };

static bool check_field_value(struct reader *r, const struct key *k,
			      const struct node *v)
{
	if (v->text.n > FIELD_VALUE_MAX) {
		complain(r, &v->at, NULL, "%s must have at most %d characters",
			 k->name, FIELD_VALUE_MAX);
		return false;
	}
	for (size_t i = 0; i < v->text.n; i++) {
		char c = v->text.p[i];
		struct place at = node_part(v, i, 1);

		if (c >= ' ' && c <= '~' && !(r->strict && strchr("\"$", c)))
			continue;
		complain(r, &at, NULL, "%s has a sign that may not be in it",
			 k->name);
		return false;
	}
	return true;
}

/* "routing.http.response.x_frame_options.header_value" is X-Frame-Options. */
static struct slice field_of_key(struct reader *r, const struct key *k)
{
	struct slice name =
		slice_from(slice_of(k->name), strlen("routing.http.response."));
	bool first = true;
	char *text;

	name = arena_slice(r->arena, slice_first(name, slice_find(name, '.')));
	text = arena_strdup(r->arena, name.p);
	for (size_t i = 0; i < name.n; i++) {
		if (text[i] == '_')
			text[i] = '-';
		else if (first)
			text[i] = (char)(text[i] & ~0x20);
		first = text[i] == '-';
	}
	return slice_make(text, name.n);
}

static void parse_field_value(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	struct draft *d = slot;
	struct listener *l = &d->listener;
	struct response_field *f;

	/* Empty is AWS's word for "leave the field as it is". */
	if (!want_scalar(r, k->name, v) || v->text.n == 0 ||
	    !check_field_value(r, k, v))
		return;
	if (!l->response_fields)
		l->response_fields =
			ARENA_ARRAY(r->arena, KEYS_MAX, struct response_field);
	f = &l->response_fields[l->n_response_fields++];
	f->name = field_of_key(r, k);
	f->id = (uint8_t)name_of(f->name);
	f->value = arena_slice(r->arena, v->text);
}

/* -- the rest -------------------------------------------------------------- */

/* clang-format off */
static const struct word protocols[] = {
	{"HTTP", PROTOCOL_HTTP, NULL},
	{"HTTPS", PROTOCOL_HTTPS, NULL},
	{"TCP", PROTOCOL_TCP, "network load balancers are not built yet"},
	{"UDP", PROTOCOL_UDP, "network load balancers are not built yet"},
	{"TCP_UDP", PROTOCOL_TCP_UDP,
	 "network load balancers are not built yet"},
	{"TLS", PROTOCOL_TLS, "network load balancers are not built yet"},
	{"QUIC", 0, "weir does not speak QUIC"},
	{"TCP_QUIC", 0, "weir does not speak QUIC"},
	{0},
};
/* clang-format on */

const struct type type_certificates = {
	parse_certificates, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, NULL};
const struct type type_policy = {parse_policy, SHAPE_TEXT,
				 "^ELBSecurityPolicy-"};
static const struct type type_field_value = {parse_field_value, SHAPE_TEXT,
					     NULL};

#define RENAME_ROW(name)                                                       \
	{                                                                      \
		"routing.http.request." name ".header_name", &type_rename,     \
			INTO(amzn_names),                                      \
			.doc = "Another name for that field.",                 \
			.absent = "the field's own name"                       \
	}

#define FIELD_ROW(name, field)                                                 \
	{                                                                      \
		"routing.http.response." name ".header_value",                 \
			&type_field_value, 0,                                  \
			.doc = "Sets " field " on every response.",            \
			.absent = "untouched"                                  \
	}

static void parse_proxy_protocol(struct reader *r, const struct key *k,
				 const struct node *v, void *slot)
{
	bool *enabled = slot;

	type_boolean.parse(r, k, v, enabled);
	if (*enabled && !r->balancer->trusted)
		complain(r, &v->at,
			 "such as trusted_addresses: 10.0.0.0/8, beside "
			 "\"listeners\"",
			 "PROXY headers are only taken from trusted_addresses: "
			 "the load balancer has none");
}

static const struct type type_proxy_protocol = {parse_proxy_protocol,
						SHAPE_BOOLEAN, NULL};

/* clang-format off */
const struct key listener_keys[] = {
	{"port", &type_port, INTO(port), .flags = KEY_REQUIRED,
	 .doc = "1 to 65535."},
	{"protocol", &type_word, INTO(protocol), "HTTP", .words = protocols,
	 .doc = "What clients speak."},
	{"ssl_policy", &type_policy, 0,
	 .doc = "TLS versions and ciphers, by the name that AWS gives them.",
	 .absent = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"},
	{"certificates", &type_certificates, 0, .keys = certificate_keys,
	 .flags = KEY_PATH,
	 .doc = "The first is the default, the rest are chosen by SNI; a file "
		"name alone: chain and key in one file.",
	 .absent = "none; HTTPS needs one"},
	{"mutual_authentication", &type_mutual,
	 .offset = offsetof(struct draft, mutual), .keys = mutual_keys,
	 .doc = "Asks clients for certificates.", .absent = "off"},
	{"alpn_policy", &type_not_built, NO_SLOT,
	 .refusal = "it is for network load balancers",
	 .doc = "Protocols offered inside of TLS.", .absent = "None"},
	{"tcp.idle_timeout.seconds", &type_not_built, NO_SLOT,
	 .refusal = "it is for network load balancers",
	 .doc = "Idle timeout of TCP flows.", .absent = "350"},
	RENAME_ROW("x_amzn_mtls_clientcert_serial_number"),
	RENAME_ROW("x_amzn_mtls_clientcert_issuer"),
	RENAME_ROW("x_amzn_mtls_clientcert_subject"),
	RENAME_ROW("x_amzn_mtls_clientcert_validity"),
	RENAME_ROW("x_amzn_mtls_clientcert_leaf"),
	RENAME_ROW("x_amzn_mtls_clientcert"),
	RENAME_ROW("x_amzn_tls_version"),
	RENAME_ROW("x_amzn_tls_cipher_suite"),
	FIELD_ROW("strict_transport_security", "Strict-Transport-Security"),
	FIELD_ROW("content_security_policy", "Content-Security-Policy"),
	FIELD_ROW("x_content_type_options", "X-Content-Type-Options"),
	FIELD_ROW("x_frame_options", "X-Frame-Options"),
	FIELD_ROW("access_control_allow_origin",
		  "Access-Control-Allow-Origin"),
	FIELD_ROW("access_control_allow_methods",
		  "Access-Control-Allow-Methods"),
	FIELD_ROW("access_control_allow_headers",
		  "Access-Control-Allow-Headers"),
	FIELD_ROW("access_control_allow_credentials",
		  "Access-Control-Allow-Credentials"),
	FIELD_ROW("access_control_expose_headers",
		  "Access-Control-Expose-Headers"),
	FIELD_ROW("access_control_max_age", "Access-Control-Max-Age"),
	{"routing.http.response.server.enabled", &type_boolean,
	 INTO(server_field), "true",
	 .doc = "Server: awselb/2.0 on answers that weir makes."},
	{"routing.http.response.weir_reason.enabled", &type_boolean,
	 INTO(reason_field), "true",
	 .doc = "weir-reason: TOKEN on errors that weir makes."},
	{"request_headers", &type_changes, INTO(request_changes),
	 .keys = changes_keys,
	 .doc = "Changes header fields on their way to targets.",
	 .absent = "none"},
	{"response_headers", &type_changes, INTO(response_changes),
	 .keys = changes_keys,
	 .doc = "Changes header fields on their way to clients, on answers "
		"that weir makes, too.",
	 .absent = "none"},
	{"proxy_protocol.enabled", &type_proxy_protocol, INTO(proxy_protocol),
	 "false",
	 .doc = "A PROXY header must come first from trusted_addresses."},
	{"error_pages", &type_error_pages, INTO(error_pages),
	 .keys = error_page_keys,
	 .doc = "Bodies for answers that weir makes.",
	 .absent = "those of the load balancer"},
	{"limits", &type_limits, INTO(limits), .keys = limit_keys,
	 .doc = "Requests and connections that a client may make, beside those "
		"of the load balancer.",
	 .absent = "none"},
	{"maintenance", &type_maintenance, INTO(maintenance),
	 .keys = maintenance_keys,
	 .doc = "Answers everybody with 503, but some.",
	 .absent = "as the load balancer"},
	NOT_BUILT("udp.expected_responses",
		  "Datagrams of its target after which a flow ends.", "none"),
	{"instance_port", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "Port of the targets of a classic load balancer.",
	 .absent = "none"},
	{"instance_protocol", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "Protocol of the targets of a classic load balancer.",
	 .absent = "none"},
	{"stickiness", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers; others have it in "
		    "their target groups",
	 .doc = "Stickiness of a classic load balancer.", .absent = "none"},
	{"proxy_protocol_v1", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "PROXY headers of a classic load balancer.", .absent = "none"},
	{"rules", &type_rules, 0, .keys = rule_keys,
	 .doc = "Conditions and actions; the lowest priority whose conditions "
		"are met wins.",
	 .absent = "none: the default actions alone"},
	{"default_actions", &type_default_actions, 0, .keys = action_keys,
	 .flags = KEY_REQUIRED,
	 .doc = "What happens when no rule's conditions are met."},
	{0},
};
/* clang-format on */

static void check_tls(struct reader *r, struct draft *d)
{
	struct listener *l = &d->listener;

	l->verifies_clients = d->mutual.mode == MUTUAL_VERIFY;
	if (l->protocol == PROTOCOL_HTTPS) {
		if (r->options->without_secrets)
			return;
		if (d->n_certificates && l->port)
			set_up_tls(r, d);
		else if (d->certificates_at.line == 0)
			complain(r, &l->place, NULL,
				 "a listener with protocol HTTPS lacks "
				 "\"certificates\"");
		return;
	}
	if (d->certificates_at.line)
		complain(r, &d->certificates_at, "add protocol: HTTPS",
			 "certificates are of no use to protocol HTTP");
	if (d->policy_at.line)
		complain(r, &d->policy_at, "add protocol: HTTPS",
			 "an ssl_policy is of no use to protocol HTTP");
	if (d->mutual.mode != MUTUAL_OFF)
		complain(r, &d->mutual.place, "add protocol: HTTPS",
			 "mutual_authentication is of no use to protocol HTTP");
}

/* One socket for each address and port. */
static void claim_sockets(struct reader *r, struct listener *l)
{
	struct load_balancer *lb = l->balancer;
	struct addr all[2];
	size_t n = lb->n_addresses ? lb->n_addresses : 2;
	const struct addr *addresses = lb->n_addresses ? lb->addresses : all;

	addr_parse_ip(SLICE("0.0.0.0"), 0, &all[0]);
	addr_parse_ip(SLICE("::"), 0, &all[1]);
	for (size_t i = 0; i < n; i++) {
		struct addr a = addresses[i];
		char text[ADDR_TEXT_MAX];
		struct slice key;
		struct listener *twin;

		addr_set_port(&a, l->port);
		key = slice_make(text, addr_format(&a, text));
		twin = map_get(&r->sockets, key);
		if (!twin) {
			map_put(&r->sockets, arena_slice(&r->tree->arena, key),
				l);
			continue;
		}
		complain(r, &l->place, first_at(r, &twin->place),
			 "two listeners on %.*s", SLICE_ARG(key));
		return;
	}
}

/* What is asked before its rules. */
static void make_gate(struct reader *r, struct listener *l)
{
	make_limits(r, l);
	if (!l->maintenance)
		l->maintenance = l->balancer->maintenance;
	if (l->maintenance && !l->maintenance->enabled)
		l->maintenance = NULL;
	l->acme_challenges = r->snap->settings.acme_challenges;
	l->is_gated |= l->maintenance || l->acme_challenges.n;
}

static void read_listener(struct reader *r, const struct node *v,
			  struct listener *l)
{
	struct draft d = {.listener = *l};
	unsigned before = r->diag->n_errors;

	d.listener.place = v->at;
	*l = d.listener;
	if (!want_map(r, "a listener", v))
		return;
	/* Rules look at the listener's port and protocol while it is read. */
	r->listener = &d.listener;
	read_mapping(r, v, "a listener", listener_keys, &d);
	r->listener = NULL;
	check_tls(r, &d);
	*l = d.listener;
	make_edits(r, l);
	l->port_text = slice_of(arena_printf(r->arena, "%u", l->port));
	make_gate(r, l);
	if (l->port)
		claim_sockets(r, l);
	if (r->diag->n_errors == before)
		make_index(r, l);
}

static void parse_listeners(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct load_balancer *lb = slot;

	(void)k;
	lb->listeners = ARENA_ARRAY(r->arena, list->n, struct listener);
	lb->n_listeners = list->n;
	for (size_t i = 0; i < list->n; i++) {
		struct listener *l = &lb->listeners[i];

		l->balancer = lb;
		l->index = (uint32_t)r->snap->n_listeners++;
		read_listener(r, list->items[i], l);
	}
	if (list->n == 0)
		warn(r, &v->at, NULL,
		     "a load balancer without listeners receives nothing");
	if (r->strict && list->n > 50)
		aws_refuses(r, &v->at, "AWS takes at most 50 listeners");
}

const struct type type_listeners = {parse_listeners, SHAPE_MAP | SHAPE_LIST,
				    NULL};
