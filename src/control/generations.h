/*
 * generations.h - the configurations that something still runs in.
 *
 * Floor: control.  Control thread.
 */
#ifndef WEIR_CONTROL_GENERATIONS_H
#define WEIR_CONTROL_GENERATIONS_H

#include <jansson.h>

struct daemon;
struct snapshot;

/* A snapshot is about to be served: its life begins, that of the one before it
 * is over but for what runs in it. */
void generations_begin(struct daemon *d, struct snapshot *snap);

/* Forgets those in which nothing runs, and cuts what has run for longer than
 * settings.drain_timeout_seconds. To be called about once a second. */
void generations_tend(struct daemon *d);

/* [{"generation","since","exchanges","connections"}], newest first. */
json_t *generations_alive(const struct daemon *d);

/* After the workers have ended. */
void generations_release(struct daemon *d);

#endif
