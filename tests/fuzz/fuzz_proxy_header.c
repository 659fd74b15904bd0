/*
 * fuzz_proxy_header.c - PROXY headers.
 *
 * Fewer octets never say more; a good header lies in what came, has both
 * addresses of one family or none, and is the same with anything behind it.
 */
#include "fuzz.h"

#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct proxy_header h, again;
	enum proxy_seen seen = proxy_header_read(in, &h);

	if (seen != PROXY_GOOD) {
		if (in.n && seen == PROXY_MORE)
			HOLDS(proxy_header_read(slice_first(in, in.n - 1),
						&again) == PROXY_MORE);
		return 0;
	}
	HOLDS(h.octets > 0 && h.octets <= in.n && h.octets <= PROXY_MAX);
	HOLDS(h.is_local ||
	      h.source.sa.sa_family == h.destination.sa.sa_family);
	HOLDS(!h.is_local || h.source.len == 0);
	HOLDS(proxy_header_read(slice_first(in, h.octets), &again) ==
	      PROXY_GOOD);
	HOLDS(again.octets == h.octets && again.is_local == h.is_local);
	HOLDS(h.is_local || (addr_eq(&h.source, &again.source) &&
			     addr_eq(&h.destination, &again.destination)));
	HOLDS(proxy_header_read(slice_first(in, h.octets - 1), &again) ==
	      PROXY_MORE);
	return 0;
}
