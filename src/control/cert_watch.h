/*
 * cert_watch.h - certificate files that change while they are served.
 *
 * The folders of all certificates, keys, trust stores and revocation lists of
 * listeners are watched; half a second after the last thing that happened
 * there, and each minute anyway, the files are looked at. What loads and pairs
 * takes the place of what is served, without a new generation; what does not
 * leaves it, with a warning.
 *
 * Floor: control.  Control thread.  Source: weir.yaml(5), certificate_watch;
 * inotify(7).
 */
#ifndef WEIR_CONTROL_CERT_WATCH_H
#define WEIR_CONTROL_CERT_WATCH_H

#include <stdint.h>
#include <time.h>

#include "model/snapshot.h"
#include "net/loop.h"

struct cert_watch;
struct tls_server;

/* Puts `next` in the place of what a listener serves, in every worker; borrows
 * both. */
typedef void cert_swap_fn(void *arg, const struct listener *l,
			  struct tls_server *next);

struct cert_watch *cert_watch_new(struct loop *loop, cert_swap_fn *swap,
				  void *arg);
void cert_watch_free(struct cert_watch *cw);

/* From now on the files of this snapshot, which lives until the next call; its
 * own servers are in force. */
void cert_watch_follow(struct cert_watch *cw, const struct snapshot *snap);

/* Looks now, as it does after an event; for tests. */
void cert_watch_look(struct cert_watch *cw);

/* What a listener serves now; borrowed until the next look. */
const struct tls_server *cert_watch_server(const struct cert_watch *cw,
					   const struct listener *l);
/* Since when that is so, seconds since 1970; 0: its files are not watched. */
time_t cert_watch_since(const struct cert_watch *cw, const struct listener *l);

#endif
