// Calls of the operating system that Swift's own module of the C library lacks.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Memory without a name, as a descriptor that closes when another program begins; -1 and errno on failure.
static inline int linux_memory_file(const char *name) {
    return (int)syscall(SYS_memfd_create, name, 1U);  // MFD_CLOEXEC
}

int pipe2(int ends[2], int flags);

/// A pipe whose ends close when another program begins; 0, or -1 and errno.
static inline int linux_pipe(int ends[2], int flags) { return pipe2(ends, O_CLOEXEC | flags); }

/// Ends this process by SIGKILL when the thread that started it ends; 0, or -1 and errno.
static inline int linux_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

/// How many processors this process may be scheduled on; 0 where the system does not tell.
static inline int linux_usable_processors(void) {
    unsigned long mask[1024] = {0};  // for 65,536 processors
    const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long word = 0; word < bytes / (long)sizeof *mask; ++word) count += __builtin_popcountl(mask[word]);
    return count;
}

/// Gives the memory of a part of a file back, which reads as zeros then; 0, or -1 and errno.
static inline int linux_punch_hole(int file, long offset, long count) {
    return (int)syscall(SYS_fallocate, file, 3, offset, count);  // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
}

int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

/// The child keeps no descriptor from this number on; 0, or an error number.
static inline int linux_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
