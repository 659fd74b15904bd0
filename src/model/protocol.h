/*
 * protocol.h - the protocols of listeners, target groups and health checks.
 *
 * Floor: model.  Source: AWS ELBv2 API, ProtocolEnum.
 */
#ifndef WEIR_MODEL_PROTOCOL_H
#define WEIR_MODEL_PROTOCOL_H

enum protocol {
	PROTOCOL_HTTP,
	PROTOCOL_HTTPS,
	PROTOCOL_TCP,
	PROTOCOL_UDP,
	PROTOCOL_TCP_UDP,
	PROTOCOL_TLS,
};

/* "HTTP"; as AWS spells it. */
const char *protocol_name(enum protocol p);

#endif
