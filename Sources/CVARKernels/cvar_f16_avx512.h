// Linear layers by f16 fused multiply-adds (AVX-512 FP16), at twice the rate of f32: pairs of k in every lane, one sum
// for the even k and one for the odd.
//
// Inputs and weights have 11 significant bits instead of bf16's 8. Sums run in f16 over CVAR_F16_CHAIN k and in f32
// from chain to chain, which keeps the error of a layer below that of bf16 dot products (measured in LinearTests).
// Inputs are scaled by CVAR_F16_SCALE, so that a chain overflows only beyond 2.6e5.

#define F16_KC CVAR_F16_CHAIN
#define F16_ROWS 6
#define F16_VECTORS (CVAR_PANEL / CVAR_WIDTH)

/// Packed weights: pairs [kc / 2][64], and the scales of the current 16 blocks.
typedef struct f16_pack {
  int32_t pairs[F16_KC / 2][CVAR_PANEL];
  float scales[SCALE_BLOCKS][CVAR_PANEL];
} f16_pack;

/// Lanes of int16 pairs times the scale of each lane's output, as f16 pairs.
CVAR_INLINE vi scale_pairs(__m512i pairs, __m512h scale) {
  return (vi)_mm512_mul_ph(_mm512_cvtepi16_ph(pairs), scale);
}

CVAR_INLINE void pack_f16_q8(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j, f16_pack *pack,
                             size_t block) {
  // Bring bytes 0 and 1, or 2 and 3, of each lane to the upper halves of its two 16-bit numbers.
  const __m512i lower = _mm512_broadcast_i32x4(
      _mm_set_epi8(13, -1, 12, -1, 9, -1, 8, -1, 5, -1, 4, -1, 1, -1, 0, -1));
  const __m512i upper = _mm512_broadcast_i32x4(
      _mm_set_epi8(15, -1, 14, -1, 11, -1, 10, -1, 7, -1, 6, -1, 3, -1, 2, -1));
  for (size_t k = 0; k < kc; k += 4 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    load_quads(w, n, k0 + k, kc - k, square);
    __m512h scale = _mm512_setzero_ph();
    for (size_t q = 0; q < CVAR_WIDTH && k + 4 * q < kc; q++) {
      if (4 * q % CVAR_BLOCK == 0) {  // f16 numbers again, each twice
        const vf numbers = load_f(&pack->scales[block + (k + 4 * q) / CVAR_BLOCK][j]);
        const vi halves = (vi)_mm512_cvtepu16_epi32(_mm512_cvtps_ph((__m512)numbers, 0));
        scale = (__m512h)(halves | halves << 16);
      }
      const __m512i bytes = (__m512i)square[q];
      const __m512i low = _mm512_srai_epi16(_mm512_shuffle_epi8(bytes, lower), 8);
      const __m512i high = _mm512_srai_epi16(_mm512_shuffle_epi8(bytes, upper), 8);
      store_i(&pack->pairs[k / 2 + 2 * q][j], scale_pairs(low, scale));
      store_i(&pack->pairs[k / 2 + 2 * q + 1][j], scale_pairs(high, scale));
    }
  }
}

/// 2 · CVAR_WIDTH weights of a row as f16, of which `count` exist.
CVAR_INLINE vi load_f16_pairs(const char *p, size_t count, cvar_format format) {
  if (format == CVAR_FORMAT_F16) {
    char part[CVAR_WIDTH * 4] = {0};
    if (count >= 2 * CVAR_WIDTH) return load_i(p);
    memcpy(part, p, count * 2);
    return load_i(part);
  }
  const size_t first = cvar_min(count, CVAR_WIDTH);
  const vf low = load_any(p, first, format);
  const vf high = count > first ? load_any(p + CVAR_WIDTH * element_size(format), count - first, format) : (vf)0.0f;
  const __m256i lower = _mm512_cvtps_ph((__m512)low, 0), upper = _mm512_cvtps_ph((__m512)high, 0);
  return (vi)_mm512_inserti64x4(_mm512_castsi256_si512(lower), upper, 1);
}

CVAR_INLINE void pack_f16_rows(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j, f16_pack *pack) {
  for (size_t k = 0; k < kc; k += 2 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    for (size_t i = 0; i < CVAR_WIDTH; i++) {
      square[i] = load_f16_pairs(weight_at(w, weight_row(w, n + i), k0 + k, w->format), kc - k, w->format);
    }
    transpose(square);
    for (size_t i = 0; i < CVAR_WIDTH; i++) store_i(&pack->pairs[k / 2 + i][j], square[i]);
  }
}

