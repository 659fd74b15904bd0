/*
 * import_firewalld.c - a zone of firewalld, as its XML has it.
 *
 * A zone refuses first and admits then, whatever the order in the file. Its
 * services are files of their own.
 *
 * Floor: firewall.  Source: firewalld.zone(5), firewalld.richlanguage(5),
 * firewalld.service(5).
 */
#include <expat.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "import_rules.h"

/* Services may include services. */
enum { DEPTH_MAX = 4, PLACES_MAX = 64 };

/* Something that the zone or a rich rule names. */
struct named {
	struct import_rule rule;
	bool has_place; /* of a rich rule that says from where */
};

/* A rich rule while it is read. */
struct rich {
	bool open;
	unsigned line;
	size_t first; /* what it names begins here */
	struct cidr peer;
	bool has_place, admits, refuses;
	const char *strange; /* a part that groups have no word for, or NULL */
};

struct zone {
	struct import_list *list;
	const struct import_services *services;
	XML_Parser parser; /* of the zone; a service has one of its own */
	unsigned line;     /* of the zone's file, inside a service too */
	int depth;         /* of services in services */
	bool seen;         /* the element <zone> */
	bool blocks_icmp;  /* some of it, or all: nothing is said of it */
	struct rich rich;
	struct named *named;
	size_t n_named, room;
	struct import_rule places[PLACES_MAX]; /* its sources, interfaces */
	unsigned n_places;
};

