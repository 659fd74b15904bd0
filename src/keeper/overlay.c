/* Run-time entries: who asks for them, where they are kept, when they end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/near.h"
#include "control/admin.h"
#include "firewall/session.h"
#include "firewall/store.h"
#include "state.h"

/* Seconds that an entry may last. */
enum { ENTRY_LEAST_S = 2, ENTRY_MOST_S = 366 * 24 * 3600 };

enum { BOOT_MAX = 40 };

/* -- the file -------------------------------------------------------------- */

static char *path_of(const struct keeper *k)
{
	return k->folder ? xasprintf("%s/overlay.json", k->folder) : NULL;
}

/* Of this boot of the machine, during which the steady clock runs on; "": not
 * known. */
static void read_boot(char out[BOOT_MAX])
{
	FILE *from = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!from || !fgets(out, BOOT_MAX, from))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (from)
		fclose(from);
}

/* The ends of entries are times of the clock that the process had which wrote
 * them; who set the wall clock since has not moved them. */
static void adopt_clock(const json_t *json)
{
	const char *text = json_string_value(json_object_get(json, "boot"));
	const json_t *begin = json_object_get(json, "clock_begin_ms");
	char boot[BOOT_MAX];

	read_boot(boot);
	if (text && boot[0] && strcmp(text, boot) == 0 &&
	    json_is_integer(begin))
		clock_steady_adopt(json_integer_value(begin));
}

static void put_clock(json_t *json)
{
	char boot[BOOT_MAX];

	read_boot(boot);
	json_object_set_new(json, "boot", json_string(boot));
	json_object_set_new(json, "clock_begin_ms",
			    json_integer(clock_steady_begin_ms()));
}

void keeper_load_overlay(struct keeper *k)
{
	char *path = path_of(k);
	json_t *json = path ? store_read(path) : NULL;

	overlay_release(&k->overlay);
	if ((path && !json && errno != ENOENT) ||
	    (json && overlay_from_json(json, &k->overlay)))
		log_say(LOG_WARNING,
			"cannot read the run-time entries in %s: there are "
			"none",
			path);
	if (json)
		adopt_clock(json);
	overlay_expire(&k->overlay, clock_steady_s());
	json_decref(json);
	free(path);
}

static int overlay_save(struct keeper *k)
{
	char *path = path_of(k);
	json_t *json = overlay_to_json(&k->overlay, 0);
	int result = 0;

	put_clock(json);
	if (path)
		result = keeper_make_folder(k) ? -1 : store_write(path, json);
	json_decref(json);
	free(path);
	return result;
}

/* -- what is asked --------------------------------------------------------- */

static const char *text_of(const json_t *request, const char *key)
{
	const char *text = json_string_value(json_object_get(request, key));

	return text ? text : "";
}

static json_t *read_cidr(const char *text, struct cidr *out)
{
	char meant[CIDR_TEXT_MAX];

	switch (cidr_parse(slice_of(text), out)) {
	case CIDR_FINE:
	case CIDR_NO_LENGTH:
		return NULL;
	case CIDR_HOST_BITS:
		return admin_error("\"%s\" has bits set behind its length; the "
				   "network is %s",
				   text, cidr_format(out, meant));
	case CIDR_MALFORMED:
	case CIDR_BAD_LENGTH:
		break;
	}
	return admin_error("\"%s\" is no address and no network, such as "
			   "192.0.2.7 or 2001:db8::/32",
			   text);
}

/* Groups that some rule knows, where there is no file to ask. */
static bool has_group(const struct keeper *k, const char *name)
{
	const struct ruleset *rules = keeper_wanted(k);
	char chain[100];

	snprintf(chain, sizeof(chain), "sg-%s-in", name);
	return rules && ruleset_chain(rules, chain);
}

json_t *keeper_check_group(const struct keeper *k, const char *name)
{
	const struct firewall_config *c = k->intent ? &k->intent->config : NULL;
	struct nearest near = nearest_to(name);

	if (!name[0] || strlen(name) >= OVERLAY_GROUP_MAX)
		return admin_error("a group has a name of 1 to 64 octets");
	for (unsigned i = 0; c && i < c->n_groups; i++) {
		if (strcmp(c->groups[i].name, name) == 0)
			return NULL;
		nearest_try(&near, c->groups[i].name);
	}
	if (!c && has_group(k, name))
		return NULL;
	if (near.best)
		return admin_error("there is no security group \"%s\"; did you "
				   "mean \"%s\"?",
				   name, near.best);
	return admin_error("there is no security group \"%s\"", name);
}

