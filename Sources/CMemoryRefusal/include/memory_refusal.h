// Memory that Swift's libraries ask for and can't have ends a program by a message and status 1.
//
// Our own large buffers are errors that are thrown; an array, a string or an object has no such way, and the runtime
// library aborts with a stack trace. Linked into the programs, this file's malloc stands before the system's.
#ifndef MEMORY_REFUSAL_H
#define MEMORY_REFUSAL_H

/// Called before the program ends, from any thread; it must allocate nothing. NULL: nothing is called.
void memory_refusal_ends_with(void (*clean)(void));

#endif
