/*
 * listener.h - load balancers and their listeners.
 *
 * Immutable once sealed; all memory is the snapshot's arena.
 *
 * Floor: model.  Source: AWS: attributes of load balancers and listeners;
 * weir.yaml(5).
 */
#ifndef WEIR_MODEL_LISTENER_H
#define WEIR_MODEL_LISTENER_H

#include "http/desync.h"
#include "model/page.h"
#include "model/protocol.h"
#include "model/rule.h"
#include "net/addr.h"

struct cidr_set;       /* base/cidr_set.h */
struct journal;        /* base/journal.h */
struct listener_state; /* model/counts.h */
struct rule_index;     /* model/rule_index.h */
struct tls_server;     /* tls/server.h */
struct tls_sources;    /* tls/sources.h */

enum lb_type { LB_APPLICATION, LB_NETWORK, LB_CLASSIC };

enum xff_mode { XFF_APPEND, XFF_PRESERVE, XFF_REMOVE };

enum log_form { LOG_FORM_ALB, LOG_FORM_JSON };

/* A file that gets a line for each request, connection or health check. */
struct line_log {
	bool enabled;
	struct slice path; /* empty: none was given */
	enum log_form form;
	struct place place;      /* of the path */
	struct journal *journal; /* owned by the snapshot; NULL until control
				  * has opened it, and where it is not
				  * enabled */
};

struct load_balancer {
	struct slice name;
	struct slice resource; /* "app/web/ed7a33350498100c" */
	enum lb_type type;
	uint32_t index;         /* position in snapshot->balancers */
	struct addr *addresses; /* port 0; default 0.0.0.0 and :: */
	size_t n_addresses;
	struct slice dns_name; /* stands for a missing Host */
	struct slice *security_groups;
	size_t n_security_groups;

	uint64_t idle_timeout_ms;
	uint64_t client_keep_alive_ms;
	uint64_t client_tls_handshake_ms;
	uint64_t target_connect_ms;
	uint64_t target_tls_handshake_ms;
	uint64_t tunnel_idle_ms; /* 0: never */

	enum desync_mode desync;
	enum xff_mode xff_mode;
	bool xff_client_port;
	bool drop_invalid_header_fields;
	bool preserve_host_header;
	bool tls_version_and_cipher_headers;
	bool http2; /* offered on HTTPS listeners */
	uint32_t http2_streams;  /* of a connection, at a time */
	uint32_t http2_requests; /* after which a connection ends; 0: none */
	/* Of the policy towards targets (tls/policy.h): follows that of the
	 * listeners. */
	uint8_t target_rank;
	/* Whose X-Forwarded-* is believed; NULL: everybody's, as on AWS. */
	const struct cidr_set *trusted;
	struct line_log access_log, connection_log, check_log;
	/* As written; listeners have them in their own. */
	struct limit_uses limits;
	struct error_pages error_pages;
	const struct maintenance *maintenance; /* as written; NULL: nothing */

	struct listener *listeners;
	size_t n_listeners;
	struct place place;
};

/* Answers everybody with 503, but some. */
struct maintenance {
	bool enabled;
	struct cidr_set allow;
	uint32_t retry_after_s;
};

/* Fields for targets that only weir writes, under a name of the user's. */
enum amzn_field {
	AMZN_TLS_VERSION,
	AMZN_TLS_CIPHER_SUITE,
	AMZN_MTLS_SERIAL_NUMBER,
	AMZN_MTLS_ISSUER,
	AMZN_MTLS_SUBJECT,
	AMZN_MTLS_VALIDITY,
	AMZN_MTLS_LEAF,
	AMZN_MTLS_CLIENTCERT,
	AMZN_FIELDS
};

/* A field that is set on every response of a listener. */
struct response_field {
	struct slice name;
	uint8_t id; /* enum name of http/names.h */
	struct slice value;
};

struct listener {
	struct load_balancer *balancer;
	uint16_t port;
	struct slice
		port_text; /* decimal: targets are told with each request */
	enum protocol protocol;
	uint32_t index;         /* over all listeners of the snapshot */
	struct tls_server *tls; /* NULL unless HTTPS; one reference */
	/* What it was made of; the arena's. NULL without TLS. */
	const struct tls_sources *tls_sources; /* tls/sources.h */
	bool verifies_clients;        /* mutual_authentication.mode: verify */
	struct listener_state *state; /* borrowed; NULL until control starts
				       * to serve the snapshot */

	struct rule *rules; /* by priority, lowest first; without the default */
	size_t n_rules;
	struct rule default_rule;
	struct rule_index *rule_index; /* over rules; owned by the arena */

	bool server_field;   /* Server: awselb/2.0 on answers of our own */
	bool proxy_protocol; /* PROXY headers come first, from `trusted` of the
			      * balancer */
	bool reason_field;   /* weir-reason on errors of our own */
	struct response_field *response_fields;
	size_t n_response_fields;
	struct slice amzn_names[AMZN_FIELDS];
	/* Those of the load balancer and its own. Some are on connections. */
	struct limit_uses limits;
	bool limits_connections;
	struct error_pages error_pages;
	/* In force: that of the load balancer unless it has its own; NULL: it
	 * serves. */
	const struct maintenance *maintenance;
	struct slice acme_challenges; /* settings'; empty: none */
	/* Something is to be asked, or noted, before the rules are. */
	bool is_gated;
	/* As written; NULL: nothing. Rules have them in their own. */
	const struct field_changes *request_changes, *response_changes;
	/* NULL: none. For requests that met no rule. */
	const struct field_edits *request_edits, *response_edits;
	struct place place;
};

#endif
