/* The firewall half once all of the file is read: load balancers as it sees
 * them, and what only shows when groups, instances and listeners are there
 * together. One file knows both sides, so it can say what on AWS takes an
 * evening to find out. */
#include "base/fail.h"
#include "read_firewall.h"

static const struct {
	uint16_t port;
	const char *what;
} dangerous[] = {{22, "SSH"}, {3389, "remote desktop"}};

static struct map *reader_maps(struct firewall_reader *f, unsigned i)
{
	struct map *maps[] = {&f->groups,    &f->lists,   &f->acls,
			      &f->instances, &f->used,    &f->sizes,
			      &f->networks,  &f->carriers};

	return i < ARRAY_SIZE(maps) ? maps[i] : NULL;
}

void firewall_reader_release(struct firewall_reader *f)
{
	struct map *map;

	for (unsigned i = 0; (map = reader_maps(f, i)) != NULL; i++)
		map_release(map);
}

/* -- load balancers -------------------------------------------------------- */

static struct cidr cidr_of(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return cidr_make(4, (const uint8_t *)&a->in.sin_addr, 32);
	return cidr_make(6, (const uint8_t *)&a->in6.sin6_addr, 128);
}

static bool is_any(const struct cidr *c)
{
	static const uint8_t zero[16];

	return memcmp(c->octets, zero, sizeof(zero)) == 0;
}

static bool is_loopback(const struct cidr *c)
{
	static const uint8_t one[16] = {[15] = 1};

	return c->bits &&
	       (c->family == 4 ? c->octets[0] == 127
			       : memcmp(c->octets, one, sizeof(one)) == 0);
}

struct points {
	struct balancer_point *list; /* with room for all */
	unsigned n;
};

static void add_point(struct points *points, struct cidr address,
		      uint8_t protocol, uint16_t port,
		      const struct place *place)
{
	const struct balancer_point p = {address, protocol, port, *place};

	for (unsigned i = 0; i < points->n; i++) {
		const struct balancer_point *old = &points->list[i];

		if (cidr_eq(&old->address, &address) && old->port == port &&
		    old->protocol == protocol)
			return;
	}
	points->list[points->n++] = p;
}

static void add_points(struct points *points, struct cidr address,
		       enum protocol protocol, uint16_t port,
		       const struct place *place)
{
	if (protocol != PROTOCOL_UDP)
		add_point(points, address, IPPROTO_TCP, port, place);
	if (protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP_UDP)
		add_point(points, address, IPPROTO_UDP, port, place);
}

static void fill_listeners(struct reader *r, const struct load_balancer *lb,
			   struct firewall_balancer *b)
{
	struct points points = {
		.list = ARENA_ARRAY(r->arena,
				    2 * lb->n_listeners * lb->n_addresses,
				    struct balancer_point)};

	for (size_t i = 0; i < lb->n_listeners; i++) {
		const struct listener *l = &lb->listeners[i];

		for (size_t k = 0; k < lb->n_addresses; k++) {
			struct cidr at = cidr_of(&lb->addresses[k]);

			if (is_any(&at))
				at.bits = 0;
			add_points(&points, at, l->protocol, l->port,
				   &l->place);
		}
	}
	b->listeners = points.list;
	b->n_listeners = points.n;
}

static void add_target(struct reader *r, const struct target_group *g,
		       const struct target *t, struct points *points)
{
	struct cidr at;

	if (t->kind == TARGET_NAME)
		warn(r, &t->place, "write its address, or make it an instance",
		     "the egress rules of the load balancer cannot follow a "
		     "name: this target counts as traffic of the machine");
	if (t->kind != TARGET_ADDRESS)
		return;
	at = cidr_of(&t->addr);
	add_points(points, at, g->protocol, t->port, &t->place);
	if (g->health_check.enabled && g->health_check.port)
		add_points(points, at, g->health_check.protocol,
			   g->health_check.port, &t->place);
}

static size_t count_targets(const struct rule *rule)
{
	size_t n = 0;

	if (rule->action.kind != ACTION_FORWARD)
		return 0;
	for (size_t i = 0; i < rule->action.forward.n_groups; i++)
		if (rule->action.forward.groups[i].group)
			n += rule->action.forward.groups[i].group->n_targets;
	return n;
}

static void add_targets(struct reader *r, const struct rule *rule,
			struct map *seen, struct points *points)
{
	if (rule->action.kind != ACTION_FORWARD)
		return;
	for (size_t i = 0; i < rule->action.forward.n_groups; i++) {
		struct target_group *g = rule->action.forward.groups[i].group;

		if (!g || map_put(seen, g->name, g))
			continue;
		for (size_t k = 0; k < g->n_targets; k++)
			add_target(r, g, &g->targets[k], points);
	}
}