static json_t *read_allow(const struct keeper *k, const json_t *request,
			  struct overlay_entry *e)
{
	const char *group = text_of(request, "group");
	const char *protocol = text_of(request, "protocol");
	const json_t *port = json_object_get(request, "port");
	json_t *refusal = keeper_check_group(k, group);

	if (refusal)
		return refusal;
	if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
		return admin_error("the protocol is tcp or udp, not \"%s\"",
				   protocol);
	if (!json_is_integer(port) || json_integer_value(port) < 0 ||
	    json_integer_value(port) > UINT16_MAX)
		return admin_error("a port is a number from 0 to 65535");
	snprintf(e->group, sizeof(e->group), "%s", group);
	e->protocol = protocol[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
	e->port = (uint16_t)json_integer_value(port);
	return NULL;
}

static json_t *read_entry(const struct keeper *k, const json_t *request,
			  bool is_block, struct overlay_entry *e)
{
	const json_t *seconds = json_object_get(request, "seconds");
	json_t *refusal = NULL;

	*e = (struct overlay_entry){0};
	if (!is_block)
		refusal = read_allow(k, request, e);
	if (!refusal)
		refusal = read_cidr(text_of(request, "cidr"), &e->cidr);
	if (refusal || !seconds)
		return refusal;
	if (json_integer_value(seconds) < ENTRY_LEAST_S ||
	    json_integer_value(seconds) > ENTRY_MOST_S)
		return admin_error("an entry lasts from %d seconds to %d days",
				   ENTRY_LEAST_S, ENTRY_MOST_S / (24 * 3600));
	e->ends_s = clock_steady_s() + (time_t)json_integer_value(seconds);
	return NULL;
}

/* -- what is done ---------------------------------------------------------- */

static json_t *with_entry(const struct keeper *k, const struct overlay_entry *e)
{
	json_t *answer = admin_ok();
	char words[160];

	json_object_set_new(
		answer, "entry",
		json_string_nocheck(overlay_words(e, words, sizeof(words))));
	if (e->ends_s)
		json_object_set_new(answer, "seconds_left",
				    json_integer(e->ends_s - clock_steady_s()));
	if (!keeper_wanted(k))
		json_object_set_new(
			answer, "text",
			json_string("warning: no rules are in force: the entry "
				    "counts from the next apply\n"));
	else if (e->group[0] && !has_group(k, e->group))
		json_object_set_new(
			answer, "text",
			json_string("warning: nobody carries this security "
				    "group: the entry admits nothing\n"));
	return answer;
}

static struct overlay copy_of(const struct overlay *from)
{
	struct overlay copy = {0};

