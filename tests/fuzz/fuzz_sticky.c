/*
 * fuzz_sticky.c - values of cookies as clients send them, and key files.
 *
 * The input is taken as a value as it stands, as changes to a good value, and
 * as the text of a key file. Nothing opens that was not sealed.
 */
#include "fuzz.h"

#include "balance/sticky.h"
#include "balance/sticky_app.h"
#include "http/h1_parse.h"

enum { NOW = 1700000000, IDENTITY = 42 };

#define KEY "0011223344556677889900112233445566778899001122334455667788990011"

static const struct target_group web = {
	.name = SLICE_INIT("web"),
	.stickiness = {.enabled = true, .duration_s = 3600},
};

static const struct forward rule = {.stickiness.enabled = true};

static struct sealer *sealer_once(void)
{
	static struct sealer *sealer;
	struct seal_keys keys;
	char why[64];

	if (sealer)
		return sealer;
	HOLDS(seal_keys_parse(SLICE("1 " KEY "\n"), &keys, why, sizeof(why)) ==
	      0);
	sealer = sealer_new(&keys);
	HOLDS(sealer);
	return sealer;
}

/* Pairs of octets: a place in a good value, and what is done to it. */
static void check_changed(struct sealer *sealer, struct slice in)
{
	char good[STICKY_VALUE_OCTETS], value[STICKY_VALUE_OCTETS];
	uint64_t identity;

	HOLDS(sticky_seal(sealer, &web, IDENTITY, NOW, good, sizeof(good)) ==
	      sizeof(good));
	memcpy(value, good, sizeof(value));
	while (in.n >= 2) {
		uint8_t at = fuzz_octet(&in);

		value[at % sizeof(value)] ^= (char)fuzz_octet(&in);
	}
	HOLDS(sticky_open(sealer, &web, slice_make(value, sizeof(value)), NOW,
			  &identity) ==
	      (memcmp(value, good, sizeof(good)) == 0));
}

/* As the fields of a request that may have both cookies of a session. */
static void check_session(struct sealer *sealer, struct slice in)
{
	static const struct target_group app = {
		.name = SLICE_INIT("app"),
		.stickiness = {.enabled = true,
			       .type = STICKY_APP_COOKIE,
			       .duration_s = 3600,
			       .app_cookie = SLICE_INIT("SID")},
	};
	struct field fields[HEAD_FIELDS_MAX];
	struct http_head head = {.fields = fields,
				 .max_fields = HEAD_FIELDS_MAX};
	struct app_sessions sessions;
	enum reason why;
	uint64_t identity;
	bool came;

	if (h1_parse_request(in, &h1_request_limits, &head, &why) != H1_DONE)
		return;
	HOLDS(!app_sticky_of_head(sealer, &app, &head, NOW, &sessions,
				  &identity, &came));
	HOLDS(sessions.n == 0 && !sessions.is_of_session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct sealer *sealer = sealer_once();
	struct seal_keys keys;
	uint64_t identity;
	char why[64];

	/* A fuzzer that watches comparisons gets to know good values. */
	if (sticky_open(sealer, &web, in, NOW, &identity))
		HOLDS(identity == IDENTITY);
	HOLDS(!sticky_group_open(sealer, &rule, in, NOW));
	if (seal_keys_parse(in, &keys, why, sizeof(why)) == 0)
		HOLDS(keys.n == 1 || keys.n == 2);
	else
		HOLDS(keys.n == 0 && strlen(why) > 0);
	check_session(sealer, in);
	check_changed(sealer, in);
	return 0;
}
