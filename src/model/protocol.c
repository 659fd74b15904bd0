#include "protocol.h"

const char *protocol_name(enum protocol p)
{
	static const char *const names[] = {
		[PROTOCOL_HTTP] = "HTTP",       [PROTOCOL_HTTPS] = "HTTPS",
		[PROTOCOL_TCP] = "TCP",         [PROTOCOL_UDP] = "UDP",
		[PROTOCOL_TCP_UDP] = "TCP_UDP", [PROTOCOL_TLS] = "TLS",
	};

	return names[p];
}
