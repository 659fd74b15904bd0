#include "prober.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/health.h"
#include "balance/passive.h"
#include "balance/slow_start.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/journal.h"
#include "base/log.h"
#include "check.h"
#include "check_line.h"
#include "model/counts.h"
#include "model/listener.h"
#include "model/state.h"
#include "tls/client.h"

enum {
	/* What is due within it is done in one wake-up. */
	SLOT_MS = 20,
	/* First checks spread over no more than this. */
	FIRST_SPREAD_MS = 1000,
};

struct probe {
	struct target_state *state;       /* one reference */
	const struct target_group *group; /* of p->snap */
	struct prober *prober;
	struct health_track track;
	char *request;                /* owned; NULL for TCP */
	char *host;                   /* that it names; owned */
	struct addr addr;             /* where the check goes */
	char tls_name[ADDR_TEXT_MAX]; /* room for a check under way */
	uint64_t tls_print;           /* of the client that it uses; 0: none */
	uint64_t due_ms;              /* the next one starts */
	uint64_t at_ms; /* orders the heap: due, or timeout if running */
	size_t heap_at;
	struct check *running; /* NULL: waits */
	/* Whose words the running check has; one reference, with `running`. */
	struct snapshot *asked_by;
	char *detail; /* of the last failure; owned; NULL: none */
	bool had_first;
	struct timespec began, began_wall; /* of a check that is logged */
	uint64_t seen; /* the update in which it was wanted */
};

struct prober {
	struct loop *loop;
	struct journal_pen *pen; /* borrowed; NULL: nothing is logged */
	struct check_pool *pool;
	struct loop_watch *timer;
	uint64_t wakes_ms; /* when the timer will; 0: it stands still */
	struct snapshot *snap;

	struct probe **by_slot; /* of the states; NULL: none; owned */
	size_t n_slots;
	struct probe **heap; /* the earliest first */
	size_t n_heap, heap_room;

	void (*changed)(void *arg, const struct target_state *s,
			const char *sentence); /* NULL: nobody listens */
	void *changed_arg;
	uint64_t updates;
	uint32_t spread; /* walks through a period evenly; see spread() */
	struct prober_counts counts;
};

/* -- the heap -------------------------------------------------------------- */

static void heap_put(struct prober *p, size_t at, struct probe *probe)
{
	p->heap[at] = probe;
	probe->heap_at = at;
}

