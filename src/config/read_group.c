/* Target groups. */
#include "base/fail.h"
#include "http/octets.h"
#include "read.h"
#include "tls/object_id.h"

#define INTO(member) .offset = offsetof(struct target_group, member)

enum { COOKIE_NAME_MAX = 64 };

static const char FOR_NETWORK[] = "it is for network load balancers";
static const char NETWORK_NOT_BUILT[] =
	"network load balancers are not built yet";
static const char LATER[] =
	"another value belongs to the language but is not built yet";

/* -- values that only stand here ------------------------------------------- */

/* "off" or a number; 0 in the slot is off. */
static void parse_minimum(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (slice_eq(v->text, SLICE("off")))
		*(uint32_t *)slot = 0;
	else
		type_count.parse(r, k, v, slot);
}

static void parse_group_port(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	(void)slot;
	type_port.parse(r, k, v, &r->group_port);
}

/* -- keys that exclude each other ------------------------------------------ */

/* Notes where a key stands; then it is read as any other. */
#define NOTED(its_name, its_said, inner, its_shape, its_pattern)               \
	static void parse_##its_name(struct reader *r, const struct key *k,    \
				     const struct node *v, void *slot)         \
	{                                                                      \
		r->group_said[its_said] = v->at;                               \
		inner(r, k, v, slot);                                          \
	}                                                                      \
	static const struct type type_##its_name = {parse_##its_name,          \
						    its_shape, its_pattern};

static void parse_word(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	type_word.parse(r, k, v, slot);
}

static void parse_switch(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	int value = false;

	type_word.parse(r, k, v, &value);
	*(bool *)slot = value;
}

static void parse_boolean(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	type_boolean.parse(r, k, v, slot);
}

/* The slot is the zone whose targets alone are used. */
static void parse_zone(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	int is_on = true;

	type_word.parse(r, k, v, &is_on);
	*(struct slice *)slot = is_on ? SLICE("")
				      : r->snap->settings.availability_zone;
}

/* AWS: off, or 30 seconds and more. */
static void parse_ramp(struct reader *r, const struct key *k,
		       const struct node *v, void *slot)
{
	uint64_t *ms = slot;

	type_seconds.parse(r, k, v, slot);
	if (r->strict && *ms && *ms < 30 * 1000)
		aws_refuses(r, &v->at, "%s must be 0 or from 30 to 900 on AWS",
			    k->name);
}

enum { MINIMUM = SHAPE_NUMBER | SHAPE_TEXT };

NOTED(algorithm, SAID_ALGORITHM, parse_word, SHAPE_TEXT, NULL)
NOTED(mitigation, SAID_MITIGATION, parse_switch, SHAPE_TEXT, NULL)
NOTED(cross_zone, SAID_CROSS_ZONE, parse_zone, SHAPE_TEXT, NULL)
NOTED(slow_start, SAID_SLOW_START, parse_ramp, SHAPE_NUMBER, NULL)
NOTED(sticky, SAID_STICKY, parse_boolean, SHAPE_BOOLEAN, NULL)
NOTED(dns_count, SAID_DNS_COUNT, parse_minimum, MINIMUM, "^off$")
NOTED(dns_percentage, SAID_DNS_PERCENTAGE, parse_minimum, MINIMUM, "^off$")
NOTED(routing_count, SAID_ROUTING_COUNT, parse_minimum, MINIMUM, "^off$")
NOTED(routing_percentage, SAID_ROUTING_PERCENTAGE, parse_minimum, MINIMUM,
      "^off$")

/* What one key says cannot be together with what another one says. */
static void exclude(struct reader *r, enum said one, enum said other,
		    const char *sentence)
{
	const struct place *at = &r->group_said[other];

	complain(r, &r->group_said[one],
		 arena_printf(&r->tree->arena, "see %s:%u:%u", at->file,
			      at->line, at->column),
		 "%s", sentence);
}

static void check_minimum(struct reader *r, uint32_t dns, uint32_t routing,
			  enum said dns_said, enum said routing_said)
{
	if (dns && routing && dns < routing)
		exclude(r, dns_said, routing_said,
			"the threshold of dns_failover cannot be below that of "
			"unhealthy_state_routing");
}

