#include "pager.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	FILE *to; /* NULL: there is none */
	int terminal;
} pager = {.terminal = -1};

void pager_begin(void)
{
	const char *command = getenv("PAGER");

	if (!command)
		command = "command -v less >/dev/null && exec less; exec cat";
	if (!isatty(STDOUT_FILENO) || !*command)
		return;
	setenv("LESS", "FRX", 0);
	setenv("LESSSECURE", "1", 0);
	fflush(stdout);
	pager.terminal = dup(STDOUT_FILENO);
	if (pager.terminal < 0)
		return;
	/* Who leaves it early wants no more. */
	signal(SIGPIPE, SIG_IGN);
	pager.to = popen(command, "w");
	if (pager.to)
		dup2(fileno(pager.to), STDOUT_FILENO);
}

void pager_end(void)
{
	if (!pager.to)
		return;
	fflush(stdout);
	clearerr(stdout);
	dup2(pager.terminal, STDOUT_FILENO);
	close(pager.terminal);
	pclose(pager.to);
	pager.to = NULL;
}
