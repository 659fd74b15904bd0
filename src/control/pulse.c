#include "pulse.h"

#include "base/clock.h"
#include "daemon.h"

static bool pulse_is_awaited(const struct daemon *d, unsigned worker)
{
	struct worker_gauges gauges;

	worker_read_gauges(d->workers[worker], &gauges);
	return gauges.beats < d->pulses[worker].n_asked;
}

void pulse_tend(struct daemon *d)
{
	for (unsigned w = 0; w < d->n_workers; w++) {
		if (pulse_is_awaited(d, w))
			continue;
		d->pulses[w].n_asked++;
		d->pulses[w].asked_ms = clock_now_ms();
		worker_beat(d->workers[w]);
	}
}

uint64_t pulse_owed_ms(const struct daemon *d, unsigned worker)
{
	return pulse_is_awaited(d, worker)
		       ? clock_now_ms() - d->pulses[worker].asked_ms
		       : 0;
}
