#define _GNU_SOURCE
#include "temporaries.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_temporary(const char *name, const char *prefix) {
    const size_t start = strlen(prefix), length = strlen(name);
    if (length < start + 5 || strncmp(name, prefix, start) != 0) return false;
    if (strcmp(name + length - 4, ".tmp") != 0) return false;
    for (size_t i = start; i < length - 4; i++)
        if (!isalnum((unsigned char)name[i])) return false;
    return true;
}

/// Whoever writes a temporary holds its lock; the system lets go of it when he dies, however he does.
static void remove_if_left(int folder, const char *name) {
    // O_NONBLOCK: a named pipe of that name must not make us wait.
    const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return;
    struct stat status;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && flock(file, LOCK_EX | LOCK_NB) == 0)
        // Under the lock: a writer that has made its file and waits for the lock sees that it is gone.
        unlinkat(folder, name, 0);
    close(file);
}

void temporaries_sweep(const char *folder, const char *prefix) {
    DIR *list = opendir(folder);
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));)
        if (is_temporary(entry->d_name, prefix)) remove_if_left(dirfd(list), entry->d_name);
    closedir(list);
}

int temporaries_lock(int file, int waits) {
    while (flock(file, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        return errno == EWOULDBLOCK ? 0 : -1;
    }
    return 1;
}

void temporaries_begin_writing(int file, size_t offset, size_t size) {
#if defined(__linux__)
    (void)sync_file_range(file, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
#else
    (void)file, (void)offset, (void)size;
#endif
}