static void heap_settle(struct prober *p, size_t at)
{
	struct probe *probe = p->heap[at];

	while (at > 0 && p->heap[(at - 1) / 2]->at_ms > probe->at_ms) {
		heap_put(p, at, p->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = at * 2 + 1;

		if (child >= p->n_heap)
			break;
		if (child + 1 < p->n_heap &&
		    p->heap[child + 1]->at_ms < p->heap[child]->at_ms)
			child++;
		if (p->heap[child]->at_ms >= probe->at_ms)
			break;
		heap_put(p, at, p->heap[child]);
		at = child;
	}
	heap_put(p, at, probe);
}

static void heap_add(struct prober *p, struct probe *probe)
{
	if (p->n_heap == p->heap_room) {
		p->heap_room = p->heap_room * 2 + 16;
		p->heap = xrealloc(p->heap,
				   p->heap_room * sizeof(struct probe *));
	}
	heap_put(p, p->n_heap++, probe);
	heap_settle(p, probe->heap_at);
}

static void heap_remove(struct prober *p, struct probe *probe)
{
	size_t at = probe->heap_at;
	struct probe *last = p->heap[--p->n_heap];

	if (last == probe)
		return;
	heap_put(p, at, last);
	heap_settle(p, at);
}

/* -- time ------------------------------------------------------------------ */

/* The timer wakes at the end of a slot, so that what is due in it is done
 * together. It is moved only when it would wake too late. */
static void rearm(struct prober *p)
{
	uint64_t now = clock_now_ms(), at;

	if (p->n_heap == 0)
		return;
	at = (p->heap[0]->at_ms / SLOT_MS + 1) * SLOT_MS;
	if (p->wakes_ms && p->wakes_ms <= at)
		return;
	p->wakes_ms = at;
	loop_watch_rearm(p->timer, at > now ? at - now : 0);
}

/*
 * The next of a sequence that fills a period evenly, whatever its length:
 * multiples of the golden ratio, modulo one.
 */
static uint64_t spread(struct prober *p, uint64_t period_ms)
{
	p->spread += 0x9e3779b9u;
	return period_ms * p->spread >> 32;
}

static uint64_t first_period(const struct target_group *g)
{
	return g->health_check.interval_ms < FIRST_SPREAD_MS
		       ? g->health_check.interval_ms
		       : FIRST_SPREAD_MS;
}

/* Start to start; and after a pause (the machine slept) not all at once. */
static void plan_next(struct probe *probe)
{
	const struct health_check *h = &probe->group->health_check;
	uint64_t now = clock_now_ms(), step = h->interval_ms;

	/* First checks crowd in one second; the second ones leave it. */
	if (!probe->had_first && step > FIRST_SPREAD_MS)
		step = step / 2 + spread(probe->prober, step / 2);
	probe->had_first = true;
	probe->due_ms += step;
	if (probe->due_ms <= now)
		probe->due_ms = now + spread(probe->prober, h->interval_ms) + 1;
}

/* -- verdicts -------------------------------------------------------------- */

static void log_verdict(const struct probe *probe, enum health health,
			enum health_reason reason,
			const struct check_outcome *outcome)
{
	bool well = health == HEALTH_HEALTHY;
	struct log_line l;

	log_begin(&l, well ? LOG_INFO : LOG_WARNING,
		  well ? "target became healthy" : "target became unhealthy");
	log_slice(&l, "target_group", probe->state->group);
	log_str(&l, "target", probe->state->name);
	if (!well)
		log_str(&l, "reason", health_reason_code(reason));
	if (outcome->result == CHECK_ANSWERED)
		log_num(&l, "code", outcome->code);
	if (!well && outcome->detail)
		log_str(&l, "detail", outcome->detail);
	log_end(&l);
}

static void tell(const struct probe *probe, enum health health,
		 enum health_reason reason, const struct check_outcome *outcome)
{
	const struct prober *p = probe->prober;
	char sentence[512];

	if (!p->changed)
		return;
	if (health == HEALTH_HEALTHY)
		snprintf(sentence, sizeof(sentence), "It became healthy.");
	else
		snprintf(sentence, sizeof(sentence), "It became %s: %s%s%s.",
			 health_name(health), health_reason_code(reason),
			 outcome->detail ? ", " : "",
			 outcome->detail ? outcome->detail : "");
	p->changed(p->changed_arg, probe->state, sentence);
}

/* An interval goes by between two of them, and most are the same. */
static void keep_detail(struct probe *probe, const char *detail)
{
	if (detail && probe->detail && strcmp(detail, probe->detail) == 0)
		return;
	free(probe->detail);
	probe->detail = detail ? xstrdup(detail) : NULL;
}

/* Its health has changed: a slow start begins, or ends. */
static void ramp(const struct probe *probe)
{
	struct roster *roster;

	slow_start_end(probe->state);
	if (probe->state->health != HEALTH_HEALTHY)
		return;
	roster = group_state_roster(probe->group->state);
	slow_start_begin(probe->state, probe->group, roster, clock_now_ms());
	roster_unref(roster);
}

static void note(struct probe *probe, const struct check_outcome *outcome)
{
	struct target_state *s = probe->state;
	enum health health = (enum health)s->health;
	enum health_reason reason = (enum health_reason)s->health_reason;
	bool changed;

	changed = health_note(&probe->track, &probe->group->health_check,
			      outcome->result, outcome->code, &health, &reason);
	/* They explain the reason: a success on the way back does not. */
	if (!probe->track.run_is_good || health == HEALTH_HEALTHY)
		s->health_code = outcome->code;
	if (!probe->track.run_is_good)
		keep_detail(probe, outcome->detail);
	else if (health == HEALTH_HEALTHY)
		keep_detail(probe, NULL);
	s->health_reason = (uint8_t)reason;
	if (probe->track.run_is_good && passive_note_success(s, clock_now_ms()))
		group_state_touch(probe->group->state);
	if (!changed)
		return;
	s->health_since_s = (uint64_t)clock_wall_s();
	s->health = (uint8_t)health;
	ramp(probe);
	group_state_touch(probe->group->state);
	log_verdict(probe, health, reason, outcome);
	tell(probe, health, reason, outcome);
}

static void wait_for_next(struct probe *probe)
{
	probe->at_ms = probe->due_ms;
	heap_settle(probe->prober, probe->heap_at);
}

/* -- logs ------------------------------------------------------------------ */

static uint64_t elapsed_ns(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - since->tv_sec) * 1000000000 +
			  (now.tv_nsec - since->tv_nsec));
}

