/*
 * period.h - a time as people write it: "90", "90s", "15m", "1h", "2d".
 *
 * Floor: cmd.
 */
#ifndef WEIR_CMD_PERIOD_H
#define WEIR_CMD_PERIOD_H

#include <stdbool.h>

/* False: it is none, or longer than a thousand days. */
bool period_read(const char *word, long long *seconds);

#endif
