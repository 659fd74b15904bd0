/* Load balancers and their attributes. */
#include "base/cidr_set.h"
#include "base/fail.h"
#include "names.h"
#include "read_firewall.h"
#include "tls/object_id.h"

#define INTO(member) .offset = offsetof(struct load_balancer, member)

static const char BY_ADDRESSES[] =
	"a load balancer listens on its \"addresses\"";
static const char MEANS_NOTHING[] = "it means nothing outside of AWS";

/* -- values that only stand here ------------------------------------------- */

static bool has_address(const struct load_balancer *lb, const struct addr *a)
{
	for (size_t i = 0; i < lb->n_addresses; i++)
		if (addr_eq(a, &lb->addresses[i]))
			return true;
	return false;
}

static void parse_addresses(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct load_balancer *lb = slot;

	if (list->n == 0)
		complain(r, &v->at, "leave the key out to listen on all",
			 "%s must name at least one address", k->name);
	lb->addresses = ARENA_ARRAY(r->arena, list->n, struct addr);
	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];
		struct addr *a = &lb->addresses[lb->n_addresses];

		if (!want_scalar(r, "an address", one))
			continue;
		if (!addr_parse_ip(one->text, 0, a)) {
			complain(r, &one->at, NULL,
				 "\"%s\" is not an IPv4 or IPv6 address",
				 one->text.p);
			continue;
		}
		if (has_address(lb, a))
			complain(r, &one->at, NULL,
				 "the address \"%s\" is given twice",
				 one->text.p);
		else
			lb->n_addresses++;
	}
}

static void all_addresses(struct reader *r, struct load_balancer *lb)
{
	lb->addresses = ARENA_ARRAY(r->arena, 2, struct addr);
	lb->n_addresses = 2;
	addr_parse_ip(SLICE("0.0.0.0"), 0, &lb->addresses[0]);
	addr_parse_ip(SLICE("::"), 0, &lb->addresses[1]);
}

static void parse_groups(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct load_balancer *lb = slot;

	(void)k;
	lb->security_groups = ARENA_ARRAY(r->arena, list->n, struct slice);
	for (size_t i = 0; i < list->n; i++) {
		const struct node *one = list->items[i];
		struct slice *name =
			&lb->security_groups[lb->n_security_groups];

		if (!fw_find(r, &r->firewall->groups, "security group", one))
			continue;
		*name = arena_slice(r->arena, one->text);
		lb->n_security_groups++;
	}
}

static const struct type type_addresses = {parse_addresses,
					   SHAPE_TEXT | SHAPE_LIST, NULL};
static const struct type type_groups = {parse_groups, SHAPE_TEXT | SHAPE_LIST,
					NULL};

static void parse_trusted(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct cidr_set *set = ARENA_NEW(r->arena, struct cidr_set);

	(void)k;
	fw_networks(r, v, set);
	*(const struct cidr_set **)slot = set;
}

static const struct type type_trusted = {
	parse_trusted, SHAPE_TEXT | SHAPE_MAP | SHAPE_LIST, "/[0-9]{1,3}$"};

static const struct word types[] = {
	{"application", LB_APPLICATION, NULL},
	{"network", LB_NETWORK,
	 "network load balancers belong to the language but are not built yet"},
	{"classic", LB_CLASSIC,
	 "classic load balancers belong to the language but are not built yet"},
	{"gateway", 0, "gateway load balancers are no part of weir"},
	{0},
};

static const struct word desync_modes[] = {
	{"monitor", DESYNC_MONITOR, NULL},
	{"defensive", DESYNC_DEFENSIVE, NULL},
	{"strictest", DESYNC_STRICTEST, NULL},
	{0},
};

static const struct word xff_modes[] = {
	{"append", XFF_APPEND, NULL},
	{"preserve", XFF_PRESERVE, NULL},
	{"remove", XFF_REMOVE, NULL},
	{0},
};

/* -- logs ------------------------------------------------------------------ */

static void parse_log_path(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct line_log *log = slot;

	type_path.parse(r, k, v, &log->path);
	log->place = v->at;
}

static const struct type type_log_path = {parse_log_path, SHAPE_TEXT, NULL};

static const struct word log_formats[] = {
	{"alb", LOG_FORM_ALB, NULL}, {"json", LOG_FORM_JSON, NULL}, {0}};

