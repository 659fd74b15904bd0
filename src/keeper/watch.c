#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "control/admin.h"
#include "state.h"

/* A rule that told nearly as many as it may has perhaps left some out. */
enum { NEARLY_ALL = TELL_RATE_PER_SECOND * 9 / 10 };

/* -- hearing --------------------------------------------------------------- */

static bool is_gone(const struct watcher *w)
{
	return !w->id || clock_now_ms() - w->asked_ms > WATCH_GONE_MS;
}

bool keeper_wants_to_hear(const struct keeper *k)
{
	const struct ruleset *wanted = keeper_wanted(k);

	if (!k->keeps || k->untold)
		return false;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (!is_gone(&k->watch.watchers[i]))
			return true;
	return keeper_is_in_force(k) && wanted && ruleset_reports(wanted);
}

void keeper_hears(struct keeper *k, bool is_open, int error)
{
	k->watch.is_open = is_open;
	k->watch.error = error;
}

void keeper_lost(struct keeper *k, uint64_t packets)
{
	k->watch.lost += packets;
}

static void note_rate(struct keeper_watch *w, const struct sighting *s)
{
	struct watch_rate *r =
		&w->rates[hash_slice(slice_of(s->prefix)) % WATCH_RATES];

	if (r->second != s->at_ms / 1000)
		*r = (struct watch_rate){.second = s->at_ms / 1000};
	if (++r->n == NEARLY_ALL)
		w->limited++;
}

void keeper_saw(struct keeper *k, const struct sighting *s)
{
	struct keeper_watch *w = &k->watch;
	struct tell_words words;

	if (!tell_parse(slice_of(s->prefix), &words))
		return;
	if (!w->ring)
		w->ring = xcalloc(WATCH_RING, sizeof(*w->ring));
	w->ring[w->next++ % WATCH_RING] = *s;
	note_rate(w, s);
	if (words.would)
		seen_add(&w->seen, s, &words);
}

void keeper_watch_release(struct keeper *k)
{
	free(k->watch.ring);
	seen_release(&k->watch.seen);
}

/* -- which rule ------------------------------------------------------------ */

/* Between "sg-" and what says which of its chains it is. */
static struct slice group_in(const char *chain)
{
	struct slice name = slice_of(chain);
	const char *last = strrchr(chain, '-');

	if (!slice_starts(name, SLICE("sg-")) || last < chain + 3)
		return SLICE("");
	return slice_make(chain + 3, (size_t)(last - chain) - 3);
}

json_t *keeper_groups_of(const struct ruleset *rules, const char *chain)
{
	const struct nft_chain *c = rules ? ruleset_chain(rules, chain) : NULL;
	json_t *list = json_array();

	for (unsigned i = 0; c && i < c->n_rules; i++) {
		const struct nft_verdict *v = &c->rules[i].verdict;
		struct slice group = v->kind == VERDICT_JUMP
					     ? group_in(v->chain)
					     : SLICE("");

		if (group.n)
			json_array_append_new(
				list, json_stringn_nocheck(group.p, group.n));
	}
	return list;
}

bool keeper_names_group(const json_t *groups, const char *group)
{
	const json_t *o;
	size_t i;

	json_array_foreach (groups, i, o) {
		if (strcmp(json_string_value(o), group) == 0)
			return true;
	}
	return false;
}

static const char *direction_of(const char *chain)
{
	return seen_is_egress(chain) ? "egress" : "ingress";
}

