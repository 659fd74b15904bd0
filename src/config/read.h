/*
 * read.h - what the readers of the sections share.
 *
 * Each read_*.c holds the tables of one part of the language and the
 * functions that no table can say. They fill the snapshot directly; nothing
 * of the tree is kept, all text is copied into the snapshot's arena.
 *
 * Floor: config.  Source: weir.yaml(5).
 */
#ifndef WEIR_CONFIG_READ_H
#define WEIR_CONFIG_READ_H

#include "base/map.h"
#include "config/config.h"
#include "config/parse.h"
#include "config/schema.h"
#include "model/snapshot.h"

#include "tls/client_auth.h"
#include "tls/trust.h"

struct test_draft;

/* Keys of a target group that exclude each other: where they stand. */
enum said {
	SAID_ALGORITHM,
	SAID_HASH_KEY,
	SAID_MITIGATION,
	SAID_CROSS_ZONE,
	SAID_SLOW_START,
	SAID_STICKY,
	SAID_DNS_COUNT,
	SAID_DNS_PERCENTAGE,
	SAID_ROUTING_COUNT,
	SAID_ROUTING_PERCENTAGE,
	SAID_KINDS
};

struct reader {
	struct snapshot *snap;
	struct arena *arena; /* of the snapshot */
	struct tree *tree;   /* scratch that ends with the load */
	struct diag *diag;
	const struct config_options *options;
	bool alone;          /* no other file may be read */
	bool strict;         /* settings.strict_aws_limits */
	struct place key_at; /* of the key whose value is read */

	/* What stands around the thing that is being read. */
	struct load_balancer *balancer;
	size_t n_certificates; /* of the balancer, beside the default ones */
	struct listener *listener;
	struct target_group *group;
	uint16_t group_port; /* 0: the group has none */
	struct place group_said[SAID_KINDS];

	struct test_draft *tests; /* read_tests.c; n_tests of them */
	size_t n_tests;

	/* Files -> struct trust, each one reference. */
	struct map trusts;
	struct map groups;    /* name -> struct target_group */
	struct map balancers; /* name -> struct load_balancer */
	struct map sockets;   /* "address:port" -> struct listener */
	struct firewall_reader *firewall; /* read_firewall.h */
};

/* The tables, for the schema and the manual too. */
extern const struct key settings_keys[];
extern const struct key balancer_keys[];
extern const struct key listener_keys[];
extern const struct key rule_keys[];
extern const struct key condition_keys[];
extern const struct key action_keys[];
extern const struct key changes_keys[];
extern const struct key transform_keys[];
extern const struct key error_page_keys[];
extern const struct key maintenance_keys[];
extern const struct key limit_keys[];
extern const struct key rule_limit_keys[];
extern const struct key group_keys[];
extern const struct key health_check_keys[], grpc_check_keys[];
extern const struct key target_keys[];
extern const struct key test_keys[];
extern const struct key root_keys[];

extern const struct type type_settings;        /* read_settings.c */
extern const struct type type_admin_listen;    /* read_admin.c */
extern const struct type type_admin_hosts;     /* read_admin.c */
extern const struct type type_admin_prefix;    /* read_admin.c */
extern const struct type type_balancers;       /* read_balancer.c */
extern const struct type type_listeners;       /* read_listener.c */
extern const struct type type_rules;           /* read_rule.c */
extern const struct type type_default_actions; /* read_rule.c */
extern const struct type type_conditions;      /* read_condition.c */
extern const struct type type_tests;           /* read_tests.c */
extern const struct type type_certificates;    /* read_listener.c */
extern const struct type type_policy;          /* read_listener.c */
extern const struct type type_transforms;      /* read_transform.c */
extern const struct type type_changes;         /* read_edits.c */
extern const struct type type_rename;          /* read_edits.c */
extern const struct type type_content_type;    /* read_action.c */
extern const struct type type_error_pages;     /* read_pages.c */
extern const struct type type_limits;          /* read_limits.c */
extern const struct type type_maintenance;     /* read_pages.c */
extern const struct type type_target_groups;   /* read_group.c */
extern const struct type type_targets;         /* read_target.c */
extern const struct type type_health_check;    /* read_health_check.c */

