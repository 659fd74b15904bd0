/*
 * library.h - what OpenSSL says when something fails, in words.
 *
 * Floor: tls.  Any thread: OpenSSL keeps a queue of errors for each.
 */
#ifndef WEIR_TLS_LIBRARY_H
#define WEIR_TLS_LIBRARY_H

/* The first failure in OpenSSL's queue, in words; empties the queue. Never
 * NULL; lives for ever or until this thread's next strerror(3). */
const char *library_reason(void);

/* Empties the queue, at the price of a look when it is empty already. */
void library_forget(void);

#endif
