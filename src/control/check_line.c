#include "check_line.h"

#include "base/fail.h"
#include "base/line.h"

static struct slice type_of(const struct check_facts *f)
{
	if (f->protocol == PROTOCOL_TCP)
		return SLICE("tcp");
	switch (f->version) {
	case VERSION_HTTP2:
		return SLICE("h2");
	case VERSION_GRPC:
		return SLICE("grpc");
	case VERSION_HTTP1:
		break;
	}
	return f->protocol == PROTOCOL_HTTPS ? SLICE("https") : SLICE("http");
}

static bool is_call(const struct check_facts *f)
{
	return f->version == VERSION_GRPC && f->protocol != PROTOCOL_TCP;
}

/* That of a call may be 0. */
static bool has_code(const struct check_facts *f)
{
	return f->code || (is_call(f) && f->result == CHECK_ANSWERED);
}

struct slice check_reason(const struct check_facts *f)
{
	if (f->passed)
		return SLICE("");
	switch (f->result) {
	case CHECK_ANSWERED:
		if (is_call(f))
			return SLICE("GRPCUnexpectedStatus");
		return f->code / 100 == 5 ? SLICE("TargetError")
					  : SLICE("ResponseCodeMismatch");
	case CHECK_OTHER_BODY:
		return SLICE("ResponseStringMismatch");
	case CHECK_NO_STATUS:
		return SLICE("GRPCStatusHeaderEmpty");
	case CHECK_TIMEOUT:
		return SLICE("TimedOut");
	case CHECK_BROKEN:
		return SLICE("ConnectionReset");
	case CHECK_CONNECTED:
	case CHECK_INTERNAL:
		return SLICE("InternalError");
	}
	BUG("check result %d", (int)f->result);
}

static void put_word(struct writer *w, struct slice value)
{
	line_word(w, value);
	writer_char(w, ' ');
}

void check_line_alb(struct writer *w, const struct check_facts *f)
{
	put_word(w, type_of(f));
	line_time(w, f->at_us);
	writer_char(w, ' ');
	line_seconds_exactly(w, f->latency_ns);
	writer_char(w, ' ');
	put_word(w, f->target);
	put_word(w, f->group);
	put_word(w, f->passed ? SLICE("PASS") : SLICE("FAIL"));
	if (has_code(f))
		writer_u64(w, f->code);
	else
		writer_char(w, '-');
	writer_char(w, ' ');
	line_word(w, check_reason(f));
	writer_char(w, '\n');
}

void check_line_json(struct writer *w, const struct check_facts *f)
{
	char *start = json_open(w);

	json_time(w, SLICE("time"), f->at_us);
	json_text(w, SLICE("type"), type_of(f));
	json_text(w, SLICE("target"), f->target);
	json_text(w, SLICE("id"), f->id);
	json_text(w, SLICE("target_group"), f->group);
	json_text(w, SLICE("status"),
		  f->passed ? SLICE("PASS") : SLICE("FAIL"));
	if (has_code(f))
		json_number(w, SLICE("code"), f->code);
	json_text(w, SLICE("reason"), check_reason(f));
	json_name(w, SLICE("seconds"));
	line_seconds_exactly(w, f->latency_ns);
	json_text(w, SLICE("state"), slice_of(health_name(f->state)));
	json_close(w, start);
	writer_char(w, '\n');
}