static void fill_targets(struct reader *r, const struct load_balancer *lb,
			 struct firewall_balancer *b)
{
	struct points points = {.n = 0};
	struct map seen = {0};
	size_t room = 0;

	for (size_t i = 0; i < lb->n_listeners; i++) {
		const struct listener *l = &lb->listeners[i];

		room += count_targets(&l->default_rule);
		for (size_t k = 0; k < l->n_rules; k++)
			room += count_targets(&l->rules[k]);
	}
	points.list = ARENA_ARRAY(r->arena, 4 * room, struct balancer_point);
	for (size_t i = 0; i < lb->n_listeners; i++) {
		const struct listener *l = &lb->listeners[i];

		add_targets(r, &l->default_rule, &seen, &points);
		for (size_t k = 0; k < l->n_rules; k++)
			add_targets(r, &l->rules[k], &seen, &points);
	}
	map_release(&seen);
	b->targets = points.list;
	b->n_targets = points.n;
}

static void fill_balancer(struct reader *r, const struct load_balancer *lb,
			  struct firewall_balancer *b)
{
	const struct secgroup **groups = ARENA_ARRAY(
		r->arena, lb->n_security_groups, const struct secgroup *);

	for (size_t i = 0; i < lb->n_security_groups; i++)
		groups[i] =
			map_get(&r->firewall->groups, lb->security_groups[i]);
	*b = (struct firewall_balancer){
		.name = lb->name.p,
		.groups = groups,
		.n_groups = (unsigned)lb->n_security_groups,
		.place = lb->place,
	};
	fill_listeners(r, lb, b);
	if (b->n_groups)
		fill_targets(r, lb, b);
}

static void fill_balancers(struct reader *r)
{
	struct firewall_config *config = r->firewall->config;
	struct firewall_balancer *list = ARENA_ARRAY(
		r->arena, r->snap->n_balancers, struct firewall_balancer);

	for (size_t i = 0; i < r->snap->n_balancers; i++)
		fill_balancer(r, &r->snap->balancers[i], &list[i]);
	config->balancers = list;
	config->n_balancers = (unsigned)r->snap->n_balancers;
}

/* -- what a rule admits ---------------------------------------------------- */

static bool admits(const struct secgroup *const *groups, unsigned n,
		   uint8_t protocol, uint16_t port)
{
	for (unsigned g = 0; g < n; g++)
		for (unsigned i = 0; i < groups[g]->n_ingress; i++)
			if (sg_rule_has_port(&groups[g]->ingress[i], protocol,
					     port))
				return true;
	return false;
}

/* -- open to the world ----------------------------------------------------- */

static void warn_of_world(struct reader *r, const struct sg_rule *rule)
{
	for (unsigned p = 0; p < rule->n_peers; p++) {
		const struct sg_peer *peer = &rule->peers[p];

		if (peer->kind != PEER_CIDR || peer->cidr.bits != 0 ||
		    rule->n_interfaces)
			continue;
		for (unsigned i = 0; i < ARRAY_SIZE(dangerous); i++) {
			if (!sg_rule_has_port(rule, IPPROTO_TCP,
					      dangerous[i].port))
				continue;
			warn(r, &peer->place, "name the networks that need it",
			     "port %u (%s) is open to the whole world",
			     dangerous[i].port, dangerous[i].what);
			break;
		}
	}
}

/* -- rules that say the same ----------------------------------------------- */

static void warn_of_twin(struct reader *r, struct map *seen,
			 const struct secgroup *g, enum sg_direction direction,
			 const struct sg_rule *rule,
			 const struct port_range *ports,
			 const struct sg_peer *peer)
{
	char id[SG_RULE_ID_MAX];
	const struct sg_peer *twin;
	struct slice key;

	sg_rule_id(g, direction, rule, ports, peer, id);
	key = arena_slice(&r->tree->arena, slice_of(id));
	twin = map_put(seen, key, (void *)(uintptr_t)peer);
	if (!twin)
		return;
	/* The first one stays the one that others are compared with. */
	map_put(seen, key, (void *)(uintptr_t)twin);
	warn(r, &peer->place, first_at(r, &twin->place),
	     "the security group \"%s\" has this rule already", g->name);
}

