/*
 * notify.h - tells the service manager how far we are.
 *
 * A datagram on the socket that NOTIFY_SOCKET names; without it nothing is
 * sent. Small enough not to need libsystemd.
 *
 * Floor: control.  Source: sd_notify(3).
 */
#ifndef WEIR_CONTROL_NOTIFY_H
#define WEIR_CONTROL_NOTIFY_H

/* Opens the way; before root is given up. Without it nothing is sent. */
void notify_begin(void);
void notify_end(void);

/* Sends assignments such as "READY=1\nSTATUS=..." as one datagram. Control
 * thread; never blocks, failures are nobody's business. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "RELOADING=1" with the time that goes with it. */
void notify_reloading(void);

#endif
