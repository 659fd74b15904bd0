/*
 * group.h - target groups and targets, as configured.
 *
 * Immutable once sealed. What changes while we run (addresses behind a name,
 * health, tallies) is in state.h.
 *
 * Floor: model.  Source: AWS: target groups for Application Load
 * Balancers.
 */
#ifndef WEIR_MODEL_GROUP_H
#define WEIR_MODEL_GROUP_H

#include "base/diag.h"
#include "model/page.h"
#include "model/protocol.h"
#include "net/addr.h"

struct group_counts; /* model/counts.h */
struct group_state;  /* model/state.h */
struct line_log;     /* model/listener.h */
struct pattern;      /* http/pattern.h */
struct tls_client;   /* tls/client.h */
struct http_head;    /* http/head.h */

enum protocol_version { VERSION_HTTP1, VERSION_HTTP2, VERSION_GRPC };
enum algorithm {
	ALGORITHM_ROUND_ROBIN,
	ALGORITHM_LEAST,
	ALGORITHM_RANDOM,
	ALGORITHM_HASH,
	ALGORITHM_KINDS
};
enum stickiness_type { STICKY_LB_COOKIE, STICKY_APP_COOKIE, STICKY_SOURCE_IP };

enum target_kind {
	TARGET_ADDRESS, /* addr is final */
	TARGET_NAME,    /* id is looked up; addresses come and go */
	TARGET_UNIX,    /* addr is a path */
};

/* What a change at run time made of a target; control/runtime.h. */
enum laid {
	LAID_NOT,          /* as the file has it */
	LAID_REGISTERED,   /* added, or changed */
	LAID_DRAINED,      /* listed, without new requests */
	LAID_DEREGISTERED, /* taken out */
};

struct target {
	enum target_kind kind;
	struct slice id;   /* address, name or "unix:/path"; as written */
	uint16_t port;     /* 0 for a path */
	struct addr addr;  /* len 0 for TARGET_NAME */
	struct slice zone; /* "all" or a zone */
	uint32_t weight;   /* at least 1 */
	bool backup;       /* only while no other one is usable */
	enum laid laid;    /* LAID_NOT in the configuration itself */
	struct place place;
};

struct health_check {
	bool enabled;
	enum protocol protocol; /* HTTP, HTTPS or TCP */
	uint16_t port;          /* 0: the port of the target */
	struct slice path;      /* origin form, with query */
	uint64_t interval_ms;   /* start of one check to start of the next */
	uint64_t timeout_ms;    /* connect to the end of the response head */
	unsigned rise, fall;    /* results in a row that change the verdict */
	struct code_range *matcher;
	size_t n_matcher;
	struct slice host;          /* that checks send; empty: the target's */
	const struct pattern *body; /* must be found in the answer's; NULL:
				     * whatever it is */
};

/* What of a request decides, with ALGORITHM_HASH. */
enum hash_part {
	HASH_SOURCE_IP,
	HASH_HOST,
	HASH_PATH,
	HASH_HEADER,
	HASH_COOKIE,
	HASH_QUERY,
};

/* Of the table of a group that hashes. */
enum {
	HASH_SLOTS = 65537, /* a prime */
	/* Of all targets together, so that each has a slot. */
	HASH_TURNS_MAX = HASH_SLOTS,
};

/* By what the weights of some targets can all be divided; `so_far` begins as
 * 0. */
static inline uint32_t weight_divisor(uint32_t so_far, uint32_t weight)
{
	while (weight) {
		uint32_t rest = so_far % weight;

		so_far = weight;
		weight = rest;
	}
	return so_far;
}

struct hash_key {
	enum hash_part kind;
	struct slice name; /* of the header, cookie or key of the query */
};

struct stickiness {
	bool enabled;
	enum stickiness_type type;
	uint64_t duration_s;     /* checked inside the cookie */
	struct slice cookie;     /* of ours, for lb_cookie, and its twin for */
	struct slice twin;       /* requests from other sites */
	struct slice app_cookie; /* of the application, for app_cookie */
};

/* Too few are healthy below either; 0: off. */
struct healthy_minimum {
	uint32_t count;
	uint32_t percentage;
};

/* A target that cannot be connected to rests. */
struct passive_checks {
	uint32_t failure_count; /* connects in a row that fail; 0: off */
	uint64_t rest_ms;
};

/* How targets are known over TLS. */
struct target_tls {
	bool verify;
	struct slice ca_bundle;   /* path; empty: settings.ca_bundle */
	struct slice server_name; /* empty: what the target is called */
	struct slice certificate; /* path; empty: none */
	struct slice private_key; /* path; empty: in the same file */
	struct place place;       /* line 0: nothing is said of it */
};

/* A health check log that checks of a group go to. */
struct check_log {
	struct check_log *next;
	const struct line_log *log;
};

struct target_group {
	struct slice name;
	struct slice arn;
	uint32_t index; /* position in snapshot->groups */
	enum protocol protocol;
	enum protocol_version version;
	uint16_t port; /* of targets that are written without; 0: none */
	struct target *targets;
	size_t n_targets;
	struct error_pages error_pages;
	struct health_check health_check;
	uint64_t deregistration_delay_ms;
	/* Those of the load balancer hold where they are 0. */
	uint64_t target_connect_ms, target_response_ms;
	enum algorithm algorithm;
	struct hash_key hash_key;
	bool mitigates;         /* anomalous targets get less */
	uint64_t slow_start_ms; /* ramp of a new target; 0: none */
	struct slice zone;      /* whose targets alone are used; empty: those
				 * of all zones */
	struct passive_checks passive;
	struct stickiness stickiness;
	struct healthy_minimum routing_minimum; /* below it fails open */
	struct healthy_minimum dns_minimum; /* below it would leave the DNS */
	struct target_tls target_tls;
	/* By load_balancer.target_rank, of those that forward here; owned by
	 * the snapshot. NULL unless the targets speak TLS. */
	struct tls_client **tls;
	struct tls_client *check_tls; /* likewise, of HTTPS health checks */
	/* Of the load balancers that forward here, each file once. */
	struct check_log *check_logs;
	bool forwards_resets; /* of streams of HTTP/2, with their code */
	bool is_used; /* some rule forwards to it: only then is it checked */
	struct group_state *state;   /* one reference; NULL until control starts
				      * to serve the snapshot */
	struct group_counts *counts; /* borrowed; NULL as long */
	struct place place;
};

/*
 * Whether its targets speak what the request came in (AWS: target groups,
 * protocol version); else the answer is REASON_PROTOCOL_MISMATCH.
 *
 *	came in            HTTP1  HTTP2  GRPC
 *	HTTP/1.x           yes    no     no
 *	HTTP/2             yes    yes    POST alone
 *	gRPC, so HTTP/2    no     yes    yes
 */
bool group_speaks(const struct target_group *group,
		  const struct http_head *head, bool is_grpc);

#endif
