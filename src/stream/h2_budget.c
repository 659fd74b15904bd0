#include "h2_budget.h"

#include <string.h>

#include "base/clock.h"

/* A frame's type and flags (RFC 9113 6). */
enum {
	FRAME_DATA,
	FRAME_HEADERS,
	FRAME_PRIORITY,
	FRAME_RST_STREAM,
	FRAME_SETTINGS,
	FRAME_PUSH_PROMISE,
	FRAME_PING,
	FRAME_GOAWAY,
	FRAME_WINDOW_UPDATE,
	FRAME_CONTINUATION,

	FLAG_END_STREAM = 1,
	FLAG_PADDED = 8,
};

/* DATA pays for what comes with it: simple clients give both windows back for
 * each frame, however short, and gRPC may measure the path by each. */
enum { DATA_THAT_PAYS = 1024, WINDOWS_OF_ANY = 2 };

/* Most of these are sent by somebody: browsers announce priorities, gRPC
 * measures the path by a PING for each round trip, and libraries give windows
 * back in small steps. */
static const struct {
	int32_t cap, debt;
	int32_t per_s, per_stream, per_data;
} rules[GLITCH_KINDS] = {
	[GLITCH_RESET_FRAME] = {500, 500, 10, 1, 0},
	[GLITCH_MALFORMED] = {0, 1000, 1, 0, 0},
	[GLITCH_EMPTY_HEADERS] = {0, 100, 1, 0, 0},
	[GLITCH_EMPTY_DATA] = {100, 400, 1, 1, 0},
	[GLITCH_PADDING] = {100, 900, 10, 1, 1},
	[GLITCH_SETTINGS] = {20, 80, 1, 0, 0},
	[GLITCH_PING] = {200, 800, 10, 1, 1},
	[GLITCH_PRIORITY] = {200, 800, 10, 4, 0},
	[GLITCH_WINDOW_UPDATE] = {1000, 4000, 100, 4, 4},
	[GLITCH_UNKNOWN] = {100, 900, 10, 1, 0},
	[GLITCH_CLOSED_STREAM] = {500, 4500, 50, 16, 0},
	[GLITCH_REFUSED] = {0, 1000, 10, 0, 0},
	[GLITCH_STALLED] = {0, 1000000, 1, 0, 0},
};

void h2_budget_begin(struct h2_budget *b, unsigned preface,
		     void (*note)(struct h2_budget *b, enum glitch g))
{
	*b = (struct h2_budget){
		.note = note,
		.preface_left = (uint8_t)preface,
		.paid_ms = clock_now_ms(),
		.slot = clock_now_ms() / H2_SLOT_MS,
	};
	for (int i = 0; i < GLITCH_KINDS; i++)
		b->credit[i] = rules[i].cap;
}

void h2_budget_end(struct h2_budget *b, enum glitch g)
{
	if (b->is_over)
		return;
	b->is_over = true;
	b->why = (uint8_t)g;
	b->note(b, g);
}

/* -- credit ---------------------------------------------------------------- */

static void pay(struct h2_budget *b, enum glitch g, int64_t n)
{
	int64_t credit = b->credit[g] + n;

	b->credit[g] = credit < rules[g].cap ? (int32_t)credit : rules[g].cap;
}

static void pay_by_time(struct h2_budget *b)
{
	uint64_t s = (clock_now_ms() - b->paid_ms) / 1000;

	if (s == 0)
		return;
	b->paid_ms += s * 1000;
	if (s > 3600)
		s = 3600;
	for (int i = 0; i < GLITCH_KINDS; i++)
		pay(b, (enum glitch)i, (int64_t)s * rules[i].per_s);
}

bool h2_budget_spend(struct h2_budget *b, enum glitch g)
{
	if (b->is_over)
		return false;
	pay_by_time(b);
	if (--b->credit[g] >= 0)
		return true;
	if (-b->credit[g] > rules[g].debt) {
		h2_budget_end(b, g);
		return false;
	}
	b->note(b, g);
	return true;
}

void h2_budget_moved(struct h2_budget *b, uint64_t octets)
{
	bool is_short = octets < DATA_THAT_PAYS;

	if (octets == 0)
		return;
	pay(b, GLITCH_PING, rules[GLITCH_PING].per_data);
	pay(b, GLITCH_WINDOW_UPDATE,
	    is_short ? WINDOWS_OF_ANY : rules[GLITCH_WINDOW_UPDATE].per_data);
	if (!is_short)
		pay(b, GLITCH_PADDING, rules[GLITCH_PADDING].per_data);
}

/* -- streams --------------------------------------------------------------- */

