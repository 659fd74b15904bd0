#include "resolver.h"

#include <ares.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/map.h"

enum {
	ARES_TIMEOUT_MS = 2000,
	ARES_TRIES = 2,
	/* Descriptors of c-ares: one for each server and transport. */
	SOCKETS_MAX = 32,
	ADDRESSES_MAX = 256, /* of one name; more are left out */
};

struct name {
	struct slice text; /* owned */
	struct resolver *resolver;
	struct addr *addresses; /* owned; sorted */
	size_t n_addresses;
	uint64_t ask_at_ms;
	unsigned failures;   /* in a row */
	const char *failure; /* of the last; static; NULL: none */
	bool asked;          /* a question is on the way */
	bool wanted;
	bool doubted; /* the last answer was not believed */
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	void (*changed)(void *arg, struct slice name);
	void *arg;
	struct map names; /* of struct name by its text */
	unsigned n_asked;
	bool closing;
	struct loop_watch *timer; /* the next question is due */
	struct loop_watch *ares_timer;
	struct {
		ares_socket_t fd;
		struct loop_watch *watch; /* NULL: free */
		short events;             /* of poll(2) */
	} sockets[SOCKETS_MAX];
};

/* -- c-ares on the loop ---------------------------------------------------- */

static void rearm_ares(struct resolver *r)
{
	struct timeval room, *left = ares_timeout(r->channel, NULL, &room);

	if (left)
		loop_watch_rearm(r->ares_timer,
				 (uint64_t)left->tv_sec * 1000 +
					 (uint64_t)left->tv_usec / 1000 + 1);
}

