/* TLS towards targets: for each group, one client for each policy that the load
 * balancers in front of it lead to. */
#include "base/fail.h"
#include "base/text.h"
#include "files.h"
#include "read.h"
#include "tls/client.h"
#include "tls/identity.h"
#include "tls/policy.h"
#include "tls/server.h"
#include "tls/trust.h"

#define INTO(member) .offset = offsetof(struct target_tls, member)

enum { SERVER_NAME_OCTETS_MAX = 253 };

static bool is_name_sign(char c)
{
	return ascii_is_digit(c) || (c && strchr(".-_:", c)) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static void parse_server_name(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	bool fine = v->text.n > 0 && v->text.n <= SERVER_NAME_OCTETS_MAX;

	if (!want_scalar(r, k->name, v))
		return;
	for (size_t i = 0; fine && i < v->text.n; i++)
		fine = is_name_sign(v->text.p[i]);
	if (fine)
		*(struct slice *)slot = arena_slice(r->arena, v->text);
	else
		complain(r, &v->at, NULL,
			 "%s must be a host name or an address", k->name);
}

static const struct type type_server_name = {parse_server_name, SHAPE_TEXT,
					     NULL};

/* clang-format off */
const struct key target_tls_keys[] = {
	{"verify", &type_boolean, INTO(verify), "false",
	 .doc = "Whether a target's certificate has to be good, and for its "
		"name."},
	{"ca_bundle", &type_path, INTO(ca_bundle),
	 .doc = "PEM file with the CAs that it is checked with.",
	 .absent = "settings.ca_bundle"},
	{"server_name", &type_server_name, INTO(server_name),
	 .doc = "The name in the server name indication, and the one that is "
		"verified.",
	 .absent = "the Host that is sent; verified is the target's host name, "
		   "else its address"},
	{"certificate", &type_path, INTO(certificate),
	 .doc = "PEM file with a chain for targets that ask, the leaf first.",
	 .absent = "none"},
	{"private_key", &type_path, INTO(private_key),
	 .doc = "PEM file with its key.", .absent = "in the same file"},
	{0},
};
/* clang-format on */

static bool speaks_tls(const struct target_group *g)
{
	return g->protocol == PROTOCOL_HTTPS;
}

static bool is_checked_by_tls(const struct target_group *g)
{
	return g->health_check.enabled &&
	       g->health_check.protocol == PROTOCOL_HTTPS;
}

static void note(struct reader *r, struct slice path, const struct place *at)
{
	if (path.n)
		files_note(r->snap, path, at);
}

static void check_names(struct reader *r, const struct target_group *g)
{
	for (size_t i = 0; i < g->n_targets; i++)
		if (g->targets[i].kind == TARGET_UNIX)
			complain(r, &g->targets[i].place,
				 "give target_tls.server_name",
				 "a path has no name that a certificate could "
				 "be verified for");
}

void check_target_tls(struct reader *r, const struct target_group *g)
{
	const struct target_tls *t = &g->target_tls;
	const struct place *at = &t->place;

	if (at->line == 0)
		return;
	if (!speaks_tls(g) && !is_checked_by_tls(g))
		complain(r, at, "add protocol: HTTPS",
			 "target_tls is of no use where neither the targets "
			 "nor their checks speak HTTPS");
	if (t->ca_bundle.n && !t->verify)
		complain(r, at, "add verify: true",
			 "target_tls.ca_bundle is of no use without verify");
	if (t->private_key.n && !t->certificate.n)
		complain(r, at, NULL,
			 "target_tls.private_key is of no use without "
			 "certificate");
	if (t->verify && !t->server_name.n)
		check_names(r, g);
}

static void parse_target_tls(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	struct target_tls *t = slot;

	if (!want_map(r, k->name, v))
		return;
	t->place = r->key_at;
	if (r->alone)
		complain(r, &v->at, NULL,
			 "%s: nothing is read beside this text", k->name);
	read_mapping(r, v, k->name, target_tls_keys, t);
	note(r, t->ca_bundle, &t->place);
	note(r, t->certificate, &t->place);
	note(r, t->private_key, &t->place);
}

const struct type type_target_tls = {parse_target_tls, SHAPE_MAP, NULL};

/* -- trust, shared by all that name the same files ------------------------- */

static struct slice key_of_trust(struct reader *r,
				 const struct trust_spec *spec)
{
	struct text t = {0};
	struct slice key;

	text_addf(&t, "%s", spec->bundle.path ? spec->bundle.path : "");
	for (size_t i = 0; i < spec->n_crls; i++)
		text_addf(&t, "\n%s", spec->crls[i].path);
	key = arena_slice(&r->tree->arena, text_slice(&t));
	text_release(&t);
	return key;
}

struct trust *share_trust(struct reader *r, const struct trust_spec *spec)
{
	struct slice key = key_of_trust(r, spec);
	struct trust *t = map_get(&r->trusts, key);

	if (!t) {
		t = trust_load(spec, r->diag);
		if (t)
			map_put(&r->trusts, key, t);
	}
	return t;
}

void release_trusts(struct reader *r)
{
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&r->trusts, &at)) != NULL)
		trust_unref(slot->value);
	map_release(&r->trusts);
}

/* -- clients --------------------------------------------------------------- */