static void log_begin_check(struct probe *probe)
{
	probe->began_wall = (struct timespec){0};
	if (!probe->group->check_logs)
		return;
	clock_gettime(CLOCK_MONOTONIC, &probe->began);
	clock_gettime(CLOCK_REALTIME, &probe->began_wall);
}

static void put_line(struct journal_pen *pen, const struct line_log *log,
		     const struct check_facts *f)
{
	char *room = journal_room(pen);
	struct writer w = writer_make(room, JOURNAL_LINE_MAX);
	bool due;

	if (log->form == LOG_FORM_JSON)
		check_line_json(&w, f);
	else
		check_line_alb(&w, f);
	journal_put(pen, log->journal, slice_make(room, (size_t)(w.at - room)),
		    &due);
}

static void log_check(const struct probe *probe,
		      const struct check_outcome *outcome, bool passed)
{
	const struct target_group *g = probe->group;
	const struct check_facts f = {
		.protocol = g->health_check.protocol,
		.version = g->version,
		.at_us = (uint64_t)probe->began_wall.tv_sec * 1000000 +
			 (uint64_t)probe->began_wall.tv_nsec / 1000,
		.latency_ns = elapsed_ns(&probe->began),
		.target = slice_of(probe->state->name),
		.id = probe->state->id,
		.group = g->name,
		.passed = passed,
		.code = outcome->code,
		.result = outcome->result,
		.state = (enum health)probe->state->health,
	};

	for (const struct check_log *c = g->check_logs; c; c = c->next)
		if (c->log->journal)
			put_line(probe->prober->pen, c->log, &f);
}

/* The check is over; it frees itself. */
static void end_running(struct probe *probe)
{
	probe->running = NULL;
	probe->prober->counts.n_running--;
	snapshot_unref(probe->asked_by);
	probe->asked_by = NULL;
}

static void on_check_end(void *arg, const struct check_outcome *outcome)
{
	struct probe *probe = arg;
	struct prober *p = probe->prober;
	const struct health_check *h = &probe->group->health_check;

	bool passed =
		outcome->result == CHECK_CONNECTED ||
		(outcome->result == CHECK_ANSWERED &&
		 matcher_matches(h->matcher, h->n_matcher, outcome->code));

	end_running(probe);
	p->counts.passed += passed;
	p->counts.failed += !passed;
	if (probe->group->counts) {
		probe->group->counts->checks_passed += passed;
		probe->group->counts->checks_failed += !passed;
	}
	note(probe, outcome);
	if (probe->group->check_logs && p->pen && probe->began_wall.tv_sec)
		log_check(probe, outcome, passed);
	wait_for_next(probe);
	rearm(p);
}

/* Of a request as it was written, which outlives a reload. */
static struct slice path_of(const char *request)
{
	struct slice rest = slice_of(request);

	slice_cut(&rest, ' ');
	return slice_cut(&rest, ' ');
}

