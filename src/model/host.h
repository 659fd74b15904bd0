/*
 * host.h - what the groups are attached to: this machine, the instances
 * around it, their subnets, and the load balancers that run here.
 *
 * struct firewall_config is all that the firewall compiler knows. It never
 * looks at the file, at sockets or at interfaces: whoever fills it has asked
 * the machine for its addresses and resolvers before.
 *
 * Values only, like secgroup.h: filled once, never changed, all in one arena.
 *
 * Floor: model.
 */
#ifndef WEIR_MODEL_HOST_H
#define WEIR_MODEL_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/diag.h"
#include "secgroup.h"

/* Octets of the longest interface name, with its zero: IFNAMSIZ. */
enum { INTERFACE_NAME_MAX = 16 };

/* connection_tracking_specification; seconds, 0: the kernel's own. */
struct tracking_times {
	uint32_t tcp_established_s, udp_s, udp_stream_s;
};

struct instance {
	const char *name;
	bool host;                    /* this machine */
	const struct cidr *addresses; /* of full length. None, with `host`:
				       * whatever the machine has */
	unsigned n_addresses;
	const char *interface; /* where it is, with `host` unset; NULL: its
				* addresses are not bound */
	const struct secgroup *const *groups;
	unsigned n_groups; /* at least 1 */
	struct tracking_times tracking;
	struct place place;
};

struct subnet {
	const char *name;
	const struct cidr *cidrs; /* of no other subnet */
	unsigned n_cidrs;
	const struct network_acl *acl; /* NULL: everything passes */
	struct place place;
};

/* Where a load balancer listens, or one port of one of its targets. */
struct balancer_point {
	struct cidr address; /* of full length, or of length 0 for a listener
			      * on all addresses of that family */
	uint8_t protocol;    /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;
	struct place place;
};

/* A load balancer of this machine, as far as it has security groups. */
struct firewall_balancer {
	const char *name;
	const struct secgroup *const *groups;
	unsigned n_groups; /* 0: its listeners are ordinary input */
	const struct balancer_point *listeners;
	unsigned n_listeners;
	const struct balancer_point *targets; /* traffic and health checks */
	unsigned n_targets;
	const struct cidr *sources; /* the addresses from which it reaches its
				     * targets; what a rule that refers to its
				     * groups means */
	unsigned n_sources;         /* 0: all addresses of the machine */
	struct place place;
};

enum firewall_mode {
	FIREWALL_ENFORCE,
	FIREWALL_REPORT, /* count and log what would be dropped; let it pass */
};

enum firewall_revoke {
	REVOKE_KEEP, /* as AWS: established flows outlive their rule */
	REVOKE_CUT,  /* end the flows that no rule admits any more */
};

enum firewall_drift { DRIFT_REPAIR, DRIFT_REPORT };

/* Where the file cannot be applied at a start. */
enum firewall_at_start {
	AT_START_KEEP_LAST, /* the rules in force last */
	AT_START_CLOSED,    /* and if there are none, nearly nothing passes */
};

/* On which the keeper itself hears what is dropped; nobody else's. */
enum { KEEPER_NFLOG_GROUP = 30565 };

struct firewall_settings {
	enum firewall_mode mode;
	enum firewall_revoke revoke;
	enum firewall_drift drift;
	enum firewall_at_start at_start;
	bool ignores_bridges;             /* somebody else sees to them */
	const struct sg_rule *management; /* peers: networks, prefix lists */
	unsigned n_management;
	bool log_drops;
	uint32_t log_rate_per_second; /* at least 1 */
	int nflog_group;              /* 0 to 65535; -1: the kernel's log */
	const char *socket;           /* of the keeper */
};

/* Which file it was that was read; all zero: there was none. */
struct prefix_stamp {
	uint64_t device, inode, octets;
	int64_t s, ns;
};

/* What the file of a prefix list says. */
struct prefix_lines {
	const struct cidr *networks;
	unsigned n;
	struct prefix_stamp stamp;
};

/* What the firewall compiler compiles. */
struct firewall_config {
	const struct secgroup *groups;
	unsigned n_groups;
	const struct prefix_list *lists;
	unsigned n_lists;
	const struct network_acl *acls;
	unsigned n_acls;
	const struct subnet *subnets;
	unsigned n_subnets;
	const struct instance *instances;
	unsigned n_instances;
	const struct firewall_balancer *balancers;
	unsigned n_balancers;
	uint32_t balancer_uid; /* whose packets to targets are a balancer's */
	struct firewall_settings settings;

	/* The machine, asked by whoever filled this. */
	const struct cidr *addresses; /* its own, without loopback */
	unsigned n_addresses;
	const struct cidr *resolvers; /* DNS servers it asks */
	unsigned n_resolvers;
	const struct prefix_lines *lines; /* as many as lists; NULL: no list
					   * has a file */
};

/* The instance that is this machine, or NULL. The first, should there be
 * more: the reader of the file complains about the others. */
const struct instance *firewall_host(const struct firewall_config *config);

/* The instance with this address, or NULL. `address` has full length. */
const struct instance *firewall_instance_at(const struct firewall_config *c,
					    const struct cidr *address);

bool address_is_loopback(const struct cidr *address);

/* The machine has this address: as its own, as its instance's, or because
 * every machine has it. */
bool firewall_is_local(const struct firewall_config *config,
		       const struct cidr *address);

#endif
