/* Targets: addresses, names and paths. */
#include <stdlib.h>

#include "base/fail.h"
#include "config/target.h"
#include "read_firewall.h"

enum { HOST_NAME_MAX_OCTETS = 253 };

/* A target as it is written, before its port and kind are known. */
struct target_draft {
	struct slice id;
	const struct node *id_node;
	uint16_t port;
	struct slice zone;
	uint32_t weight;
	bool backup;
};

#define INTO(member) .offset = offsetof(struct target_draft, member)

static void parse_id(struct reader *r, const struct key *k,
		     const struct node *v, void *slot)
{
	struct target_draft *d = slot;

	if (!want_scalar(r, k->name, v))
		return;
	d->id = v->text;
	d->id_node = v;
}

static const struct type type_id = {parse_id, SHAPE_TEXT, NULL};

/* clang-format off */
const struct key target_keys[] = {
	{"id", &type_id, 0, .flags = KEY_REQUIRED,
	 .doc = "Address, host name, instance or unix:/path."},
	{"port", &type_port, INTO(port), .doc = "1 to 65535.",
	 .absent = "the port of the group"},
	{"availability_zone", &type_name64, INTO(zone), "all",
	 .doc = "A zone or all."},
	{"weight", &type_count, INTO(weight), "1", .any = {1, 1000000},
	 .doc = "Share of the requests, compared with the other targets."},
	{"backup", &type_boolean, INTO(backup), "false",
	 .doc = "Takes traffic only while no other target is usable."},
	NOT_BUILT("load_balancer",
		  "An application load balancer behind a network one.", "none"),
	{"quic_server_id", &type_refused, NO_SLOT,
	 .refusal = "weir does not speak QUIC",
	 .doc = "A word of AWS without meaning here."},
	{0},
};
/* clang-format on */

