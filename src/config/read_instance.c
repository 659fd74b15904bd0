/* Instances, and the section "firewall". */
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "config.h"
#include "names.h"
#include "read_firewall.h"

/* -- instances ------------------------------------------------------------- */

struct instance_draft {
	struct slice name, interface;
	bool host;
	const struct node *addresses, *groups;
	struct tracking_times tracking;
};

#define INTO(member) offsetof(struct instance_draft, member)

static void parse_interface(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	/* As the kernel's dev_valid_name(). */
	if (v->text.n == 0 || v->text.n >= INTERFACE_NAME_MAX ||
	    strlen(v->text.p) != v->text.n || strpbrk(v->text.p, "/: \t\n\r") ||
	    strcmp(v->text.p, ".") == 0 || strcmp(v->text.p, "..") == 0 ||
	    strpbrk(v->text.p, "\"\\*"))
		complain(r, &v->at, NULL,
			 "%s must be the name of one, with at most %d "
			 "characters",
			 k->name, INTERFACE_NAME_MAX - 1);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static void parse_texts_later(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	type_later.parse(r, k, v, slot);
}

static const struct type type_interface = {parse_interface, SHAPE_TEXT, NULL};
static const struct type type_texts_later = {parse_texts_later,
					     SHAPE_TEXT | SHAPE_LIST, NULL};

/* clang-format off */
const struct key instance_keys[] = {
	{"name", &type_name64, INTO(name), .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \".\", \"_\", \"-\", at most 64."},
	{"host", &type_boolean, INTO(host), "false",
	 .doc = "This machine: its input and output."},
	{"addresses", &type_texts_later, INTO(addresses),
	 .doc = "Of both families, without \"/n\".",
	 .absent = "with host: all that the machine has; else required"},
	{"interface", &type_interface, INTO(interface),
	 .doc = "Binds the addresses to an interface of this machine.",
	 .absent = "they are not bound"},
	{"security_groups", &type_texts_later, INTO(groups),
	 .flags = KEY_REQUIRED, .doc = "At least one; they add up."},
	{"connection_tracking_specification.tcp_established_timeout",
	 &type_count, INTO(tracking.tcp_established_s), .any = {1, 31536000},
	 .aws = {60, 432000},
	 .doc = "Seconds after which a silent TCP connection is forgotten.",
	 .absent = "the kernel's own"},
	{"connection_tracking_specification.udp_timeout", &type_count,
	 INTO(tracking.udp_s), .any = {1, 31536000}, .aws = {30, 60},
	 .doc = "The same for UDP with one exchange at most.",
	 .absent = "the kernel's own"},
	{"connection_tracking_specification.udp_stream_timeout", &type_count,
	 INTO(tracking.udp_stream_s), .any = {1, 31536000}, .aws = {60, 180},
	 .doc = "The same for UDP with more than one exchange.",
	 .absent = "the kernel's own"},
	{0},
};
/* clang-format on */

static const struct place *place_of_instance(const void *object)
{
	return &((const struct instance *)object)->place;
}

/* An address of two instances would have two answers. */
static void claim_address(struct reader *r, struct map *seen,
			  const struct node *v, const struct cidr *a)
{
	char text[CIDR_TEXT_MAX];
	const char *key =
		arena_strdup(&r->tree->arena, cidr_format_address(a, text));
	const struct node *twin = map_get(seen, slice_of(key));

	if (twin)
		complain(r, &v->at, first_at(r, &twin->at),
			 "the address %s is given twice", text);
	else
		map_put(seen, slice_of(key), (void *)(uintptr_t)v);
}

static void read_addresses(struct reader *r, const struct node *v,
			   struct map *seen, struct instance *in)
{
	const struct node *list = node_as_list(r->tree, v);
	struct cidr *addresses = ARENA_ARRAY(r->arena, list->n, struct cidr);

	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];
		struct cidr *a = &addresses[in->n_addresses];
		struct cidr network;

		if (!want_scalar(r, "an address", one))
			continue;
		if (cidr_parse_address(one->text, a)) {
			claim_address(r, seen, one, a);
			in->n_addresses++;
			continue;
		}
		complain(r, &one->at,
			 cidr_parse(one->text, &network) != CIDR_MALFORMED
				 ? "write it without the \"/\""
				 : NULL,
			 "\"%s\" is not an IPv4 or IPv6 address", one->text.p);
	}
	in->addresses = addresses;
}

