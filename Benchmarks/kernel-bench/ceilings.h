// What the machine can do at most, measured: dense register-only loops, and reading memory.
#ifndef CEILINGS_H
#define CEILINGS_H

#include <stddef.h>

#include "cvar_pool.h"

typedef struct ceilings {
  double f32, bf16, int8;  // 1e9 operations a second on all threads of the pool; 0 without the instruction
  double read;             // 1e9 bytes a second
} ceilings;

/// Measures for about `seconds` each, taking the best of several runs.
ceilings measure_ceilings(cvar_pool *pool);

/// Seconds of the wall clock.
double seconds_now(void);

/// From now on seconds of CPU time: what other processes do to a single thread then matters less.
void use_cpu_time(void);

#endif