	for (unsigned i = 0; i < from->n; i++)
		overlay_add(&copy, &from->entries[i]);
	return copy;
}

/* The entries before, where the kernel or the disk refuses those of now. */
static json_t *fall_back(struct keeper *k, struct overlay *was_take,
			 const char *why, struct diag *diag)
{
	struct diag ignored = {0};
	char *text = diag_to_text(diag);
	json_t *answer =
		admin_error("nothing was changed%s%s", *why ? ": " : "", why);

	overlay_release(&k->overlay);
	k->overlay = *was_take;
	keeper_renew(k, true, &ignored);
	json_object_set_new(answer, "text", json_string_nocheck(text));
	free(text);
	diag_release(&ignored);
	diag_release(diag);
	return answer;
}

/* Gives the kernel and the file what is in k->overlay. NULL, or a refusal. */
static json_t *put_in_force(struct keeper *k, struct overlay *was_take)
{
	struct diag diag = {0};

	if (keeper_renew(k, true, &diag) < 0)
		return fall_back(k, was_take, "", &diag);
	if (overlay_save(k))
		return fall_back(k, was_take, strerror(errno), &diag);
	overlay_release(was_take);
	diag_release(&diag);
	return NULL;
}

/* A sentence when a block would shut the door behind who asks for it. */
static json_t *check_session(const struct keeper *k, const json_t *request,
			     const struct overlay_entry *e)
{
	const struct sg_rule *management = NULL;
	struct session session;
	unsigned n = 0;

	if (json_is_true(json_object_get(request, "force")) ||
	    !session_parse(text_of(request, "session"), &session) ||
	    !cidr_contains(&e->cidr, &session.client))
		return NULL;
	if (k->intent) {
		management = k->intent->config.settings.management;
		n = k->intent->config.settings.n_management;
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned p = 0; p < management[i].n_peers; p++)
			if (management[i].peers[p].kind == PEER_CIDR &&
			    cidr_contains(&management[i].peers[p].cidr,
					  &session.client) &&
			    sg_rule_has_port(&management[i], IPPROTO_TCP,
					     session.server_port))
				return NULL;
	return admin_error("this would cut the SSH session that it is typed "
			   "in; --force blocks it all the same");
}

static json_t *answer_add(struct keeper *k, const json_t *request,
			  bool is_block)
{
	struct overlay was = copy_of(&k->overlay);
	struct overlay_entry e;
	json_t *refusal = read_entry(k, request, is_block, &e);

	if (!refusal && is_block)
		refusal = check_session(k, request, &e);
	if (!refusal && !overlay_add(&k->overlay, &e))
		refusal = admin_error("there are %d run-time entries already",
				      OVERLAY_MAX);
	if (refusal) {
		overlay_release(&was);
		return refusal;
	}
	refusal = put_in_force(k, &was);
	if (refusal)
		return refusal;
	return with_entry(k, &e);
}

static json_t *answer_remove(struct keeper *k, const json_t *request,
			     bool is_block)
{
	struct overlay was = copy_of(&k->overlay);
	struct overlay_entry e;
	json_t *refusal = read_entry(k, request, is_block, &e);
	char words[160];

	if (!refusal && !overlay_remove(&k->overlay, &e))
		refusal = admin_error("there is no such entry: %s",
				      overlay_words(&e, words, sizeof(words)));
	if (refusal) {
		overlay_release(&was);
		return refusal;
	}
	refusal = put_in_force(k, &was);
	return refusal ? refusal : with_entry(k, &e);
}

static json_t *answer_list(struct keeper *k, const json_t *request)
{
	unsigned n = k->overlay.n;
	struct overlay was;
	json_t *answer;

	if (json_is_true(json_object_get(request, "drop")) && n) {
		was = k->overlay;
		k->overlay = (struct overlay){0};
		answer = put_in_force(k, &was);
		if (answer)
			return answer;
	} else {
		n = 0;
	}
	answer = admin_ok();
	json_object_set_new(answer, "dropped", json_integer(n));
	json_object_set_new(answer, "overlay",
			    overlay_to_json(&k->overlay, clock_steady_s()));
	return answer;
}

json_t *keeper_answer_overlay(struct keeper *k, const json_t *request)
{
	const char *name = text_of(request, "command");
	bool is_block = strcmp(name, "block") == 0 ||
			strcmp(name, "unblock") == 0;

	if (strcmp(name, "overlay") == 0 &&
	    !json_is_true(json_object_get(request, "drop")))
		return answer_list(k, request);
	if (!k->keeps)
		return admin_error("run-time entries need the keeper, which "
				   "does not run: weir sg keep, or start "
				   "weir-sg.service");
	keeper_expire(k);
	if (strcmp(name, "overlay") == 0)
		return answer_list(k, request);
	if (strcmp(name, "allow") == 0 || strcmp(name, "block") == 0)
		return answer_add(k, request, is_block);
	return answer_remove(k, request, is_block);
}

/* -- the end of entries ---------------------------------------------------- */

void keeper_expire(struct keeper *k)
{
	struct diag diag = {0};

	if (!overlay_expire(&k->overlay, clock_steady_s()))
		return;
	log_say(LOG_INFO, "run-time entries have ended; %u are left",
		k->overlay.n);
	if (overlay_save(k))
		log_say(LOG_WARNING,
			"cannot write the run-time entries: %s; those that "
			"ended do not come back all the same",
			strerror(errno));
	if (keeper_is_in_force(k) && keeper_renew(k, true, &diag) < 0)
		keeper_log_findings(&diag, LOG_ERROR);
	diag_release(&diag);
}
