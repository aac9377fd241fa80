// Small arithmetic on sizes.
#ifndef CVAR_NUMBERS_H
#define CVAR_NUMBERS_H

#include <stddef.h>

static inline size_t cvar_min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t cvar_max(size_t a, size_t b) { return a > b ? a : b; }
static inline size_t cvar_divide_up(size_t n, size_t d) { return (n + d - 1) / d; }
static inline size_t cvar_round_up(size_t n, size_t d) { return cvar_divide_up(n, d) * d; }

/// Bytes in whole cache lines.
static inline size_t cvar_lines(size_t bytes) { return cvar_round_up(bytes, 64); }

#endif