#define LOG_ROWS(name, member, what)                                           \
	{name ".enabled", &type_boolean, INTO(member.enabled), "false",        \
	 .doc = "Writes a line for each " what "."},                           \
		{name ".s3", &type_refused, NO_SLOT,                           \
		 .refusal = "logs are files; name one in " name ".path",       \
		 .doc = "A word of AWS; see " name ".path."},                  \
		{name ".path",                                                 \
		 &type_log_path,                                               \
		 INTO(member),                                                 \
		 .flags = KEY_PATH,                                            \
		 .doc = "File of that log; load balancers may share one.",     \
		 .absent = "none"},                                            \
	{                                                                      \
		name ".format", &type_word, INTO(member.form), "alb",          \
			.words = log_formats,                                  \
			.doc = "alb: as AWS writes it; json: one object a "    \
			       "line."                                         \
	}

/* clang-format off */
const struct key balancer_keys[] = {
	{"name", &type_name32, INTO(name), .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \"-\", at most 32."},
	{"type", &type_word, INTO(type), "application", .words = types,
	 .doc = "What kind of load balancer it is."},
	{"dns_name", &type_text, INTO(dns_name), .any = {1, 255},
	 .doc = "Stands for a missing Host, and in logs.",
	 .absent = "NAME-ID.elb.REGION.localhost"},
	{"addresses", &type_addresses, 0,
	 .doc = "Addresses of this machine to listen on.",
	 .absent = "all, of both families"},
	{"security_groups", &type_groups, 0,
	 .doc = "Security groups of the load balancer itself.",
	 .absent = "none: its listeners are ordinary input of the host"},
	{"idle_timeout.timeout_seconds", &type_seconds, INTO(idle_timeout_ms),
	 "60", {0.1, 2592000}, {1, 4000},
	 .doc = "Time without an octet in either direction after which a connection "
	 "ends."},
	{"client_keep_alive.seconds", &type_seconds,
	 INTO(client_keep_alive_ms), "3600", {1, 31536000}, {60, 604800},
	 .doc = "Age at which a client's connection serves its last request."},
	{"timeouts.client_tls_handshake_seconds", &type_seconds,
	 INTO(client_tls_handshake_ms), "10", {0.1, 3600},
	 .doc = "Time in which a client's TLS handshake must be over."},
	{"timeouts.target_connect_seconds", &type_seconds,
	 INTO(target_connect_ms), "10", {0.01, 3600},
	 .doc = "Time in which a target must take a connection."},
	{"timeouts.target_tls_handshake_seconds", &type_seconds,
	 INTO(target_tls_handshake_ms), "10", {0.1, 3600},
	 .doc = "Time in which a target's TLS handshake must be over."},
	{"timeouts.tunnel_idle_seconds", &type_seconds, INTO(tunnel_idle_ms),
	 .any = {0, 31536000},
	 .doc = "Idle timeout of upgraded connections; 0: never.",
	 .absent = "as idle_timeout.timeout_seconds"},
	{"timeouts.udp_idle_seconds", &type_not_built, NO_SLOT,
	 .refusal = "it is for network load balancers",
	 .doc = "Idle timeout of UDP flows.", .absent = "120"},
	{"routing.http.desync_mitigation_mode", &type_word, INTO(desync),
	 "defensive", .words = desync_modes,
	 .doc = "What happens to requests that can be read in two ways."},
	{"routing.http.drop_invalid_header_fields.enabled", &type_boolean,
	 INTO(drop_invalid_header_fields), "false",
	 .doc = "Takes fields out whose name has other signs than letters, "
		"digits and \"-\". A name that is no token of HTTP is taken "
		"out always."},
	{"routing.http.preserve_host_header.enabled", &type_boolean,
	 INTO(preserve_host_header), "false",
	 .doc = "Sends the Host field on as it came."},
	{"routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
	 &type_boolean, INTO(tls_version_and_cipher_headers), "false",
	 .doc = "Tells targets the TLS version and cipher of the client."},
	{"routing.http.xff_client_port.enabled", &type_boolean,
	 INTO(xff_client_port), "false",
	 .doc = "Adds the client's port to X-Forwarded-For."},
	{"routing.http.xff_header_processing.mode", &type_word, INTO(xff_mode),
	 "append", .words = xff_modes,
	 .doc = "What happens to X-Forwarded-For."},
	{"routing.http2.enabled", &type_boolean, INTO(http2), "true",
	 .doc = "Offers HTTP/2 on HTTPS listeners."},
	{"load_balancing.cross_zone.enabled", &type_only, NO_SLOT, "true",
	 .refusal = "on application load balancers it cannot be switched off",
	 .doc = "Uses the targets of all zones."},
	LOG_ROWS("access_logs", access_log, "request"),
	LOG_ROWS("connection_logs", connection_log, "connection"),
	LOG_ROWS("health_check_logs", check_log, "health check"),
	{"trusted_addresses", &type_trusted, INTO(trusted),
	 .keys = network_peer_keys,
	 .doc = "Proxies in front of us, whose X-Forwarded-* is kept.",
	 .absent = "everybody's is kept"},
	{"error_pages", &type_error_pages, INTO(error_pages),
	 .keys = error_page_keys,
	 .doc = "Bodies for answers that weir makes.",
	 .absent = "the bodies of ALB"},
	{"limits", &type_limits, INTO(limits), .keys = limit_keys,
	 .doc = "Requests and connections that a client may make.",
	 .absent = "none"},
	{"maintenance", &type_maintenance, INTO(maintenance),
	 .keys = maintenance_keys,
	 .doc = "Answers everybody with 503, but some.", .absent = "off"},
	{"http2.max_concurrent_streams", &type_count, INTO(http2_streams),
	 "128", .any = {1, 1000},
	 .doc = "Requests at a time on a connection of HTTP/2."},
	{"http2.max_requests_per_connection", &type_count,
	 INTO(http2_requests), "10000", .any = {0, 1000000000},
	 .doc = "Requests after which a connection of HTTP/2 ends; 0: none."},
	{"data_path", &type_not_built, NO_SLOT,
	 .refusal = "it is for network load balancers",
	 .doc = "proxy or kernel.", .absent = "proxy"},
	{"deletion_protection.enabled", &type_boolean, NO_SLOT, "false",
	 .doc = "Binds the API only."},
	{"waf.fail_open.enabled", &type_only, NO_SLOT, "false",
	 .refusal = MEANS_NOTHING, .doc = "A word of AWS without meaning here."},
	{"ipv6.deny_all_igw_traffic", &type_only, NO_SLOT, "false",
	 .refusal = MEANS_NOTHING, .doc = "A word of AWS without meaning here."},
	{"zonal_shift.config.enabled", &type_only, NO_SLOT, "false",
	 .refusal = MEANS_NOTHING, .doc = "A word of AWS without meaning here."},
	{"dns_record.client_routing_policy", &type_only, NO_SLOT,
	 "any_availability_zone", .refusal = MEANS_NOTHING,
	 .doc = "A word of AWS without meaning here."},
	{"secondary_ips.auto_assigned.per_subnet", &type_only, NO_SLOT, "0",
	 .refusal = MEANS_NOTHING, .doc = "A word of AWS without meaning here."},
	{"scheme", &type_refused, NO_SLOT, .refusal = BY_ADDRESSES,
	 .doc = "A word of AWS; see addresses."},
	{"ip_address_type", &type_refused, NO_SLOT, .refusal = BY_ADDRESSES,
	 .doc = "A word of AWS; see addresses."},
	{"subnets", &type_refused, NO_SLOT, .refusal = BY_ADDRESSES,
	 .doc = "A word of AWS; see addresses."},
	{"subnet_mappings", &type_refused, NO_SLOT, .refusal = BY_ADDRESSES,
	 .doc = "A word of AWS; see addresses."},
	{"ipam_pools", &type_refused, NO_SLOT, .refusal = BY_ADDRESSES,
	 .doc = "A word of AWS; see addresses."},
	{"customer_owned_ipv4_pool", &type_refused, NO_SLOT,
	 .refusal = BY_ADDRESSES, .doc = "A word of AWS; see addresses."},
	{"minimum_load_balancer_capacity", &type_refused, NO_SLOT,
	 .refusal = "there is nothing to reserve",
	 .doc = "A word of AWS without meaning here."},
	{"instances", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "Targets of a classic load balancer.", .absent = "none"},
	{"health_check", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers; others have it in "
		    "their target groups",
	 .doc = "Health check of a classic load balancer.", .absent = "none"},
	{"connection_draining", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "Draining of a classic load balancer.", .absent = "none"},
	{"connection_settings", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "Idle timeout of a classic load balancer.", .absent = "none"},
	{"cross_zone_load_balancing", &type_not_built, NO_SLOT,
	 .refusal = "it is for classic load balancers",
	 .doc = "Zones of a classic load balancer.", .absent = "none"},
	{"listeners", &type_listeners, 0, .keys = listener_keys,
	 .flags = KEY_REQUIRED,
	 .doc = "Ports, and what happens to the requests that come in there."},
	{0},
};
/* clang-format on */