static void pack_f16(const cvar_weights *w, size_t n0, size_t k0, size_t kc, f16_pack *pack) {
  const size_t block = k0 / CVAR_BLOCK % SCALE_BLOCKS;
  if (w->format == CVAR_FORMAT_Q8 && block == 0) load_scales(w, n0, k0, pack->scales);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += CVAR_WIDTH) {
    if (w->format == CVAR_FORMAT_Q8) {
      pack_f16_q8(w, n0 + j, k0, kc, j, pack, block);
    } else {
      pack_f16_rows(w, n0 + j, k0, kc, j, pack);
    }
  }
}

/// acc[16] (+)= a chain's even and odd sums, unscaled.
CVAR_INLINE void add_half(float *acc, __m512h sum, bool first) {
  const __m512h both = _mm512_add_ph(sum, (__m512h)_mm512_rol_epi32((__m512i)sum, 16));
  const vf total = (vf)_mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)both));
  store_f(acc, fma_f(total, (vf)(1 / CVAR_F16_SCALE), first ? (vf)0.0f : load_f(acc)));
}

/// acc[rows, 64] (+)= x[rows, 2 · pairs] · tile, at most one chain.
CVAR_INLINE void tile_f16(const uint16_t *x, size_t stride, const int32_t (*tile)[CVAR_PANEL], size_t pairs,
                          float *acc, bool first, const int rows) {
  __m512h sum[F16_ROWS][F16_VECTORS];
  for (int r = 0; r < rows; r++) {
    prefetch_bytes(x + (size_t)(rows + r) * stride, pairs * 4);
    for (int v = 0; v < F16_VECTORS; v++) sum[r][v] = _mm512_setzero_ph();
  }
  const uint16_t *lower = x + 3 * stride;  // of rows 3 and on
  for (size_t p = 0; p < pairs; p++) {
    __m512h w[F16_VECTORS];
    for (int v = 0; v < F16_VECTORS; v++) w[v] = (__m512h)load_i(&tile[p][v * CVAR_WIDTH]);
    for (int r = 0; r < rows; r++) {
      const uint16_t *const row = r < 3 ? x + (size_t)r * stride : lower + (size_t)(r - 3) * stride;
      const __m512h pair = (__m512h)broadcast_quad((const int8_t *)row);
      for (int v = 0; v < F16_VECTORS; v++) sum[r][v] = _mm512_fmadd_ph(w[v], pair, sum[r][v]);
    }
    x += 2;
    lower += 2;
    CVAR_KEEP_TWO(x, lower);
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < F16_VECTORS; v++) add_half(acc + r * CVAR_PANEL + v * CVAR_WIDTH, sum[r][v], first);
  }
}

static void panel_f16(const cvar_linear *l, cvar_part part, float *acc, void *scratch) {
  const size_t n0 = part.n0, rows = part.rows;
  const cvar_activations *const x = &l->input;
  f16_pack *const pack = scratch;
  const size_t tiles = (rows + F16_ROWS - 1) / F16_ROWS;
  for (size_t k0 = 0; k0 < l->weights.k; k0 += F16_KC) {
    const size_t kc = cvar_min(F16_KC, l->weights.k - k0);
    fetch ahead = fetch_after(&l->weights, part, k0 + kc, F16_KC, tiles);
    pack_f16(&l->weights, n0, k0, kc, pack);
    for (size_t t = 0; t < tiles; t++) {
      const size_t first = rows * t / tiles, count = rows * (t + 1) / tiles - first;
      const bool last = k0 + kc == l->weights.k;
      float *const out = acc + first * CVAR_PANEL;
      fetch_some(&ahead);
      if (last) fetch_output(l, n0, part.row0 + first, count);
      const uint16_t *const input = (const uint16_t *)x->values + (part.row0 + first) * x->stride + k0;
      CVAR_ROWS_CASES(F16_ROWS, count, tile_f16, input, x->stride, (const int32_t(*)[CVAR_PANEL])pack->pairs,
                      (kc + 1) / 2, out, k0 == 0)
      if (last) finish(l, n0, part.row0 + first, count, out);
    }
  }
}
