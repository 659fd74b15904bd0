#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/rule_index.h"
#include "net/sock.h"
#include "proxy/accept.h"
#include "proxy/client.h"
#include "tls/client.h"
#include "tls/policy.h"

/* Turns that are enough for anything to come to rest. */
enum { SETTLE_TURNS = 40, PORT = 8080 };

static uint64_t now_ms = 1000000;

static void path_of(const struct sim *sim, int target, char *out, size_t size)
{
	snprintf(out, size, "%s/t%d", sim->dir, target);
}

static void make_targets(struct sim *sim, struct target_group *group)
{
	struct arena *arena = &sim->snap->arena;

	group->targets = ARENA_ARRAY(arena, SIM_TARGETS, struct target);
	group->n_targets = SIM_TARGETS;
	for (int i = 0; i < SIM_TARGETS; i++) {
		struct target *t = &group->targets[i];
		char path[80];

		path_of(sim, i, path, sizeof(path));
		sim->listening[i] = sock_listen_path(path);
		assert_true(sim->listening[i] >= 0);
		t->id = slice_of(arena_printf(arena, "unix:%s", path));
		t->kind = TARGET_UNIX;
		t->weight = 1;
		assert_true(addr_parse(t->id, &t->addr));
	}
}

static void make_snapshot(struct sim *sim)
{
	struct snapshot *snap = snapshot_new();
	struct load_balancer *lb;
	struct target_group *group;
	struct listener *l;
	struct weighted_group *to;

	sim->snap = snap;
	snap->generation = 1;
	snap->groups = group = ARENA_NEW(&snap->arena, struct target_group);
	snap->n_groups = 1;
	group->name = SLICE("app");
	make_targets(sim, group);
	snap->balancers = lb = ARENA_NEW(&snap->arena, struct load_balancer);
	snap->n_balancers = 1;
	lb->name = SLICE("web");
	lb->dns_name = SLICE("web.localhost");
	lb->desync = DESYNC_DEFENSIVE;
	lb->idle_timeout_ms = 60000;
	lb->tunnel_idle_ms = 60000;
	lb->client_keep_alive_ms = 3600000;
	lb->target_connect_ms = 10000;
	lb->target_tls_handshake_ms = 10000;
	lb->listeners = l = ARENA_NEW(&snap->arena, struct listener);
	lb->n_listeners = snap->n_listeners = 1;
	l->balancer = lb;
	l->port = PORT;
	l->port_text = SLICE("8080");
	l->server_field = l->reason_field = true;
	l->rule_index = rule_index_build(&snap->arena, NULL, 0);
	l->default_rule.is_default = true;
	l->default_rule.action.kind = ACTION_FORWARD;
	to = ARENA_NEW(&snap->arena, struct weighted_group);
	*to = (struct weighted_group){group, 1};
	l->default_rule.action.forward = (struct forward){to, 1};
}

static void make_roster(struct sim *sim)
{
	struct target_group *group = &sim->snap->groups[0];
	struct member members[SIM_TARGETS];

	sim->states.n_workers = 1;
	group->state = group_state_new();
	for (int i = 0; i < SIM_TARGETS; i++) {
		members[i] = (struct member){
			.state = state_get(&sim->states, group->name,
					   group->targets[i].id,
					   &group->targets[i].addr),
			.zone = SLICE("all"),
			.weight = 1,
		};
		members[i].state->health = HEALTH_HEALTHY;
	}
	group_state_publish(group->state, roster_new(members, SIM_TARGETS));
}

static _Atomic uint64_t n_connections;

struct sim *sim_new(void)
{
	const struct worker_options options = {
		.most_octets = 64 << 20,
		.most_connections = 1000,
		.n_connections = &n_connections,
	};
	struct sim *sim = xcalloc(1, sizeof(*sim));
	struct acceptor *a = xcalloc(1, sizeof(*a));

	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_ERROR, LOG_TEXT);
	clock_fake(now_ms, 1000000000);
	snprintf(sim->dir, sizeof(sim->dir), "/tmp/weir-sim-XXXXXX");
	assert_non_null(mkdtemp(sim->dir));
	make_snapshot(sim);
	make_roster(sim);
	sim->counts.n_workers = 1;
	counts_attach(&sim->counts, sim->snap);
	sim->worker = worker_new(&options);
	assert_non_null(sim->worker);
	worker_enter(sim->worker);
	worker_adopt(sim->worker, snapshot_ref(sim->snap), NULL, NULL, 0);
	loop_turn(&sim->worker->loop, true);
	*a = (struct acceptor){
		.worker = sim->worker,
		.fd = -1,
		.users = 1,
		.listener = &sim->snap->balancers[0].listeners[0],
	};
	list_push_back(&sim->worker->acceptors, &a->node);
	sim->acceptor = a;
	return sim;
}