static void warn_of_twins(struct reader *r, const struct secgroup *g,
			  enum sg_direction direction,
			  const struct sg_rule *rules, unsigned n)
{
	struct map seen = {0};

	for (unsigned i = 0; i < n; i++)
		for (struct sg_term t = {0}; sg_rule_each(&rules[i], &t);)
			warn_of_twin(r, &seen, g, direction, &rules[i], t.ports,
				     t.peer);
	map_release(&seen);
}

/* -- listeners and groups -------------------------------------------------- */

static bool carries(const struct secgroup *const *groups, unsigned n,
		    const struct secgroup *group)
{
	for (unsigned i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->file == b->file && a->line == b->line &&
	       a->column == b->column;
}

static void check_listeners(struct reader *r, const struct firewall_balancer *b)
{
	const struct instance *host = firewall_host(r->firewall->config);
	const struct secgroup *const *groups = b->groups;
	const char *whose = "of the load balancer";
	unsigned n = b->n_groups;
	const struct place *said = NULL;

	if (n == 0 && host) {
		groups = host->groups;
		n = host->n_groups;
		whose = "of this machine";
	}
	for (unsigned i = 0; i < b->n_listeners && n; i++) {
		const struct balancer_point *l = &b->listeners[i];

		/* One listener has a point for each address; the loopback
		 * is never filtered. */
		if (is_loopback(&l->address) ||
		    admits(groups, n, l->protocol, l->port) ||
		    (said && same_place(said, &l->place)))
			continue;
		said = &l->place;
		warn(r, &l->place, NULL,
		     "no security group %s admits port %u: nobody reaches "
		     "this listener",
		     whose, l->port);
	}
}

/* Asked for each group, so that nobody walks all instances for each. */
static const struct instance *carrier_of(const struct reader *r,
					 const struct secgroup *g)
{
	return map_get(&r->firewall->carriers,
		       slice_make((const char *)&g, sizeof(g)));
}

static void find_carriers(struct reader *r)
{
	const struct firewall_config *config = r->firewall->config;

	for (unsigned i = 0; i < config->n_instances; i++) {
		const struct instance *at = &config->instances[i];

		for (unsigned k = 0; k < at->n_groups; k++) {
			const struct instance *had =
				carrier_of(r, at->groups[k]);

			if (!had || (had->host && !at->host))
				map_put(&r->firewall->carriers,
					slice_make((const char *)&at->groups[k],
						   sizeof(at->groups[k])),
					(void *)(uintptr_t)at);
		}
	}
}

/* Whether some load balancer with the group listens within the rule. */
static bool is_listened_to(const struct firewall_config *config,
			   const struct secgroup *group,
			   const struct sg_rule *rule)
{
	for (unsigned i = 0; i < config->n_balancers; i++) {
		const struct firewall_balancer *b = &config->balancers[i];

		if (!carries(b->groups, b->n_groups, group))
			continue;
		for (unsigned k = 0; k < b->n_listeners; k++)
			if (sg_rule_has_port(rule, b->listeners[k].protocol,
					     b->listeners[k].port))
				return true;
	}
	return false;
}

/* Groups that load balancers alone carry: their listeners are all there is. */
static void check_balancer_rules(struct reader *r, const struct secgroup *g)
{
	const struct firewall_config *config = r->firewall->config;
	const struct firewall_balancer *owner = NULL;

	if (carrier_of(r, g))
		return;
	for (unsigned i = 0; i < config->n_balancers && !owner; i++)
		if (carries(config->balancers[i].groups,
			    config->balancers[i].n_groups, g))
			owner = &config->balancers[i];
	for (unsigned i = 0; owner && i < g->n_ingress; i++)
		if ((g->ingress[i].protocol == IPPROTO_TCP ||
		     g->ingress[i].protocol == IPPROTO_UDP) &&
		    !is_listened_to(config, g, &g->ingress[i]))
			warn(r, &g->ingress[i].place, NULL,
			     "the load balancer \"%s\" has no listener within "
			     "these ports",
			     owner->name);
}

/* -- interfaces ------------------------------------------------------------ */

static const struct sg_rule *rule_of_interface(const struct secgroup *g)
{
	for (unsigned i = 0; i < g->n_ingress; i++)
		if (g->ingress[i].n_interfaces)
			return &g->ingress[i];
	return NULL;
}

/* What an instance gets came in somewhere else. */
static void check_interfaces(struct reader *r, const struct secgroup *g)
{
	const struct sg_rule *rule = rule_of_interface(g);
	const struct instance *at = rule ? carrier_of(r, g) : NULL;

	if (at && !at->host)
		complain(r, &rule->place, NULL,
			 "\"interfaces\" are those of this machine, but the "
			 "instance \"%s\" has the security group \"%s\" as "
			 "well",
			 at->name, g->name);
}

/* -- what nobody uses ------------------------------------------------------ */

static bool is_attached(const struct reader *r, const struct secgroup *g)
{
	const struct firewall_config *config = r->firewall->config;

	if (carrier_of(r, g))
		return true;
	for (unsigned i = 0; i < config->n_balancers; i++)
		if (carries(config->balancers[i].groups,
			    config->balancers[i].n_groups, g))
			return true;
	return false;
}

static void warn_of_unused(struct reader *r)
{
	const struct firewall_config *c = r->firewall->config;

	for (unsigned i = 0; i < c->n_groups; i++)
		if (!is_attached(r, &c->groups[i]))
			warn(r, &c->groups[i].place, NULL,
			     "no instance and no load balancer has the "
			     "security group \"%s\"%s",
			     c->groups[i].name,
			     fw_is_used(r, &c->groups[i])
				     ? ": rules that refer to it match nothing"
				     : "");
	for (unsigned i = 0; i < c->n_lists; i++)
		if (!fw_is_used(r, &c->lists[i]))
			warn(r, &c->lists[i].place, NULL,
			     "no rule refers to the prefix list \"%s\"",
			     c->lists[i].name);
	for (unsigned i = 0; i < c->n_acls; i++)
		if (!fw_is_used(r, &c->acls[i]))
			warn(r, &c->acls[i].place, NULL,
			     "no subnet has the network ACL \"%s\"",
			     c->acls[i].name);
}

/* -- quotas of AWS --------------------------------------------------------- */

static unsigned size_of(const struct reader *r, const struct prefix_list *l)
{
	void *size = map_get(&r->firewall->sizes,
			     slice_make((const char *)&l, sizeof(l)));

	return size ? (unsigned)((uintptr_t)size - 1) : l->n_entries;
}

/* How much of the quota one peer takes in a family. */
static unsigned weight_of(const struct reader *r, const struct sg_peer *peer,
			  uint8_t family)
{
	switch (peer->kind) {
	case PEER_CIDR:
		return peer->cidr.family == family;
	case PEER_GROUP:
		return 1;
	case PEER_PREFIX_LIST:
		return peer->list->n_entries &&
				       peer->list->entries[0].cidr.family ==
					       family
			       ? size_of(r, peer->list)
			       : 0;
	}
	BUG("peer of kind %d", (int)peer->kind);
}

static unsigned count_rules(const struct reader *r, const struct sg_rule *rules,
			    unsigned n, uint8_t family)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		for (struct sg_term t = {0}; sg_rule_each(&rules[i], &t);)
			sum += weight_of(r, t.peer, family);
	return sum;
}

