#include "http/admit.h"

#include "http/head.h"

enum { XFF_ENTRIES_MAX = 30 };

enum reason http_admit(struct http_head *head, enum desync_mode mode,
		       struct admission *out)
{
	int status;

	*out = (struct admission){.doubtful = false};
	switch (desync_judge(head, mode, &out->desync)) {
	case DESYNC_PASS:
		break;
	case DESYNC_PASS_AND_CLOSE:
		out->doubtful = true;
		break;
	case DESYNC_REFUSE:
		return REASON_DESYNC;
	}
	status = framing_of_request(head, &out->framing);
	if (status)
		return status == 501 ? REASON_TRANSFER_CODING
				     : REASON_BAD_FRAMING;
	out->doubtful |= out->framing.doubtful;
	return REASON_NONE;
}

bool http_too_many_forwarded(const struct http_head *head)
{
	const struct field *f = NULL;
	unsigned n = 0;

	while ((f = head_next(head, NAME_X_FORWARDED_FOR, f)) != NULL) {
		struct slice rest = f->value;

		while (rest.p)
			if (slice_trim(slice_cut(&rest, ',')).n > 0)
				n++;
	}
	return n > XFF_ENTRIES_MAX;
}
