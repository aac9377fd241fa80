// The inner loops on images without SIMD: the reference of all others.
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VW 1
#define NV 8
#define MR 1
#define OPS cvar_image_ops_scalar

typedef float vf;

static inline vf v_load(const float *p) { return *p; }
static inline void v_store(float *p, vf x) { *p = x; }
static inline vf v_set1(float x) { return x; }
static inline vf v_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf v_max(vf a, vf b) { return a > b ? a : b; }
static inline vf v_min(vf a, vf b) { return a < b ? a : b; }
static inline float v_sum(vf x) { return x; }
static inline vf v_round(vf x) { return rintf(x); }
static inline vf v_scale2(vf x, vf n) { return ldexpf(x, n > 127 ? 127 : n > -150 ? (int)n : -150); }
static inline vf v_reciprocal(vf x) { return 1.0f / x; }
static inline vf v_load_int8(const int8_t *p) { return (float)*p; }

static inline float s_half(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 0x3FF;
  float f = exponent == 31 ? (mantissa ? NAN : INFINITY)
            : exponent     ? ldexpf((float)(mantissa | 0x400), exponent - 25)
                           : ldexpf((float)mantissa, -24);
  return h & 0x8000 ? -f : f;
}
static inline vf v_load_half(const uint16_t *p) { return s_half(*p); }

// Rounds to nearest even; the caller has clamped x to the finite range.
static inline void v_store_half(uint16_t *p, vf x) {
  const uint16_t sign = signbit(x) ? 0x8000 : 0;
  const float magnitude = fabsf(x);
  if (magnitude != magnitude) {
    *p = sign | 0x7E00;
    return;
  }
  int exponent;
  (void)frexpf(magnitude, &exponent);
  // Units of the last place: 2^(exponent-11), and 2^-24 for subnormal numbers.
  const int unit = exponent - 11 < -24 || magnitude == 0 ? -24 : exponent - 11;
  const uint16_t steps = (uint16_t)rintf(ldexpf(magnitude, -unit));
  *p = sign | (uint16_t)(((unit + 24) << 10) + steps);
}
static inline void v_columns(const float *p, size_t stride, vf *out) {
  (void)stride;
  for (int i = 0; i < 4; i++) out[i] = p[i];
}

#include "cvar_image_template.h"
