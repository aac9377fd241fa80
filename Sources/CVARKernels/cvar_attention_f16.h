// Attention in f16 arithmetic, where a level has it.
#ifndef CVAR_ATTENTION_F16_H
#define CVAR_ATTENTION_F16_H

#include <math.h>

#include "cvar_image.h"

/// Whether these functions serve an attention: an f16 cache at a level with f16 arithmetic.
static inline bool cvar_attention_is_f16(const cvar_attention *a) {
#if defined(__x86_64__)
  return a->cache->half && a->level == CVAR_LEVEL_AVX512FP16;
#else
  (void)a;
  return false;
#endif
}

#if defined(__x86_64__)
/// Bytes of scratch memory, 64-byte aligned, for `cvar_attend_f16`.
size_t cvar_attention_f16_scratch(const cvar_attention *attention);

/// `rows` queries of a head, at most 12, from `query` on.
void cvar_attend_f16(const cvar_attention *attention, size_t image, size_t head, size_t query, int rows, void *scratch);
#else
static inline size_t cvar_attention_f16_scratch(const cvar_attention *a) { (void)a; return 0; }
static inline void cvar_attend_f16(const cvar_attention *a, size_t i, size_t h, size_t q, int r, void *s) {
  (void)a, (void)i, (void)h, (void)q, (void)r, (void)s;
}
#endif

#endif
