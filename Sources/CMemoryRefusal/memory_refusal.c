#define _GNU_SOURCE
#include "memory_refusal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*clean_up)(void);

void memory_refusal_ends_with(void (*clean)(void)) { clean_up = clean; }

// A sanitizer has a malloc of its own; other C libraries have no second name for theirs.
#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

#if defined(__GLIBC__) && !SANITIZED

extern void *__libc_malloc(size_t size);

/// Whether code at an address would trap on NULL: that of Swift's libraries. All others check for it.
static int is_swift(const void *address) {
    Dl_info library;
    if (!dladdr(address, &library) || !library.dli_fname) return 0;
    return strstr(library.dli_fname, "/libswift") != NULL || strstr(library.dli_fname, "Foundation") != NULL;
}

void *malloc(size_t size) {
    void *const memory = __libc_malloc(size);
    if (memory || !is_swift(__builtin_return_address(0))) return memory;
    static const char text[] = "Error: memory cannot be had: close other programs, or raise the memory limit\n";
    // Where the standard error is closed nobody can be told.
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(1);
    if (clean_up) clean_up();
    _exit(1);
}

#endif
