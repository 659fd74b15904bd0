/*
 * ticket.h - the keys that session tickets are sealed with.
 *
 * Sessions are kept by the clients, in tickets that only we can read: no
 * cache, no lock, and any worker resumes what another one began. The keys
 * live in memory only and change with time; two older generations are still
 * read. Made once by control, they outlive reloads.
 *
 * Writer: the control thread. Readers: all workers, without a lock.
 *
 * Floor: tls.  Source: RFC 5077 section 4, RFC 8446 section 4.6.1.
 */
#ifndef WEIR_TLS_TICKET_H
#define WEIR_TLS_TICKET_H

#include <time.h>

struct ticket_keys;
struct ssl_ctx_st;

enum {
	TICKET_PERIOD_S = 3600, /* a key seals for so long */
	TICKET_READ_KEYS = 3,   /* this one and two older */
	/* What clients are told: the shortest life of a key that seals. */
	TICKET_LIFETIME_S = TICKET_PERIOD_S * (TICKET_READ_KEYS - 1),
};

/* With one reference and a first key; `now` in seconds of any clock that
 * does not go back. NULL when there are no random octets. */
struct ticket_keys *ticket_keys_new(time_t now);
struct ticket_keys *ticket_keys_ref(struct ticket_keys *keys);
/* Any thread; the last one wipes and frees. NULL is allowed. */
void ticket_keys_unref(struct ticket_keys *keys);

/* Makes a new key when the time has come; to be called about once a minute.
 * Control thread. Returns the keys made, -1 when there are no random octets
 * (the old keys stay). */
int ticket_rotate(struct ticket_keys *keys, time_t now);

/* Makes a context give and take tickets under these keys. The keys must
 * outlive the context. Returns 0 or -1. */
int ticket_install(struct ticket_keys *keys, struct ssl_ctx_st *ctx);

#endif