static void check_quota(struct reader *r, const struct secgroup *g)
{
	static const char *const names[] = {"ingress", "egress"};

	for (unsigned d = 0; d < 2; d++) {
		for (uint8_t family = 4; family <= 6; family += 2) {
			unsigned n = count_rules(r, d ? g->egress : g->ingress,
						 d ? g->n_egress : g->n_ingress,
						 family);

			if (n > 60)
				aws_refuses(
					r, &g->place,
					"the security group \"%s\" has %u %s "
					"rules for IPv%u, AWS takes 60",
					g->name, n, names[d], (unsigned)family);
		}
	}
}

/* -- all of it ------------------------------------------------------------- */

static void check_group(struct reader *r, const struct secgroup *g)
{
	for (unsigned i = 0; i < g->n_ingress; i++)
		warn_of_world(r, &g->ingress[i]);
	warn_of_twins(r, g, SG_INGRESS, g->ingress, g->n_ingress);
	warn_of_twins(r, g, SG_EGRESS, g->egress, g->n_egress);
	check_balancer_rules(r, g);
	check_interfaces(r, g);
	if (r->strict)
		check_quota(r, g);
}

void firewall_done(struct reader *r)
{
	struct firewall_config *config = r->firewall->config;

	if (!r->firewall->is_given)
		return;
	fill_balancers(r);
	find_carriers(r);
	for (unsigned i = 0; i < config->n_groups; i++)
		check_group(r, &config->groups[i]);
	for (unsigned i = 0; i < config->settings.n_management; i++)
		warn_of_world(r, &config->settings.management[i]);
	for (unsigned i = 0; i < config->n_balancers; i++)
		check_listeners(r, &config->balancers[i]);
	warn_of_unused(r);
	r->snap->firewall = config;
}
