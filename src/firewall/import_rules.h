/*
 * import_rules.h - a foreign firewall, as far as groups could say it.
 *
 * The readers (import_ufw.c, import_firewalld.c, import_iptables.c) fill a
 * list in the order in which packets meet the rules; import.c writes it.
 *
 * Floor: firewall.
 */
#ifndef WEIR_FIREWALL_IMPORT_RULES_H
#define WEIR_FIREWALL_IMPORT_RULES_H

#include "base/arena.h"
#include "base/cidr.h"
#include "firewall/import.h"

enum { IMPORT_PORTS_MAX = 16 };

struct import_ports {
	uint16_t low, high;
};

struct import_rule {
	unsigned line;
	bool denies;  /* drops or rejects, or may do so */
	bool leaving; /* about packets that this machine sends */
	int protocol; /* -1: all */
	struct import_ports ports[IMPORT_PORTS_MAX];
	unsigned n_ports;         /* 0: all */
	int icmp_type, icmp_code; /* -1: all */
	struct cidr peer;         /* of family 0: any address of both */
	struct slice interface;   /* empty: any */
	struct slice description; /* empty: none */
};

static inline struct import_rule import_rule_any(unsigned line)
{
	return (struct import_rule){
		.line = line,
		.protocol = -1,
		.icmp_type = -1,
		.icmp_code = -1,
	};
}

struct import_list {
	struct import *out;
	const char *file;
	struct arena arena; /* owns what slices of rules point to */
	struct import_rule *rules;
	size_t n, room;
	bool lets_in;   /* what no rule names comes in */
	bool keeps_out; /* what no rule names does not leave */
	bool overflow;  /* IMPORT_RULES_MAX was reached */
};

/* Ports of any protocol become those of tcp and of udp; what groups have no
 * word for is left. */
void import_add(struct import_list *list, const struct import_rule *rule);

/* This line, or a part of it, cannot be said. */
void import_leave(struct import_list *list, unsigned line, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* "80", "8000:8100" or "8000-8100", and lists of these with commas. False:
 * malformed, or more than a rule has room for. */
bool import_read_ports(struct slice text, struct import_rule *rule);
/* A name or a number; "all" and "any" are -1. False: unknown. */
bool import_read_protocol(struct slice text, int *protocol);
/* An address or a network, also with a mask; bits behind it are cleared. */
bool import_read_peer(struct slice text, struct cidr *peer);

/* What each kind makes of its text; false: it is none of that kind, and
 * import_leave() has said why. */
bool import_ufw(struct import_list *list, struct slice text);
bool import_iptables(struct import_list *list, struct slice text);
bool import_firewalld(struct import_list *list, struct slice text,
		      const struct import_services *services);

#endif
