// Linear layers by bf16 dot products (vdpbf16ps): pairs of k in every lane, sums in f32.

#define PAIRS(name) name##_bf16
#define PAIRS_KC 256

CVAR_INLINE bool is_own_bf16(cvar_format format) { return is_bf16(format); }

/// 2 · CVAR_WIDTH floats as bf16.
CVAR_INLINE vi join_bf16(vf low, vf high) { return (vi)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low); }

typedef vf scale_bf16;

CVAR_INLINE vf load_scale_bf16(const float *p) { return load_f(p); }

/// Lanes (even, odd) as bf16.
CVAR_INLINE vi interleave_bf16(vf even, vf odd) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (vi)_mm512_permutexvar_epi16(order, (__m512i)join_bf16(even, odd));
}

CVAR_INLINE void scale_quads_bf16(vi quads, vf scale, vi *pair) {
  vf x[4];
  for (int i = 0; i < 4; i++) x[i] = byte_of_quads(quads, i) * scale;
  pair[0] = interleave_bf16(x[0], x[1]);
  pair[1] = interleave_bf16(x[2], x[3]);
}

CVAR_INLINE void tile_bf16(const uint16_t *x, size_t stride, const int32_t (*tile)[CVAR_PANEL], size_t pairs,
                           float *acc, bool first, const int rows) {
  __m512 sum[PAIRS_ROWS][PAIRS_VECTORS];
  for (int r = 0; r < rows; r++) {
    prefetch_bytes(x + (size_t)(rows + r) * stride, pairs * 4);
    for (int v = 0; v < PAIRS_VECTORS; v++) {
      sum[r][v] = first ? _mm512_setzero_ps() : (__m512)load_f(acc + r * CVAR_PANEL + v * CVAR_WIDTH);
    }
  }
  for (size_t p = 0; p < pairs; p++) {
    __m512bh w[PAIRS_VECTORS];
    for (int v = 0; v < PAIRS_VECTORS; v++) w[v] = (__m512bh)load_i(&tile[p][v * CVAR_WIDTH]);
    for (int r = 0; r < rows; r++) {
      const __m512bh pair = (__m512bh)broadcast_quad((const int8_t *)(x + (size_t)r * stride + 2 * p));
      for (int v = 0; v < PAIRS_VECTORS; v++) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], w[v], pair);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < PAIRS_VECTORS; v++) store_f(acc + r * CVAR_PANEL + v * CVAR_WIDTH, (vf)sum[r][v]);
  }
}

#include "linear/pairs_template.h"

#undef PAIRS
#undef PAIRS_KC