/* Which rule it met, in the rules that are in force now. */
static void put_rule(const struct keeper *k, json_t *o,
		     const struct tell_words *words)
{
	const struct ruleset *rules = keeper_wanted(k);
	char chain[TELL_PREFIX_MAX];
	const struct nft_chain *c;

	snprintf(chain, sizeof(chain), "%.*s", SLICE_ARG(words->chain));
	c = rules ? ruleset_chain(rules, chain) : NULL;
	json_object_set_new(o, "chain", json_string_nocheck(chain));
	if (strncmp(chain, "p-", 2) == 0) {
		json_object_set_new(o, "groups",
				    keeper_groups_of(rules, chain));
		json_object_set_new(o, "direction",
				    json_string(direction_of(chain)));
		json_object_set_new(o, "rule", json_string("no rule"));
	} else if (strncmp(chain, "acl-", 4) == 0) {
		struct slice name = slice_from(slice_of(chain), 4);
		const char *last = strrchr(chain, '-');

		name.n = last > name.p ? (size_t)(last - name.p) : name.n;
		json_object_set_new(o, "network_acl",
				    json_stringn_nocheck(name.p, name.n));
		json_object_set_new(o, "direction",
				    json_string(strcmp(last, "-out") == 0
							? "egress"
							: "ingress"));
		json_object_set_new(
			o, "rule",
			json_stringn_nocheck(words->rule.p, words->rule.n));
	} else {
		json_object_set_new(o, "rule",
				    json_string_nocheck(c && c->comment
								? c->comment
								: chain));
	}
}

/* -- a packet as JSON ------------------------------------------------------ */

static json_t *address_json(const struct cidr *address)
{
	char words[CIDR_TEXT_MAX];

	return json_string(cidr_format_address(address, words));
}

static void put_packet(json_t *o, const struct sighting *s)
{
	const struct nft_packet *p = &s->packet;
	struct text words = {0};

	sg_protocol_text(p->protocol, &words);
	json_object_set_new(o, "protocol", json_string(text_str(&words)));
	json_object_set_new(o, "from", address_json(&p->source));
	json_object_set_new(o, "to", address_json(&p->destination));
	if (s->has_ports &&
	    (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP)) {
		json_object_set_new(o, "from_port", json_integer(p->sport));
		json_object_set_new(o, "to_port", json_integer(p->dport));
	} else if (s->has_ports) {
		json_object_set_new(o, "type", json_integer(p->icmp_type));
		json_object_set_new(o, "code", json_integer(p->icmp_code));
	}
	json_object_set_new(o, "octets", json_integer(s->octets));
	json_object_set_new(o, "in", json_string_nocheck(p->iifname));
	json_object_set_new(o, "out", json_string_nocheck(p->oifname));
	words.n = 0;
	sighting_words(s, &words);
	json_object_set_new(o, "text", json_string_nocheck(text_str(&words)));
	text_release(&words);
}

static json_t *time_json(uint64_t at_ms)
{
	time_t at_s = (time_t)(at_ms / 1000);
	char words[64];
	struct tm tm;
	size_t n;

	gmtime_r(&at_s, &tm);
	n = strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(words + n, sizeof(words) - n, ".%03uZ",
		 (unsigned)(at_ms % 1000));
	return json_string(words);
}

static json_t *packet_json(const struct keeper *k, const struct sighting *s)
{
	json_t *o = json_object();
	struct tell_words words;

	tell_parse(slice_of(s->prefix), &words);
	json_object_set_new(o, "at", time_json(s->at_ms));
	json_object_set_new(
		o, "outcome",
		json_string(words.would ? "would be dropped" : "dropped"));
	put_rule(k, o, &words);
	put_packet(o, s);
	return o;
}

/* -- asking ---------------------------------------------------------------- */

static struct watcher *find_watcher(struct keeper_watch *w, uint64_t id)
{
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->watchers[i].id == id && !is_gone(&w->watchers[i]))
			return &w->watchers[i];
	return NULL;
}

static struct watcher *new_watcher(struct keeper_watch *w)
{
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (is_gone(&w->watchers[i])) {
			w->watchers[i].id = ++w->last_id;
			return &w->watchers[i];
		}
	return NULL;
}

