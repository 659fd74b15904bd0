/* mutual_authentication of a listener. */
#include "files.h"
#include "read.h"

#define INTO(member) .offset = offsetof(struct mutual_draft, member)

static const struct word modes[] = {
	{"off", MUTUAL_OFF, NULL},
	{"passthrough", MUTUAL_PASSTHROUGH, NULL},
	{"verify", MUTUAL_VERIFY, NULL},
	{0},
};

static const struct word on_off[] = {{"off", 0, NULL}, {"on", 1, NULL}, {0}};

/* Slots are the draft, since the place of the key is kept too. */
static struct mutual_draft *draft_of(struct reader *r, const struct key *k,
				     void *slot)
{
	struct mutual_draft *m = slot;

	if (m->verify_only)
		return m;
	m->verify_only = k->name;
	m->verify_only_place = r->key_at;
	return m;
}

static void parse_bundle(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	struct mutual_draft *m = draft_of(r, k, slot);

	m->bundle_place = v->at;
	type_path.parse(r, k, v, &m->ca_bundle);
	if (m->ca_bundle.n)
		files_note(r->snap, m->ca_bundle, &v->at);
}

static void parse_crls(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct mutual_draft *m = draft_of(r, k, slot);

	m->crls = ARENA_ARRAY(&r->tree->arena, list->n, struct trust_file);
	for (size_t i = 0; i < list->n; i++) {
		struct slice path = {NULL, 0};

		type_path.parse(r, k, list->items[i], &path);
		if (path.n == 0)
			continue;
		files_note(r->snap, path, &list->items[i]->at);
		m->crls[m->n_crls++] =
			(struct trust_file){path.p, list->items[i]->at};
	}
}

static void parse_expiry(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	type_boolean.parse(r, k, v, &draft_of(r, k, slot)->ignore_expiry);
}

static void parse_advertise(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	type_word.parse(r, k, v, &draft_of(r, k, slot)->advertise);
}

static const struct type type_bundle = {parse_bundle, SHAPE_TEXT, NULL};
static const struct type type_crls = {parse_crls, SHAPE_TEXT | SHAPE_LIST,
				      NULL};
static const struct type type_expiry = {parse_expiry, SHAPE_BOOLEAN, NULL};
static const struct type type_advertise = {parse_advertise, SHAPE_TEXT, NULL};

/* clang-format off */
const struct key mutual_keys[] = {
	{"mode", &type_word, INTO(mode), "off", .words = modes,
	 .doc = "passthrough: clients are asked for a certificate, which "
		"targets get unverified; verify: they need a good one."},
	{"trust_store.ca_bundle", &type_bundle, 0, .flags = KEY_PATH,
	 .doc = "PEM file with the CAs; verify needs it.", .absent = "none"},
	{"trust_store.crl", &type_crls, 0, .flags = KEY_PATH,
	 .doc = "PEM files with what they have revoked.", .absent = "none"},
	{"ignore_client_certificate_expiry", &type_expiry, 0,
	 .doc = "Takes clients whose certificate has expired.",
	 .absent = "false"},
	{"advertise_trust_store_ca_names", &type_advertise, 0,
	 .words = on_off,
	 .doc = "Tells clients the names of the CAs, so that they choose a "
		"certificate of these.",
	 .absent = "off"},
	{0},
};
/* clang-format on */

static void parse_mutual(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	struct mutual_draft *m = slot;
	unsigned before = r->diag->n_errors;

	if (!want_map(r, k->name, v))
		return;
	m->place = r->key_at;
	read_mapping(r, v, k->name, mutual_keys, m);
	if (r->diag->n_errors != before)
		return;
	if (m->mode == MUTUAL_VERIFY && !m->ca_bundle.n)
		complain(r, &m->place, NULL,
			 "mode verify lacks \"trust_store.ca_bundle\"");
	else if (m->mode != MUTUAL_VERIFY && m->verify_only)
		complain(r, &m->verify_only_place, "add mode: verify",
			 "%s is of use with mode verify alone", m->verify_only);
	else if (m->mode == MUTUAL_VERIFY && r->alone)
		complain(r, &v->at, NULL,
			 "%s: nothing is read beside this text", k->name);
}

const struct type type_mutual = {parse_mutual, SHAPE_MAP, NULL};

void fill_mutual(struct reader *r, const struct mutual_draft *m,
		 struct client_auth_spec *out)
{
	const struct trust_spec spec = {
		.bundle = {m->ca_bundle.p, m->bundle_place},
		.crls = m->crls,
		.n_crls = m->n_crls,
		.strict = r->strict,
	};

	*out = (struct client_auth_spec){.mode = m->mode};
	if (m->mode != MUTUAL_VERIFY)
		return;
	*out = (struct client_auth_spec){
		.mode = MUTUAL_VERIFY,
		.trust = m->ca_bundle.n ? share_trust(r, &spec) : NULL,
		.ignore_expiry = m->ignore_expiry,
		.advertise_ca_names = m->advertise,
		.place = m->place,
	};
	if (!out->trust)
		*out = (struct client_auth_spec){.mode = MUTUAL_OFF};
}

struct trust_spec keep_trust(struct reader *r, const struct mutual_draft *m)
{
	struct trust_file *crls;

	if (m->mode != MUTUAL_VERIFY)
		return (struct trust_spec){.n_crls = 0};
	crls = ARENA_ARRAY(r->arena, m->n_crls, struct trust_file);
	if (m->n_crls)
		memcpy(crls, m->crls, m->n_crls * sizeof(*crls));
	return (struct trust_spec){
		.bundle = {m->ca_bundle.p, m->bundle_place},
		.crls = crls,
		.n_crls = m->n_crls,
		.strict = r->strict,
	};
}