/* AWS: target group attributes. */
static void check_together(struct reader *r, const struct target_group *g)
{
	if (g->slow_start_ms && g->algorithm != ALGORITHM_ROUND_ROBIN)
		exclude(r, SAID_SLOW_START, SAID_ALGORITHM,
			"slow start needs the algorithm round_robin");
	if (g->mitigates && g->algorithm != ALGORITHM_RANDOM)
		exclude(r, SAID_MITIGATION, SAID_ALGORITHM,
			"anomaly_mitigation needs the algorithm "
			"weighted_random");
	if (r->group_said[SAID_HASH_KEY].line && g->algorithm != ALGORITHM_HASH)
		complain(r, &r->group_said[SAID_HASH_KEY], NULL,
			 "hash_key needs the algorithm consistent_hash");
	if (g->stickiness.enabled && g->algorithm == ALGORITHM_RANDOM)
		exclude(r, SAID_STICKY, SAID_ALGORITHM,
			"stickiness cannot be with the algorithm "
			"weighted_random");
	if (g->stickiness.enabled && g->zone.n)
		exclude(r, SAID_STICKY, SAID_CROSS_ZONE,
			"stickiness cannot be where cross_zone is off");
	/* One is the default: whoever raises the other need not know of it. */
	if (g->dns_minimum.count > 1)
		check_minimum(r, g->dns_minimum.count, g->routing_minimum.count,
			      SAID_DNS_COUNT, SAID_ROUTING_COUNT);
	check_minimum(r, g->dns_minimum.percentage,
		      g->routing_minimum.percentage, SAID_DNS_PERCENTAGE,
		      SAID_ROUTING_PERCENTAGE);
}

static void check_zones(struct reader *r, const struct target_group *g)
{
	size_t n_all = 0;

	if (g->zone.n == 0)
		return;
	for (size_t i = 0; i < g->n_targets; i++) {
		const struct target *t = &g->targets[i];

		if (!slice_eq(t->zone, SLICE("all")))
			continue;
		n_all++;
		if (r->strict)
			aws_refuses(r, &t->place,
				    "on AWS a target of all zones cannot be "
				    "where cross_zone is off");
	}
	if (n_all == g->n_targets && n_all && !r->strict)
		warn(r, &r->group_said[SAID_CROSS_ZONE],
		     "give targets an availability_zone",
		     "no target of this group is of one zone: that cross_zone "
		     "is off changes nothing");
}

/* -- cookies --------------------------------------------------------------- */

/* A token (RFC 9110 5.6.2), as the name of a cookie must be. */
static bool want_cookie(struct reader *r, const struct key *k,
			const struct node *v, struct slice *out)
{
	if (!want_scalar(r, k->name, v))
		return false;
	if (v->text.n == 0 || v->text.n > COOKIE_NAME_MAX ||
	    !slice_all(v->text, OCTET_TOKEN)) {
		complain(r, &v->at, NULL,
			 "%s must be 1 to %d letters, digits and signs of "
			 "!#$%%&'*+-.^_`|~",
			 k->name, COOKIE_NAME_MAX);
		return false;
	}
	*out = arena_slice(r->arena, v->text);
	return true;
}

static void parse_lb_cookie(struct reader *r, const struct key *k,
			    const struct node *v, void *slot)
{
	struct stickiness *s = slot;

	if (!want_cookie(r, k, v, &s->cookie))
		return;
	if (slice_starts(s->cookie, SLICE("AWSALBAPP")) ||
	    slice_starts(s->cookie, SLICE("AWSALBTG")))
		complain(r, &v->at, NULL,
			 "%s: AWSALBAPP and AWSALBTG are the names of other "
			 "cookies",
			 k->name);
	s->twin = slice_of(
		arena_printf(r->arena, "%.*sCORS", SLICE_ARG(s->cookie)));
}

static void parse_app_cookie(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (want_cookie(r, k, v, slot) &&
	    slice_starts(v->text, SLICE("AWSALB")))
		complain(r, &v->at, NULL,
			 "%s cannot begin with AWSALB: these are cookies of "
			 "the load balancer",
			 k->name);
}

/* `type` stands above both in the table. */
static void parse_lb_duration(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	struct stickiness *s = slot;

	type_duration.parse(
		r, k, v, s->type == STICKY_LB_COOKIE ? &s->duration_s : NULL);
}

static void parse_app_duration(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	struct stickiness *s = slot;

	type_duration.parse(
		r, k, v, s->type == STICKY_APP_COOKIE ? &s->duration_s : NULL);
}

