/*
 * memory.h - how much memory this process may have.
 *
 * In a container, or under MemoryMax= of a unit, that is not the machine's: a
 * process that takes a share of that one is killed.
 *
 * Floor: control.  Source: cgroups(7), the kernel's cgroup-v2 and
 * cgroup-v1/memory.
 */
#ifndef WEIR_CONTROL_MEMORY_H
#define WEIR_CONTROL_MEMORY_H

#include <stdint.h>

/* Octets of the machine, or of the least limit that holds for us. */
uint64_t memory_limit(void);

/*
 * The least limit of the control groups of a process, and of those above them:
 * memory.max and memory.high of version 2, memory.limit_in_bytes of version 1.
 *
 * file    as /proc/self/cgroup
 * folder  as /sys/fs/cgroup
 *
 * Returns octets; UINT64_MAX: none that is known.
 */
uint64_t memory_limit_of_groups(const char *file, const char *folder);

#endif
