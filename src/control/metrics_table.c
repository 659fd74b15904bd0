/*
 * metrics_table.c - the families, and where their values come from.
 *
 * A name is an interface: it is never taken away or given another meaning.
 *
 * Floor: control.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/reason.h"
#include "daemon.h"
#include "metrics_parts.h"
#include "model/generation.h"
#include "model/limit.h"
#include "status.h"

/* Lengths are counted in whole milliseconds: what began and ended in the same
 * one is 0, and no bucket tells more of it. */
const struct metric_bucket metric_buckets[METRIC_BUCKETS] = {
	{"0.0005", 0}, {"0.001", 1},    {"0.0025", 2},   {"0.005", 5},
	{"0.01", 10},  {"0.025", 25},   {"0.05", 50},    {"0.1", 100},
	{"0.25", 250}, {"0.5", 500},    {"1.0", 1000},   {"2.5", 2500},
	{"5.0", 5000}, {"10.0", 10000}, {"30.0", 30000}, {"60.0", 60000},
};

static uint64_t difference(uint64_t more, uint64_t less)
{
	return more > less ? more - less : 0;
}

/* -- the process ----------------------------------------------------------- */

static uint64_t one(const struct metric_object *o, unsigned i)
{
	(void)o;
	(void)i;
	return 1;
}

static uint64_t generation(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->daemon->snap->generation;
}

/* The start took a configuration too. */
static uint64_t reload_success(const struct metric_object *o, unsigned i)
{
	const struct reload_report *r = &o->daemon->last_reload;

	(void)i;
	return !r->at_s || r->ok;
}

static uint64_t reload_time(const struct metric_object *o, unsigned i)
{
	const struct daemon *d = o->daemon;

	(void)i;
	return (uint64_t)(d->last_reload.at_s ? d->last_reload.at_s
					      : d->started_s);
}

static uint64_t buffers_limit(const struct metric_object *o, unsigned i)
{
	const struct daemon *d = o->daemon;
	uint64_t sum = 0;

	(void)i;
	for (unsigned w = 0; w < d->n_workers; w++)
		sum += tally_read(
			&worker_counters(d->workers[w])[COUNT_POOL_EMPTY]);
	return sum;
}

static uint64_t cpu_us(const struct metric_object *o, unsigned i)
{
	struct rusage u;

	(void)o;
	(void)i;
	if (getrusage(RUSAGE_SELF, &u) != 0)
		return METRIC_ABSENT;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint64_t resident_octets(const struct metric_object *o, unsigned i)
{
	unsigned long all, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	int n;

	(void)o;
	(void)i;
	if (!f)
		return METRIC_ABSENT;
	n = fscanf(f, "%lu %lu", &all, &resident);
	fclose(f);
	return n == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE)
		      : METRIC_ABSENT;
}

/* Linux 6.2 and later count them; reading the folder would take long where
 * there are many, and may not be allowed. */
static uint64_t open_files(const struct metric_object *o, unsigned i)
{
	struct stat st;

	(void)o;
	(void)i;
	if (stat("/proc/self/fd", &st) != 0 || st.st_size <= 0)
		return METRIC_ABSENT;
	return (uint64_t)st.st_size;
}

static uint64_t most_files(const struct metric_object *o, unsigned i)
{
	struct rlimit limit;

	(void)o;
	(void)i;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return METRIC_ABSENT;
	return limit.rlim_cur;
}

static uint64_t started(const struct metric_object *o, unsigned i)
{
	(void)i;
	return (uint64_t)o->daemon->started_s;
}

static uint64_t alive(const struct metric_object *o, unsigned i)
{
	uint64_t n = 0;

	(void)i;
	list_foreach (node, &o->daemon->generations) {
		const struct generation *g =
			list_entry(node, struct generation, node);

		n += !g->replaced_ms || generation_sum(g).workers > 0;
	}
	return n;
}