static void start(struct probe *probe)
{
	struct prober *p = probe->prober;
	const struct health_check *h = &probe->group->health_check;
	const struct check_spec spec = {
		.addr = &probe->addr,
		.name = slice_of(probe->state->name),
		.request = slice_of(probe->request),
		.version = probe->group->version,
		.path = path_of(probe->request),
		.sent_host = slice_of(probe->host),
		.host = h->host,
		.body = h->body,
		.over_tls = h->protocol == PROTOCOL_HTTPS,
		.verify_name = state_tls_name(probe->state, probe->tls_name),
		.tls = probe->group->check_tls,
		.tls_worker = p->snap->settings.workers,
		.end = on_check_end,
		.arg = probe,
	};
	struct check_outcome failed;

	if (probe->state->health == HEALTH_INITIAL)
		probe->state->health_reason = HEALTH_INITIAL_CHECKING;
	plan_next(probe);
	log_begin_check(probe);
	p->counts.started++;
	p->counts.n_running++;
	probe->asked_by = snapshot_ref(p->snap);
	probe->running = check_start(p->pool, &spec, &failed);
	if (!probe->running) {
		on_check_end(probe, &failed);
		return;
	}
	probe->at_ms = clock_now_ms() + h->timeout_ms;
	heap_settle(p, probe->heap_at);
}

static void on_timer(int fd, int what, void *arg)
{
	struct prober *p = arg;
	uint64_t now = clock_now_ms();

	(void)fd;
	(void)what;
	p->wakes_ms = 0;
	while (p->n_heap && p->heap[0]->at_ms <= now) {
		struct probe *probe = p->heap[0];

		if (probe->running)
			check_time_out(probe->running);
		else
			start(probe);
	}
	rearm(p);
}

/* -- who is checked -------------------------------------------------------- */

/* "10.0.0.5:3000"; without the port where it is the protocol's own. */
static size_t write_host(const struct probe *probe, char out[ADDR_TEXT_MAX])
{
	const bool tls = probe->group->health_check.protocol == PROTOCOL_HTTPS;
	size_t n;

	if (probe->addr.sa.sa_family == AF_UNIX) {
		memcpy(out, "localhost", 9);
		return 9;
	}
	n = addr_format(&probe->addr, out);
	if (addr_port(&probe->addr) != (tls ? 443 : 80))
		return n;
	while (out[--n] != ':')
		;
	return n;
}

/* The Host that is sent. From malloc. */
static char *choose_host(const struct probe *probe)
{
	const struct health_check *h = &probe->group->health_check;
	char own[ADDR_TEXT_MAX];

	return slice_dup(h->host.n ? h->host
				   : slice_make(own, write_host(probe, own)));
}

/* What to ask, and where; NULL for TCP. Of HTTP/2 it only tells one question
 * from another. From malloc. */
static char *write_request(const struct probe *probe, const char *host)
{
	const struct health_check *h = &probe->group->health_check;

	if (h->protocol == PROTOCOL_TCP)
		return NULL;
	return xasprintf("%s %.*s HTTP/%s\r\n"
			 "Host: %s\r\n"
			 "User-Agent: ELB-HealthChecker/2.0\r\n"
			 "Connection: close\r\n\r\n",
			 probe->group->version == VERSION_GRPC ? "POST" : "GET",
			 SLICE_ARG(h->path),
			 probe->group->version == VERSION_HTTP1 ? "1.1" : "2",
			 host);
}

static void stop_running(struct probe *probe)
{
	if (!probe->running)
		return;
	check_cancel(probe->running);
	end_running(probe);
}

/* Takes over what the group says now. A check under way that asks something
 * else than the group now wants is dropped: its answer would mean nothing. */
static void aim(struct probe *probe, const struct target_group *g,
		const struct addr *addr)
{
	uint64_t print = g->check_tls ? tls_client_print(g->check_tls) : 0;
	char *request, *host;

	probe->group = g;
	if (!addr_eq(addr, &probe->addr))
		stop_running(probe);
	if (!probe->running)
		probe->addr = *addr;
	if (print != probe->tls_print)
		stop_running(probe);
	probe->tls_print = print;
	host = choose_host(probe);
	request = write_request(probe, host);
	if (slice_eq(slice_of(request), slice_of(probe->request))) {
		free(request);
		free(host);
		return;
	}
	stop_running(probe);
	free(probe->request);
	free(probe->host);
	probe->request = request;
	probe->host = host;
}

static struct probe *probe_of(struct prober *p, struct target_state *s)
{
	size_t old = p->n_slots;
	struct probe *probe;