static const struct type type_lb_cookie = {parse_lb_cookie, SHAPE_TEXT, NULL};
static const struct type type_app_cookie = {parse_app_cookie, SHAPE_TEXT, NULL};
static const struct type type_lb_duration = {parse_lb_duration, SHAPE_NUMBER,
					     NULL};
static const struct type type_app_duration = {parse_app_duration, SHAPE_NUMBER,
					      NULL};
static const struct type type_group_port = {parse_group_port, SHAPE_NUMBER,
					    NULL};

static const struct word protocols[] = {
	{"HTTP", PROTOCOL_HTTP, NULL},
	{"HTTPS", PROTOCOL_HTTPS, NULL},
	{"TCP", PROTOCOL_TCP, NETWORK_NOT_BUILT},
	{"UDP", PROTOCOL_UDP, NETWORK_NOT_BUILT},
	{"TCP_UDP", PROTOCOL_TCP_UDP, NETWORK_NOT_BUILT},
	{"TLS", PROTOCOL_TLS, NETWORK_NOT_BUILT},
	{"QUIC", 0, "weir does not speak QUIC"},
	{"TCP_QUIC", 0, "weir does not speak QUIC"},
	{0},
};

static const struct word versions[] = {
	{"HTTP1", VERSION_HTTP1, NULL},
	{"HTTP2", VERSION_HTTP2, NULL},
	{"GRPC", VERSION_GRPC, NULL},
	{0},
};

static const struct key_variant grpc_checks = {"protocol_version", "GRPC",
						grpc_check_keys};

static const struct word algorithms[] = {
	{"round_robin", ALGORITHM_ROUND_ROBIN, NULL},
	{"least_outstanding_requests", ALGORITHM_LEAST, NULL},
	{"weighted_random", ALGORITHM_RANDOM, NULL},
	{"consistent_hash", ALGORITHM_HASH, NULL},
	{0},
};

static const struct word mitigations[] = {
	{"on", true, NULL},
	{"off", false, NULL},
	{0},
};

/* Load balancers cannot switch it off. */
static const struct word cross_zones[] = {
	{"use_load_balancer_configuration", true, NULL},
	{"true", true, NULL},
	{"false", false, NULL},
	{0},
};

static const struct word stickiness_types[] = {
	{"lb_cookie", STICKY_LB_COOKIE, NULL},
	{"app_cookie", STICKY_APP_COOKIE, NULL},
	{"source_ip", STICKY_SOURCE_IP, NETWORK_NOT_BUILT},
	{0},
};

#define NETWORK_ROW(name, text, what)                                          \
	{                                                                      \
		name, &type_not_built, NO_SLOT, .refusal = FOR_NETWORK,        \
						.doc = what, .absent = text    \
	}

