/* steps.c - the counter; not compiled with what calls it. */
#include "steps.h"

uint64_t steps_taken;

/* The compiler calls it at the beginning of each basic block. */
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	steps_taken++;
}
