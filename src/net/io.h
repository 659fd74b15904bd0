/*
 * io.h - how an attempt at input or output ended.
 *
 * Floor: net.
 */
#ifndef WEIR_NET_IO_H
#define WEIR_NET_IO_H

enum io {
	IO_DONE,   /* all that was asked for is done */
	IO_AGAIN,  /* wait for an event, then try again */
	IO_CLOSED, /* the peer sent all that it will send */
	IO_FAILED, /* errno says why; only fit to be closed */
};

#endif
