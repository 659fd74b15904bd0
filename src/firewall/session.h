/*
 * session.h - would these rules cut the session in which they are applied?
 *
 * sshd tells a shell where it comes from (SSH_CONNECTION). What runs goes on
 * running, since established flows pass; but network ACLs know no state, and
 * whoever is thrown out for another reason must be able to come again. So
 * two packets are asked about: the first of a new session like this one, and
 * an answer within it.
 *
 * Pure. Floor: firewall.
 */
#ifndef WEIR_FIREWALL_SESSION_H
#define WEIR_FIREWALL_SESSION_H

#include "model/host.h"
#include "verdict.h"

struct session {
	struct cidr client, server; /* of one family and full length */
	uint16_t client_port, server_port;
};

/* Reads "192.0.2.7 50012 192.0.2.10 22"; false when it is something else. */
bool session_parse(const char *text, struct session *out);

/* Whether the session goes on and could begin again. If not, *out says what
 * decided about the packet that would be lost. */
bool session_survives(const struct firewall_config *config,
		      const struct ruleset *rules, const struct session *s,
		      struct verdict *out);

#endif
