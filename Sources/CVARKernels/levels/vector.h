// Vectors of CVAR_WIDTH f32 lanes and what is computed with them, for one level: the including file defines the width
// (1 without SIMD) and switches the instruction set on. Everything that scalar.h has follows it operation by operation.
#include <math.h>
#include <string.h>

#include "levels/bits.h"
#include "levels/ops.h"

#pragma STDC FP_CONTRACT OFF

#define CVAR_INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((ext_vector_type(CVAR_WIDTH)));
typedef int32_t vi __attribute__((ext_vector_type(CVAR_WIDTH)));
typedef uint32_t vu __attribute__((ext_vector_type(CVAR_WIDTH)));
typedef int8_t vb __attribute__((ext_vector_type(CVAR_WIDTH)));
typedef uint16_t vh __attribute__((ext_vector_type(CVAR_WIDTH)));
typedef float vf2 __attribute__((ext_vector_type(2)));
typedef float vf4 __attribute__((ext_vector_type(4)));
typedef float vf8 __attribute__((ext_vector_type(8)));
#if CVAR_WIDTH > 1
typedef _Float16 vf16 __attribute__((ext_vector_type(CVAR_WIDTH)));
#endif

CVAR_INLINE vf load_f(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

CVAR_INLINE void store_f(float *p, vf v) { memcpy(p, &v, sizeof v); }

CVAR_INLINE vi load_i(const void *p) {
  vi v;
  memcpy(&v, p, sizeof v);
  return v;
}

CVAR_INLINE void store_i(void *p, vi v) { memcpy(p, &v, sizeof v); }

CVAR_INLINE vi broadcast_quad(const int8_t *p) {
  int32_t quad;
  memcpy(&quad, p, sizeof quad);
  return (vi)quad;
}

CVAR_INLINE vf load_f16(const void *p) {
#if CVAR_WIDTH == 1  // no instruction to rely on
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
  return (vf)cvar_from_f16(bits);
#else
  vf16 v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, vf);
#endif
}

/// Rounded to nearest, ties to even.
CVAR_INLINE void store_f16(uint16_t *p, vf x) {
#if CVAR_WIDTH == 1
  *p = cvar_to_f16(x[0]);
#else
  const vf16 narrow = __builtin_convertvector(x, vf16);
  memcpy(p, &narrow, sizeof narrow);
#endif
}

CVAR_INLINE vf load_bf16(const void *p) {
  vh v;
  memcpy(&v, p, sizeof v);
  return (vf)(__builtin_convertvector(v, vu) << 16);
}

/// The first `count` < CVAR_WIDTH numbers, then zeros.
CVAR_INLINE vf load_part(const float *p, size_t count) {
  float lane[CVAR_WIDTH] = {0};
  memcpy(lane, p, count * sizeof(float));
  return load_f(lane);
}

/// The first `count` ≤ CVAR_WIDTH lanes.
CVAR_INLINE void store_part(float *p, vf x, size_t count) { memcpy(p, &x, count * sizeof(float)); }

CVAR_INLINE vf fma_f(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }

/// a · b + c, rounded once or twice: for sums whose last bits are no level's promise.
CVAR_INLINE vf madd_f(vf a, vf b, vf c) {
#if CVAR_WIDTH == 1  // a fused one would be a call
  return a * b + c;
#else
  return fma_f(a, b, c);
#endif
}

/// The larger one; b where one of them is NaN.
CVAR_INLINE vf max_f(vf a, vf b) { return a > b ? a : b; }

/// The smaller one; b where one of them is NaN.
CVAR_INLINE vf min_f(vf a, vf b) { return a < b ? a : b; }

/// The sum of all lanes, halves added to halves.
CVAR_INLINE float sum_f(vf x) {
#if CVAR_WIDTH == 16
  const vf8 eight = x.lo + x.hi;
  const vf4 four = eight.lo + eight.hi;
#elif CVAR_WIDTH == 8
  const vf4 four = x.lo + x.hi;
#elif CVAR_WIDTH == 4
  const vf4 four = x;
#endif
#if CVAR_WIDTH == 1
  return x[0];
#else
  const vf2 two = four.lo + four.hi;
  return two.lo + two.hi;
#endif
}

CVAR_INLINE vf abs_f(vf x) { return (vf)((vu)x & 0x7fffffffu); }

/// To bf16 and back; finite numbers only.
CVAR_INLINE vu round_bf16_bits(vf x) {
  const vu bits = (vu)x;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
}

/// To bf16 and back; a NaN stays one.
CVAR_INLINE vu round_bf16_any(vf x) {
  const vu bits = (vu)x;
  return (vi)(x != x) ? ((bits & 0xffff0000u) | 0x400000u) : round_bf16_bits(x);
}