void sim_free(struct sim *sim)
{
	struct group_state *gs = sim->snap->groups[0].state;

	acceptor_leave(sim->acceptor); /* clients may have it still */
	worker_leave(sim->worker);
	assert_int_equal(n_connections, 0);
	assert_int_equal(chunk_pool_in_use(), 0);
	worker_free(sim->worker);
	snapshot_unref(sim->snap);
	group_state_free(gs);
	state_table_release(&sim->states);
	counts_release(&sim->counts);
	for (int i = 0; i < SIM_TARGETS; i++) {
		sim_refuse(sim, i);
	}
	rmdir(sim->dir);
	free(sim);
}

int sim_setup(void **state)
{
	*state = sim_new();
	return 0;
}

int sim_teardown(void **state)
{
	sim_free(*state);
	return 0;
}

uint64_t sim_count(const struct sim *sim, enum listener_counter c)
{
	return balancer_count(sim->counts.balancers, c);
}

uint64_t sim_count_reason(const struct sim *sim, enum reason r)
{
	return balancer_reasons(sim->counts.balancers, r);
}

uint64_t sim_count_group(const struct sim *sim, enum group_counter c)
{
	return group_count(sim->counts.groups, c);
}

uint64_t sim_count_targets(const struct sim *sim, enum target_counter c)
{
	return state_table_count(&sim->states, c);
}

void sim_fixed(struct sim *sim, unsigned status, const char *body)
{
	struct action *action =
		&sim->snap->balancers[0].listeners[0].default_rule.action;

	action->kind = ACTION_FIXED_RESPONSE;
	action->fixed = (struct fixed_response){
		.status = (uint16_t)status,
		.content_type = SLICE("text/plain"),
		.body = slice_of(body),
	};
}

size_t sim_held(void)
{
	return chunk_pool_in_use();
}

void sim_settle(struct sim *sim)
{
	for (int i = 0; i < SETTLE_TURNS; i++)
		loop_turn(&sim->worker->loop, false);
}

void sim_advance_ms(struct sim *sim, uint64_t ms)
{
	now_ms += ms;
	clock_fake(now_ms, 1000000000 + (time_t)(now_ms / 1000));
	loop_expire(&sim->worker->loop);
	sim_settle(sim);
}

static struct sim_end *end_new(struct sim *sim, int fd)
{
	struct sim_end *e = xcalloc(1, sizeof(*e));

	e->sim = sim;
	e->fd = fd;
	return e;
}

struct sim_end *sim_connect(struct sim *sim)
{
	struct addr peer;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_true(addr_parse(SLICE("192.0.2.7:4711"), &peer));
	assert_true(worker_take_place(sim->worker));
	client_new(sim->worker, sim->acceptor, fds[0], &peer);
	return end_new(sim, fds[1]);
}

struct sim_end *sim_connect_tcp(struct sim *sim)
{
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct addr at, peer;

	assert_true(addr_parse(SLICE("127.0.0.1:1"), &at));
	addr_set_port(&at, 0);
	assert_int_equal(bind(listening, &at.sa, at.len), 0);
	assert_int_equal(getsockname(listening, &at.sa, &at.len), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(connect(fd, &at.sa, at.len), 0);
	assert_true(worker_take_place(sim->worker));
	client_new(sim->worker, sim->acceptor, sock_accept(listening, &peer),
		   &peer);
	close(listening);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return end_new(sim, fd);
}

void sim_reset(struct sim_end *e)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(
		setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	sim_close(e);
}

struct sim_end *sim_accept(struct sim *sim, int target)
{
	struct addr peer;
	int fd = sock_accept(sim->listening[target], &peer);

