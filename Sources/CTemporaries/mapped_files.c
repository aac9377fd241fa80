#define _GNU_SOURCE
#include "temporaries.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// A checkpoint of many shards, and pictures beside it.
enum { SLOTS = 8192 };

/// Who may touch a slot: the thread that is filling it, or the handler.
enum { FREE, FILLING, NOTED };

static struct {
    atomic_int state;
    uintptr_t start;
    size_t size;
    char *path;
} slots[SLOTS];

/// Where the search for a free slot begins, so that thousands of files don't make it slow.
static atomic_uint next_slot;

int mapped_files_add(const void *start, size_t size, const char *path) {
    const unsigned first = atomic_load(&next_slot);
    for (unsigned i = 0; i < SLOTS; i++) {
        const unsigned number = (first + i) % SLOTS;
        int expected = FREE;
        if (!atomic_compare_exchange_strong(&slots[number].state, &expected, FILLING)) continue;
        slots[number].path = strdup(path);
        slots[number].start = (uintptr_t)start;
        slots[number].size = size;
        atomic_store(&slots[number].state, NOTED);
        atomic_store(&next_slot, number + 1);
        return (int)number;
    }
    return -1;
}

void mapped_files_forget(int number) {
    if (number < 0 || number >= SLOTS) return;
    atomic_store(&slots[number].state, FILLING);
    free(slots[number].path);
    slots[number].path = NULL;
    atomic_store(&slots[number].state, FREE);
}

static void say(const char *text) {
    // Nothing can be done where the standard error is closed.
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

// Calls nothing but write, unlink, sigaction, raise and _exit, which POSIX lists as async-signal-safe.
static void explain(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    const uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; i < SLOTS; i++) {
        if (atomic_load(&slots[i].state) != NOTED) continue;
        if (address < slots[i].start || address - slots[i].start >= slots[i].size) continue;
        temporaries_remove_all();
        say("Error: ");
        say(slots[i].path ? slots[i].path : "a file");
        say(" became shorter while it was read, or its disk failed; copy or download it again, and leave it "
            "alone while it is used\n");
        _exit(1);
    }
    // No file of ours: the system's own way to end.
    const struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal_number, &action, NULL);
    raise(signal_number);
}

void mapped_files_explain_signals(void) {
    struct sigaction action = {.sa_sigaction = explain, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
