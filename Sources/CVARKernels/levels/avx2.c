// AVX2, FMA, F16C, and AVX-VNNI beside them. With CVAR_AVXVNNI_BY_AVX512, for tests and benches, the level avxvnni is
// made of AVX-512's instructions of the same meaning and width, on processors that have no others.
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

// ---------------------------------------------------------------------------------------------- AVX-VNNI

#if defined(CVAR_AVXVNNI_BY_AVX512)
#define CVAR_AVXVNNI "avx2,fma,f16c,avx512f,avx512vl,avx512vnni"
#define CVAR_DPBUSD _mm256_dpbusd_epi32
#else
#define CVAR_AVXVNNI "avx2,fma,f16c,avxvnni"
#define CVAR_DPBUSD _mm256_dpbusd_avx_epi32
#endif

#pragma clang attribute push(__attribute__((target(CVAR_AVXVNNI))), apply_to = function)

#undef INT8
#undef CVAR_INT8_ROWS
#undef CVAR_INT8_XOR
#define INT8(name) name##_avxvnni
#define CVAR_INT8_ROWS 3
#define CVAR_INT8_XOR ((int32_t)0x80808080)

typedef vi int8_sum_avxvnni;

/// vpdpbusd multiplies unsigned weights w + 128, so the offset holds −128 · the sum of the inputs.
CVAR_INLINE vi int8_start_avxvnni(int32_t offset) { return (vi)offset; }

CVAR_INLINE vi int8_dot_avxvnni(vi sum, vi w, vi x) { return (vi)CVAR_DPBUSD((__m256i)sum, (__m256i)w, (__m256i)x); }

CVAR_INLINE vi int8_finish_avxvnni(vi sum) { return sum; }

#include "linear/int8_template.h"

#pragma clang attribute pop

#define CVAR_AVX2_OPS(int8)                                                                                     \
  {                                                                                                             \
    CVAR_TEMPLATE_OPS, .panel_f32 = panel_f32, .panel_bf16 = cvar_panel_scalar, .panel_f16 = cvar_panel_scalar, \
                       .panel_int8 = int8, .attend_f16 = attend_f32                                             \
  }

const cvar_ops cvar_ops_avx2 = CVAR_AVX2_OPS(panel_int8_avx2);
const cvar_ops cvar_ops_avxvnni = CVAR_AVX2_OPS(panel_int8_avxvnni);
#endif
