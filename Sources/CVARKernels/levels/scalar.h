// Elementary functions and quantization, one number at a time: the reference for every level. The vector levels
// perform the same operations in the same order, so that their results are equal bit for bit.
#ifndef CVAR_SCALAR_H
#define CVAR_SCALAR_H

#include <math.h>

#include "levels/bits.h"
#include "linear/linear.h"

#pragma STDC FP_CONTRACT OFF

/// e^x = 2^n · e^r with |r| ≤ ln 2 / 2: Cody–Waite reduction in two steps, Taylor polynomial of degree 7
/// (truncation 5e-9), and 2^n in two factors so that subnormal results come out right. Within 2 ulp.
static inline float cvar_scalar_exp(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  // Adding 1.5 · 2^23 rounds to an integer, ties to even.
  const float n = fmaf(x, 0x1.715476p+0f, 0x1.8p23f) - 0x1.8p23f;
  float r = fmaf(n, -0x1.62e4p-1f, x);
  r = fmaf(n, -0x1.7f7d1cp-20f, r);
  float p = 1.0f / 5040;
  p = fmaf(p, r, 1.0f / 720);
  p = fmaf(p, r, 1.0f / 120);
  p = fmaf(p, r, 1.0f / 24);
  p = fmaf(p, r, 1.0f / 6);
  p = fmaf(p, r, 0.5f);
  p = fmaf(p * r, r, r) + 1.0f;
  const int32_t whole = n == n ? (int32_t)n : 0, half = whole >> 1;  // NaN stays in p
  return p * cvar_float((uint32_t)(half + 127) << 23) * cvar_float((uint32_t)(whole - half + 127) << 23);
}

/// x · sigmoid(x).
static inline float cvar_scalar_silu(float x) { return x / (1.0f + cvar_scalar_exp(-x)); }

/// 0.5·x·(1 + tanh u) = x · sigmoid(2u) with u = √(2/π)·(x + 0.044715·x³), which keeps the relative accuracy
/// where tanh comes close to −1.
static inline float cvar_scalar_gelu(float x) {
  const float inner = fmaf(0.044715f * x, x, 1.0f);
  return x / (1.0f + cvar_scalar_exp(x * inner * -0x1.988454p+0f));
}

/// An input of f16 arithmetic; a NaN counts as the largest number.
static inline uint16_t cvar_scalar_f16_input(float x) {
  float v = x * CVAR_F16_SCALE;
  v = v < CVAR_F16_LARGEST ? v : CVAR_F16_LARGEST;
  v = v > -CVAR_F16_LARGEST ? v : -CVAR_F16_LARGEST;
  return cvar_to_f16(v);
}

static inline float cvar_scalar_largest(const float *x) {
  float largest = 0;
  for (int i = 0; i < 32; i++) largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
  return largest;
}

/// values = x · inverse, rounded to nearest, ties to even; returns their sum.
static inline int32_t cvar_scalar_quantize_by(const float *x, float inverse, int8_t *values) {
  int32_t sum = 0;
  for (int i = 0; i < 32; i++) {
    float v = x[i] * inverse;
    v = v < 127.0f ? v : 127.0f;
    v = v > -127.0f ? v : -127.0f;
    values[i] = (int8_t)(int32_t)(cvar_bits(v + 0x1.8p23f) - CVAR_INT8_MAGIC_BITS);
    sum += values[i];
  }
  return sum;
}

/// Quantizes a block of 32 inputs: scale = max|x| / 127. Returns the scale; `offset` is what sums over weights
/// w + 128 start from, CVAR_INT8_MAGIC_BITS − 128 · the values' sum.
static inline float cvar_scalar_quantize(const float *x, int8_t *values, int32_t *offset) {
  const float most = cvar_scalar_largest(x);
  *offset = CVAR_INT8_MAGIC_BITS - 128 * cvar_scalar_quantize_by(x, most > 0 ? 127.0f / most : 0, values);
  return most / 127.0f;
}

/// Quantizes a block of 32 weights of another format than q8.
static inline float cvar_scalar_quantize_weights(const float *x, int8_t *values) {
  const float scale = cvar_weight_scale(cvar_scalar_largest(x));
  cvar_scalar_quantize_by(x, scale > 0 ? 1.0f / scale : 0, values);
  return scale;
}

#endif
