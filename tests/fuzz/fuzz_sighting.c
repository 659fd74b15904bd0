/*
 * fuzz_sighting.c - the first octets of a packet.
 *
 * Whatever they are, nothing behind them is read, and what is understood can
 * be said in one line of text.
 */
#include "fuzz.h"

#include "firewall/sighting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sighting s = {.at_ms = 0};
	struct text words = {0};

	if (!sighting_read(fuzz_slice(data, size), &s))
		return 0;
	HOLDS(s.packet.source.family == s.packet.destination.family);
	HOLDS(cidr_is_address(&s.packet.source));
	HOLDS(!sighting_is_of_flow(&s) || s.has_ports);
	sighting_words(&s, &words);
	HOLDS(slice_find(text_slice(&words), '\n') == words.n);
	text_release(&words);
	return 0;
}
