#include "overlay.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"

/* -- the list -------------------------------------------------------------- */

void overlay_release(struct overlay *o)
{
	free(o->entries);
	*o = (struct overlay){0};
}

/* The same but for their ends; the order in which they are laid. */
static int entry_cmp(const struct overlay_entry *a,
		     const struct overlay_entry *b)
{
	int order = strcmp(a->group, b->group);

	if (order == 0)
		order = (int)a->cidr.family - (int)b->cidr.family;
	if (order == 0)
		order = (int)a->protocol - (int)b->protocol;
	if (order == 0)
		order = (int)a->port - (int)b->port;
	return order ? order : cidr_cmp(&a->cidr, &b->cidr);
}

static unsigned place_of(const struct overlay *o, const struct overlay_entry *e)
{
	unsigned low = 0, high = o->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (entry_cmp(&o->entries[middle], e) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct overlay *o, unsigned at,
		  const struct overlay_entry *e)
{
	return at < o->n && entry_cmp(&o->entries[at], e) == 0;
}

bool overlay_add(struct overlay *o, const struct overlay_entry *entry)
{
	unsigned at = place_of(o, entry);

	if (is_at(o, at, entry)) {
		o->entries[at].ends_s = entry->ends_s;
		return true;
	}
	if (o->n == OVERLAY_MAX)
		return false;
	if (o->n == o->room) {
		o->room = o->room ? o->room * 2 : 16;
		o->entries =
			xrealloc(o->entries, o->room * sizeof(*o->entries));
	}
	memmove(o->entries + at + 1, o->entries + at,
		(o->n - at) * sizeof(*o->entries));
	o->entries[at] = *entry;
	o->n++;
	return true;
}

bool overlay_remove(struct overlay *o, const struct overlay_entry *entry)
{
	unsigned at = place_of(o, entry);

	if (!is_at(o, at, entry))
		return false;
	o->n--;
	memmove(o->entries + at, o->entries + at + 1,
		(o->n - at) * sizeof(*o->entries));
	return true;
}

bool overlay_expire(struct overlay *o, time_t now_s)
{
	unsigned kept = 0, n = o->n;

	for (unsigned i = 0; i < n; i++)
		if (!o->entries[i].ends_s || o->entries[i].ends_s > now_s)
			o->entries[kept++] = o->entries[i];
	o->n = kept;
	return kept < n;
}

const char *overlay_words(const struct overlay_entry *entry, char *out,
			  size_t size)
{
	char cidr[CIDR_TEXT_MAX];

	cidr_format(&entry->cidr, cidr);
	if (entry->group[0])
		snprintf(out, size, "%s: %s %u from %s", entry->group,
			 entry->protocol == IPPROTO_TCP ? "tcp" : "udp",
			 entry->port, cidr);
	else
		snprintf(out, size, "block %s", cidr);
	return out;
}

/* -- JSON ------------------------------------------------------------------ */

static json_t *entry_json(const struct overlay_entry *e, time_t now_s)
{
	char cidr[CIDR_TEXT_MAX];
	json_t *o = json_object();

	cidr_format(&e->cidr, cidr);
	json_object_set_new(o, "kind",
			    json_string(e->group[0] ? "allow" : "block"));
	json_object_set_new(o, "cidr", json_string(cidr));
	if (e->group[0]) {
		json_object_set_new(o, "group", json_string_nocheck(e->group));
		json_object_set_new(o, "protocol",
				    json_string(e->protocol == IPPROTO_TCP
							? "tcp"
							: "udp"));
		json_object_set_new(o, "port", json_integer(e->port));
	}
	if (e->ends_s)
		json_object_set_new(
			o, "ends",
			json_integer(now_s ? clock_wall_s() + e->ends_s - now_s
					   : e->ends_s));
	if (e->ends_s && now_s)
		json_object_set_new(o, "seconds_left",
				    json_integer(e->ends_s > now_s
							 ? e->ends_s - now_s
							 : 0));
	return o;
}

json_t *overlay_to_json(const struct overlay *o, time_t now_s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < o->n; i++)
		json_array_append_new(list, entry_json(&o->entries[i], now_s));
	return json_pack("{s:o}", "entries", list);
}

static bool read_allow(const json_t *from, struct overlay_entry *e)
{
	const char *group = json_string_value(json_object_get(from, "group"));
	const char *protocol =
		json_string_value(json_object_get(from, "protocol"));
	json_int_t port = json_integer_value(json_object_get(from, "port"));

	if (!group || !group[0] || strlen(group) >= sizeof(e->group) ||
	    !protocol || port < 0 || port > UINT16_MAX)
		return false;
	snprintf(e->group, sizeof(e->group), "%s", group);
	e->protocol = strcmp(protocol, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	e->port = (uint16_t)port;
	return true;
}

static bool read_entry(const json_t *from, struct overlay_entry *e)
{
	const char *kind = json_string_value(json_object_get(from, "kind"));
	const char *cidr = json_string_value(json_object_get(from, "cidr"));

	*e = (struct overlay_entry){0};
	e->ends_s = (time_t)json_integer_value(json_object_get(from, "ends"));
	if (!kind || !cidr || cidr_parse(slice_of(cidr), &e->cidr) != CIDR_FINE)
		return false;
	return strcmp(kind, "block") == 0 || read_allow(from, e);
}

int overlay_from_json(const json_t *json, struct overlay *out)
{
	const json_t *list = json_object_get(json, "entries");
	struct overlay_entry e;

	*out = (struct overlay){0};
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!read_entry(json_array_get(list, i), &e) ||
		    !overlay_add(out, &e)) {
			overlay_release(out);
			return -1;
		}
	return json_is_array(list) ? 0 : -1;
}
