// Makes system calls fail, for tools/faults.py: preloaded (LD_PRELOAD) into a program under test.
//
//   FAULT_CALL     write, fsync, link, rename, create, or map: which calls are counted
//   FAULT_NUMBER   the how manieth of them fails, from 1; 0 for none
//   FAULT_ERRNO    with which number
//   FAULT_LOG      a file that gets one letter for each call that was counted, 'x' for the one that failed
//   FAULT_CUT      a file that is cut to half its size as soon as it has been mapped
//   FAULT_NO_TMPFILE, FAULT_NO_PROC   there are no unnamed files; there is no /proc
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int counted;

static void note(char letter) {
    const char *const log = getenv("FAULT_LOG");
    if (!log) return;
    const int file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    syscall(SYS_write, file, &letter, 1);
    close(file);
}

/// Whether this call is the one that fails; sets errno then.
static int fails(const char *call) {
    const char *const wanted = getenv("FAULT_CALL");
    if (!wanted || strcmp(wanted, call) != 0) return 0;
    const int number = atomic_fetch_add(&counted, 1) + 1;
    const int failing = number == atoi(getenv("FAULT_NUMBER"));
    note(failing ? 'x' : '.');
    if (failing) errno = atoi(getenv("FAULT_ERRNO"));
    return failing;
}

static int is_hidden(const char *path) {
    if (!getenv("FAULT_NO_PROC") || strncmp(path, "/proc", 5) != 0) return 0;
    errno = ENOENT;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = va_arg(list, mode_t);
    va_end(list);
    if (is_hidden(path)) return -1;
    const int unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    if (unnamed && getenv("FAULT_NO_TMPFILE")) return errno = EOPNOTSUPP, -1;
    if ((unnamed || flags & O_CREAT) && fails("create")) return -1;
    return NEXT(open)(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) { return is_hidden(path) ? NULL : NEXT(fopen)(path, mode); }

int access(const char *path, int mode) { return is_hidden(path) ? -1 : NEXT(access)(path, mode); }

ssize_t readlink(const char *restrict path, char *restrict text, size_t size) {
    return is_hidden(path) ? -1 : NEXT(readlink)(path, text, size);
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (file > STDERR_FILENO && fails("write")) return -1;
    return NEXT(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    return fails("write") ? -1 : NEXT(pwrite)(file, bytes, count, offset);
}

int fsync(int file) { return fails("fsync") ? -1 : NEXT(fsync)(file); }

int linkat(int from, const char *old, int to, const char *new, int flags) {
    if (is_hidden(old)) return -1;
    return fails("link") ? -1 : NEXT(linkat)(from, old, to, new, flags);
}

int rename(const char *old, const char *new) { return fails("rename") ? -1 : NEXT(rename)(old, new); }

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    if (file >= 0 && flags & MAP_SHARED && fails("map")) return MAP_FAILED;
    void *const mapped = NEXT(mmap)(address, size, protection, flags, file, offset);
    const char *const cut = getenv("FAULT_CUT");
    struct stat named, opened;
    if (cut && file >= 0 && mapped != MAP_FAILED && stat(cut, &named) == 0 && fstat(file, &opened) == 0 &&
        named.st_ino == opened.st_ino && named.st_dev == opened.st_dev && truncate(cut, named.st_size / 2) != 0)
        abort();
    return mapped;
}
