/* Target groups, and how their targets are checked. */
#include "base/fail.h"
#include "read.h"

#define INTO(member)  .offset = offsetof(struct target_group, member)
#define CHECK(member) .offset = offsetof(struct health_check, member)

static const char FOR_NETWORK[] = "it is for network load balancers";
static const char NETWORK_NOT_BUILT[] =
	"network load balancers are not built yet";
static const char LATER[] =
	"another value belongs to the language but is not built yet";

/* -- health checks --------------------------------------------------------- */

static const struct word check_protocols[] = {
	{"HTTP", PROTOCOL_HTTP, NULL},
	{"HTTPS", PROTOCOL_HTTPS, NULL},
	{"TCP", PROTOCOL_TCP, NULL},
	{0},
};

static void parse_check_port(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (slice_eq(v->text, SLICE("traffic-port")))
		*(uint16_t *)slot = 0;
	else
		type_port.parse(r, k, v, slot);
}

static void parse_check_path(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n == 0 || v->text.p[0] != '/' || v->text.n > 1024) {
		complain(r, &v->at, NULL,
			 "%s must begin with \"/\" and have at most 1024 "
			 "characters",
			 k->name);
		return;
	}
	for (size_t i = 0; i < v->text.n; i++) {
		struct place at = node_part(v, i, 1);

		if (v->text.p[i] > ' ' && v->text.p[i] < 0x7f)
			continue;
		complain(r, &at, NULL, "%s may only have visible ASCII",
			 k->name);
		return;
	}
	*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static bool read_codes(struct slice text, struct code_range *range)
{
	struct slice rest = text;
	struct slice first = slice_trim(slice_cut(&rest, '-'));
	struct slice last = rest.p ? slice_trim(rest) : first;
	uint64_t from, to;

	if (!slice_to_u64(first, &from) || !slice_to_u64(last, &to) ||
	    from > to || to > UINT16_MAX)
		return false;
	*range = (struct code_range){(uint16_t)from, (uint16_t)to};
	return true;
}

static void parse_matcher(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct health_check *check = slot;
	struct slice rest;
	size_t n = 1;

	if (!want_scalar(r, k->name, v))
		return;
	for (size_t i = 0; i < v->text.n; i++)
		n += v->text.p[i] == ',';
	check->matcher = ARENA_ARRAY(r->arena, n, struct code_range);
	check->n_matcher = 0;
	for (rest = v->text; rest.p;) {
		struct slice part = slice_cut(&rest, ',');
		struct place at =
			node_part(v, (size_t)(part.p - v->text.p), part.n);
		struct code_range *range = &check->matcher[check->n_matcher];

		if (!read_codes(slice_trim(part), range))
			complain(r, &at, "such as \"200,202,300-399\"",
				 "%s must be codes and ranges of codes",
				 k->name);
		else if (range->first < k->any.least ||
			 range->last > k->any.most)
			complain(r, &at, NULL, "%s must be from %.0f to %.0f",
				 k->name, k->any.least, k->any.most);
		else if (r->strict && (range->first < k->aws.least ||
				       range->last > k->aws.most))
			complain(r, &at, NULL,
				 "%s must be from %.0f to %.0f on AWS "
				 "(settings.strict_aws_limits)",
				 k->name, k->aws.least, k->aws.most);
		else
			check->n_matcher++;
	}
}

static const struct type type_check_port = {
	parse_check_port, SHAPE_NUMBER | SHAPE_TEXT, "^traffic-port$"};
static const struct type type_check_path = {parse_check_path, SHAPE_TEXT, "^/"};
static const struct type type_matcher = {
	parse_matcher, SHAPE_NUMBER | SHAPE_TEXT, "^[0-9, -]+$"};

