// What the machine can do at most, measured: dense register-only loops, and reading memory.
#ifndef CVAR_CEILINGS_H
#define CVAR_CEILINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cvar_pool.h"

/// bf16: of the arithmetic that bf16 mode uses, so f16 multiply-adds where the fullest level prefers them.
typedef struct cvar_ceilings {
  double f32, bf16, int8;  // 1e9 operations a second on all threads of the pool; 0 without the instruction
  double read;             // 1e9 bytes a second
} cvar_ceilings;

/// Measures for about a second, taking the best of several runs; allocates `read_bytes` to read from.
/// `cpu_time`: divides by CPU time instead of the wall clock's; what other processes do to one thread matters less
/// then.
cvar_ceilings cvar_measure_ceilings(cvar_pool *pool, size_t read_bytes, bool cpu_time);

#endif
