// Arm NEON (AArch64), and its dot product.
#if defined(__aarch64__)
#include <arm_neon.h>

#define CVAR_WIDTH 4
#define CVAR_F32_ROWS 6
#define CVAR_F32_VECTORS 4
#define CVAR_INT8_XOR 0
#define CVAR_IMAGE_ROWS 6
#define CVAR_IMAGE_VECTORS 4

#include "levels/numbers.h"
#include "levels/ops.h"
#include "levels/tiles.h"
#include "levels/vector.h"
#include "linear/unpack.h"
#include "linear/blocks_template.h"
#include "linear/panel_template.h"
#include "linear/f32_template.h"
#include "linear/rows_template.h"
#include "linear/encode_q8_template.h"
#include "linear/encode_float_template.h"

// ------------------------------------------------------------------------------ int8 without dot product

#define INT8(name) name##_neon
#define CVAR_INT8_ROWS 2
#define CVAR_INT8_VECTORS 4

typedef struct int8_sum_neon {
  int32x4_t low, high;  // two partial sums of outputs 0, 1 and of outputs 2, 3
} int8_sum_neon;

CVAR_INLINE int8_sum_neon int8_start_neon(int32_t offset) {
  (void)offset;
  return (int8_sum_neon){vdupq_n_s32(0), vdupq_n_s32(0)};
}

CVAR_INLINE int8_sum_neon int8_dot_neon(int8_sum_neon sum, vi w, vi x) {
  const int8x16_t bytes = vreinterpretq_s8_s32((int32x4_t)w), inputs = vreinterpretq_s8_s32((int32x4_t)x);
  sum.low = vpadalq_s16(sum.low, vmull_s8(vget_low_s8(bytes), vget_low_s8(inputs)));
  sum.high = vpadalq_s16(sum.high, vmull_high_s8(bytes, inputs));
  return sum;
}

CVAR_INLINE vi int8_finish_neon(int8_sum_neon sum) { return (vi)vpaddq_s32(sum.low, sum.high) + CVAR_INT8_MAGIC_BITS; }

#include "linear/int8_template.h"

// --------------------------------------------------------------------------------- int8 with dot product

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#undef INT8
#undef CVAR_INT8_ROWS
#define INT8(name) name##_neondot
#define CVAR_INT8_ROWS 3

typedef vi int8_sum_neondot;

CVAR_INLINE vi int8_start_neondot(int32_t offset) {
  (void)offset;
  return (vi)CVAR_INT8_MAGIC_BITS;
}

CVAR_INLINE vi int8_dot_neondot(vi sum, vi w, vi x) {
  return (vi)vdotq_s32((int32x4_t)sum, vreinterpretq_s8_s32((int32x4_t)w), vreinterpretq_s8_s32((int32x4_t)x));
}

CVAR_INLINE vi int8_finish_neondot(vi sum) { return sum; }

#include "linear/int8_template.h"

#pragma clang attribute pop

// ------------------------------------------------------------------------------------------------- images

#include "image/multiply_template.h"
#include "image/strip_template.h"
#include "image/winograd_template.h"
#include "image/attention_template.h"

#define CVAR_NEON_OPS(int8)                                                                                     \
  {                                                                                                             \
    CVAR_TEMPLATE_OPS, .panel_f32 = panel_f32, .panel_bf16 = cvar_panel_scalar, .panel_f16 = cvar_panel_scalar, \
                       .panel_int8 = int8, .attend_f16 = attend_f32                                             \
  }

const cvar_ops cvar_ops_neon = CVAR_NEON_OPS(panel_int8_neon);
const cvar_ops cvar_ops_neondot = CVAR_NEON_OPS(panel_int8_neondot);
#endif