/* clang-format off */
const struct key group_keys[] = {
	{"name", &type_name32, INTO(name), .flags = KEY_REQUIRED,
	 .doc = "Letters, digits and \"-\", at most 32."},
	{"protocol", &type_word, INTO(protocol), "HTTP", .words = protocols,
	 .doc = "What the targets speak."},
	{"protocol_version", &type_word, INTO(version), "HTTP1",
	 .words = versions, .doc = "The version of HTTP that targets speak."},
	{"port", &type_group_port, 0, .any = {1, 65535},
	 .doc = "For targets that are written without one.", .absent = "none"},
	{"targets", &type_targets, 0, .keys = target_keys,
	 .doc = "address:port, [v6]:port, name:port, unix:/path, or a mapping.",
	 .absent = "none"},
	{"health_check", &type_health_check, INTO(health_check), "{}",
	 .keys = health_check_keys, .variant = &grpc_checks,
	 .doc = "How targets are checked."},
	{"timeouts.target_connect_seconds", &type_seconds,
	 INTO(target_connect_ms), .any = {0.05, 86400},
	 .doc = "Time in which a target must take a connection.",
	 .absent = "that of the load balancer"},
	{"timeouts.target_response_seconds", &type_seconds,
	 INTO(target_response_ms), .any = {0.05, 86400},
	 .doc = "Time in which the head of an answer must come.",
	 .absent = "the idle timeout of the load balancer"},
	{"deregistration_delay.timeout_seconds", &type_seconds,
	 INTO(deregistration_delay_ms), "300", {0, 86400}, {0, 3600},
	 .doc = "Time that running requests get when their target leaves."},
	{"deregistration_delay.connection_termination.enabled", &type_only,
	 NO_SLOT, "false", .refusal = LATER,
	 .doc = "Ends connections when that time is over."},
	{"load_balancing.algorithm.type", &type_algorithm, INTO(algorithm),
	 "round_robin", .words = algorithms,
	 .doc = "How a target is chosen."},
	{"load_balancing.algorithm.anomaly_mitigation", &type_mitigation,
	 INTO(mitigates), "off", .words = mitigations,
	 .doc = "Gives targets that fail more often than others less."},
	{"load_balancing.algorithm.hash_key", &type_hash_key, INTO(hash_key),
	 .keys = hash_key_keys,
	 .values = "source_ip, host, path, {header: NAME}, {cookie: NAME}, "
		   "{query: KEY}",
	 .doc = "What consistent_hash goes by; a request without it takes "
		"turns.",
	 .absent = "source_ip"},
	{"load_balancing.cross_zone.enabled", &type_cross_zone, INTO(zone),
	 "use_load_balancer_configuration", .words = cross_zones,
	 .doc = "Uses the targets of all zones."},
	{"slow_start.duration_seconds", &type_slow_start, INTO(slow_start_ms),
	 "0", {0, 86400}, {0, 900}, .doc = "Ramp of a new target; 0: none."},
	{"stickiness.enabled", &type_sticky, INTO(stickiness.enabled),
	 "false", .doc = "Keeps a client at the target that it was given."},
	{"stickiness.type", &type_word, INTO(stickiness.type), "lb_cookie",
	 .words = stickiness_types, .doc = "By which cookie."},
	{"stickiness.lb_cookie.duration_seconds", &type_lb_duration,
	 INTO(stickiness), "86400", {1, 31536000}, {1, 604800},
	 .doc = "How long; checked inside of the cookie."},
	{"stickiness.lb_cookie.cookie_name", &type_lb_cookie,
	 INTO(stickiness), "AWSALB",
	 .doc = "Name of the cookie, where two balancers stand in a row."},
	{"stickiness.app_cookie.duration_seconds", &type_app_duration,
	 INTO(stickiness), "86400", {1, 31536000}, {1, 604800},
	 .doc = "The same for app_cookie."},
	{"stickiness.app_cookie.cookie_name", &type_app_cookie,
	 INTO(stickiness.app_cookie),
	 .doc = "The cookie of the application; app_cookie needs it.",
	 .absent = "none"},
	{"target_group_health.dns_failover.minimum_healthy_targets.count",
	 &type_dns_count, INTO(dns_minimum.count), "1", {1, 100000},
	 .doc = "Healthy targets below which a zone would leave the DNS: shown "
		"by weir targets."},
	{"target_group_health.dns_failover.minimum_healthy_targets.percentage",
	 &type_dns_percentage, INTO(dns_minimum.percentage), "off", {1, 100},
	 .doc = "The same in percent."},
	{"target_group_health.unhealthy_state_routing."
	 "minimum_healthy_targets.count",
	 &type_routing_count, INTO(routing_minimum.count), "1", {1, 100000},
	 .doc = "Healthy targets below which all are used, whatever their "
		"health."},
	{"target_group_health.unhealthy_state_routing."
	 "minimum_healthy_targets.percentage",
	 &type_routing_percentage, INTO(routing_minimum.percentage), "off", {1, 100},
	 .doc = "The same in percent."},
	{"target_tls", &type_target_tls, INTO(target_tls),
	 .keys = target_tls_keys,
	 .doc = "How targets and their checks are known over TLS.",
	 .absent = "no certificate is verified"},
	NETWORK_ROW("target_health_state.unhealthy."
		    "connection_termination.enabled", "true",
		    "Ends the flows of a target that became unhealthy."),
	NETWORK_ROW("target_health_state.unhealthy.draining_interval_seconds",
		    "0", "Time that they get before."),
	NETWORK_ROW("preserve_client_ip.enabled",
		    "false; with data_path: kernel true",
		    "Targets see the client's address."),
	NETWORK_ROW("proxy_protocol_v2.enabled", "false",
		    "A PROXY header tells targets the client's address."),
	NETWORK_ROW("proxy_protocol_v2.client_to_server.header_placement",
		    "on_first_ack", "When it is sent."),
	{"routing.http2.rst_stream_error_forwarding.enabled", &type_boolean,
	 INTO(forwards_resets), "false",
	 .doc = "Passes a target's RST_STREAM on."},
	{"passive_checks.failure_count", &type_count,
	 INTO(passive.failure_count), "3", .any = {0, 100},
	 .doc = "Connects in a row that fail before a target rests; 0: off."},
	{"passive_checks.rest_seconds", &type_seconds, INTO(passive.rest_ms),
	 "10", .any = {1, 3600}, .doc = "How long it rests."},
	{"error_pages", &type_error_pages, INTO(error_pages),
	 .keys = error_page_keys,
	 .doc = "Bodies for answers that weir makes.",
	 .absent = "those of the listener"},
	{"waf.http2.traffic_inspection_behavior", &type_refused, NO_SLOT,
	 .refusal = "it means nothing outside of AWS",
	 .doc = "A word of AWS without meaning here."},
	{"lambda.multi_value_headers.enabled", &type_only, NO_SLOT, "false",
	 .refusal = "there are no Lambda targets",
	 .doc = "A word of AWS without meaning here."},
	{"target_control_port", &type_refused, NO_SLOT,
	 .refusal = "there is no target optimizer",
	 .doc = "A word of AWS without meaning here."},
	{0},
};
/* clang-format on */

