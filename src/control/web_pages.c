#include "web_pages.h"

#include <errno.h>
#include <string.h>

#include "api_pages.h"
#include "base/fail.h"
#include "daemon.h"
#include "metrics.h"
#include "net/listening.h"
#include "readiness.h"
#include "web.h"

static const struct web_page pages[] = {
	{SLICE_INIT("/livez"), livez_page},
	{SLICE_INIT("/readyz"), readyz_page},
	{SLICE_INIT("/metrics"), metrics_page},
	{SLICE_INIT("/api/v1/status"), api_status_page},
	{SLICE_INIT("/api/v1/targets"), api_targets_page},
	{SLICE_INIT("/api/v1/rules"), api_rules_page},
	{SLICE_INIT("/api/v1/certs"), api_certs_page},
	{SLICE_INIT("/api/v1/errors"), api_errors_page},
	{SLICE_INIT("/api/v1/history"), api_history_page},
};

int web_pages_open(const struct web_place *now, const struct snapshot *snap,
		   struct listening **socket, struct diag *diag)
{
	const struct addr *addr = &snap->settings.admin_listen;
	char text[ADDR_TEXT_MAX];
	int error;

	*socket = NULL;
	if (!addr->len || (now->web && addr_eq(&now->addr, addr)))
		return 0;
	*socket = listening_open_alone(addr);
	if (*socket)
		return 0;
	error = errno;
	text[addr_format(addr, text)] = '\0';
	diag_error(diag, &snap->settings.admin_listen_place,
		   ports_hint(error, addr, (char[PORTS_HINT_MAX]){0}),
		   "cannot listen on %s, admin.listen: %s", text,
		   strerror(error));
	return -1;
}

void web_pages_follow(struct daemon *d, struct listening *socket_take)
{
	const struct settings *s = &d->snap->settings;
	struct web_place *place = &d->web;
	const struct web_names names = {
		.path_prefix = s->admin_path_prefix,
		.hosts = s->admin_host_names,
		.n_hosts = s->n_admin_host_names,
	};

	if (socket_take || !s->admin_listen.len)
		web_pages_close(place);
	if (socket_take)
		*place = (struct web_place){
			.addr = s->admin_listen,
			.web = web_new(&d->loop, socket_take, pages,
				       ARRAY_SIZE(pages), d),
		};
	if (place->web)
		web_rename(place->web, &names);
}

void web_pages_close(struct web_place *place)
{
	web_free(place->web);
	*place = (struct web_place){0};
}