static void check_instance(struct reader *r, const struct node *v,
			   const struct instance_draft *d,
			   const struct instance *in,
			   const struct instance *host)
{
	if (in->host && host)
		complain(r, &v->at, first_at(r, &host->place),
			 "only one instance can be this machine");
	if (in->host && in->interface)
		complain(r, &v->at, NULL,
			 "the machine itself is behind no interface");
	if (!in->host && (!d->addresses || d->addresses->n == 0) &&
	    !(d->addresses && d->addresses->kind == NODE_SCALAR))
		complain(r, &v->at, "or write host: true for this machine",
			 "an instance lacks \"addresses\"");
	if (d->groups && in->n_groups == 0 &&
	    node_as_list(r->tree, d->groups)->n == 0)
		complain(r, &d->groups->at, NULL,
			 "an instance has at least one security group");
}

static void read_instance(struct reader *r, const struct node *v,
			  struct map *seen, const struct instance *host,
			  struct instance *in)
{
	struct instance_draft d = {.host = false};

	in->place = v->at;
	in->name = "";
	if (!want_map(r, "an instance", v))
		return;
	read_mapping(r, v, "an instance", instance_keys, &d);
	if (d.name.n)
		in->name = d.name.p;
	in->host = d.host;
	in->interface = d.interface.n ? d.interface.p : NULL;
	in->tracking = d.tracking;
	if (d.addresses)
		read_addresses(r, d.addresses, seen, in);
	if (d.groups)
		in->groups = fw_groups(r, d.groups, &in->n_groups);
	check_instance(r, v, &d, in, host);
	names_define(r, &r->firewall->instances, "instance", d.name, in,
		     &in->place, place_of_instance);
}

static void parse_instances(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct firewall_config *config = r->firewall->config;
	struct instance *instances =
		ARENA_ARRAY(r->arena, list->n, struct instance);
	const struct instance *host = NULL;
	struct map seen = {0};

	(void)k;
	(void)slot;
	r->firewall->is_given = true;
	for (size_t i = 0; i < list->n; i++) {
		read_instance(r, list->items[i], &seen, host, &instances[i]);
		if (instances[i].host && !host)
			host = &instances[i];
	}
	map_release(&seen);
	config->instances = instances;
	config->n_instances = (unsigned)list->n;
}

const struct type type_instances = {parse_instances, SHAPE_MAP | SHAPE_LIST,
				    NULL};

/* -- firewall -------------------------------------------------------------- */

struct firewall_draft {
	struct firewall_settings settings;
	struct slice socket;
};

#define SETTING(member) offsetof(struct firewall_draft, settings.member)

static const struct word modes[] = {
	{"enforce", FIREWALL_ENFORCE, NULL},
	{"report", FIREWALL_REPORT, NULL},
	{0},
};

static const struct word revokes[] = {
	{"keep", REVOKE_KEEP, NULL}, {"cut", REVOKE_CUT, NULL}, {0}};

static const struct word drifts[] = {
	{"repair", DRIFT_REPAIR, NULL}, {"report", DRIFT_REPORT, NULL}, {0}};

static const struct word at_starts[] = {
	{"keep_last", AT_START_KEEP_LAST, NULL},
	{"closed", AT_START_CLOSED, NULL},
	{0},
};

static const struct word bridges[] = {
	{"require_sysctl", false, NULL}, {"ignore", true, NULL}, {0}};

/* Into a bool. */
static void parse_bridges(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	int word = false;

	type_word.parse(r, k, v, &word);
	*(bool *)slot = word;
}

