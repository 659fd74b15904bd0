/*
 * machine.h - what the compiler has to know of this machine: its addresses,
 * its resolvers, whose packets are the balancer's.
 *
 * Floor: kernel.  Not thread-safe: looks up users.
 */
#ifndef WEIR_KERNEL_MACHINE_H
#define WEIR_KERNEL_MACHINE_H

#include "base/diag.h"
#include "firewall/ruleset.h"
#include "model/host.h"
#include "model/snapshot.h"

/*
 * Fills addresses, resolvers and balancer_uid of a configuration. Loopback
 * and link-local addresses are left out: the first are never filtered, the
 * second mean nothing to others.
 *
 * arena  owns what is filled in
 *
 * Returns 0, or -1 after a finding: rules for a machine that is not known
 * would let in too little or too much.
 */
int machine_fill(struct firewall_config *config,
		 const struct settings *settings, struct arena *arena,
		 struct diag *diag);

/*
 * The name servers of a file in the form of /etc/resolv.conf, those on
 * loopback left out: *has_stub tells of one. Returns how many, none where
 * there is no such file; -1 with errno when it cannot be read.
 */
int machine_resolvers(const char *file, struct cidr *list, unsigned room,
		      bool *has_stub);

/* Files that machine_fill() reads; NULL ends the list. */
extern const char *const machine_resolver_files[];

/* ruleset_follow() with the addresses that the machine has now. */
bool machine_follow(struct ruleset *rules);

/*
 * A socket that becomes readable when an address of this machine comes or
 * goes. Returns -1 with errno. machine_heard() empties it.
 */
int machine_watch(void);
void machine_heard(int fd);

/* A port on which some process of this machine waits. */
struct listening {
	struct cidr address; /* of full length; zero: all of the family */
	uint8_t protocol;    /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;
};

/* Reads /proc/net; loopback is left out. The list is from malloc and the
 * caller's. Returns how many there are. */
size_t machine_listening(struct listening **out);

#endif
