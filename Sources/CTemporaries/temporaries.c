#define _GNU_SOURCE
#include "temporaries.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 64, LONGEST = 4096 };

/// Who may touch a slot's path: the thread that is filling it, nobody, or the handler.
enum { FREE, FILLING, NOTED, REMOVING };

static struct {
    atomic_int state;
    char path[LONGEST];
} slots[SLOTS];

int temporaries_add(const char *path) {
    const size_t length = strlen(path);
    if (length >= LONGEST) return -1;
    for (int i = 0; i < SLOTS; i++) {
        int expected = FREE;
        if (!atomic_compare_exchange_strong(&slots[i].state, &expected, FILLING)) continue;
        memcpy(slots[i].path, path, length + 1);
        atomic_store(&slots[i].state, NOTED);
        return i;
    }
    return -1;
}

void temporaries_forget(int number) {
    if (number < 0 || number >= SLOTS) return;
    // Unless the handler has it: then the process is about to end.
    int expected = NOTED;
    atomic_compare_exchange_strong(&slots[number].state, &expected, FREE);
}

// Calls nothing but unlink, which POSIX lists as async-signal-safe; the atomics are lock-free.
void temporaries_remove_all(void) {
    for (int i = 0; i < SLOTS; i++) {
        int expected = NOTED;
        if (atomic_compare_exchange_strong(&slots[i].state, &expected, REMOVING)) unlink(slots[i].path);
    }
}

static void remove_all(int signal_number) {
    const int saved = errno;
    temporaries_remove_all();
    // SA_RESETHAND has set the default back: the process ends by this signal when we return.
    raise(signal_number);
    errno = saved;
}

void temporaries_remove_on_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    enum { COUNT = sizeof signals / sizeof signals[0] };
    struct sigaction action = {.sa_handler = remove_all, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < COUNT; i++) sigaddset(&action.sa_mask, signals[i]);
    for (int i = 0; i < COUNT; i++) {
        struct sigaction current;
        if (sigaction(signals[i], NULL, &current) == 0 && current.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
    }
}