static uint64_t number_of(const json_t *request, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(request, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* Where to go on; a number that lies ahead is of another keeper. */
static uint64_t begin_at(const struct keeper_watch *w, const json_t *request,
			 uint64_t *missed)
{
	uint64_t oldest = w->next > WATCH_RING ? w->next - WATCH_RING : 0;
	uint64_t at = number_of(request, "after");

	*missed = 0;
	if (!json_object_get(request, "after") || at > w->next)
		return w->next;
	if (at >= oldest)
		return at;
	*missed = oldest - at;
	return oldest;
}

static json_t *answer_with(const struct keeper *k, const json_t *request,
			   const struct watcher *who)
{
	const struct keeper_watch *w = &k->watch;
	const char *group =
		json_string_value(json_object_get(request, "group"));
	json_t *answer = admin_ok(), *list = json_array();
	uint64_t missed, at = begin_at(w, request, &missed);
	unsigned n = 0;

	for (; at < w->next && n < WATCH_ANSWER; at++, n++) {
		json_t *o = packet_json(k, &w->ring[at % WATCH_RING]);

		if (!group ||
		    keeper_names_group(json_object_get(o, "groups"), group))
			json_array_append(list, o);
		json_decref(o);
	}
	set_number(answer, "watcher", who->id);
	set_number(answer, "next", at);
	set_number(answer, "missed", missed);
	set_number(answer, "lost", w->lost);
	set_number(answer, "limited", w->limited);
	json_object_set_new(answer, "packets", list);
	return answer;
}

static json_t *not_heard(const struct keeper *k)
{
	if (k->untold)
		return admin_error("this kernel cannot tell which packets it "
				   "drops (modprobe nft_log nfnetlink_log "
				   "nft_limit)");
	return admin_error("what is dropped cannot be heard: %s",
			   k->watch.error == EPERM
				   ? "another process listens to NFLOG group "
				     "30565, or CAP_NET_ADMIN is missing"
				   : strerror(k->watch.error));
}

static json_t *watcher_begin(struct keeper *k, const json_t *request,
			     uint64_t *memo)
{
	uint64_t id = number_of(request, "watcher");
	struct watcher *who = id ? find_watcher(&k->watch, id) : NULL;
	json_t *refusal = NULL;

	if (!k->keeps)
		return admin_error("packets are seen by the keeper, which does "
				   "not run: weir sg keep, or start "
				   "weir-sg.service");
	if (!who && json_object_get(request, "group"))
		refusal = keeper_check_group(
			k,
			json_string_value(json_object_get(request, "group")));
	if (refusal)
		return refusal;
	if (!who)
		who = new_watcher(&k->watch);
	if (!who)
		return admin_error("%d others watch already", WATCHERS_MAX);
	who->asked_ms = clock_now_ms();
	*memo = clock_now_ms() * WATCHERS_MAX +
		(uint64_t)(who - k->watch.watchers) + 1;
	return NULL;
}

json_t *keeper_answer_watch(struct keeper *k, const json_t *request,
			    uint64_t *memo)
{
	struct keeper_watch *w = &k->watch;
	bool asks_first = !json_object_get(request, "after");
	struct watcher *who;
	uint64_t since_ms;

	/* Where nobody watched before, nothing is heard yet: the answer comes
	 * with the next try. */
	if (!*memo)
		return watcher_begin(k, request, memo);
	who = &w->watchers[(*memo - 1) % WATCHERS_MAX];
	since_ms = (*memo - 1) / WATCHERS_MAX;
	who->asked_ms = clock_now_ms();
	if (k->untold || w->error)
		return not_heard(k);
	if (!w->is_open)
		return NULL;
	if (asks_first || number_of(request, "after") != w->next ||
	    clock_now_ms() - since_ms >= WATCH_PATIENCE_MS)
		return answer_with(k, request, who);
	return NULL;
}

json_t *keeper_watch_json(const struct keeper *k)
{
	const struct keeper_watch *w = &k->watch;
	json_t *o = json_object();
	unsigned n = 0;

	for (size_t i = 0; i < WATCHERS_MAX; i++)
		n += !is_gone(&w->watchers[i]);
	json_object_set_new(o, "is_open", json_boolean(w->is_open));
	if (w->error)
		json_object_set_new(o, "error",
				    json_string_nocheck(strerror(w->error)));
	set_number(o, "watchers", n);
	set_number(o, "heard", w->next);
	set_number(o, "lost", w->lost);
	set_number(o, "flows", w->seen.n);
	set_number(o, "forgotten", w->seen.forgotten);
	return o;
}