static void free_client(void *object)
{
	tls_client_unref(object);
}

/* What two groups have in common that can share a client. */
static struct slice key_of_client(struct reader *r,
				  const struct target_group *g, unsigned rank)
{
	const struct target_tls *t = &g->target_tls;

	return slice_of(arena_printf(
		&r->tree->arena, "%u\n%d %d\n%.*s\n%.*s\n%.*s\n%.*s", rank,
		g->version == VERSION_HTTP1, t->verify, SLICE_ARG(t->ca_bundle),
		SLICE_ARG(t->server_name), SLICE_ARG(t->certificate),
		SLICE_ARG(t->private_key)));
}

static struct trust *trust_of(struct reader *r, const struct target_tls *t)
{
	struct slice path = t->ca_bundle.n ? t->ca_bundle
					   : r->snap->settings.ca_bundle;
	const struct trust_spec spec = {
		.bundle = {path.n ? path.p : NULL, t->place},
	};

	if (!t->ca_bundle.n)
		note(r, path, &t->place);
	return share_trust(r, &spec);
}

static struct tls_identity *identity_of(struct reader *r,
					const struct target_tls *t)
{
	return tls_identity_load(t->certificate.p,
				 t->private_key.n ? t->private_key.p : NULL,
				 &t->place, r->diag);
}

static struct tls_client *
make_client(struct reader *r, const struct target_group *g, unsigned rank)
{
	static const char *const http2[] = {"h2"};
	const struct target_tls *t = &g->target_tls;
	struct tls_client_spec spec = {
		.policy = tls_target_policy(rank),
		.n_workers = r->snap->settings.workers + 1,
		.server_name = t->server_name,
		.alpn = http2,
		.n_alpn = g->version == VERSION_HTTP1 ? 0 : ARRAY_SIZE(http2),
	};
	struct diag heard = {0}; /* the listeners said it already */
	struct tls_client *client = NULL;
	unsigned before = r->diag->n_errors;

	spec.trust = t->verify ? trust_of(r, t) : NULL;
	spec.identity = t->certificate.n ? identity_of(r, t) : NULL;
	if (r->diag->n_errors == before) {
		client = tls_client_new(&spec, &heard);
		if (!client)
			complain(r, &t->place, NULL,
				 "TLS towards targets cannot be set up: %s",
				 heard.findings[0].sentence);
	}
	tls_identity_unref(spec.identity);
	diag_release(&heard);
	return client;
}

static struct tls_client *client_of(struct reader *r, struct map *clients,
				    const struct target_group *g, unsigned rank)
{
	static char failed;
	struct slice key = key_of_client(r, g, rank);
	struct slice any_rank = slice_from(key, slice_find(key, '\n'));
	struct tls_client *c = map_get(clients, key);

	if (c || map_get(clients, any_rank))
		return c;
	c = make_client(r, g, rank);
	if (!c) {
		/* It would fail in the same way for each load balancer. */
		map_put(clients, any_rank, &failed);
		return NULL;
	}
	map_put(clients, key, c);
	snapshot_on_free(r->snap, free_client, c);
	return c;
}

/* The load balancers come in the order of the file, so the checks get the
 * client of the first. */
static void serve_group(struct reader *r, struct map *clients,
			struct target_group *g, const struct load_balancer *lb)
{
	const unsigned rank = lb->target_rank;

	if (speaks_tls(g) && !g->tls)
		g->tls = ARENA_ARRAY(r->arena, TARGET_RANKS,
				     struct tls_client *);
	if (speaks_tls(g) && !g->tls[rank])
		g->tls[rank] = client_of(r, clients, g, rank);
	if (is_checked_by_tls(g) && !g->check_tls)
		g->check_tls = client_of(r, clients, g, rank);
}

static void serve_rule(struct reader *r, struct map *clients,
		       const struct rule *rule, const struct load_balancer *lb)
{
	const struct forward *f = &rule->action.forward;

	if (rule->action.kind != ACTION_FORWARD)
		return;
	for (size_t i = 0; i < f->n_groups; i++)
		serve_group(r, clients, f->groups[i].group, lb);
}

static unsigned rank_of(struct reader *r, const struct load_balancer *lb)
{
	const struct tls_policy **all = ARENA_ARRAY(&r->tree->arena,
						    lb->n_listeners + 1,
						    const struct tls_policy *);
	size_t n = 0;

	for (size_t i = 0; i < lb->n_listeners; i++)
		if (lb->listeners[i].tls)
			all[n++] = tls_server_policy(lb->listeners[i].tls);
	return tls_target_rank(all, n);
}

void make_target_tls(struct reader *r)
{
	struct snapshot *snap = r->snap;
	struct map clients = {0};

	for (size_t i = 0; i < snap->n_balancers; i++) {
		struct load_balancer *lb = &snap->balancers[i];

		lb->target_rank = (uint8_t)rank_of(r, lb);
		for (size_t j = 0; j < lb->n_listeners; j++) {
			const struct listener *l = &lb->listeners[j];

			for (size_t k = 0; k < l->n_rules; k++)
				serve_rule(r, &clients, &l->rules[k], lb);
			serve_rule(r, &clients, &l->default_rule, lb);
		}
	}
	map_release(&clients);
}
