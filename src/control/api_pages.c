#include "api_pages.h"

#include <stdlib.h>

#include "base/fail.h"
#include "daemon.h"
#include "errors.h"
#include "history.h"
#include "status.h"

static int add_part(const char *part, size_t n, void *body)
{
	text_add(body, slice_make(part, n));
	return 0;
}

static void say_json(struct web_answer *a, json_t *o_take)
{
	if (json_is_false(json_object_get(o_take, "ok")))
		a->status = 400;
	a->content_type = SLICE("application/json");
	if (json_dump_callback(o_take, add_part, &a->body, JSON_COMPACT))
		BUG("an answer that is no JSON");
	text_addc(&a->body, '\n');
	json_decref(o_take);
}

/* A parameter becomes a member of the request that a command reads; where it is
 * a number, it must be one. */
static void set_member(json_t *request, const struct web_request *q,
		       const char *key, bool is_number)
{
	char room[128];
	struct slice value;
	uint64_t n;

	if (!web_parameter(q, slice_of(key), room, sizeof(room), &value))
		return;
	if (!is_number)
		json_object_set_new(request, key, status_text(value));
	else
		json_object_set_new(
			request, key,
			json_integer(slice_to_u64(value, &n) && n < INT32_MAX
					     ? (json_int_t)n
					     : 0));
}

void api_status_page(void *arg, const struct web_request *q,
		     struct web_answer *a)
{
	(void)q;
	say_json(a, status_of_daemon(arg));
}

void api_targets_page(void *arg, const struct web_request *q,
		      struct web_answer *a)
{
	(void)q;
	say_json(a, status_of_targets(arg));
}

void api_rules_page(void *arg, const struct web_request *q,
		    struct web_answer *a)
{
	(void)q;
	say_json(a, status_of_rules(arg));
}

void api_certs_page(void *arg, const struct web_request *q,
		    struct web_answer *a)
{
	(void)q;
	say_json(a, status_of_certs(arg));
}

void api_errors_page(void *arg, const struct web_request *q,
		     struct web_answer *a)
{
	json_t *request = json_object();
	uint64_t memo = 0;

	set_member(request, q, "limit", true);
	set_member(request, q, "reason", false);
	say_json(a, errors_answer(arg, request, &memo));
	json_decref(request);
}

void api_history_page(void *arg, const struct web_request *q,
		      struct web_answer *a)
{
	json_t *request = json_object();
	uint64_t memo = 0;

	set_member(request, q, "since", false);
	say_json(a, history_answer(arg, request, &memo));
	json_decref(request);
}
