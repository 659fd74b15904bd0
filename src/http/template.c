#include "template.h"

static const struct slice names[PLACE_KINDS] = {
	[PLACE_PROTOCOL] = SLICE_INIT("protocol"),
	[PLACE_HOST] = SLICE_INIT("host"),
	[PLACE_PORT] = SLICE_INIT("port"),
	[PLACE_PATH] = SLICE_INIT("path"),
	[PLACE_QUERY] = SLICE_INIT("query"),
	[PLACE_CLIENT_ADDRESS] = SLICE_INIT("client_address"),
	[PLACE_TRACE_ID] = SLICE_INIT("trace_id"),
	[PLACE_SERVER_NAME] = SLICE_INIT("server_name"),
	[PLACE_RULE] = SLICE_INIT("rule"),
	[PLACE_TARGET_GROUP] = SLICE_INIT("target_group"),
};

struct slice placeholder_name(enum placeholder kind)
{
	return names[kind];
}

void template_write(struct writer *w, const struct template *t,
		    const struct slice *values)
{
	for (size_t i = 0; i < t->n_parts; i++) {
		const struct template_part *part = &t->parts[i];

		if (part->kind == PLACE_LITERAL)
			writer_put(w, part->text);
		else
			writer_target(w, values[part->kind]);
	}
}