static void on_socket(int fd, int what, void *arg)
{
	struct resolver *r = arg;

	ares_process_fd(r->channel, what & LOOP_READ ? fd : ARES_SOCKET_BAD,
			what & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	rearm_ares(r);
}

static void on_ares_timer(int fd, int what, void *arg)
{
	struct resolver *r = arg;

	(void)fd;
	(void)what;
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm_ares(r);
}

/* c-ares opened, closed, or waits for something else on a socket. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable,
			    int writable)
{
	struct resolver *r = arg;
	int what = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);
	int unused = -1;

	for (int i = 0; i < SOCKETS_MAX; i++) {
		if (!r->sockets[i].watch) {
			unused = unused < 0 ? i : unused;
		} else if (r->sockets[i].fd == fd) {
			loop_watch_free(r->sockets[i].watch);
			r->sockets[i].watch = NULL;
			unused = i;
			break;
		}
	}
	/* Without room the question runs into its timeout and is asked again.
	 */
	if (!what || unused < 0)
		return;
	r->sockets[unused].fd = fd;
	r->sockets[unused].events =
		(short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	r->sockets[unused].watch =
		loop_watch_fd(r->loop, fd, what, on_socket, r);
}

/* -- answers --------------------------------------------------------------- */

static int addr_order(const void *a, const void *b)
{
	const struct addr *x = a, *y = b;

	if (x->sa.sa_family != y->sa.sa_family)
		return x->sa.sa_family < y->sa.sa_family ? -1 : 1;
	if (x->sa.sa_family == AF_INET)
		return memcmp(&x->in.sin_addr, &y->in.sin_addr,
			      sizeof(x->in.sin_addr));
	return memcmp(&x->in6.sin6_addr, &y->in6.sin6_addr,
		      sizeof(x->in6.sin6_addr));
}

static bool take_node(const struct ares_addrinfo_node *node, struct addr *out)
{
	*out = (struct addr){0};
	if (node->ai_family == AF_INET) {
		memcpy(&out->in, node->ai_addr, sizeof(out->in));
		out->in.sin_port = 0;
		out->len = sizeof(out->in);
		return true;
	}
	if (node->ai_family == AF_INET6) {
		memcpy(&out->in6, node->ai_addr, sizeof(out->in6));
		out->in6.sin6_port = 0;
		out->len = sizeof(out->in6);
		return true;
	}
	return false;
}

/* Sorted and each once. *ttl_s gets the shortest. From malloc. */
static struct addr *collect(const struct ares_addrinfo *answer, size_t *n,
			    uint64_t *ttl_s)
{
	struct addr *all = xcalloc(ADDRESSES_MAX, sizeof(*all));
	size_t got = 0, kept = 0;

	*ttl_s = RESOLVER_TTL_MAX_S;
	for (const struct ares_addrinfo_node *node = answer->nodes;
	     node && got < ADDRESSES_MAX; node = node->ai_next) {
		if (!take_node(node, &all[got]))
			continue;
		got++;
		/* The hosts file gives a TTL of 0: look again soon. */
		if (node->ai_ttl >= 0 && (uint64_t)node->ai_ttl < *ttl_s)
			*ttl_s = (uint64_t)node->ai_ttl;
	}
	if (*ttl_s < RESOLVER_TTL_MIN_S)
		*ttl_s = RESOLVER_TTL_MIN_S;
	qsort(all, got, sizeof(*all), addr_order);
	for (size_t i = 0; i < got; i++)
		if (kept == 0 || addr_order(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	*n = kept;
	return all;
}

static bool is_same(const struct name *name, const struct addr *addresses,
		    size_t n)
{
	if (name->n_addresses != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (addr_order(&name->addresses[i], &addresses[i]) != 0)
			return false;
	return true;
}

static bool has_family(const struct addr *addresses, size_t n, int family)
{
	for (size_t i = 0; i < n; i++)
		if (addresses[i].sa.sa_family == family)
			return true;
	return false;
}

/* c-ares asks for both families and gives what it got, if only for one: where
 * the other question was lost, good targets would be drained. */
static bool lacks_family(const struct name *name, const struct addr *addresses,
			 size_t n)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (has_family(name->addresses, name->n_addresses,
			       families[i]) &&
		    !has_family(addresses, n, families[i]))
			return true;
	return false;
}

static void log_addresses(const struct name *name, bool is_first)
{
	struct log_line l;
	char text[ADDR_TEXT_MAX];

	log_begin(&l, LOG_INFO,
		  is_first ? "name was looked up" : "name has other addresses");
	log_slice(&l, "name", name->text);
	log_num(&l, "addresses", (int64_t)name->n_addresses);
	for (size_t i = 0; i < name->n_addresses && i < 8; i++) {
		size_t n = addr_format_ip(&name->addresses[i], text);

		log_slice(&l, "address", slice_make(text, n));
	}
	log_end(&l);
}

static void take_answer(struct name *name, const struct ares_addrinfo *answer)
{
	struct resolver *r = name->resolver;
	uint64_t ttl_s;
	bool is_first;
	size_t n;
	struct addr *addresses = collect(answer, &n, &ttl_s);

	name->failures = 0;
	name->failure = NULL;
	name->ask_at_ms = clock_now_ms() + ttl_s * 1000;
	name->doubted = !name->doubted && lacks_family(name, addresses, n);
	/* Believed the second time, which comes soon. */
	if (name->doubted)
		name->ask_at_ms = clock_now_ms() + RESOLVER_TTL_MIN_S * 1000;
	if (name->doubted || is_same(name, addresses, n)) {
		free(addresses);
		return;
	}
	is_first = !name->addresses;
	free(name->addresses);
	name->addresses = addresses;
	name->n_addresses = n;
	log_addresses(name, is_first);
	r->changed(r->arg, name->text);
}

/* Said once for each series of failures; the last answer stays. */
static void take_failure(struct name *name, int status)
{
	uint64_t wait_s = name->failures < 6 ? 1u << name->failures
					     : RESOLVER_RETRY_MAX_S;
	struct log_line l;

	name->failures++;
	name->failure = ares_strerror(status);
	name->ask_at_ms = clock_now_ms() + wait_s * 1000;
	if (name->failures > 1)
		return;
	log_begin(&l, LOG_WARNING, "name cannot be looked up");
	log_slice(&l, "name", name->text);
	log_str(&l, "detail", name->failure);
	log_num(&l, "addresses_kept", (int64_t)name->n_addresses);
	log_end(&l);
}

static void ask_due(struct resolver *r);

static void name_free(struct name *name)
{
	free((char *)(uintptr_t)name->text.p);
	free(name->addresses);
	free(name);
}

static void on_answer(void *arg, int status, int timeouts,
		      struct ares_addrinfo *answer)
{
	struct name *name = arg;
	struct resolver *r = name->resolver;

	(void)timeouts;
	name->asked = false;
	r->n_asked--;
	if (!name->wanted)
		name_free(name);
	else if (r->closing)
		;
	else if (status == ARES_SUCCESS && answer && answer->nodes)
		take_answer(name, answer);
	else
		take_failure(name,
			     status == ARES_SUCCESS ? ARES_ENODATA : status);
	if (answer)
		ares_freeaddrinfo(answer);
	/* From the timer: c-ares is in the middle of something here. */
	if (!r->closing)
		loop_watch_rearm(r->timer, 0);
}

/* -- questions ------------------------------------------------------------- */

static void ask(struct name *name)
{
	struct resolver *r = name->resolver;
	const struct ares_addrinfo_hints hints = {
		.ai_flags = ARES_AI_NOSORT,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};

	name->asked = true;
	r->n_asked++;
	ares_getaddrinfo(r->channel, name->text.p, NULL, &hints, on_answer,
			 name);
}

/* Asks for what is due and sets the timer for the next. A question may be
 * answered, and so change the map's entries but not the map, at once. */
static void ask_due(struct resolver *r)
{
	uint64_t now = clock_now_ms(), next = UINT64_MAX;
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&r->names, &at)) != NULL) {
		struct name *name = slot->value;

		if (name->asked)
			continue;
		if (name->ask_at_ms <= now && r->n_asked < RESOLVER_ASKED_MAX)
			ask(name);
		else if (name->ask_at_ms > now && name->ask_at_ms < next)
			next = name->ask_at_ms;
	}
	if (next != UINT64_MAX)
		loop_watch_rearm(r->timer, next - now);
	rearm_ares(r);
}

