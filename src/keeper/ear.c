#include "ear.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static void ear_saw(void *arg, const struct sighting *s)
{
	keeper_saw(arg, s);
}

static void tell_lost(struct ear *e)
{
	keeper_lost(e->keeper, e->log.lost - e->told_lost);
	e->told_lost = e->log.lost;
}

static void on_packets(int fd, int what, void *arg)
{
	struct ear *e = arg;
	unsigned n;

	(void)fd;
	(void)what;
	if (clock_now_ms() - e->window_ms >= EAR_WINDOW_MS) {
		e->window_ms = clock_now_ms();
		e->left = EAR_PACKETS;
	}
	n = nflog_hear(&e->log, e->left, ear_saw, e->keeper);
	tell_lost(e);
	e->left = n < e->left ? e->left - n : 0;
	if (e->left)
		return;
	loop_watch_free(e->watch);
	e->watch = NULL;
	loop_watch_rearm(e->rest, EAR_WINDOW_MS);
}

static void on_rested(int fd, int what, void *arg)
{
	struct ear *e = arg;

	(void)fd;
	(void)what;
	if (e->log.fd >= 0 && !e->watch)
		e->watch = loop_watch_fd(e->loop, e->log.fd, LOOP_READ,
					 on_packets, e);
}

void ear_init(struct ear *e, struct loop *loop, struct keeper *keeper)
{
	*e = (struct ear){.loop = loop, .keeper = keeper, .log.fd = -1};
	e->rest = loop_watch_timer(loop, EAR_WINDOW_MS, on_rested, e);
}

static void open_it(struct ear *e)
{
	bool failed_before = e->failed_ms != 0;

	if (failed_before && clock_now_ms() - e->failed_ms < EAR_AGAIN_MS)
		return;
	e->failed_ms = 0;
	e->told_lost = 0;
	if (nflog_open(&e->log, KEEPER_NFLOG_GROUP) == 0) {
		keeper_hears(e->keeper, true, 0);
		on_rested(-1, 0, e);
		return;
	}
	keeper_hears(e->keeper, false, errno);
	if (!failed_before)
		log_say(LOG_WARNING, "what is dropped cannot be heard: %s",
			strerror(errno));
	e->failed_ms = clock_now_ms();
}

static void close_it(struct ear *e)
{
	loop_watch_free(e->watch);
	e->watch = NULL;
	nflog_close(&e->log);
	keeper_hears(e->keeper, false, 0);
}

void ear_turn(struct ear *e)
{
	bool wanted = e->loop && keeper_wants_to_hear(e->keeper);

	if (wanted && e->log.fd < 0)
		open_it(e);
	else if (!wanted && e->loop && e->log.fd >= 0)
		close_it(e);
}

void ear_release(struct ear *e)
{
	if (!e->loop)
		return;
	loop_watch_free(e->watch);
	loop_watch_free(e->rest);
	nflog_close(&e->log);
}