/// p · 2^n for integral n from −150 to 129 and p near 1, rounded once; p where it is NaN.
CVAR_INLINE vf scale_f(vf p, vf n) {
#if CVAR_WIDTH == 16
  return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
  n = n == n ? n : (vf)0.0f;
  const vi whole = __builtin_convertvector(n, vi), half = whole >> 1;
  return p * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
#endif
}

/// The exp of every kernel: within 2 ulp, see cvar_scalar_exp.
CVAR_INLINE vf exp_f(vf x) {
  x = x < -104.0f ? (vf)-104.0f : x;
  x = x > 89.0f ? (vf)89.0f : x;
  const vf n = fma_f(x, (vf)0x1.715476p+0f, (vf)0x1.8p23f) - 0x1.8p23f;
  vf r = fma_f(n, (vf)-0x1.62e4p-1f, x);
  r = fma_f(n, (vf)-0x1.7f7d1cp-20f, r);
  vf p = (vf)(1.0f / 5040);
  p = fma_f(p, r, (vf)(1.0f / 720));
  p = fma_f(p, r, (vf)(1.0f / 120));
  p = fma_f(p, r, (vf)(1.0f / 24));
  p = fma_f(p, r, (vf)(1.0f / 6));
  p = fma_f(p, r, (vf)0.5f);
  return scale_f(fma_f(p * r, r, r) + 1.0f, n);
}

CVAR_INLINE vf silu_f(vf x) { return x / (1.0f + exp_f(-x)); }

CVAR_INLINE vf gelu_f(vf x) {
  const vf inner = fma_f(0.044715f * x, x, (vf)1.0f);
  return x / (1.0f + exp_f(x * inner * -0x1.988454p+0f));
}

/// The 16 partial sums of the scalar twin, in 16 / CVAR_WIDTH vectors, added as a tree.
CVAR_INLINE float reduce_lanes(const vf *partial) {
  float lane[16];
  for (int i = 0; i < 16 / CVAR_WIDTH; i++) store_f(lane + i * CVAR_WIDTH, partial[i]);
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) lane[i] += lane[i + half];
  }
  return lane[0];
}

// One stage of a transpose: exchanges the off-diagonal blocks of size `s` of rows a and b = a + s.
#define CVAR_EXCHANGE(a, b, ...)                                           \
  do {                                                                     \
    const vi first = (a), second = (b);                                    \
    (a) = __builtin_shufflevector(first, second, CVAR_LOW_##__VA_ARGS__);  \
    (b) = __builtin_shufflevector(first, second, CVAR_HIGH_##__VA_ARGS__); \
  } while (0)

// Stage s takes lane l of row a where l & s is 0, else lane l − s of row b; and the counterparts.
#if CVAR_WIDTH == 16
#define CVAR_LOW_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define CVAR_HIGH_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define CVAR_LOW_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define CVAR_HIGH_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define CVAR_LOW_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define CVAR_HIGH_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define CVAR_LOW_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define CVAR_HIGH_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#elif CVAR_WIDTH == 8
#define CVAR_LOW_4 0, 1, 2, 3, 8, 9, 10, 11
#define CVAR_HIGH_4 4, 5, 6, 7, 12, 13, 14, 15
#define CVAR_LOW_2 0, 1, 8, 9, 4, 5, 12, 13
#define CVAR_HIGH_2 2, 3, 10, 11, 6, 7, 14, 15
#define CVAR_LOW_1 0, 8, 2, 10, 4, 12, 6, 14
#define CVAR_HIGH_1 1, 9, 3, 11, 5, 13, 7, 15
#elif CVAR_WIDTH == 4
#define CVAR_LOW_2 0, 1, 4, 5
#define CVAR_HIGH_2 2, 3, 6, 7
#define CVAR_LOW_1 0, 4, 2, 6
#define CVAR_HIGH_1 1, 5, 3, 7
#endif

/// Transposes a square of 32-bit elements in place.
CVAR_INLINE void transpose(vi *row) {
#if CVAR_WIDTH >= 16
  for (int i = 0; i < 8; i++) CVAR_EXCHANGE(row[i], row[i + 8], 8);
#endif
#if CVAR_WIDTH >= 8
  for (int j = 0; j < CVAR_WIDTH; j += 8) {
    for (int i = j; i < j + 4; i++) CVAR_EXCHANGE(row[i], row[i + 4], 4);
  }
#endif
#if CVAR_WIDTH >= 4
  for (int j = 0; j < CVAR_WIDTH; j += 4) {
    for (int i = j; i < j + 2; i++) CVAR_EXCHANGE(row[i], row[i + 2], 2);
  }
  for (int i = 0; i < CVAR_WIDTH; i += 2) CVAR_EXCHANGE(row[i], row[i + 1], 1);
#else
  (void)row;
#endif
}