static bool is_host_name(struct slice s)
{
	bool letter = false;

	if (s.n == 0 || s.n > HOST_NAME_MAX_OCTETS || s.p[0] == '-' ||
	    s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		letter |= c >= 'a' && c <= 'z';
		if (!((c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-' ||
		      c == '_' || (c == '.' && s.p[i - 1] != '.')))
			return false;
	}
	/* "10.0.0" and "300.1.2.3" are addresses that went wrong. */
	return letter;
}

/* Cuts ":port" off; *port stays as it is when there is none. */
static bool cut_port(struct slice *id, uint16_t *port)
{
	struct slice s = *id, host = s, rest;
	struct addr ignored;
	uint64_t number;
	size_t end;

	if (addr_parse_ip(s, 0, &ignored))
		return true;
	end = slice_find(s, s.n && s.p[0] == '[' ? ']' : ':');
	if (s.n && s.p[0] == '[') {
		if (end == s.n)
			return false;
		host = slice_make(s.p + 1, end - 1);
		end++;
		if (slice_find(host, ':') == host.n)
			return false;
	} else {
		host = slice_first(s, end);
	}
	rest = slice_from(s, end);
	*id = host;
	if (rest.n == 0)
		return true;
	if (rest.p[0] != ':' || !slice_to_u64(slice_from(rest, 1), &number) ||
	    number == 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

static void complain_target(struct reader *r, const struct node *v)
{
	if (slice_starts(v->text, SLICE("arn:aws:lambda:")))
		complain(r, &v->at, NULL, "there are no Lambda targets");
	else
		complain(r, &v->at,
			 "write address:port, \"[v6]:port\", name:port or "
			 "unix:/path",
			 "\"%s\" is not a target", v->text.p);
}

/* The first address, as AWS sends to the primary one. */
static bool instance_address(struct reader *r, const struct node *v,
			     const struct target_draft *d, struct addr *out)
{
	const struct instance *in = map_get(&r->firewall->instances, d->id);
	char text[CIDR_TEXT_MAX];

	if (in->n_addresses == 0) {
		complain(r, &v->at, "write the address",
			 "the instance \"%s\" has no addresses in the file",
			 in->name);
		return false;
	}
	addr_parse_ip(slice_of(cidr_format_address(&in->addresses[0], text)),
		      d->port, out);
	return true;
}

/* Sorts out what the id is. Returns false after a finding. */
static bool fill_target(struct reader *r, const struct target_draft *d,
			struct target *t)
{
	const struct node *v = d->id_node;

	t->id = arena_slice(r->arena, d->id);
	t->port = d->port;
	if (slice_starts(d->id, SLICE("unix:"))) {
		t->kind = TARGET_UNIX;
		t->port = 0;
		if (addr_parse(d->id, &t->addr))
			return true;
		complain(r, &v->at, NULL,
			 "the path of a socket must begin with \"/\" and have "
			 "at most %zu characters",
			 sizeof(t->addr.un.sun_path) - 1);
		return false;
	}
	if (addr_parse_ip(d->id, d->port, &t->addr)) {
		t->kind = TARGET_ADDRESS;
	} else if (map_get(&r->firewall->instances, d->id)) {
		t->kind = TARGET_ADDRESS;
		if (!instance_address(r, v, d, &t->addr))
			return false;
	} else if (is_host_name(d->id)) {
		t->kind = TARGET_NAME;
	} else {
		complain_target(r, v);
		return false;
	}
	if (d->port)
		return true;
	complain(r, &v->at, "or give the group a port",
		 "the target \"%.*s\" has no port", SLICE_ARG(d->id));
	return false;
}

static void read_target(struct reader *r, const struct node *v,
			struct target_draft *d)
{
	if (v->kind == NODE_SCALAR) {
		d->id = v->text;
		d->id_node = v;
		d->zone = SLICE("all");
		d->weight = 1;
		if (!slice_starts(d->id, SLICE("unix:")) &&
		    !cut_port(&d->id, &d->port)) {
			complain_target(r, v);
			d->id_node = NULL;
		}
	} else if (want_map(r, "a target", v)) {
		read_mapping(r, v, "a target", target_keys, d);
	}
	if (d->port == 0)
		d->port = r->group_port;
}

/* Who wants to use a public address on AWS makes an instance of it. In IPv6
 * only a network of one's own tells. */
static void refuse_public(struct reader *r, const struct target *t)
{
	static const char *const taken[] = {"10.0.0.0/8", "100.64.0.0/10",
					    "172.16.0.0/12", "192.168.0.0/16"};
	struct cidr address, network;

	if (t->kind != TARGET_ADDRESS || !cidr_parse_address(t->id, &address) ||
	    address.family != 4)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		cidr_parse(slice_of(taken[i]), &network);
		if (cidr_contains(&network, &address))
			return;
	}
	aws_refuses(r, &t->place,
		    "AWS takes targets in 10.0.0.0/8, 100.64.0.0/10, "
		    "172.16.0.0/12 and 192.168.0.0/16 only");
}

static void refuse_twin(struct reader *r, struct map *seen,
			const struct target *t)
{
	const char *key = arena_printf(&r->tree->arena, "%.*s %u",
				       SLICE_ARG(t->id), t->port);
	const struct target *twin =
		map_put(seen, slice_of(key), (void *)(uintptr_t)t);

	if (twin)
		complain(r, &t->place, first_at(r, &twin->place),
			 "the target is given twice");
}

static void parse_targets(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct target_group *g = slot;
	struct map seen = {0};

	(void)k;
	g->targets = ARENA_ARRAY(r->arena, list->n, struct target);
	for (size_t i = 0; i < list->n; i++) {
		struct target_draft d = {.port = 0};
		struct target *t = &g->targets[g->n_targets];

		read_target(r, list->items[i], &d);
		if (!d.id_node)
			continue;
		*t = (struct target){
			.zone = arena_slice(r->arena, d.zone),
			.weight = d.weight,
			.backup = d.backup,
			.place = list->items[i]->at,
		};
		if (!fill_target(r, &d, t))
			continue;
		refuse_twin(r, &seen, t);
		if (r->strict)
			refuse_public(r, t);
		g->n_targets++;
	}
	map_release(&seen);
}

/* -- targets that come at run time ----------------------------------------- */

struct target_reader {
	struct reader r;
	struct tree tree;
	struct firewall_reader firewall;
	const struct snapshot *snap;
};

struct target_reader *target_reader_new(const struct snapshot *snap,
					struct diag *diag)
{
	static const struct config_options plain = {0};
	struct target_reader *t = xcalloc(1, sizeof(*t));
	const struct firewall_config *config = snap->firewall;

	t->snap = snap;
	t->tree.diag = diag;
	t->r = (struct reader){
		.tree = &t->tree,
		.diag = diag,
		.options = &plain,
		.strict = snap->settings.strict_aws_limits,
		.firewall = &t->firewall,
	};
	for (unsigned i = 0; config && i < config->n_instances; i++)
		map_put(&t->firewall.instances,
			slice_of(config->instances[i].name),
			(void *)(uintptr_t)&config->instances[i]);
	return t;
}

void target_reader_free(struct target_reader *t)
{
	map_release(&t->firewall.instances);
	arena_release(&t->tree.arena);
	free(t);
}

static void say(struct tree *t, struct node *map, const char *name,
		struct slice text, const struct place *at)
{
	if (text.n == 0)
		return;
	map->entries[map->n++] = (struct entry){
		node_scalar(t, name, at),
		node_scalar(t, arena_slice(&t->arena, text).p, at),
	};
}

bool target_read(struct target_reader *t, const struct target_group *g,
		 const struct target_words *words, struct arena *arena,
		 struct target *out)
{
	const struct place at = {.file = words->from};
	struct target_draft d = {.zone = SLICE("all"), .weight = 1};
	unsigned before = t->tree.diag->n_errors;
	struct node *map =
		node_map(&t->tree, node_scalar(&t->tree, "", &at), NULL);

	map->entries = ARENA_ARRAY(&t->tree.arena, 5, struct entry);
	map->n = 0;
	say(&t->tree, map, "id", words->id, &at);
	say(&t->tree, map, "port", words->port, &at);
	say(&t->tree, map, "weight", words->weight, &at);
	say(&t->tree, map, "availability_zone", words->zone, &at);
	say(&t->tree, map, "backup", words->backup, &at);
	t->r.arena = arena;
	t->r.group_port = g->port;
	read_target(&t->r, map, &d);
	if (t->tree.diag->n_errors != before || !d.id_node)
		return false;
	*out = (struct target){
		.zone = arena_slice(arena, d.zone),
		.weight = d.weight,
		.backup = d.backup,
		.place = at,
	};
	return fill_target(&t->r, &d, out);
}

bool target_cut_port(struct slice *id, uint16_t *port)
{
	return slice_starts(*id, SLICE("unix:")) || cut_port(id, port);
}

const struct type type_targets = {parse_targets,
				  SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, NULL};