/*
 * template.c: splits a text at its placeholders, of which those in `allowed`
 * may be there (a set of PLACE_BIT()). False, and nothing is reported, when
 * another one is: it stands at *bad.
 */
bool read_template(struct reader *r, const struct node *v, unsigned allowed,
		   struct template *out, struct place *bad);
/* "#{host}, #{port}" */
const char *list_placeholders(struct reader *r, unsigned allowed);

/* Fills what the file left open, once all of it has been read. */
void read_settings_done(struct reader *r);

/* read_admin.c: that no listener has the same address. */
void check_admin_listen(struct reader *r);

/* The last one of a list of actions, which ends the request's way. */
void read_actions(struct reader *r, const struct node *v, struct action *out);

/* The seams to other floors, all in seam.c. */
struct pattern;
const struct pattern *make_pattern(struct reader *r, const struct condition *c,
				   const struct node *v);
/* `flags` are those of http/pattern.h; NULL after a finding. */
const struct pattern *make_regex(struct reader *r, const struct node *v,
				 unsigned flags);
/* What the body of an answer to a health check must contain; NULL after a
 * finding. */
const struct pattern *make_body_pattern(struct reader *r, const struct node *v);
/* Once all patterns of the listener's rules are compiled. */
void make_index(struct reader *r, struct listener *l);

/* read_hash_key.c */
extern const struct key hash_key_keys[];
extern const struct type type_hash_key;
/* Whether the weights of a group that hashes fit into its table. */
void check_turns(struct reader *r, const struct target_group *g);

/* target_tls.c: once all listeners and groups are there. */
extern const struct key target_tls_keys[];
extern const struct type type_target_tls;
void check_target_tls(struct reader *r, const struct target_group *g);
void make_target_tls(struct reader *r);
/* The same one for the same files, borrowed; NULL after findings. */
struct trust *share_trust(struct reader *r, const struct trust_spec *spec);
void release_trusts(struct reader *r);

/* read_mutual.c: mutual_authentication of a listener. */
struct mutual_draft {
	enum mutual_mode mode;
	struct slice ca_bundle;
	struct trust_file *crls;
	size_t n_crls;
	bool ignore_expiry;
	int advertise;      /* of on_off */
	struct place place; /* of the mapping; line 0: there is none */
	struct place bundle_place;
	/* The first key that is of use with verify alone. */
	const char *verify_only;
	struct place verify_only_place;
};
extern const struct key mutual_keys[];
extern const struct type type_mutual;
/* Borrows the trust. After a finding all is zero, so that what else there is
 * to find is found. */
/* Where its trust comes from, in the arena; bundle.path is NULL unless clients
 * are verified. */
struct trust_spec keep_trust(struct reader *r, const struct mutual_draft *m);
void fill_mutual(struct reader *r, const struct mutual_draft *m,
		 struct client_auth_spec *out);

/* read_edits.c: once the listener and its rules have been read. */
void make_edits(struct reader *r, struct listener *l);

/* read_health_check.c: codes and ranges in a list of the arena; reports what is
 * none, or out of the range of the row. */
struct code_range *want_codes(struct reader *r, const struct key *k,
			      const struct node *v, size_t *n_codes);

/* read_pages.c: once all pages have been read. */
void note_page_holes(struct snapshot *snap);

/* read_limits.c: once the listener and its rules have been read. */
void make_limits(struct reader *r, struct listener *l);

/* strict.c: the limits of AWS on the whole, and on one rule. */
void check_strict(struct reader *r);
void check_rule_strictly(struct reader *r, const struct rule *rule);

/* check_versions.c: requests that would only meet 464. */
void check_versions(struct reader *r);

/* check_sense.c: warnings of what cannot be meant. */
void check_sense(struct reader *r);

/* read_tests.c: what is wrong with the outcome of "tests". */
void run_tests(struct reader *r);

/* print.c: the configuration with its defaults filled in. */
void print_config(struct reader *r, const struct node *root, FILE *to);
/* Only what is given, as it is written: ${NAME} stays, and so do secrets. */
void print_as_written(struct reader *r, const struct node *root, FILE *to);

#endif