/* clang-format off */
const struct key health_check_keys[] = {
	{"enabled", &type_boolean, CHECK(enabled), "true",
	 .doc = "false: the state is unavailable, and targets take traffic."},
	{"protocol", &type_word, CHECK(protocol), "HTTP",
	 .words = check_protocols, .doc = "HTTP, HTTPS or TCP."},
	{"port", &type_check_port, CHECK(port), "traffic-port",
	 .any = {1, 65535},
	 .doc = "traffic-port is the port of the target."},
	{"path", &type_check_path, CHECK(path), "/",
	 .doc = "Path of the request that checks a target."},
	{"interval_seconds", &type_seconds, CHECK(interval_ms), "30",
	 {0.1, 86400}, {5, 300},
	 .doc = "Time from the start of one check to the start of the next."},
	{"timeout_seconds", &type_seconds, CHECK(timeout_ms), "5",
	 {0.01, 3600}, {2, 120},
	 .doc = "Time in which the whole response head must arrive; below the "
	 "interval."},
	{"healthy_threshold_count", &type_count, CHECK(rise), "5", {1, 1000},
	 {2, 10}, .doc = "Successes in a row after which a target takes traffic."},
	{"unhealthy_threshold_count", &type_count, CHECK(fall), "2",
	 {1, 1000}, {2, 10},
	 .doc = "Failures in a row after which a target takes none."},
	{"matcher", &type_matcher, 0, "200", {100, 599}, {200, 499},
	 .values = "codes and ranges of codes from 100 to 599",
	 .doc = "Codes that a healthy target answers with."},
	NOT_BUILT("host",
		  "Host that checks send.", "address and port of the target"),
	NOT_BUILT("body",
		  "Regular expression that the answer's body must contain.",
		  "none"),
	{0},
};
/* clang-format on */

static void parse_health_check(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	struct health_check *check = slot;

	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, "health_check", health_check_keys, check);
	if (check->interval_ms && check->timeout_ms >= check->interval_ms)
		complain(r, &v->at, NULL,
			 "timeout_seconds (%g) must be below interval_seconds "
			 "(%g)",
			 (double)check->timeout_ms / 1000,
			 (double)check->interval_ms / 1000);
	if (r->strict && check->protocol == PROTOCOL_TCP)
		complain(r, &v->at, NULL,
			 "on AWS the targets of an application load balancer "
			 "are checked by HTTP or HTTPS "
			 "(settings.strict_aws_limits)");
}

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

static const struct type type_health_check = {parse_health_check, SHAPE_MAP,
					      NULL};
static const struct type type_minimum = {parse_minimum,
					 SHAPE_NUMBER | SHAPE_TEXT, "^off$"};
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
	{"HTTP2", VERSION_HTTP2, "HTTP/2 to targets is not built yet"},
	{"GRPC", VERSION_GRPC, "gRPC is not built yet"},
	{0},
};

static const struct word algorithms[] = {
	{"round_robin", ALGORITHM_ROUND_ROBIN, NULL},
	{"least_outstanding_requests", ALGORITHM_LEAST,
	 "least_outstanding_requests is not built yet"},
	{"weighted_random", ALGORITHM_RANDOM,
	 "weighted_random is not built yet"},
	{"consistent_hash", 0, "consistent_hash is not built yet"},
	{0},
};

static const struct word cross_zones[] = {
	{"use_load_balancer_configuration", 0, NULL},
	{"true", 0, NULL},
	{"false", 0, "switching it off is not built yet"},
	{0},
};

