// Linear layers by f16 fused multiply-adds (AVX-512 FP16), at twice the rate of f32: pairs of k in every lane, one sum
// for the even k and one for the odd.
//
// Inputs and weights have 11 significant bits instead of bf16's 8. Sums run in f16 over CVAR_F16_CHAIN k and in f32
// from chain to chain, which keeps the error of a layer below that of bf16 dot products (measured in LinearTests).
// Inputs are scaled by CVAR_F16_SCALE, so that a chain overflows only beyond 2.6e5.

#define PAIRS(name) name##_f16
#define PAIRS_KC CVAR_F16_CHAIN

CVAR_INLINE bool is_own_f16(cvar_format format) { return is_f16(format); }

/// 2 · CVAR_WIDTH floats as f16.
CVAR_INLINE vi join_f16(vf low, vf high) {
  const __m256i lower = _mm512_cvtps_ph((__m512)low, 0), upper = _mm512_cvtps_ph((__m512)high, 0);
  return (vi)_mm512_inserti64x4(_mm512_castsi256_si512(lower), upper, 1);
}

typedef __m512h scale_f16;

/// f16 numbers again, each twice.
CVAR_INLINE __m512h load_scale_f16(const float *p) {
  const vi halves = (vi)_mm512_cvtepu16_epi32(_mm512_cvtps_ph((__m512)load_f(p), 0));
  return (__m512h)(halves | halves << 16);
}

CVAR_INLINE void scale_quads_f16(vi quads, __m512h scale, vi *pair) {
  // Bring bytes 0 and 1, or 2 and 3, of each lane to the upper halves of its two 16-bit numbers.
  const __m512i lower = _mm512_broadcast_i32x4(_mm_set_epi8(13, -1, 12, -1, 9, -1, 8, -1, 5, -1, 4, -1, 1, -1, 0, -1));
  const __m512i upper =
      _mm512_broadcast_i32x4(_mm_set_epi8(15, -1, 14, -1, 11, -1, 10, -1, 7, -1, 6, -1, 3, -1, 2, -1));
  const __m512i low = _mm512_srai_epi16(_mm512_shuffle_epi8((__m512i)quads, lower), 8);
  const __m512i high = _mm512_srai_epi16(_mm512_shuffle_epi8((__m512i)quads, upper), 8);
  pair[0] = (vi)_mm512_mul_ph(_mm512_cvtepi16_ph(low), scale);
  pair[1] = (vi)_mm512_mul_ph(_mm512_cvtepi16_ph(high), scale);
}

/// acc[16] (+)= a chain's even and odd sums, unscaled.
CVAR_INLINE void add_half(float *acc, __m512h sum, bool first) {
  const __m512h both = _mm512_add_ph(sum, (__m512h)_mm512_rol_epi32((__m512i)sum, 16));
  const vf total = (vf)_mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)both));
  store_f(acc, fma_f(total, (vf)(1 / CVAR_F16_SCALE), first ? (vf)0.0f : load_f(acc)));
}

/// acc[rows, 64] (+)= x[rows, 2 · pairs] · tile, at most one chain.
CVAR_INLINE void tile_f16(const uint16_t *x, size_t stride, const int32_t (*tile)[CVAR_PANEL], size_t pairs, float *acc,
                          bool first, const int rows) {
  __m512h sum[PAIRS_ROWS][PAIRS_VECTORS];
  for (int r = 0; r < rows; r++) {
    prefetch_bytes(x + (size_t)(rows + r) * stride, pairs * 4);
    for (int v = 0; v < PAIRS_VECTORS; v++) sum[r][v] = _mm512_setzero_ph();
  }
  const uint16_t *lower = x + 3 * stride;  // of rows 3 and on
  for (size_t p = 0; p < pairs; p++) {
    __m512h w[PAIRS_VECTORS];
    for (int v = 0; v < PAIRS_VECTORS; v++) w[v] = (__m512h)load_i(&tile[p][v * CVAR_WIDTH]);
    for (int r = 0; r < rows; r++) {
      const uint16_t *const row = r < 3 ? x + (size_t)r * stride : lower + (size_t)(r - 3) * stride;
      const __m512h pair = (__m512h)broadcast_quad((const int8_t *)row);
      for (int v = 0; v < PAIRS_VECTORS; v++) sum[r][v] = _mm512_fmadd_ph(w[v], pair, sum[r][v]);
    }
    x += 2;
    lower += 2;
    CVAR_KEEP_TWO(x, lower);
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < PAIRS_VECTORS; v++) add_half(acc + r * CVAR_PANEL + v * CVAR_WIDTH, sum[r][v], first);
  }
}

#include "linear/pairs_template.h"

#undef PAIRS
#undef PAIRS_KC