static const char *attribute(const char **list, const char *name)
{
	for (; *list; list += 2)
		if (strcmp(list[0], name) == 0)
			return list[1];
	return "";
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void name_rule(struct zone *z, const struct import_rule *rule)
{
	/* The list itself says that this is too much. */
	if (z->n_named > IMPORT_RULES_MAX)
		return;
	if (z->n_named == z->room) {
		z->room = z->room ? 2 * z->room : 16;
		z->named = xrealloc(z->named, z->room * sizeof(*z->named));
	}
	z->named[z->n_named++] = (struct named){.rule = *rule};
}

static void leave_element(struct zone *z, const char *name)
{
	if (z->rich.open) {
		z->rich.strange = "a part that groups have no word for";
		return;
	}
	import_leave(z->list, z->line,
		     "<%s> is not about who may come in by which port", name);
}

/* -- what may come in ------------------------------------------------------ */

static void on_port(struct zone *z, const char **attributes)
{
	struct import_rule r = import_rule_any(z->line);
	const char *port = attribute(attributes, "port");

	if (import_read_protocol(slice_of(attribute(attributes, "protocol")),
				 &r.protocol) &&
	    r.protocol >= 0 &&
	    (!*port || import_read_ports(slice_of(port), &r)))
		name_rule(z, &r);
	else
		import_leave(z->list, z->line, "cannot read port \"%s\"", port);
}

static void on_protocol(struct zone *z, const char **attributes)
{
	struct import_rule r = import_rule_any(z->line);
	const char *value = attribute(attributes, "value");

	if (import_read_protocol(slice_of(value), &r.protocol) &&
	    r.protocol >= 0)
		name_rule(z, &r);
	else
		import_leave(z->list, z->line, "cannot read protocol \"%s\"",
			     value);
}

static bool parse_service(struct zone *z, struct slice xml);

static void on_service(struct zone *z, const char *name)
{
	const struct import_services *services = z->services;
	size_t before = z->n_named;
	struct text xml = {0};

	if (!services || z->depth == DEPTH_MAX ||
	    !services->find(services->context, slice_of(name), &xml)) {
		import_leave(z->list, z->line,
			     "service \"%s\": what it means is not written on "
			     "this machine",
			     name);
		return;
	}
	z->depth++;
	if (!parse_service(z, text_slice(&xml)))
		import_leave(z->list, z->line,
			     "service \"%s\": its file is no XML", name);
	z->depth--;
	for (size_t i = before; i < z->n_named; i++)
		if (!z->named[i].rule.description.n)
			z->named[i].rule.description =
				slice_of(arena_strdup(&z->list->arena, name));
	text_release(&xml);
}

static void on_service_start(void *context, const char *name,
			     const char **attributes)
{
	struct zone *z = context;

	if (is(name, "port"))
		on_port(z, attributes);
	else if (is(name, "protocol"))
		on_protocol(z, attributes);
	else if (is(name, "include"))
		on_service(z, attribute(attributes, "service"));
	else if (is(name, "source-port") || is(name, "destination"))
		leave_element(z, name);
}

static bool parse_service(struct zone *z, struct slice xml)
{
	XML_Parser parser = XML_ParserCreate(NULL);
	bool good;

	if (!parser)
		return false;
	XML_SetUserData(parser, z);
	XML_SetStartElementHandler(parser, on_service_start);
	good = XML_Parse(parser, xml.p, (int)xml.n, 1) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return good;
}

/* -- from where ------------------------------------------------------------ */

static void add_place(struct zone *z, const struct import_rule *place)
{
	if (z->n_places < PLACES_MAX)
		z->places[z->n_places++] = *place;
	else
		import_leave(z->list, z->line,
			     "more than %d sources and interfaces", PLACES_MAX);
}

static void on_source(struct zone *z, const char **attributes)
{
	const char *invert = attribute(attributes, "invert");
	struct import_rule place = import_rule_any(z->line);
	bool good = !is(invert, "true") && !is(invert, "yes") &&
		    import_read_peer(slice_of(attribute(attributes, "address")),
				     &place.peer);

	if (z->rich.open && good) {
		z->rich.peer = place.peer;
		z->rich.has_place = true;
	} else if (z->rich.open) {
		z->rich.strange = "a source that is no network";
	} else if (good) {
		add_place(z, &place);
	} else {
		import_leave(z->list, z->line, "a source that is no network");
	}
}

static void on_interface(struct zone *z, const char **attributes)
{
	struct import_rule place = import_rule_any(z->line);

	place.interface = slice_of(
		arena_strdup(&z->list->arena, attribute(attributes, "name")));
	add_place(z, &place);
}

/* -- rich rules ------------------------------------------------------------ */

static void on_rich_start(struct zone *z, const char **attributes)
{
	const char *family = attribute(attributes, "family");
	const char *priority = attribute(attributes, "priority");

	z->rich = (struct rich){
		.open = true,
		.line = z->line,
		.first = z->n_named,
	};
	if (is(family, "ipv4"))
		import_read_peer(SLICE("0.0.0.0/0"), &z->rich.peer);
	else if (is(family, "ipv6"))
		import_read_peer(SLICE("::/0"), &z->rich.peer);
	if (*priority && !is(priority, "0"))
		z->rich.strange = "a priority";
}

static void on_rich_end(struct zone *z)
{
	struct rich *rich = &z->rich;
	struct import_rule all = import_rule_any(rich->line);

	rich->open = false;
	if (!rich->refuses && (!rich->admits || rich->strange)) {
		import_leave(z->list, rich->line, "a rule with %s",
			     rich->strange ? rich->strange
					   : "an action that is no verdict");
		z->n_named = rich->first;
		return;
	}
	if (z->n_named == rich->first)
		name_rule(z, &all);
	for (size_t i = rich->first; i < z->n_named; i++) {
		struct named *named = &z->named[i];

		named->rule.line = rich->line;
		named->rule.denies = rich->refuses;
		named->rule.peer = rich->peer;
		named->has_place = rich->has_place;
		/* It may refuse less than it names, never more. */
		if (rich->refuses && rich->strange) {
			named->rule = all;
			named->rule.denies = true;
		}
	}
}

/* -- the zone -------------------------------------------------------------- */

static void on_target(struct zone *z, const char **attributes)
{
	const char *target = attribute(attributes, "target");

	z->seen = true;
	z->list->lets_in = is(target, "ACCEPT");
	/* The target "default" lets ICMP in. */
	z->blocks_icmp = *target && !is(target, "default");
}

static void on_icmp_block(struct zone *z, const char *name)
{
	if (!z->blocks_icmp)
		import_leave(z->list, z->line,
			     "<%s>: no ICMP is carried over; say which types "
			     "may come in",
			     name);
	z->blocks_icmp = true;
}

static void on_start(void *context, const char *name, const char **attributes)
{
	struct zone *z = context;

	z->line = (unsigned)XML_GetCurrentLineNumber(z->parser);
	if (is(name, "zone"))
		on_target(z, attributes);
	else if (is(name, "port"))
		on_port(z, attributes);
	else if (is(name, "protocol"))
		on_protocol(z, attributes);
	else if (is(name, "service"))
		on_service(z, attribute(attributes, "name"));
	else if (is(name, "source"))
		on_source(z, attributes);
	else if (is(name, "interface"))
		on_interface(z, attributes);
	else if (is(name, "rule"))
		on_rich_start(z, attributes);
	else if (z->rich.open && is(name, "accept"))
		z->rich.admits = true;
	else if (z->rich.open && (is(name, "reject") || is(name, "drop")))
		z->rich.refuses = true;
	else if (!z->rich.open &&
		 (is(name, "icmp-block") || is(name, "icmp-block-inversion")))
		on_icmp_block(z, name);
	else if (!is(name, "short") && !is(name, "description") &&
		 !is(name, "log") && !is(name, "audit"))
		leave_element(z, name);
}

static void on_end(void *context, const char *name)
{
	struct zone *z = context;

	if (is(name, "rule") && z->rich.open)
		on_rich_end(z);
}

/* Once for each place that the zone is bound to. */
static void add_named(struct zone *z, const struct named *named)
{
	struct import_rule r = named->rule;

	if (named->has_place || z->n_places == 0) {
		import_add(z->list, &r);
		return;
	}
	for (unsigned i = 0; i < z->n_places; i++) {
		const struct import_rule *place = &z->places[i];

		if (place->peer.family && r.peer.family &&
		    place->peer.family != r.peer.family)
			continue;
		r = named->rule;
		r.interface = place->interface;
		if (place->peer.family)
			r.peer = place->peer;
		import_add(z->list, &r);
	}
}

static void add_all(struct zone *z)
{
	for (int admits = 0; admits < 2; admits++)
		for (size_t i = 0; i < z->n_named; i++)
			if (z->named[i].rule.denies == !admits)
				add_named(z, &z->named[i]);
	if (z->blocks_icmp)
		return;
	for (int v6 = 0; v6 < 2; v6++) {
		struct named icmp = {.rule = import_rule_any(1)};

		icmp.rule.protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		import_read_peer(v6 ? SLICE("::/0") : SLICE("0.0.0.0/0"),
				 &icmp.rule.peer);
		add_named(z, &icmp);
	}
}

bool import_firewalld(struct import_list *list, struct slice text,
		      const struct import_services *services)
{
	struct zone z = {.list = list, .services = services, .line = 1};
	bool good;

	z.parser = XML_ParserCreate(NULL);
	if (!z.parser || text.n > INT32_MAX)
		fail_no_memory();
	XML_SetUserData(z.parser, &z);
	XML_SetElementHandler(z.parser, on_start, on_end);
	good = XML_Parse(z.parser, text.p, (int)text.n, 1) == XML_STATUS_OK;
	if (!good)
		import_leave(list, (unsigned)XML_GetCurrentLineNumber(z.parser),
			     "no XML: %s",
			     XML_ErrorString(XML_GetErrorCode(z.parser)));
	else if (!z.seen)
		import_leave(list, 1,
			     "no <zone>: give a file of "
			     "/etc/firewalld/zones or "
			     "/usr/lib/firewalld/zones");
	else
		add_all(&z);
	XML_ParserFree(z.parser);
	free(z.named);
	return good && z.seen;
}
