#include "reason.h"

#include "fail.h"

static const struct {
	const char *token;
	int status;
	const char *sentence;
} rows[] = {
	{"-", 0, ""},
#define X(symbol, token, status, sentence) {token, status, sentence},
#include "reasons.def"
#undef X
};

_Static_assert(ARRAY_SIZE(rows) == REASON_KINDS, "one row for each reason");

const char *reason_token(enum reason r)
{
	return rows[r].token;
}

int reason_status(enum reason r)
{
	return rows[r].status;
}

const char *reason_sentence(enum reason r)
{
	return rows[r].sentence;
}

int reason_is_clients(enum reason r)
{
	return (rows[r].status >= 400 && rows[r].status < 500) ||
	       r == REASON_HTTP_VERSION || r == REASON_TRANSFER_CODING;
}

int reason_is_action(enum reason r)
{
	return r == REASON_REDIRECT || r == REASON_FIXED_RESPONSE ||
	       r == REASON_ACME_CHALLENGE;
}
