// AVX-512, its VNNI, BF16 and FP16.
#if defined(__x86_64__)
#include <immintrin.h>

#define CVAR_WIDTH 16
#define CVAR_F32_ROWS 6
#define CVAR_F32_VECTORS 4
#define CVAR_INT8_ROWS 3
#define CVAR_INT8_VECTORS 4
#define CVAR_IMAGE_ROWS 12
#define CVAR_IMAGE_VECTORS 2

#include "levels/numbers.h"
#include "levels/ops.h"
#include "levels/tiles.h"

#define CVAR_AVX512 "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"

#pragma clang attribute push(__attribute__((target(CVAR_AVX512))), apply_to = function)

#include "levels/vector.h"
#include "linear/unpack.h"
#include "linear/blocks_template.h"
#include "linear/panel_template.h"
#include "linear/f32_template.h"
#include "linear/rows_template.h"
#include "linear/encode_q8_template.h"
#include "linear/encode_float_template.h"

// ------------------------------------------------------------------------------------- int8 without VNNI

#define INT8(name) name##_avx512
#define CVAR_INT8_XOR 0

typedef vi int8_sum_avx512;

CVAR_INLINE vi int8_start_avx512(int32_t offset) {
  (void)offset;
  return (vi)CVAR_INT8_MAGIC_BITS;
}

/// |x| · (w with the sign of x): unsigned × signed bytes. Pairs of products stay within 16 bits as both factors are
/// within ±127.
CVAR_INLINE vi int8_dot_avx512(vi sum, vi w, vi x) {
  const __m512i bytes = (__m512i)w, inputs = (__m512i)x;
  const __m512i turned = _mm512_mask_sub_epi8(bytes, _mm512_movepi8_mask(inputs), _mm512_setzero_si512(), bytes);
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(inputs), turned);
  return sum + (vi)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

CVAR_INLINE vi int8_finish_avx512(vi sum) { return sum; }

#include "linear/int8_template.h"

#pragma clang attribute pop

// ---------------------------------------------------------------------------------------- int8 with VNNI

#pragma clang attribute push(__attribute__((target(CVAR_AVX512 ",avx512vnni"))), apply_to = function)

#undef INT8
#undef CVAR_INT8_XOR
#define INT8(name) name##_vnni
#define CVAR_INT8_XOR ((int32_t)0x80808080)

typedef vi int8_sum_vnni;

/// vpdpbusd multiplies unsigned weights w + 128, so the offset holds −128 · the sum of the inputs.
CVAR_INLINE vi int8_start_vnni(int32_t offset) { return (vi)offset; }

CVAR_INLINE vi int8_dot_vnni(vi sum, vi w, vi x) {
  return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
}

CVAR_INLINE vi int8_finish_vnni(vi sum) { return sum; }

#include "linear/int8_template.h"

#pragma clang attribute pop

// ------------------------------------------------------------------------------------------------- images

#pragma clang attribute push(__attribute__((target(CVAR_AVX512))), apply_to = function)

#include "image/multiply_template.h"
#include "image/strip_template.h"
#include "image/winograd_template.h"
#include "image/attention_template.h"

#pragma clang attribute pop

// --------------------------------------------------------------------------------------------------- bf16

#pragma clang attribute push(__attribute__((target(CVAR_AVX512 ",avx512bf16"))), apply_to = function)

#include "linear/bf16_avx512.h"

#pragma clang attribute pop

// ---------------------------------------------------------------------------------------------------- f16

#pragma clang attribute push(__attribute__((target(CVAR_AVX512 ",avx512fp16"))), apply_to = function)

#include "linear/f16_avx512.h"
#include "image/attention_f16_avx512.h"

#pragma clang attribute pop

#define CVAR_AVX512_OPS(bf16, f16, int8, attend)                                                         \
  {                                                                                                      \
    CVAR_TEMPLATE_OPS, .panel_f32 = panel_f32, .panel_bf16 = bf16, .panel_f16 = f16, .panel_int8 = int8, \
                       .attend_f16 = attend                                                              \
  }

const cvar_ops cvar_ops_avx512 = CVAR_AVX512_OPS(cvar_panel_scalar, cvar_panel_scalar, panel_int8_avx512, attend_f32);
const cvar_ops cvar_ops_avx512vnni = CVAR_AVX512_OPS(cvar_panel_scalar, cvar_panel_scalar, panel_int8_vnni, attend_f32);
const cvar_ops cvar_ops_avx512bf16 = CVAR_AVX512_OPS(panel_bf16, cvar_panel_scalar, panel_int8_vnni, attend_f32);
const cvar_ops cvar_ops_avx512fp16 = CVAR_AVX512_OPS(panel_bf16, panel_f16, panel_int8_vnni, attend_f16);
#endif