/* Moves on to the slot of now, and forgets those that are too old. */
static unsigned slot_of_now(struct h2_budget *b)
{
	uint64_t now = clock_now_ms() / H2_SLOT_MS;

	for (int i = 0; i < H2_SLOTS && b->slot < now; i++) {
		b->slot++;
		memset(&b->slots[b->slot % H2_SLOTS], 0, sizeof(b->slots[0]));
	}
	b->slot = now;
	/* A pause of more than all of them has emptied each. */
	return (unsigned)(now % H2_SLOTS);
}

void h2_budget_opened(struct h2_budget *b)
{
	b->slots[slot_of_now(b)].opened++;
	for (int i = 0; i < GLITCH_KINDS; i++)
		if (rules[i].per_stream)
			pay(b, (enum glitch)i, rules[i].per_stream);
}

void h2_budget_reset(struct h2_budget *b, uint64_t age_ms)
{
	uint64_t opened = 0, reset = 0;

	if (b->is_over || age_ms > H2_RESET_AGE_MS)
		return;
	b->slots[slot_of_now(b)].reset++;
	for (int i = 0; i < H2_SLOTS; i++) {
		opened += b->slots[i].opened;
		reset += b->slots[i].reset;
	}
	if (reset > H2_RESETS_MAX && 2 * reset > opened)
		h2_budget_end(b, GLITCH_RESET);
	else
		b->note(b, GLITCH_RESET);
}

/* -- frames ---------------------------------------------------------------- */

static uint32_t length_of(const uint8_t *head)
{
	return (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
}

static bool take_data(struct h2_budget *b, uint32_t length, uint8_t flags)
{
	if (length > 0 || (flags & FLAG_END_STREAM)) {
		h2_budget_moved(b, length);
		return true;
	}
	return h2_budget_spend(b, GLITCH_EMPTY_DATA);
}

static bool take_fields(struct h2_budget *b, uint32_t length)
{
	return length > 0 || h2_budget_spend(b, GLITCH_EMPTY_HEADERS);
}

static bool take_continuation(struct h2_budget *b, uint32_t length)
{
	if (++b->continuations > H2_CONTINUATIONS_MAX) {
		h2_budget_end(b, GLITCH_CONTINUATION);
		return false;
	}
	return take_fields(b, length);
}

static bool take_frame(struct h2_budget *b, uint32_t length, uint8_t type,
		       uint8_t flags)
{
	switch (type) {
	case FRAME_DATA:
		return take_data(b, length, flags);
	case FRAME_HEADERS:
		b->continuations = 0;
		return take_fields(b, length);
	case FRAME_CONTINUATION:
		return take_continuation(b, length);
	case FRAME_PRIORITY:
		return h2_budget_spend(b, GLITCH_PRIORITY);
	case FRAME_RST_STREAM:
		return h2_budget_spend(b, GLITCH_RESET_FRAME);
	case FRAME_SETTINGS:
		return h2_budget_spend(b, GLITCH_SETTINGS);
	case FRAME_PING:
		return h2_budget_spend(b, GLITCH_PING);
	case FRAME_WINDOW_UPDATE:
		return h2_budget_spend(b, GLITCH_WINDOW_UPDATE);
	case FRAME_GOAWAY:
	case FRAME_PUSH_PROMISE:
		return true;
	}
	return h2_budget_spend(b, GLITCH_UNKNOWN);
}

static bool take_head(struct h2_budget *b)
{
	uint8_t type = b->head[3], flags = b->head[4];

	b->n_head = 0;
	b->left = length_of(b->head);
	b->wants_pad = b->left > 0 && (flags & FLAG_PADDED) &&
		       (type == FRAME_DATA || type == FRAME_HEADERS);
	return take_frame(b, b->left, type, flags);
}

/* Its length, the octet that tells of it included, is more than half. */
static bool take_padding(struct h2_budget *b, uint8_t n)
{
	b->wants_pad = false;
	return 2 * (n + 1u) <= length_of(b->head) ||
	       h2_budget_spend(b, GLITCH_PADDING);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool h2_budget_read(struct h2_budget *b, struct slice in)
{
	size_t n = least(in.n, b->preface_left);

	b->preface_left -= (uint8_t)n;
	in = slice_from(in, n);
	while (in.n > 0 && !b->is_over) {
		if (b->left > 0) {
			if (b->wants_pad && !take_padding(b, (uint8_t)*in.p))
				break;
			n = least(in.n, b->left);
			b->left -= (uint32_t)n;
		} else {
			n = least(in.n, (size_t)H2_FRAME_HEAD - b->n_head);
			memcpy(b->head + b->n_head, in.p, n);
			b->n_head += (uint8_t)n;
			if (b->n_head == H2_FRAME_HEAD && !take_head(b))
				break;
		}
		in = slice_from(in, n);
	}
	return !b->is_over;
}