	return fd < 0 ? NULL : end_new(sim, fd);
}

void sim_refuse(struct sim *sim, int target)
{
	char path[80];

	if (sim->listening[target] < 0)
		return;
	path_of(sim, target, path, sizeof(path));
	unlink(path);
	close(sim->listening[target]);
	sim->listening[target] = -1;
}

void sim_is_ill(struct sim *sim, int target)
{
	struct group_state *gs = sim->snap->groups[0].state;
	struct roster *roster = group_state_roster(gs);

	roster->members[target].state->health = HEALTH_UNHEALTHY;
	roster_unref(roster);
	group_state_touch(gs);
}

static void free_group_state(void *object)
{
	group_state_free(object);
}

void sim_reload(struct sim *sim, int target)
{
	struct snapshot *snap = snapshot_new();
	const struct target_group *old = &sim->snap->groups[0];
	struct roster *roster = group_state_roster(old->state);
	struct target_group *group;
	struct member member = roster->members[target];

	snap->generation = sim->snap->generation + 1;
	snap->groups = group = ARENA_NEW(&snap->arena, struct target_group);
	snap->n_groups = 1;
	group->name = SLICE("app");
	group->targets = ARENA_NEW(&snap->arena, struct target);
	group->targets[0] = old->targets[target];
	group->n_targets = 1;
	group->state = group_state_new();
	snapshot_on_free(snap, free_group_state, group->state);
	for (int i = 0; i < SIM_TARGETS; i++)
		if (i != target)
			roster->members[i].state->health = HEALTH_DRAINING;
	member.state = state_ref(member.state);
	group_state_publish(group->state, roster_new(&member, 1));
	roster_unref(roster);
	counts_attach(&sim->counts, snap);
	sim->acceptor->last = view_enter(sim->worker->view);
	worker_adopt(sim->worker, snap, NULL, NULL, 0);
	sim_settle(sim);
}

static void free_tls(void *object)
{
	tls_client_unref(object);
}

void sim_tls_targets(struct sim *sim)
{
	const struct tls_client_spec spec = {
		.policy = tls_target_policy(0),
		.n_workers = 1,
	};
	struct target_group *g = &sim->snap->groups[0];
	struct diag diag = {0};

	g->protocol = PROTOCOL_HTTPS;
	g->tls = ARENA_ARRAY(&sim->snap->arena, TARGET_RANKS,
			     struct tls_client *);
	g->tls[0] = tls_client_new(&spec, &diag);
	assert_non_null(g->tls[0]);
	snapshot_on_free(sim->snap, free_tls, g->tls[0]);
	diag_release(&diag);
}

struct exchange *sim_exchange(struct sim *sim)
{
	struct client *c =
		list_entry(sim->worker->clients.next, struct client, node);

	return c->h1.exchange;
}

void sim_end_free(struct sim_end *e)
{
	if (!e)
		return;
	sim_close(e);
	free(e);
}

void sim_send(struct sim_end *e, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(send(e->fd, text, n, MSG_NOSIGNAL), n);
	sim_settle(e->sim);
}

size_t sim_push(struct sim_end *e, const char *text, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t put = send(e->fd, text + sent, n - sent, MSG_NOSIGNAL);

		if (put <= 0)
			break;
		sent += (size_t)put;
		sim_settle(e->sim);
	}
	return sent;
}

void sim_shut(struct sim_end *e)
{
	assert_int_equal(shutdown(e->fd, SHUT_WR), 0);
	sim_settle(e->sim);
}

const char *sim_received(struct sim_end *e)
{
	ssize_t got;

	sim_settle(e->sim);
	while (!e->ended && e->n < SIM_TEXT - 1) {
		got = recv(e->fd, e->text + e->n, SIM_TEXT - 1 - e->n, 0);
		if (got < 0 && errno == EAGAIN)
			break;
		if (got <= 0)
			e->ended = true;
		else
			e->n += (size_t)got;
		sim_settle(e->sim);
	}
	e->text[e->n] = '\0';
	return e->text;
}

bool sim_is_open(struct sim_end *e)
{
	sim_received(e);
	return !e->ended;
}

void sim_forget(struct sim_end *e)
{
	sim_received(e);
	e->n = 0;
	e->text[0] = '\0';
}

void sim_close(struct sim_end *e)
{
	if (e->fd < 0)
		return;
	close(e->fd);
	e->fd = -1;
	sim_settle(e->sim);
}
