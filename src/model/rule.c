#include "model/rule.h"

#include "base/fail.h"

const char *condition_name(enum condition_kind kind)
{
	switch (kind) {
	case CONDITION_HOST_HEADER:
		return "host_header";
	case CONDITION_PATH_PATTERN:
		return "path_pattern";
	case CONDITION_HTTP_HEADER:
		return "http_header";
	case CONDITION_HTTP_REQUEST_METHOD:
		return "http_request_method";
	case CONDITION_QUERY_STRING:
		return "query_string";
	case CONDITION_SOURCE_IP:
		return "source_ip";
	case CONDITION_KINDS:
		break;
	}
	BUG("condition %d", (int)kind);
}

const char *action_name(enum action_kind kind)
{
	switch (kind) {
	case ACTION_FORWARD:
		return "forward";
	case ACTION_REDIRECT:
		return "redirect";
	case ACTION_FIXED_RESPONSE:
		return "fixed_response";
	}
	BUG("action %d", (int)kind);
}