static void on_timer(int fd, int what, void *arg)
{
	(void)fd;
	(void)what;
	ask_due(arg);
}

/* -- names ----------------------------------------------------------------- */

void resolver_begin(struct resolver *r)
{
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&r->names, &at)) != NULL)
		((struct name *)slot->value)->wanted = false;
}

void resolver_want(struct resolver *r, struct slice text)
{
	struct name *name = map_get(&r->names, text);

	if (!name) {
		name = xcalloc(1, sizeof(*name));
		name->text = slice_make(slice_dup(text), text.n);
		name->resolver = r;
		map_put(&r->names, name->text, name);
	}
	name->wanted = true;
}

void resolver_end(struct resolver *r)
{
	struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&r->names, &at)) != NULL) {
		struct name *name = slot->value;

		if (name->wanted)
			continue;
		map_remove(&r->names, name->text);
		if (!name->asked) /* else the answer frees it */
			name_free(name);
		at = 0; /* removal moves entries */
	}
	loop_watch_rearm(r->timer, 0);
}

/* Whether some name has had neither answer nor failure. */
static bool is_unsettled(const struct resolver *r)
{
	const struct map_slot *slot;
	size_t at = 0;

	while ((slot = map_next(&r->names, &at)) != NULL) {
		const struct name *name = slot->value;

		if (!name->addresses && !name->failure)
			return true;
	}
	return false;
}