static const struct word stickiness_types[] = {
	{"lb_cookie", STICKY_LB_COOKIE, NULL},
	{"app_cookie", STICKY_APP_COOKIE, "app_cookie is not built yet"},
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
	 .keys = health_check_keys, .doc = "How targets are checked."},
	NOT_BUILT("timeouts.target_connect_seconds",
		  "Time in which a target must take a connection.",
		  "that of the load balancer"),
	NOT_BUILT("timeouts.target_response_seconds",
		  "Time in which the head of an answer must come.",
		  "the idle timeout of the load balancer"),
	{"deregistration_delay.timeout_seconds", &type_seconds,
	 INTO(deregistration_delay_ms), "300", {0, 86400}, {0, 3600},
	 .doc = "Time that running requests get when their target leaves."},
	{"deregistration_delay.connection_termination.enabled", &type_only,
	 NO_SLOT, "false", .refusal = LATER,
	 .doc = "Ends connections when that time is over."},
	{"load_balancing.algorithm.type", &type_word, INTO(algorithm),
	 "round_robin", .words = algorithms,
	 .doc = "How a target is chosen."},
	{"load_balancing.algorithm.anomaly_mitigation", &type_only, NO_SLOT,
	 "off", .refusal = LATER,
	 .doc = "Gives targets that fail more often than others less."},
	NOT_BUILT("load_balancing.algorithm.hash_key",
		  "What consistent_hash goes by.", "source_ip"),
	{"load_balancing.cross_zone.enabled", &type_word, NO_SLOT,
	 "use_load_balancer_configuration", .words = cross_zones,
	 .doc = "Uses the targets of all zones."},
	{"slow_start.duration_seconds", &type_only, NO_SLOT, "0",
	 .refusal = LATER, .doc = "Ramp of a new target."},
	{"stickiness.enabled", &type_boolean, INTO(stickiness.enabled),
	 "false", .doc = "Keeps a client at the target that it was given."},
	{"stickiness.type", &type_word, INTO(stickiness.type), "lb_cookie",
	 .words = stickiness_types, .doc = "By which cookie."},
	{"stickiness.lb_cookie.duration_seconds", &type_duration,
	 INTO(stickiness.duration_s), "86400", {1, 31536000}, {1, 604800},
	 .doc = "How long; checked inside of the cookie."},
	NOT_BUILT("stickiness.lb_cookie.cookie_name",
		  "Name of the cookie, where two balancers stand in a row.",
		  "AWSALB"),
	{"stickiness.app_cookie.duration_seconds", &type_not_built, NO_SLOT,
	 .doc = "The same for app_cookie.", .absent = "86400"},
	{"stickiness.app_cookie.cookie_name", &type_not_built, NO_SLOT,
	 .doc = "The cookie of the application.", .absent = "none"},
	{"target_group_health.dns_failover.minimum_healthy_targets.count",
	 &type_only, NO_SLOT, "1", .refusal = LATER,
	 .doc = "Healthy targets below which a zone would leave the DNS."},
	{"target_group_health.dns_failover.minimum_healthy_targets.percentage",
	 &type_only, NO_SLOT, "off", .refusal = LATER,
	 .doc = "The same in percent."},
	{"target_group_health.unhealthy_state_routing."
	 "minimum_healthy_targets.count",
	 &type_minimum, INTO(routing_minimum.count), "1", {1, 100000},
	 .doc = "Healthy targets below which all are used, whatever their "
		"health."},
	{"target_group_health.unhealthy_state_routing."
	 "minimum_healthy_targets.percentage",
	 &type_minimum, INTO(routing_minimum.percentage), "off", {1, 100},
	 .doc = "The same in percent."},
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
	{"routing.http2.rst_stream_error_forwarding.enabled", &type_only,
	 NO_SLOT, "false", .refusal = LATER,
	 .doc = "Passes a target's RST_STREAM on."},
	NOT_BUILT("passive_checks.failure_count",
		  "Connects in a row that fail before a target rests; 0: off.",
		  "3"),
	NOT_BUILT("passive_checks.rest_seconds",
		  "How long it rests.", "10"),
	NOT_BUILT("target_tls.verify",
		  "Checks the certificates of targets.", "false"),
	NOT_BUILT("target_tls.ca_bundle",
		  "CAs that they are checked with.", "settings.ca_bundle"),
	NOT_BUILT("target_tls.server_name",
		  "Name that they must have.", "that of the target"),
	NOT_BUILT("target_tls.certificate",
		  "Certificate that weir shows to targets.", "none"),
	NOT_BUILT("target_tls.private_key",
		  "Its key.", "none"),
	{"error_pages", &type_not_built, NO_SLOT,
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

	if (r->strict && name.n &&
	    (name.p[0] == '-' || name.p[name.n - 1] == '-'))
		complain(r, &g->place, NULL,
			 "on AWS the name of a target group neither begins nor "
			 "ends with \"-\" (settings.strict_aws_limits)");
	if (r->strict && g->n_targets > 1000)
		complain(r, &g->place, NULL,
			 "AWS takes at most 1000 targets in a group "
			 "(settings.strict_aws_limits)");
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
	read_mapping(r, v, "a target group", group_keys, g);
	r->group = NULL;
	check_group(r, g);
	if (g->name.n == 0)
		return;
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