/* They stand with the newest first. */
static uint64_t oldest_age(const struct metric_object *o, unsigned i)
{
	int64_t age = 0;

	(void)i;
	list_foreach (node, &o->daemon->generations) {
		const struct generation *g =
			list_entry(node, struct generation, node);

		if (!g->replaced_ms || generation_sum(g).workers > 0)
			age = clock_wall_s() - g->since_s;
	}
	return age > 0 ? (uint64_t)age : 0;
}

static uint64_t file_differs(const struct metric_object *o, unsigned i)
{
	(void)i;
	return status_file_differs(o->daemon);
}

static uint64_t waits(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->daemon->confirm.ends_ms != 0;
}

static uint64_t overlay_entries(const struct metric_object *o, unsigned i)
{
	(void)i;
	return runtime_count(o->daemon->runtime.doc);
}

/* -- listeners ------------------------------------------------------------- */

/* Series that are one counter each, in the order of their labels. */
#define LISTENER_READER(name, ...)                                             \
	static uint64_t name(const struct metric_object *o, unsigned i)        \
	{                                                                      \
		static const enum listener_counter cells[] = {__VA_ARGS__};    \
                                                                               \
		return listener_count(o->listener, cells[i]);                  \
	}

LISTENER_READER(connections, COUNT_CLIENT_CONNECTIONS)
LISTENER_READER(rejected, COUNT_CLIENT_REJECTED)
LISTENER_READER(tls_errors, COUNT_CLIENT_TLS_ERRORS)
LISTENER_READER(handshakes, COUNT_CLIENT_TLS_FULL, COUNT_CLIENT_TLS_RESUMED)
LISTENER_READER(requests, COUNT_REQUESTS_1_0, COUNT_REQUESTS_1_1,
		COUNT_REQUESTS_2)
LISTENER_READER(responses, COUNT_ELB_2XX, COUNT_ELB_3XX, COUNT_ELB_4XX,
		COUNT_ELB_5XX, COUNT_TARGET_2XX, COUNT_TARGET_3XX,
		COUNT_TARGET_4XX, COUNT_TARGET_5XX)
LISTENER_READER(fixed_responses, COUNT_FIXED_RESPONSES)
LISTENER_READER(redirects, COUNT_REDIRECTS)
LISTENER_READER(desync, COUNT_DESYNC_ACCEPTABLE, COUNT_DESYNC_AMBIGUOUS,
		COUNT_DESYNC_SEVERE)
LISTENER_READER(received, COUNT_OCTETS_IN)
LISTENER_READER(sent, COUNT_OCTETS_OUT)

static const char *const resumed_labels[] = {"resumed=\"false\"",
					     "resumed=\"true\""};
static const char *const version_labels[] = {
	"version=\"1.0\"", "version=\"1.1\"", "version=\"2\""};
static const char *const response_labels[] = {
	"source=\"weir\",code_class=\"2xx\"",
	"source=\"weir\",code_class=\"3xx\"",
	"source=\"weir\",code_class=\"4xx\"",
	"source=\"weir\",code_class=\"5xx\"",
	"source=\"target\",code_class=\"2xx\"",
	"source=\"target\",code_class=\"3xx\"",
	"source=\"target\",code_class=\"4xx\"",
	"source=\"target\",code_class=\"5xx\""};
static const char *const desync_labels[] = {
	"class=\"acceptable\"", "class=\"ambiguous\"", "class=\"severe\""};

/* The ends are read first: nobody has ended who had not begun. */
static uint64_t open_connections(const struct metric_object *o, unsigned i)
{
	uint64_t closed = listener_count(o->listener, COUNT_CLIENT_CLOSED);

	return difference(connections(o, i), closed);
}

static void durations(const struct metric_object *o, struct histogram_sum *out)
{
	listener_durations(o->listener, out);
}

static uint64_t errors(const struct metric_object *o, unsigned i)
{
	enum reason r = (enum reason)i;

	if (r == REASON_NONE || reason_is_action(r))
		return 0;
	return listener_reasons(o->listener, r);
}

