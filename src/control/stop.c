#include "stop.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon.h"
#include "notify.h"

enum {
	/* How often we look whether all is over, and say what is left. */
	LOOK_MS = 20,
	SAY_MS = 5000,
};

struct left {
	uint64_t connections, requests;
};

static struct left left_in(const struct daemon *d)
{
	struct left left = {0};

	for (unsigned w = 0; w < d->n_workers; w++) {
		struct worker_gauges gauges;

		worker_read_gauges(d->workers[w], &gauges);
		left.connections += gauges.client_connections;
		left.requests += gauges.requests_under_way;
	}
	return left;
}

static void say_left(enum log_level level, const char *sentence,
		     const struct daemon *d)
{
	struct left left = left_in(d);
	struct log_line l;

	log_begin(&l, level, sentence);
	log_num(&l, "connections", (int64_t)left.connections);
	log_num(&l, "requests", (int64_t)left.requests);
	log_end(&l);
	notify_send("STATUS=Stopping: %llu connections, %llu requests left",
		    (unsigned long long)left.connections,
		    (unsigned long long)left.requests);
}

static void on_look(int fd, int what, void *arg)
{
	struct daemon *d = arg;
	struct left left = left_in(d);
	uint64_t now = clock_now_ms();

	(void)fd;
	(void)what;
	if (left.connections == 0 && left.requests == 0) {
		loop_stop(&d->loop);
		return;
	}
	if (now >= d->drain_ends_ms) {
		say_left(LOG_WARNING, "stopping: time is up, the rest is cut",
			 d);
		loop_stop(&d->loop);
		return;
	}
	if (now - d->drain_said_ms >= SAY_MS) {
		d->drain_said_ms = now;
		say_left(LOG_INFO, "stopping: still draining", d);
	}
	loop_watch_rearm(d->drain_timer, LOOK_MS);
}

void stop_asked(struct daemon *d)
{
	uint64_t now = clock_now_ms();

	if (d->phase == DAEMON_DRAINING) {
		say_left(LOG_WARNING, "stopping at once: asked twice", d);
		loop_stop(&d->loop);
		return;
	}
	d->phase = DAEMON_DRAINING;
	d->drain_ends_ms = now + d->snap->settings.shutdown_timeout_ms;
	d->drain_said_ms = now;
	notify_send("STOPPING=1");
	say_left(LOG_INFO, "stopping: draining", d);
	ports_let_go(&d->ports);
	for (unsigned w = 0; w < d->n_workers; w++)
		worker_drain(d->workers[w]);
	d->drain_timer = loop_watch_timer(&d->loop, LOOK_MS, on_look, d);
}

void stop_say_end(const struct daemon *d)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "weir has stopped");
	log_num(&l, "uptime_seconds",
		(int64_t)((clock_now_ms() - d->started_ms) / 1000));
	log_end(&l);
}
