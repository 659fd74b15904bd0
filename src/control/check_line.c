#include "check_line.h"

#include "base/fail.h"
#include "base/line.h"

static struct slice type_of(const struct check_facts *f)
{
	switch (f->protocol) {
	case PROTOCOL_HTTPS:
		return SLICE("https");
	case PROTOCOL_TCP:
		return SLICE("tcp");
	default:
		return SLICE("http");
	}
}

struct slice check_reason(const struct check_facts *f)
{
	if (f->passed)
		return SLICE("");
	switch (f->result) {
	case CHECK_ANSWERED:
		return f->code / 100 == 5 ? SLICE("TargetError")
					  : SLICE("ResponseCodeMismatch");
	case CHECK_OTHER_BODY:
		return SLICE("ResponseStringMismatch");
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
	if (f->code)
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
	if (f->code)
		json_number(w, SLICE("code"), f->code);
	json_text(w, SLICE("reason"), check_reason(f));
	json_name(w, SLICE("seconds"));
	line_seconds_exactly(w, f->latency_ns);
	json_text(w, SLICE("state"), slice_of(health_name(f->state)));
	json_close(w, start);
	writer_char(w, '\n');
}
