// AVX2, FMA, F16C.
#if defined(__x86_64__)
#include <immintrin.h>

#define CVAR_WIDTH 8
#define CVAR_F32_ROWS 6
#define CVAR_F32_VECTORS 2
#define CVAR_INT8_ROWS 2
#define CVAR_INT8_VECTORS 2
#define CVAR_INT8_XOR 0
#define CVAR_IMAGE_ROWS 6
#define CVAR_IMAGE_VECTORS 2
#define INT8(name) name##_avx2

#include "levels/numbers.h"
#include "levels/ops.h"
#include "levels/tiles.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "levels/vector.h"
#include "linear/unpack.h"
#include "linear/blocks_template.h"
#include "linear/panel_template.h"
#include "linear/f32_template.h"
#include "linear/rows_template.h"
#include "linear/encode_q8_template.h"
#include "linear/encode_float_template.h"

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

#include "linear/int8_template.h"

#include "image/multiply_template.h"
#include "image/strip_template.h"
#include "image/winograd_template.h"
#include "image/attention_template.h"

#pragma clang attribute pop

const cvar_ops cvar_ops_avx2 = {CVAR_TEMPLATE_OPS,
                                .panel_f32 = panel_f32,
                                .panel_bf16 = cvar_panel_scalar,
                                .panel_f16 = cvar_panel_scalar,
                                .panel_int8 = panel_int8_avx2,
                                .attend_f16 = attend_f32};
#endif
