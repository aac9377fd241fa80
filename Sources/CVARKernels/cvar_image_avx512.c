// The inner loops on images with AVX-512 (F, BW, VL).
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,fma,f16c"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,fma,f16c")
#endif

#define VW 16
#define NV 2
#define MR 12
#define OPS cvar_image_ops_avx512

typedef __m512 vf;

static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
static inline vf v_set1(float x) { return _mm512_set1_ps(x); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline float v_sum(vf x) { return _mm512_reduce_add_ps(x); }
static inline vf v_round(vf x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf v_scale2(vf x, vf n) {
  return _mm512_scalef_ps(x, _mm512_min_ps(_mm512_set1_ps(127), n));
}
static inline vf v_reciprocal(vf x) {
  vf r = _mm512_rcp14_ps(x);
  return r * _mm512_fnmadd_ps(x, r, _mm512_set1_ps(2.0f));
}
static inline vf v_load_half(const uint16_t *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline void v_store_half(uint16_t *p, vf x) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
static inline float s_half(uint16_t h) { return _cvtsh_ss(h); }
static inline vf v_load_int8(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
// Rows 0, 4, 8 and 12 of four numbers.
static inline __m512 v_quad(const float *p, size_t stride) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(p));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 4 * stride), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 8 * stride), 2);
  return _mm512_insertf32x4(x, _mm_loadu_ps(p + 12 * stride), 3);
}
static inline void v_columns(const float *p, size_t stride, vf *out) {
  const __m512 a = v_quad(p, stride), b = v_quad(p + stride, stride);
  const __m512 c = v_quad(p + 2 * stride, stride), d = v_quad(p + 3 * stride, stride);
  const __m512 ab = _mm512_unpacklo_ps(a, b), AB = _mm512_unpackhi_ps(a, b);
  const __m512 cd = _mm512_unpacklo_ps(c, d), CD = _mm512_unpackhi_ps(c, d);
  out[0] = _mm512_shuffle_ps(ab, cd, 0x44);
  out[1] = _mm512_shuffle_ps(ab, cd, 0xEE);
  out[2] = _mm512_shuffle_ps(AB, CD, 0x44);
  out[3] = _mm512_shuffle_ps(AB, CD, 0xEE);
}

#include "cvar_image_template.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