static const struct type type_bridges = {parse_bridges, SHAPE_TEXT, NULL};

static void parse_nflog_group(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	uint64_t number;

	if (!want_integer(r, k->name, v, &number) ||
	    !in_range(r, k, v, (double)number))
		return;
	if (number == KEEPER_NFLOG_GROUP)
		complain(r, &v->at, NULL,
			 "NFLOG group %d is the keeper's own: choose another",
			 KEEPER_NFLOG_GROUP);
	*(int *)slot = (int)number;
}

static const struct type type_nflog_group = {parse_nflog_group, SHAPE_NUMBER,
					     NULL};

/* clang-format off */
const struct key firewall_keys[] = {
	{"mode", &type_word, SETTING(mode), "enforce", .words = modes,
	 .doc = "report: count and log what would be dropped, and let it "
		"pass."},
	{"revoke", &type_word, SETTING(revoke), "keep", .words = revokes,
	 .doc = "cut: also end the flows that no rule admits any more."},
	{"drift", &type_word, SETTING(drift), "repair", .words = drifts,
	 .doc = "What the keeper does when somebody else changed our table."},
	{"at_start", &type_word, SETTING(at_start), "keep_last",
	 .words = at_starts,
	 .doc = "What the keeper starts with where the file cannot be "
		"applied: the rules in force last; closed: if there are none, "
		"rules that let pass management, loopback, established flows, "
		"DHCP and neighbour discovery, and nothing else."},
	{"bridges", &type_bridges, SETTING(ignores_bridges), "require_sysctl",
	 .words = bridges,
	 .doc = "Frames between ports of one bridge go past all rules, unless "
		"bridge-nf-call-iptables says otherwise. ignore: that is meant "
		"so."},
	{"management", &type_management,
	 offsetof(struct firewall_draft, settings), .keys = ingress_keys,
	 .doc = "What reaches this machine before all groups.",
	 .absent = "none"},
	{"log_drops.enabled", &type_boolean, SETTING(log_drops), "false",
	 .doc = "Logs what is dropped."},
	{"log_drops.rate_per_second", &type_count,
	 SETTING(log_rate_per_second), "10", .any = {1, 100000},
	 .doc = "Lines a second at most, for each combination of groups."},
	{"log_drops.nflog_group", &type_nflog_group, SETTING(nflog_group),
	 .any = {0, 65535}, .doc = "An NFLOG group in place of the kernel's "
	 "log; 30565 is the keeper's own.", .absent = "the kernel's log"},
	NOT_BUILT("read_group",
		  "Group of the system that may ask the keeper for its status.",
		  "weir, if there is one"),
	NOT_BUILT("transparent.mark",
		  "Mark of packets to transparent sockets.", "16777216"),
	NOT_BUILT("transparent.table",
		  "Routing table of these.", "7735"),
	{"socket", &type_path, offsetof(struct firewall_draft, socket),
	 .doc = "Where the keeper listens.",
	 .absent = "/run/weir-sg/keeper.sock; for an ordinary user "
		   "$XDG_RUNTIME_DIR/weir-sg/keeper.sock"},
	{0},
};
/* clang-format on */

char *config_default_keeper(void)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0 || getenv("RUNTIME_DIRECTORY") || !folder ||
	    folder[0] != '/')
		folder = "/run";
	return xasprintf("%s/weir-sg/keeper.sock", folder);
}

static const char *default_socket(struct reader *r)
{
	char *path = config_default_keeper();
	const char *kept = arena_strdup(r->arena, path);

	free(path);
	return kept;
}

/* Alone it guards nothing: groups, instances or subnets make a firewall. */
static void parse_firewall(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct firewall_draft d = {.settings.nflog_group = -1};

	(void)slot;
	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, "firewall", firewall_keys, &d);
	d.settings.socket = d.socket.n ? d.socket.p : default_socket(r);
	r->firewall->config->settings = d.settings;
}

const struct type type_firewall = {parse_firewall, SHAPE_MAP, NULL};
