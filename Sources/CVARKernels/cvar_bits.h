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
static inline float cvar_weight_scale(float most) {
  return cvar_float((cvar_bits(most / 127.0f) + 0x1fff) & ~0x1fffu);
}

static inline float cvar_from_f16(uint16_t x) {
  const uint32_t sign = (uint32_t)(x & 0x8000) << 16;
  const uint32_t rest = x & 0x7fff;
  if (rest >= 0x7c00) return cvar_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  // Scaling by 2^112 moves the exponent's bias and makes subnormals normal, exactly.
  return cvar_float(sign | cvar_bits(cvar_float(rest << 13) * 0x1p112f));
}

#endif
