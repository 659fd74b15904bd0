/*
 * pager.h - more than a screen of text, for somebody who reads it there.
 *
 * Floor: cmd.  Source: environ(7), PAGER.
 */
#ifndef WEIR_CMD_PAGER_H
#define WEIR_CMD_PAGER_H

/*
 * What is printed to stdout between the two goes through $PAGER, or less(1),
 * which shows a single screen as it is. Without a terminal, with an empty
 * PAGER and where no pager runs, it goes where it went before. In what root
 * started less opens no other file and runs no shell.
 */
void pager_begin(void);
void pager_end(void);

#endif
