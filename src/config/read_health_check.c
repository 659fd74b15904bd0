/* How the targets of a group are checked. */
#include "base/fail.h"
#include "read.h"

#define CHECK(member) .offset = offsetof(struct health_check, member)

enum { CHECK_HOST_MAX = 255 };

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

struct code_range *want_codes(struct reader *r, const struct key *k,
			      const struct node *v, size_t *n_codes)
{
	struct code_range *codes;
	struct slice rest;
	size_t n = 1;

	*n_codes = 0;
	if (!want_scalar(r, k->name, v))
		return NULL;
	for (size_t i = 0; i < v->text.n; i++)
		n += v->text.p[i] == ',';
	codes = ARENA_ARRAY(r->arena, n, struct code_range);
	for (rest = v->text; rest.p;) {
		struct slice part = slice_cut(&rest, ',');
		struct place at =
			node_part(v, (size_t)(part.p - v->text.p), part.n);
		struct code_range *range = &codes[*n_codes];

		if (!read_codes(slice_trim(part), range))
			complain(r, &at,
				 k->any.least < 400
					 ? "such as \"200,202,300-399\""
					 : "such as \"500,502-504\"",
				 "%s must be codes and ranges of codes",
				 k->name);
		else if (range->first < k->any.least ||
			 range->last > k->any.most)
			complain(r, &at, NULL, "%s must be from %.0f to %.0f",
				 k->name, k->any.least, k->any.most);
		else if (r->strict && k->aws.most > 0 &&
			 (range->first < k->aws.least ||
			  range->last > k->aws.most))
			aws_refuses(r, &at,
				    "%s must be from %.0f to %.0f on AWS",
				    k->name, k->aws.least, k->aws.most);
		else
			(*n_codes)++;
	}
	return codes;
}

static void parse_matcher(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	struct health_check *check = slot;

	check->matcher = want_codes(r, k, v, &check->n_matcher);
}

/* As a Host field may be (RFC 9110 7.2), but never empty. */
static void parse_check_host(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	for (size_t i = 0; i < v->text.n; i++) {
		struct place at = node_part(v, i, 1);
		char c = v->text.p[i];

		if (ascii_is_digit(c) || strchr("-._:[]", c) ||
		    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'))
			continue;
		complain(r, &at, "such as app.example.com:8080",
			 "%s must be a host", k->name);
		return;
	}
	if (v->text.n == 0 || v->text.n > CHECK_HOST_MAX)
		complain(r, &v->at, NULL, "%s must have 1 to %d characters",
			 k->name, CHECK_HOST_MAX);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static void parse_check_body(struct reader *r, const struct key *k,
			     const struct node *v, void *slot)
{
	if (want_scalar(r, k->name, v))
		*(const struct pattern **)slot = make_body_pattern(r, v);
}

static const struct type type_check_host = {parse_check_host, SHAPE_TEXT, NULL};
static const struct type type_check_body = {parse_check_body, SHAPE_TEXT, NULL};
static const struct type type_check_port = {
	parse_check_port, SHAPE_NUMBER | SHAPE_TEXT, "^traffic-port$"};
static const struct type type_check_path = {parse_check_path, SHAPE_TEXT, "^/"};
static const struct type type_matcher = {
	parse_matcher, SHAPE_NUMBER | SHAPE_TEXT, "^[0-9, -]+$"};

/* clang-format off */
/* Of a GRPC group they are calls of gRPC (AWS: health checks). */
#define CHECK_ROWS(its_path, its_matcher, its_least, its_most, its_aws_least, \
		   its_aws_most) \
	{"enabled", &type_boolean, CHECK(enabled), "true", \
	 .doc = "false: the state is unavailable, and targets take traffic."}, \
	{"protocol", &type_word, CHECK(protocol), "HTTP", \
	 .words = check_protocols, .doc = "HTTP, HTTPS or TCP."}, \
	{"port", &type_check_port, CHECK(port), "traffic-port", \
	 .any = {1, 65535}, \
	 .doc = "traffic-port is the port of the target."}, \
	{"path", &type_check_path, CHECK(path), its_path, \
	 .doc = "Path of the request that checks a target; GRPC: by default " \
		"/AWS.ALB/healthcheck."}, \
	{"interval_seconds", &type_seconds, CHECK(interval_ms), "30", \
	 {0.1, 86400}, {5, 300}, \
	 .doc = "Time from the start of one check to the start of the next."}, \
	{"timeout_seconds", &type_seconds, CHECK(timeout_ms), "5", \
	 {0.01, 3600}, {2, 120}, \
	 .doc = "Time in which the whole response head must arrive; below the " \
	 "interval."}, \
	{"healthy_threshold_count", &type_count, CHECK(rise), "5", {1, 1000}, \
	 {2, 10}, .doc = "Successes in a row after which a target takes traffic."}, \
	{"unhealthy_threshold_count", &type_count, CHECK(fall), "2", \
	 {1, 1000}, {2, 10}, \
	 .doc = "Failures in a row after which a target takes none."}, \
	{"matcher", &type_matcher, 0, its_matcher, {its_least, its_most}, \
	 {its_aws_least, its_aws_most}, \
	 .values = "codes and ranges of codes from 100 to 599; GRPC: 0 to 99", \
	 .doc = "Codes that a healthy target answers with; GRPC: those of " \
		"gRPC, by default 12."}, \
	{"host", &type_check_host, CHECK(host), \
	 .values = "a host, with a port or without", \
	 .doc = "Host that checks send, and the name in their TLS.", \
	 .absent = "address and port of the target"}, \
	{"body", &type_check_body, CHECK(body), \
	 .values = "a regular expression", \
	 .doc = "What the first 64 KiB of the answer's body must contain.", \
	 .absent = "none"}, \
	{0}

const struct key health_check_keys[] = {
	CHECK_ROWS("/", "200", 100, 599, 200, 499)
};

const struct key grpc_check_keys[] = {
	CHECK_ROWS("/AWS.ALB/healthcheck", "12", 0, 99, 0, 99)
};
/* clang-format on */

static void parse_health_check(struct reader *r, const struct key *k,
			       const struct node *v, void *slot)
{
	struct health_check *check = slot;
	bool is_grpc = r->group->version == VERSION_GRPC;

	if (!want_map(r, k->name, v))
		return;
	read_mapping(r, v, "health_check",
		     is_grpc ? grpc_check_keys : health_check_keys, check);
	if (check->interval_ms && check->timeout_ms >= check->interval_ms)
		complain(r, &v->at, NULL,
			 "timeout_seconds (%g) must be below interval_seconds "
			 "(%g)",
			 (double)check->timeout_ms / 1000,
			 (double)check->interval_ms / 1000);
	if (check->protocol == PROTOCOL_TCP && (check->host.n || check->body))
		complain(r, &v->at, NULL,
			 "%s is for health checks by HTTP or HTTPS",
			 check->host.n ? "host" : "body");
	if (is_grpc && check->body)
		complain(r, &v->at, NULL,
			 "body is for health checks by HTTP: that of a GRPC "
			 "group is a call of gRPC");
	if (r->strict && check->protocol == PROTOCOL_TCP)
		aws_refuses(r, &v->at,
			    "on AWS the targets of an application load "
			    "balancer are checked by HTTP or HTTPS");
}

const struct type type_health_check = {parse_health_check, SHAPE_MAP, NULL};