static const char *error_token(unsigned i)
{
	return reason_token((enum reason)i);
}

static uint64_t glitches(const struct metric_object *o, unsigned i)
{
	return listener_glitches(o->listener, (enum glitch)i);
}

static const char *glitch_kind(unsigned i)
{
	return glitch_token((enum glitch)i);
}

static uint64_t swaps(const struct metric_object *o, unsigned i)
{
	if (!o->has_tls)
		return METRIC_ABSENT;
	return i ? o->listener->certificates_refused
		 : o->listener->certificates_taken;
}

static const char *const swap_labels[] = {"result=\"taken\"",
					  "result=\"refused\""};

static uint64_t limited(const struct metric_object *o, unsigned i)
{
	(void)i;
	return limit_count(o->limit);
}

static uint64_t of_rule(const struct metric_object *o, unsigned i)
{
	(void)i;
	return rule_requests(o->rule);
}

/* -- target groups --------------------------------------------------------- */

#define GROUP_READER(name, counter)                                            \
	static uint64_t name(const struct metric_object *o, unsigned i)        \
	{                                                                      \
		(void)i;                                                       \
		return group_count(o->group, counter);                         \
	}

GROUP_READER(group_requests, COUNT_REQUESTS)
GROUP_READER(grpc_requests, COUNT_GRPC_REQUESTS)
GROUP_READER(fail_open, COUNT_FAIL_OPEN)
GROUP_READER(non_sticky, COUNT_NON_STICKY)
GROUP_READER(retries, COUNT_RETRIES)

static void response_times(const struct metric_object *o,
			   struct histogram_sum *out)
{
	group_response_times(o->group, out);
}

static uint64_t in_state(const struct metric_object *o, unsigned i)
{
	return o->gauges.states[i];
}

static uint64_t anomalous(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->gauges.anomalous;
}

static uint64_t mitigated(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->gauges.mitigated;
}

static uint64_t zone_healthy(const struct metric_object *o, unsigned i)
{
	return i ? o->gauges.routing : o->gauges.dns;
}

static uint64_t health_checks(const struct metric_object *o, unsigned i)
{
	return i ? o->group->checks_failed : o->group->checks_passed;
}

static const char *state_name(unsigned i)
{
	return health_name((enum health)i);
}

static const char *const zone_labels[] = {"kind=\"dns\"", "kind=\"routing\""};
static const char *const check_labels[] = {"result=\"passed\"",
					   "result=\"failed\""};

/* -- targets --------------------------------------------------------------- */

static uint64_t target_requests(const struct metric_object *o, unsigned i)
{
	const struct target_state *s = o->target;
	uint64_t sum = 0;

	(void)i;
	for (unsigned w = 0; w < s->n_workers; w++)
		sum += tally_read(&s->tally[w].requests);
	return sum;
}

static uint64_t in_flight(const struct metric_object *o, unsigned i)
{
	const struct target_state *s = o->target;
	uint64_t ended = 0;

	for (unsigned w = 0; w < s->n_workers; w++)
		ended += tally_read(&s->tally[w].ended);
	return difference(target_requests(o, i), ended);
}

static uint64_t target_responses(const struct metric_object *o, unsigned i)
{
	const struct target_state *s = o->target;
	uint64_t sum = 0;

	for (unsigned w = 0; w < s->n_workers; w++)
		sum += tally_read(&s->tally[w].responses[i + 1]);
	return sum;
}

static uint64_t target_connections(const struct metric_object *o, unsigned i)
{
	(void)i;
	return target_count(o->target, COUNT_TARGET_CONNECTIONS);
}

static uint64_t target_errors(const struct metric_object *o, unsigned i)
{
	return target_count(o->target, i ? COUNT_TARGET_TLS_ERRORS
					 : COUNT_TARGET_CONNECT_ERRORS);
}

static uint64_t target_health(const struct metric_object *o, unsigned i)
{
	return o->target->health == i;
}