/* Waits for the servers once, for so long at most. */
static void wait_for_servers(struct resolver *r, uint64_t most_ms)
{
	struct timeval room,
		most = {.tv_sec = (time_t)(most_ms / 1000),
			.tv_usec = (suseconds_t)(most_ms % 1000) * 1000};
	const struct timeval *left = ares_timeout(r->channel, &most, &room);
	struct pollfd polled[SOCKETS_MAX];
	nfds_t n = 0;

	for (int i = 0; i < SOCKETS_MAX; i++)
		if (r->sockets[i].watch)
			polled[n++] = (struct pollfd){
				.fd = r->sockets[i].fd,
				.events = r->sockets[i].events,
			};
	(void)poll(polled, n,
		   (int)(left->tv_sec * 1000 + left->tv_usec / 1000 + 1));
	for (nfds_t i = 0; i < n; i++)
		ares_process_fd(r->channel,
				polled[i].revents & ~POLLOUT ? polled[i].fd
							     : ARES_SOCKET_BAD,
				polled[i].revents & POLLOUT ? polled[i].fd
							    : ARES_SOCKET_BAD);
	/* What has waited too long. */
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void resolver_settle(struct resolver *r, uint64_t most_ms)
{
	uint64_t end;

	if (!r || !is_unsettled(r))
		return;
	clock_update();
	end = clock_now_ms() + most_ms;
	ask_due(r);
	while (is_unsettled(r) && clock_now_ms() < end) {
		wait_for_servers(r, end - clock_now_ms());
		clock_update();
		ask_due(r);
	}
}

size_t resolver_lookup(const struct resolver *r, struct slice text,
		       const struct addr **addresses)
{
	const struct name *name = r ? map_get(&r->names, text) : NULL;

	if (!name)
		return 0;
	*addresses = name->addresses;
	return name->n_addresses;
}

bool resolver_next(const struct resolver *r, size_t *at,
		   struct resolver_name *out)
{
	const struct map_slot *slot = r ? map_next(&r->names, at) : NULL;
	uint64_t now = clock_now_ms();
	const struct name *name;

	if (!slot)
		return false;
	name = slot->value;
	*out = (struct resolver_name){
		.name = name->text,
		.n_addresses = name->n_addresses,
		.failure = name->failure,
		.asks_in_ms = !name->asked && name->ask_at_ms > now
				      ? name->ask_at_ms - now
				      : 0,
	};
	return true;
}

/* -- life ------------------------------------------------------------------ */

struct resolver *resolver_new(struct loop *loop, const char *servers,
			      void (*changed)(void *arg, struct slice name),
			      void *arg)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	struct ares_options options = {
		.timeout = ARES_TIMEOUT_MS,
		.tries = ARES_TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = r,
	};
	int wanted = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		     ARES_OPT_SOCK_STATE_CB;
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	/* We ask when an answer has lost its worth, or to have it confirmed.
	 * c-ares 1.31 and later would give the old one again, an empty one
	 * for an hour. */
#ifdef ARES_OPT_QUERY_CACHE
	options.qcache_max_ttl = 0;
	wanted |= ARES_OPT_QUERY_CACHE;
#endif
	r->loop = loop;
	r->changed = changed;
	r->arg = arg;
	if (status == ARES_SUCCESS)
		status = ares_init_options(&r->channel, &options, wanted);
	if (status == ARES_SUCCESS && servers)
		status = ares_set_servers_ports_csv(r->channel, servers);
	if (status != ARES_SUCCESS) {
		log_say(LOG_ERROR, "names of targets cannot be looked up: %s",
			ares_strerror(status));
		resolver_free(r);
		return NULL;
	}
	r->timer = loop_watch_timer(loop, 0, on_timer, r);
	r->ares_timer = loop_watch_timer(loop, 1000, on_ares_timer, r);
	return r;
}

void resolver_free(struct resolver *r)
{
	struct map_slot *slot;
	size_t at = 0;

	if (!r)
		return;
	r->closing = true;
	/* Calls back for each question on the way, and closes the sockets. */
	if (r->channel)
		ares_destroy(r->channel);
	while ((slot = map_next(&r->names, &at)) != NULL)
		name_free(slot->value);
	map_release(&r->names);
	loop_watch_free(r->timer);
	loop_watch_free(r->ares_timer);
	ares_library_cleanup();
	free(r);
}