/* -- the list -------------------------------------------------------------- */

/* The same on every node. */
static void name_it(struct reader *r, struct load_balancer *lb)
{
	char id[OBJECT_ID_OCTETS];

	object_id("load-balancer", lb->name, id);
	lb->resource = slice_of(arena_printf(r->arena, "app/%.*s/%.*s",
					     SLICE_ARG(lb->name),
					     OBJECT_ID_OCTETS, id));
	if (lb->dns_name.n)
		return;
	lb->dns_name = slice_of(arena_printf(
		r->arena, "%.*s-%.*s.elb.%.*s.localhost", SLICE_ARG(lb->name),
		OBJECT_ID_OCTETS, id, SLICE_ARG(r->snap->settings.region)));
}

static void check_log(struct reader *r, const struct load_balancer *lb,
		      const char *key, const struct line_log *log)
{
	if (log->enabled && log->path.n == 0)
		complain(r, &lb->place, NULL,
			 "%s is enabled: %s.path must name its file", key, key);
}

static void check_logs(struct reader *r, const struct load_balancer *lb)
{
	check_log(r, lb, "access_logs", &lb->access_log);
	check_log(r, lb, "connection_logs", &lb->connection_log);
	check_log(r, lb, "health_check_logs", &lb->check_log);
}

static void check_name(struct reader *r, const struct load_balancer *lb)
{
	struct slice name = lb->name;

	if (r->strict && name.n &&
	    (name.p[0] == '-' || name.p[name.n - 1] == '-' ||
	     slice_starts(name, SLICE("internal-"))))
		aws_refuses(r, &lb->place,
			    "on AWS the name of a load balancer neither begins "
			    "nor ends with \"-\", and does not begin with "
			    "\"internal-\"");
}