static uint64_t weight_factor(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->target->factor;
}

static const char *const class_labels[] = {
	"code_class=\"1xx\"", "code_class=\"2xx\"", "code_class=\"3xx\"",
	"code_class=\"4xx\"", "code_class=\"5xx\""};
static const char *const target_error_labels[] = {"kind=\"connect\"",
						  "kind=\"tls\""};

/* -- logs and certificates ------------------------------------------------- */

static uint64_t log_lines(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->lines;
}

static uint64_t log_lost(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->lost;
}

/* Ends before 1970 are over all the same. */
static uint64_t expiry(const struct metric_object *o, unsigned i)
{
	(void)i;
	return o->expires_s > 0 ? (uint64_t)o->expires_s : 0;
}

/* -- the table ------------------------------------------------------------- */

static const char *const build_labels[] = {"version=\"" PACKAGE_VERSION "\""};

#define LABELS(list) .n = ARRAY_SIZE(list), .labels = (list)
#define TOKENS(word, count, function)                                          \
	.n = (count), .key = (word), .token = (function)

/* clang-format off */
const struct metric metrics_table[] = {
	{"weir_build_info", "The version that runs.",
	 OF_PROCESS, METRIC_INFO, LABELS(build_labels), .read = one},
	{"weir_config_generation",
	 "Number of the configuration in force.",
	 OF_PROCESS, METRIC_GAUGE, .read = generation},
	{"weir_config_info", "The texts of the configuration in force.",
	 OF_CONFIG, METRIC_INFO, .read = one},
	{"weir_generations_alive",
	 "Configurations that something still runs in.",
	 OF_PROCESS, METRIC_GAUGE, .read = alive},
	{"weir_oldest_generation_age_seconds",
	 "Time since the oldest of them was taken.",
	 OF_PROCESS, METRIC_GAUGE, .read = oldest_age},
	{"weir_config_file_differs",
	 "Whether the file is not the one in force.",
	 OF_PROCESS, METRIC_GAUGE, .read = file_differs},
	{"weir_config_waiting_confirm",
	 "Whether the configuration goes back unless it is confirmed.",
	 OF_PROCESS, METRIC_GAUGE, .read = waits},
	{"weir_overlay_entries", "What run-time changes add to the file.",
	 OF_PROCESS, METRIC_GAUGE, .read = overlay_entries},
	{"weir_advice",
	 "1 for what somebody should do something about; weir status says "
	 "what.",
	 OF_ADVICE, METRIC_GAUGE, .read = one},
	{"weir_config_last_reload_success",
	 "Whether the last reload was accepted, or the start.",
	 OF_PROCESS, METRIC_GAUGE, .read = reload_success},
	{"weir_config_last_reload_timestamp_seconds",
	 "When the last reload was, or the start.",
	 OF_PROCESS, METRIC_GAUGE, .read = reload_time},
	{"weir_buffers_limit_total",
	 "Times a worker's buffer limit was reached and load was shed.",
	 OF_PROCESS, METRIC_COUNTER, .read = buffers_limit},
	{"process_cpu_seconds_total", "CPU time spent, of user and system.",
	 OF_PROCESS, METRIC_COUNTER, .parts = 1000000, .read = cpu_us},
	{"process_resident_memory_bytes", "Resident memory.",
	 OF_PROCESS, METRIC_GAUGE, .read = resident_octets},
	{"process_open_fds", "Open file descriptors.",
	 OF_PROCESS, METRIC_GAUGE, .read = open_files},
	{"process_max_fds", "File descriptors that may be open.",
	 OF_PROCESS, METRIC_GAUGE, .read = most_files},
	{"process_start_time_seconds", "When the process began.",
	 OF_PROCESS, METRIC_GAUGE, .read = started},

	{"weir_client_connections",
	 "Connections from clients that are open (ActiveConnectionCount).",
	 OF_LISTENER, METRIC_GAUGE, .read = open_connections},
	{"weir_client_connections_total",
	 "Connections accepted from clients (NewConnectionCount).",
	 OF_LISTENER, METRIC_COUNTER, .read = connections},
	{"weir_client_connections_rejected_total",
	 "Connections closed at once because settings.max_connections was "
	 "reached (RejectedConnectionCount).",
	 OF_LISTENER, METRIC_COUNTER, .read = rejected},
	{"weir_client_tls_errors_total",
	 "TLS handshakes with clients that failed "
	 "(ClientTLSNegotiationErrorCount).",
	 OF_LISTENER, METRIC_COUNTER, .read = tls_errors},
	{"weir_client_tls_handshakes_total",
	 "TLS handshakes with clients that went well.",
	 OF_LISTENER, METRIC_COUNTER, LABELS(resumed_labels),
	 .read = handshakes},
	{"weir_http_requests_total",
	 "Requests whose head was read.",
	 OF_LISTENER, METRIC_COUNTER, LABELS(version_labels),
	 .read = requests},
	{"weir_http_responses_total",
	 "Answers to clients, of our own (HTTPCode_ELB_2XX_Count to 5XX) and "
	 "of targets (HTTPCode_Target_2XX_Count to 5XX).",
	 OF_LISTENER, METRIC_COUNTER, LABELS(response_labels),
	 .read = responses},
	{"weir_http_request_duration_seconds",
	 "Time from the first octet of a request to the last of its answer, "
	 "in whole milliseconds; without WebSockets.",
	 OF_LISTENER, METRIC_HISTOGRAM, .read_histogram = durations},
	{"weir_errors_total",
	 "Answers that weir made on its own and requests that it ended, by "
	 "reason (HTTPCode_ELB_500_Count, 502, 503, 504).",
	 OF_LISTENER, METRIC_COUNTER,
	 TOKENS("reason", REASON_KINDS, error_token), .skips_zero = true,
	 .read = errors},
	{"weir_fixed_responses_total",
	 "Fixed responses sent (HTTP_Fixed_Response_Count).",
	 OF_LISTENER, METRIC_COUNTER, .read = fixed_responses},
	{"weir_redirects_total", "Redirects sent (HTTP_Redirect_Count).",
	 OF_LISTENER, METRIC_COUNTER, .read = redirects},
	{"weir_desync_requests_total",
	 "Requests that do not comply with RFC 9112 "
	 "(DesyncMitigationMode_NonCompliant_Request_Count).",
	 OF_LISTENER, METRIC_COUNTER, LABELS(desync_labels), .read = desync},
	{"weir_received_bytes_total",
	 "Octets received from clients, after TLS (ProcessedBytes).",
	 OF_LISTENER, METRIC_COUNTER, .read = received},
	{"weir_sent_bytes_total",
	 "Octets sent to clients, before TLS (ProcessedBytes).",
	 OF_LISTENER, METRIC_COUNTER, .read = sent},
	{"weir_http2_glitches_total",
	 "What peers of HTTP/2 did wrong, or more of than needed.",
	 OF_LISTENER, METRIC_COUNTER,
	 TOKENS("kind", GLITCH_KINDS, glitch_kind), .skips_zero = true,
	 .read = glitches},

	{"weir_rule_requests_total", "Requests that a rule decided.",
	 OF_RULE, METRIC_COUNTER, .read = of_rule},

	{"weir_target_group_requests_total",
	 "Requests for which a target was chosen (RequestCount).",
	 OF_GROUP, METRIC_COUNTER, .read = group_requests},
	{"weir_grpc_requests_total",
	 "Of these, those of gRPC (GrpcRequestCount).",
	 OF_GROUP, METRIC_COUNTER, .read = grpc_requests},
	{"weir_target_response_time_seconds",
	 "Time from a target that has the request to its answer's first octet, "
	 "in whole milliseconds (TargetResponseTime).",
	 OF_GROUP, METRIC_HISTOGRAM, .read_histogram = response_times},
	{"weir_target_group_targets",
	 "Targets in each state (HealthyHostCount, UnHealthyHostCount).",
	 OF_GROUP, METRIC_GAUGE, TOKENS("state", TARGET_STATES, state_name),
	 .read = in_state},
	{"weir_fail_open_requests_total",
	 "Requests sent to any target because too few were healthy "
	 "(UnhealthyRoutingRequestCount).",
	 OF_GROUP, METRIC_COUNTER, .read = fail_open},
	{"weir_non_sticky_requests_total",
	 "Requests with stickiness on for which a new target was chosen "
	 "(NonStickyRequestCount).",
	 OF_GROUP, METRIC_COUNTER, .read = non_sticky},
	{"weir_retries_total",
	 "Requests sent again, because the first connection never had them.",
	 OF_GROUP, METRIC_COUNTER, .read = retries},
	{"weir_anomalous_targets",
	 "Targets that fail more than the others (AnomalousHostCount).",
	 OF_GROUP, METRIC_GAUGE, .read = anomalous},
	{"weir_mitigated_targets",
	 "Targets that get less than their weight, because they fail more "
	 "(MitigatedHostCount).",
	 OF_GROUP, METRIC_GAUGE, .read = mitigated},
	{"weir_zone_healthy",
	 "Whether enough targets are healthy for the DNS and for routing "
	 "(HealthyStateDNS, HealthyStateRouting).",
	 OF_GROUP, METRIC_GAUGE, LABELS(zone_labels), .read = zone_healthy},
	{"weir_health_checks_total", "Health checks that ended.",
	 OF_GROUP, METRIC_COUNTER, LABELS(check_labels),
	 .read = health_checks},

	{"weir_target_requests_total", "Requests sent to a target.",
	 OF_TARGET, METRIC_COUNTER, .read = target_requests},
	{"weir_target_responses_total", "Answers of a target.",
	 OF_TARGET, METRIC_COUNTER, LABELS(class_labels),
	 .read = target_responses},
	{"weir_target_requests_in_flight",
	 "Requests that a target has and that are not over.",
	 OF_TARGET, METRIC_GAUGE, .read = in_flight},
	{"weir_target_connections_total", "Connections opened to a target.",
	 OF_TARGET, METRIC_COUNTER, .read = target_connections},
	{"weir_target_connection_errors_total",
	 "Connections to a target that failed (TargetConnectionErrorCount, "
	 "TargetTLSNegotiationErrorCount).",
	 OF_TARGET, METRIC_COUNTER, LABELS(target_error_labels),
	 .read = target_errors},
	{"weir_target_health", "1 for the state that a target is in.",
	 OF_TARGET, METRIC_GAUGE, TOKENS("state", TARGET_STATES, state_name),
	 .read = target_health},
	{"weir_target_weight_factor",
	 "The part of its weight that a target gets.",
	 OF_TARGET, METRIC_GAUGE, .parts = FACTOR_ONE, .read = weight_factor},

	{"weir_limited_requests_total",
	 "Requests and connections that a limit refused, or would have.",
	 OF_LIMIT, METRIC_COUNTER, .read = limited},

	{"weir_log_lines_total", "Lines written to a log.",
	 OF_LOG, METRIC_COUNTER, .read = log_lines},
	{"weir_log_lines_lost_total", "Lines of a log that were lost.",
	 OF_LOG, METRIC_COUNTER, .read = log_lost},

	{"weir_certificate_expiry_timestamp_seconds",
	 "When a certificate ends.",
	 OF_CERTIFICATE, METRIC_GAUGE, .read = expiry},
	{"weir_certificate_swaps_total",
	 "Times changed certificate files were taken, or refused.",
	 OF_LISTENER, METRIC_COUNTER, LABELS(swap_labels), .read = swaps},
};
/* clang-format on */

const size_t n_metrics = ARRAY_SIZE(metrics_table);