	if (s->slot >= old) {
		p->n_slots = (size_t)s->slot * 2 + 16;
		p->by_slot = xrealloc(p->by_slot,
				      p->n_slots * sizeof(struct probe *));
		memset(p->by_slot + old, 0,
		       (p->n_slots - old) * sizeof(struct probe *));
	}
	probe = p->by_slot[s->slot];
	if (probe)
		return probe;
	probe = xcalloc(1, sizeof(*probe));
	probe->state = state_ref(s);
	probe->prober = p;
	p->by_slot[s->slot] = probe;
	p->counts.n_probes++;
	return probe;
}

static void drop(struct prober *p, struct probe *probe)
{
	stop_running(probe);
	heap_remove(p, probe);
	p->by_slot[probe->state->slot] = NULL;
	p->counts.n_probes--;
	state_unref(probe->state);
	free(probe->request);
	free(probe->host);
	free(probe->detail);
	free(probe);
}

static void want(struct prober *p, const struct member *m,
		 const struct target_group *g)
{
	struct target_state *s = m->state;
	struct probe *probe = probe_of(p, s);
	bool is_new = probe->seen == 0;

	probe->seen = p->updates;
	if (probe->group != g)
		aim(probe, g, &m->check_addr);
	/* Whoever starts over (is back from draining, was not used before)
	 * is asked soon, as a new one is. */
	if (is_new || (s->health_reason == HEALTH_REGISTRATION_IN_PROGRESS &&
		       probe->had_first && !probe->running)) {
		probe->track = (struct health_track){0};
		probe->had_first = false;
		probe->due_ms = clock_now_ms() + spread(p, first_period(g));
		probe->at_ms = probe->due_ms;
	} else if (!probe->running) {
		/* A shorter interval does not wait for the end of a long. */
		uint64_t last = clock_now_ms() + g->health_check.interval_ms;

		if (probe->due_ms > last)
			probe->due_ms = last;
		probe->at_ms = probe->due_ms;
	}
	if (is_new)
		heap_add(p, probe);
	else
		heap_settle(p, probe->heap_at);
}

static void want_group(struct prober *p, const struct target_group *g)
{
	struct roster *roster;

	if (!g->is_used || !g->health_check.enabled)
		return;
	roster = group_state_roster(g->state);
	for (size_t i = 0; i < roster->n_members; i++)
		want(p, &roster->members[i], g);
	roster_unref(roster);
}

void prober_update(struct prober *p, struct snapshot *snap)
{
	struct snapshot *old = p->snap;

	p->updates++;
	p->snap = snapshot_ref(snap);
	for (size_t i = 0; i < snap->n_groups; i++)
		want_group(p, &snap->groups[i]);
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->by_slot[i] && p->by_slot[i]->seen != p->updates)
			drop(p, p->by_slot[i]);
	snapshot_unref(old);
	rearm(p);
}

const char *prober_detail(const struct prober *p, const struct target_state *s)
{
	const struct probe *probe = s->slot < p->n_slots ? p->by_slot[s->slot]
							 : NULL;

	if (!probe || s->health == HEALTH_HEALTHY || !probe->detail)
		return "";
	return probe->detail;
}

void prober_read_counts(const struct prober *p, struct prober_counts *out)
{
	*out = p->counts;
}

void prober_on_change(struct prober *p,
		      void (*changed)(void *arg, const struct target_state *s,
				      const char *sentence),
		      void *arg)
{
	p->changed = changed;
	p->changed_arg = arg;
}

struct prober *prober_new(struct loop *loop)
{
	struct prober *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->pool = check_pool_new(loop);
	/* Long enough that it is rearmed before; then nothing is due. */
	p->timer = loop_watch_timer(loop, 1000, on_timer, p);
	return p;
}

void prober_log_with(struct prober *p, struct journal_pen *pen)
{
	p->pen = pen;
}

void prober_free(struct prober *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->by_slot[i])
			drop(p, p->by_slot[i]);
	loop_watch_free(p->timer);
	check_pool_free(p->pool);
	free(p->by_slot);
	free(p->heap);
	snapshot_unref(p->snap);
	free(p);
}
