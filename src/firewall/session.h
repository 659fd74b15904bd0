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

enum session_fate {
	SESSION_LIVES,
	SESSION_NO_ENTRY,  /* a new one like it could not begin */
	SESSION_NO_ANSWER, /* what runs gets no answers any more */
};

/* Whether the session goes on and could begin again. If not, *out says what
 * decided about the packet that would be lost. */
enum session_fate session_fate_of(const struct firewall_config *config,
				  const struct ruleset *rules,
				  const struct session *s, struct verdict *out);

/* What is to be written so that it lives, in the words of the file, or which
 * rule denies it; the caller frees it. `lost` is what session_fate_of() gave
 * with a fate that is not SESSION_LIVES. */
char *session_remedy(const struct firewall_config *config,
		     const struct session *s, enum session_fate fate,
		     const struct verdict *lost);

#endif
