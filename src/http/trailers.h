/*
 * trailers.h - which fields may stand behind a body.
 *
 * Floor: http.  Pure; any thread.  Source: RFC 9110, section 6.5.1.
 */
#ifndef WEIR_HTTP_TRAILERS_H
#define WEIR_HTTP_TRAILERS_H

#include "head.h"

/*
 * Marks with FIELD_LEAVE_OUT what no trailer may say, because it comes too
 * late or passed by those who looked for it in the head: what frames a message
 * or governs a connection, where it goes and who sent it, who may, and how its
 * content is to be read.
 */
void trailers_leave_out(struct http_head *trailers);

#endif
