/* What limits refused, or would have. */
#include "daemon.h"
#include "model/limit.h"
#include "status.h"

json_t *status_of_limits(const struct daemon *d)
{
	const struct limit_counts *c = d->counts.limits.first;
	json_t *list = json_array();

	for (; c; c = c->next)
		json_array_append_new(
			list,
			json_pack("{s:o, s:i, s:o, s:s, s:I}", "load_balancer",
				  status_text(c->balancer), "port", c->port,
				  "limit", status_text(c->name), "mode",
				  c->report ? "report" : "enforce", "refused",
				  (json_int_t)limit_count(c)));
	return list;
}
