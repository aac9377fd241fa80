// The inner loops on images with Arm NEON (AArch64).
#if defined(__aarch64__)
#include <arm_neon.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VW 4
#define NV 4
#define MR 6
#define OPS cvar_image_ops_neon

typedef float32x4_t vf;

static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf x) { vst1q_f32(p, x); }
static inline vf v_set1(float x) { return vdupq_n_f32(x); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
static inline vf v_min(vf a, vf b) { return vminq_f32(a, b); }
static inline float v_sum(vf x) { return vaddvq_f32(x); }
static inline vf v_round(vf x) { return vrndnq_f32(x); }
static inline vf v_scale2(vf x, vf n) {
  n = vminq_f32(vdupq_n_f32(127), vmaxq_f32(vdupq_n_f32(-127), n));
  const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
  return x * vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
}
static inline vf v_reciprocal(vf x) { return vdivq_f32(vdupq_n_f32(1.0f), x); }
static inline vf v_load_half(const uint16_t *p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static inline void v_store_half(uint16_t *p, vf x) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}
static inline float s_half(uint16_t h) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(h))), 0);
}
static inline vf v_load_int8(const int8_t *p) {
  int32_t bits;
  memcpy(&bits, p, 4);
  const int8x8_t bytes = vreinterpret_s8_s32(vdup_n_s32(bits));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
}
static inline void v_columns(const float *p, size_t stride, vf *out) {
  const float32x4x2_t ac = vzipq_f32(vld1q_f32(p), vld1q_f32(p + 2 * stride));
  const float32x4x2_t bd = vzipq_f32(vld1q_f32(p + stride), vld1q_f32(p + 3 * stride));
  const float32x4x2_t low = vzipq_f32(ac.val[0], bd.val[0]);
  const float32x4x2_t high = vzipq_f32(ac.val[1], bd.val[1]);
  out[0] = low.val[0];
  out[1] = low.val[1];
  out[2] = high.val[0];
  out[3] = high.val[1];
}

#include "cvar_image_template.h"
#endif
