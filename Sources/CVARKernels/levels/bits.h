// Bit-exact conversions between f32 and the 16-bit formats, one number at a time: the reference for every level.
#ifndef CVAR_BITS_H
#define CVAR_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t cvar_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float cvar_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float cvar_from_bf16(uint16_t x) { return cvar_float((uint32_t)x << 16); }

/// Round to nearest, ties to even; a NaN stays one (quiet).
static inline uint16_t cvar_to_bf16(float x) {
  const uint32_t bits = cvar_bits(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// The scale of a weight's block of 32 whose largest size is `most`: most / 127, rounded up to 11 significant bits
/// as an f16 has.
static inline float cvar_weight_scale(float most) { return cvar_float((cvar_bits(most / 127.0f) + 0x1fff) & ~0x1fffu); }

/// Round to nearest, ties to even; finite numbers within ±65504, or NaN.
static inline uint16_t cvar_to_f16(double x) {
  if (x != x) return 0x7e00;
  union {
    double number;
    uint64_t bits;
  } u = {.number = x};
  const uint16_t sign = (uint16_t)(u.bits >> 48 & 0x8000);
  u.bits &= 0x7fffffffffffffff;
  // Adding 2^(e + 42), with e the exponent (−14 at least), leaves a unit in the last place of 2^(e − 10).
  int exponent = (int)(u.bits >> 52) - 1023;
  if (exponent < -14) exponent = -14;
  union {
    uint64_t bits;
    double number;
  } shift = {.bits = (uint64_t)(exponent + 42 + 1023) << 52};
  u.number = (u.number + shift.number) - shift.number;
  // Units of the smallest subnormal, 2^−24, to a float whose bits, rebiased, are the f16's.
  const float scaled = (float)u.number * 0x1p-112f;
  uint32_t bits;
  memcpy(&bits, &scaled, sizeof bits);
  return (uint16_t)(sign | bits >> 13);
}

static inline float cvar_from_f16(uint16_t x) {
  const uint32_t sign = (uint32_t)(x & 0x8000) << 16;
  const uint32_t rest = x & 0x7fff;
  if (rest >= 0x7c00) return cvar_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  // Scaling by 2^112 moves the exponent's bias and makes subnormals normal, exactly.
  return cvar_float(sign | cvar_bits(cvar_float(rest << 13) * 0x1p112f));
}

#endif
