/*
 * sim.h - the real data path on a clock that is moved by hand.
 *
 * One worker without a thread; its clients are socket pairs, its targets
 * listen on paths. Nothing sleeps: a turn of the loop is taken when a test
 * says so, and what takes a minute takes no time.
 */
#ifndef WEIR_TESTS_SIM_H
#define WEIR_TESTS_SIM_H

#include "../unit/unit.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

enum { SIM_TARGETS = 2, SIM_TEXT = 1 << 20 };

struct sim {
	struct worker *worker;
	struct state_table states;
	struct count_table counts;
	struct snapshot *snap;
	struct acceptor *acceptor;
	char dir[64];
	int listening[SIM_TARGETS]; /* -1: the target refuses */
};

/* One end of a connection, seen from outside. */
struct sim_end {
	struct sim *sim;
	int fd;     /* -1 once closed by the test */
	bool ended; /* the other side has closed */
	size_t n;
	char text[SIM_TEXT]; /* all that was received; zero-terminated */
};

/* With one HTTP listener on port 8080 that forwards to SIM_TARGETS targets.
 * Change sim->snap before the first connection only. */
struct sim *sim_new(void);
void sim_free(struct sim *sim);

/* A test that finds such a world as its *state, which goes with it. */
int sim_setup(void **state);
int sim_teardown(void **state);
#define SIM_TEST(test)                                                         \
	cmocka_unit_test_setup_teardown(test, sim_setup, sim_teardown)

/* What was counted for the listener, the group and its targets. */
uint64_t sim_count(const struct sim *sim, enum listener_counter c);
uint64_t sim_count_reason(const struct sim *sim, enum reason r);
uint64_t sim_count_group(const struct sim *sim, enum group_counter c);
uint64_t sim_count_targets(const struct sim *sim, enum target_counter c);

/* The listener answers everything by itself, with this body. */
void sim_fixed(struct sim *sim, unsigned status, const char *body);
/* Octets of buffers that the worker holds. */
size_t sim_held(void);

/* Turns the loop until nothing happens any more, reading what the ends get. */
void sim_settle(struct sim *sim);
void sim_advance_ms(struct sim *sim, uint64_t ms);

struct sim_end *sim_connect(struct sim *sim);
/* The same over TCP, whose resets are events of their own. */
struct sim_end *sim_connect_tcp(struct sim *sim);
/* Closes so that the other side meets a reset. */
void sim_reset(struct sim_end *e);
/* The next connection that reached a target; NULL: none did. */
struct sim_end *sim_accept(struct sim *sim, int target);
/* A reload takes the listener away and leaves only this target in the group;
 * clients that are there have one more request. Once. */
void sim_reload(struct sim *sim, int target);
/* The targets speak TLS. Before the first request. */
void sim_tls_targets(struct sim *sim);
/* The target refuses from now on. */
void sim_refuse(struct sim *sim, int target);
/* Its checks fail: it takes no traffic from now on. */
void sim_is_ill(struct sim *sim, int target);
void sim_end_free(struct sim_end *e);

/* The request that is under way on the first client; NULL: none is. */
struct exchange *sim_exchange(struct sim *sim);

void sim_send(struct sim_end *e, const char *text);
/* Sends as much of `n` octets as the other side takes, without reading what
 * it answers; returns how many. */
size_t sim_push(struct sim_end *e, const char *text, size_t n);
/* Ends this direction only. */
void sim_shut(struct sim_end *e);
/* Reads what has come; the text so far. */
const char *sim_received(struct sim_end *e);
bool sim_is_open(struct sim_end *e);
/* Forgets what was received. */
void sim_forget(struct sim_end *e);
void sim_close(struct sim_end *e);

#define assert_prefix(text, prefix)                                            \
	do {                                                                   \
		const char *sim_text = (text);                                 \
		if (strncmp(sim_text, prefix, strlen(prefix)))                 \
			fail_msg("\"%.200s\" does not begin with \"%s\"",      \
				 sim_text, prefix);                            \
	} while (0)

#define assert_has(text, part)                                                 \
	do {                                                                   \
		const char *sim_text = (text);                                 \
		if (!strstr(sim_text, part))                                   \
			fail_msg("\"%.400s\" has no \"%s\"", sim_text, part);  \
	} while (0)

#define assert_has_not(text, part)                                             \
	do {                                                                   \
		const char *sim_text = (text);                                 \
		if (strstr(sim_text, part))                                    \
			fail_msg("\"%.400s\" has \"%s\"", sim_text, part);     \
	} while (0)

#endif
