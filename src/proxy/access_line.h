/*
 * access_line.h - a request that is over, as a line of an access log.
 *
 * Two forms: the 36 fields of ALB, and an object of JSON. Both are made from
 * the same facts, so a fact that comes to be known is a member here and a line
 * in each of them.
 *
 * Floor: proxy.  Pure; any thread.  Source: AWS: "Access logs for your
 * Application Load Balancer"; weir-logs(5).
 */
#ifndef WEIR_PROXY_ACCESS_LINE_H
#define WEIR_PROXY_ACCESS_LINE_H

#include <stdbool.h>

#include "base/reason.h"
#include "base/writer.h"
#include "http/desync.h"
#include "http/transform.h"

/* Texts of a line; empty: not known, or there is none. */
enum access_text {
	/* Of the request and what became of it: kept while it is under way.
	 * Without a method no head could be read. */
	ACCESS_METHOD,
	ACCESS_TARGET_URI,     /* as sent */
	ACCESS_HOST,           /* value of Host, as sent */
	ACCESS_USER_AGENT,     /* ACCESS_USER_AGENT_MAX octets at most */
	ACCESS_TRACE_ID,       /* X-Amzn-Trace-Id, as targets are sent it */
	ACCESS_CLIENT_ADDRESS, /* behind trusted proxies; else empty */
	ACCESS_TRANSFORMED_HOST,
	ACCESS_TRANSFORMED_URI,
	ACCESS_REDIRECT_URL, /* Location */
	ACCESS_KEPT,

	/* Of the configuration. */
	ACCESS_BALANCER = ACCESS_KEPT,
	ACCESS_RESOURCE, /* "app/web/ed7a33350498100c" */
	ACCESS_DNS_NAME,
	ACCESS_REGION,
	ACCESS_ACCOUNT,
	ACCESS_PLACE, /* file of the rule */
	ACCESS_GROUP,
	ACCESS_GROUP_ARN,

	/* Of the connections. */
	ACCESS_TARGET,     /* "10.0.3.9:8080" */
	ACCESS_CONNECTION, /* its trace id: \"TID_\" and 32 digits */
	ACCESS_CLIENT,     /* address of the peer, without the port */
	ACCESS_SERVER,     /* ours */
	ACCESS_TLS_PROTOCOL,
	ACCESS_TLS_CIPHER,
	ACCESS_SERVER_NAME, /* that led to a certificate */
	ACCESS_CERTIFICATE, /* path of its file */
	ACCESS_CERTIFICATE_ID,
	ACCESS_LIMITED, /* name of the limit that refused, or would have */
	ACCESS_TEXTS
};

enum { ACCESS_USER_AGENT_MAX = 8 * 1024 };

enum access_sticky {
	STICKY_NONE, /* the target group keeps nobody */
	STICKY_NEW,  /* no cookie came */
	STICKY_KEPT, /* at the target that the cookie names */
	STICKY_MOVED /* to another one */
};

/* What was done with a request, in this order; a set of bits. */
enum access_action {
	ACTED_REWRITE = 1,
	ACTED_FORWARD = 2,
	ACTED_REDIRECT = 4,
	ACTED_FIXED_RESPONSE = 8,
};

/* What field 21 says. */
enum access_rule {
	RULE_UNKNOWN, /* refused before there was one */
	RULE_FAILED,  /* the question could not be answered */
	RULE_MET,
};

struct access_facts {
	struct slice text[ACCESS_TEXTS]; /* by enum access_text; borrowed */

	uint64_t ended_us, created_us; /* wall clock, microseconds */
	/* Milliseconds; negative: it did not come to that. */
	int64_t request_ms, target_ms, response_ms, connect_ms, total_ms;
	uint64_t received, sent; /* octets */
	uint64_t generation;
	const char *error_reason; /* AWS's code; NULL: none */
	uint32_t priority;        /* of the rule; 0: default */
	uint32_t place_line;
	struct desync desync;
	uint16_t port, client_port;     /* of the listener, of the peer */
	uint16_t status, target_status; /* 0: none */
	uint8_t rule;                   /* enum access_rule */
	uint8_t actions;                /* set of enum access_action */
	uint8_t transform;              /* enum transform_status */
	uint8_t reason;                 /* enum reason */
	uint8_t version;                /* enum http_version */
	uint8_t sticky;                 /* enum access_sticky */
	uint8_t tries;                  /* targets that were asked */
	uint8_t target_error;           /* code of a reset by the target... */
	uint8_t elb_error;              /* ...or by us; 0: none */
	uint32_t stream;                /* of the connection; 0: the only one */
	bool is_https;                  /* so the listener says */
	bool is_tunnel;                 /* a WebSocket */
	bool is_grpc;                   /* a call of gRPC */
	bool is_resumed;                /* its TLS session */
	bool forwards;                  /* a target group was chosen */
};

/* With a newline. What does not fit sets w->overflow. */
void access_line_alb(struct writer *w, const struct access_facts *f);
void access_line_json(struct writer *w, const struct access_facts *f);

/* A copy in one allocation, texts and all, for free(3); NULL: memory is out. */
struct access_facts *access_facts_copy(const struct access_facts *f);

#endif