static const struct place *place_of_balancer(const void *object)
{
	return &((const struct load_balancer *)object)->place;
}

static void read_balancer(struct reader *r, const struct node *v,
			  struct load_balancer *lb)
{
	lb->place = v->at;
	lb->tunnel_idle_ms = UINT64_MAX;
	if (!want_map(r, "a load balancer", v))
		return;
	r->balancer = lb;
	r->n_certificates = 0;
	read_mapping(r, v, "a load balancer", balancer_keys, lb);
	r->balancer = NULL;
	if (r->strict && r->n_certificates > 25)
		aws_refuses(r, &lb->place,
			    "AWS takes at most 25 certificates in a load "
			    "balancer beside the default ones, not %zu",
			    r->n_certificates);
	check_logs(r, lb);
	if (lb->n_addresses == 0)
		all_addresses(r, lb);
	if (lb->tunnel_idle_ms == UINT64_MAX)
		lb->tunnel_idle_ms = lb->idle_timeout_ms;
	if (lb->name.n == 0)
		return;
	name_it(r, lb);
	check_name(r, lb);
	names_define(r, &r->balancers, "load balancer", lb->name, lb,
		     &lb->place, place_of_balancer);
}

static void parse_balancers(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct snapshot *snap = slot;

	(void)k;
	snap->balancers = ARENA_ARRAY(r->arena, list->n, struct load_balancer);
	snap->n_balancers = list->n;
	for (size_t i = 0; i < list->n; i++) {
		snap->balancers[i].index = (uint32_t)i;
		read_balancer(r, list->items[i], &snap->balancers[i]);
	}
}

const struct type type_balancers = {parse_balancers, SHAPE_MAP | SHAPE_LIST,
				    NULL};
