// AVX2, FMA, F16C.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define CVAR_WIDTH 8
#define CVAR_F32_ROWS 6
#define CVAR_F32_VECTORS 2
#define CVAR_INT8_ROWS 2
#define CVAR_INT8_VECTORS 2
#define CVAR_INT8_XOR 0
#define INT8(name) name##_avx2

#include "cvar_ops.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "cvar_vector.h"
#include "cvar_panel_template.h"
#include "cvar_f32_template.h"
#include "cvar_rows_template.h"

typedef vi int8_sum_avx2;

CVAR_INLINE vi int8_start_avx2(int32_t offset) {
  (void)offset;
  return (vi)CVAR_INT8_MAGIC_BITS;
}

/// |x| · (w with the sign of x): unsigned × signed bytes. Pairs of products stay within 16 bits as both factors are
/// within ±127.
CVAR_INLINE vi int8_dot_avx2(vi sum, vi w, vi x) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)x), _mm256_sign_epi8((__m256i)w, (__m256i)x));
  return sum + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

CVAR_INLINE vi int8_finish_avx2(vi sum) { return sum; }

#include "cvar_int8_template.h"

#pragma clang attribute pop

const cvar_ops cvar_ops_avx2 = {panel_f32, cvar_panel_scalar, cvar_panel_scalar, panel_int8_avx2, modulate, prepare,
                                silu,      gelu,              exponential};
#endif
