// What signals that end the process must know: names of unfinished files, which it takes along, and
// which files are mapped where.
//
// In C because a signal handler may use nothing that allocates, locks or counts references.
#ifndef TEMPORARIES_H
#define TEMPORARIES_H

#include <stddef.h>

/// Notes a path that is to be removed if INT, TERM or HUP ends the process; before the file is made.
/// Returns its number, or -1 if the table is full or the path too long: it is then not removed.
int temporaries_add(const char *path);

/// Forgets a path, once the name is gone. -1 is fine.
void temporaries_forget(int number);

/// From now on INT, TERM and HUP remove the noted paths before they end the process; those that are
/// ignored (as nohup does) or handled already stay so. For programs: a library sets no handlers.
void temporaries_remove_on_signals(void);

/// Removes the noted paths now, before the process ends; allocates nothing.
void temporaries_remove_all(void);

/// Notes where a file is mapped. `path` is copied, and printed as it is.
/// Returns its number, or -1 if the table is full: a file that is cut then ends the process by SIGBUS.
int mapped_files_add(const void *start, size_t size, const char *path);

/// Forgets a file, before it is unmapped. -1 is fine.
void mapped_files_forget(int number);

/// From now on an access to a mapped file's bytes that are there no more (SIGBUS) says which file
/// became shorter, removes the noted temporaries and ends the process with status 1. For programs.
void mapped_files_explain_signals(void);

/// Removes the files of a folder that are named prefix, letters or digits, ".tmp", and that nobody
/// holds a lock on: what a killed process has left.
void temporaries_sweep(const char *folder, const char *prefix);

/// Locks an open file for this process alone, as long as it is open. If waits is 0 and another holds the
/// lock, returns 0 at once. Returns 1 when locked, -1 with errno where the file system has no locks.
int temporaries_lock(int file, int waits);

/// Lets the system begin to bring a part of an open file to its disk, so that little is left to a later
/// sync; a hint, where the system knows how.
void temporaries_begin_writing(int file, size_t offset, size_t size);

#endif