/* -- the list -------------------------------------------------------------- */

static void check_group(struct reader *r, const struct target_group *g)
{
	struct slice name = g->name;

	check_together(r, g);
	check_zones(r, g);
	if (g->algorithm == ALGORITHM_HASH)
		check_turns(r, g);
	if (g->stickiness.enabled && g->stickiness.type == STICKY_APP_COOKIE &&
	    g->stickiness.app_cookie.n == 0)
		complain(r, &r->group_said[SAID_STICKY], NULL,
			 "app_cookie needs "
			 "\"stickiness.app_cookie.cookie_name\"");
	if (r->strict && name.n &&
	    (name.p[0] == '-' || name.p[name.n - 1] == '-'))
		aws_refuses(r, &g->place,
			    "on AWS the name of a target group neither begins "
			    "nor ends with \"-\"");
	if (r->strict && g->n_targets > 1000)
		aws_refuses(r, &g->place,
			    "AWS takes at most 1000 targets in a group");
}

static void name_it(struct reader *r, struct target_group *g)
{
	const struct settings *s = &r->snap->settings;
	char id[OBJECT_ID_OCTETS];

	object_id("target-group", g->name, id);
	g->arn = slice_of(arena_printf(
		r->arena,
		"arn:aws:elasticloadbalancing:%.*s:%.*s:targetgroup/%.*s/%.*s",
		SLICE_ARG(s->region), SLICE_ARG(s->account_id),
		SLICE_ARG(g->name), OBJECT_ID_OCTETS, id));
}

static void read_group(struct reader *r, const struct node *v,
		       struct target_group *g)
{
	struct target_group *twin;

	g->place = v->at;
	if (!want_map(r, "a target group", v))
		return;
	r->group = g;
	r->group_port = 0;
	memset(r->group_said, 0, sizeof(r->group_said));
	read_mapping(r, v, "a target group", group_keys, g);
	g->port = r->group_port;
	check_group(r, g);
	check_target_tls(r, g);
	r->group = NULL;
	if (g->name.n == 0)
		return;
	name_it(r, g);
	twin = map_get(&r->groups, g->name);
	if (twin)
		complain(r, &g->place, first_at(r, &twin->place),
			 "the target group \"%.*s\" is defined twice",
			 SLICE_ARG(g->name));
	else
		map_put(&r->groups, g->name, g);
}

static void parse_target_groups(struct reader *r, const struct key *k,
				const struct node *v, void *slot)
{
	const struct node *list = node_as_list(r->tree, v);
	struct snapshot *snap = slot;

	(void)k;
	snap->groups = ARENA_ARRAY(r->arena, list->n, struct target_group);
	snap->n_groups = list->n;
	for (size_t i = 0; i < list->n; i++) {
		snap->groups[i].index = (uint32_t)i;
		read_group(r, list->items[i], &snap->groups[i]);
	}
}

const struct type type_target_groups = {parse_target_groups,
					SHAPE_MAP | SHAPE_LIST, NULL};
