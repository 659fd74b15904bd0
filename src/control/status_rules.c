/*
 * status_rules.c - rules and certificates as they are in force, as JSON.
 *
 * Floor: control.
 */
#include "base/clock.h"
#include "cert_watch.h"
#include "daemon.h"
#include "http/transform.h"
#include "status.h"
#include "tls/identity.h"
#include "tls/policy.h"
#include "tls/server.h"

/* A text; with a key an object, as in the configuration. */
static json_t *value_of(const struct condition *c, size_t i)
{
	json_t *o;

	if (c->kind == CONDITION_QUERY_STRING) {
		o = json_object();
		if (c->keys[i].p)
			json_object_set_new(o, "key", status_text(c->keys[i]));
		json_object_set_new(o, "value", status_text(c->values[i]));
		return o;
	}
	if (!c->keys || !c->keys[i].p)
		return status_text(c->values[i]);
	o = json_object();
	json_object_set_new(o, "prefix_list", status_text(c->values[i]));
	return o;
}

json_t *status_of_condition(const struct condition *c)
{
	json_t *o = json_object(), *values = json_array();

	for (size_t i = 0; i < c->n_values; i++)
		json_array_append_new(values, value_of(c, i));
	json_object_set_new(o, "field", json_string(condition_name(c->kind)));
	if (c->kind == CONDITION_HTTP_HEADER)
		json_object_set_new(o, "http_header_name",
				    status_text(c->field));
	json_object_set_new(o, c->is_regex ? "regex_values" : "values", values);
	return o;
}

static json_t *conditions(const struct rule *rule)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rule->n_conditions; i++)
		json_array_append_new(
			list, status_of_condition(&rule->conditions[i]));
	return list;
}

static json_t *transforms(const struct rule *rule)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rule->n_transforms; i++) {
		const struct transform *t = &rule->transforms[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o}", "type",
					transform_kind_name(t->kind), "regex",
					status_text(t->regex), "replace",
					status_text(t->replace)));
	}
	return list;
}

static json_t *action(const struct action *a)
{
	json_t *o = json_object(), *groups;

	json_object_set_new(o, "type", json_string(action_name(a->kind)));
	switch (a->kind) {
	case ACTION_FORWARD:
		groups = json_array();
		for (size_t i = 0; i < a->forward.n_groups; i++) {
			const struct weighted_group *w = &a->forward.groups[i];
			json_t *g = json_object();

			json_object_set_new(g, "target_group",
					    status_text(w->group->name));
			json_object_set_new(g, "weight",
					    json_integer(w->weight));
			json_array_append_new(groups, g);
		}
		json_object_set_new(o, "target_groups", groups);
		if (a->forward.stickiness.enabled)
			json_object_set_new(
				o, "stickiness",
				json_pack("{s:b, s:I}", "enabled", 1,
					  "duration_seconds",
					  (json_int_t)a->forward.stickiness
						  .duration_s));
		break;
	case ACTION_REDIRECT:
		json_object_set_new(o, "status_code",
				    json_integer(a->redirect.status));
		break;
	case ACTION_FIXED_RESPONSE:
		json_object_set_new(o, "status_code",
				    json_integer(a->fixed.status));
		break;
	}
	return o;
}

static json_t *rule_to_json(const struct rule *rule)
{
	json_t *o = json_object();

	if (rule->is_default)
		json_object_set_new(o, "priority", json_string("default"));
	else
		json_object_set_new(o, "priority",
				    json_integer(rule->priority));
	json_object_set_new(o, "conditions", conditions(rule));
	if (rule->n_transforms)
		json_object_set_new(o, "transforms", transforms(rule));
	json_object_set_new(o, "action", action(&rule->action));
	if (rule->place.file)
		json_object_set_new(o, "place",
				    json_sprintf("%s:%u", rule->place.file,
						 rule->place.line));
	return o;
}

static json_t *listener_of(const struct listener *l)
{
	json_t *o = json_object();

	json_object_set_new(o, "load_balancer", status_text(l->balancer->name));
	json_object_set_new(o, "port", json_integer(l->port));
	json_object_set_new(o, "protocol",
			    json_string(protocol_name(l->protocol)));
	return o;
}

json_t *status_of_rules(const struct daemon *d)
{
	json_t *o = admin_ok(), *list = json_array();

	for (size_t b = 0; b < d->snap->n_balancers; b++) {
		const struct load_balancer *lb = &d->snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];
			json_t *entry = listener_of(l), *rules = json_array();

			for (size_t r = 0; r < l->n_rules; r++)
				json_array_append_new(
					rules, rule_to_json(&l->rules[r]));
			json_array_append_new(rules,
					      rule_to_json(&l->default_rule));
			json_object_set_new(entry, "rules", rules);
			json_array_append_new(list, entry);
		}
	}
	json_object_set_new(o, "listeners", list);
	return o;
}

static json_t *certificate(const struct tls_identity *id)
{
	json_t *o = json_object(), *names = json_array();

	for (size_t i = 0; i < id->n_names; i++)
		json_array_append_new(names, status_text(id->names[i]));
	json_object_set_new(o, "file", status_text(slice_of(id->file)));
	json_object_set_new(o, "names", names);
	json_object_set_new(
		o, "key",
		json_sprintf("%s %u", tls_key_name(id->kind), id->key_bits));
	json_object_set_new(o, "not_before",
			    status_time((uint64_t)id->not_before));
	json_object_set_new(o, "not_after",
			    status_time((uint64_t)id->not_after));
	json_object_set_new(
		o, "days_left",
		json_integer(tls_identity_days_left(id, clock_wall_s())));
	json_object_set_new(o, "serial", json_string(id->serial));
	json_object_set_new(o, "issuer", status_text(slice_of(id->issuer)));
	json_object_set_new(o, "fingerprint_sha256",
			    json_string(id->fingerprint));
	return o;
}

/* Since when its files are as they are served, and what came of changes. */
static void set_watched(json_t *o, const struct daemon *d,
			const struct listener *l)
{
	time_t since = cert_watch_since(d->cert_watch, l);

	if (since)
		json_object_set_new(o, "watched_since",
				    status_time((uint64_t)since));
	json_object_set_new(
		o, "swaps",
		json_integer((json_int_t)l->state->certificates_taken));
	json_object_set_new(
		o, "swaps_refused",
		json_integer((json_int_t)l->state->certificates_refused));
}

json_t *status_of_certs(const struct daemon *d)
{
	json_t *o = admin_ok(), *list = json_array();

	for (size_t b = 0; b < d->snap->n_balancers; b++) {
		const struct load_balancer *lb = &d->snap->balancers[b];

		for (size_t i = 0; i < lb->n_listeners; i++) {
			const struct listener *l = &lb->listeners[i];
			const struct tls_identity *id;
			const struct tls_server *now;
			json_t *entry, *certs;

			if (!l->tls)
				continue;
			now = cert_watch_server(d->cert_watch, l);
			entry = listener_of(l);
			certs = json_array();
			for (size_t c = 0; (id = tls_server_identity(now, c));
			     c++)
				json_array_append_new(certs, certificate(id));
			set_watched(entry, d, l);
			json_object_set_new(
				entry, "ssl_policy",
				json_string(tls_server_policy(l->tls)->name));
			json_object_set_new(entry, "certificates", certs);
			json_array_append_new(list, entry);
		}
	}
	json_object_set_new(o, "listeners", list);
	return o;
}
