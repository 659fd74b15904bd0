#include "group.h"

#include "http/head.h"

bool group_speaks(const struct target_group *group,
		  const struct http_head *head, bool is_grpc)
{
	bool is_http2 = head->version == HTTP_2;

	switch (group->version) {
	case VERSION_HTTP1:
		return !(is_http2 && is_grpc);
	case VERSION_HTTP2:
		return is_http2;
	case VERSION_GRPC:
		return is_http2 && head->method_id == METHOD_POST;
	}
	return false;
}
