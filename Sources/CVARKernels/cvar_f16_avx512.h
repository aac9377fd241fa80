// Linear layers by f16 fused multiply-adds (AVX-512 FP16): 32 outputs a vector, twice the rate of f32.
//
// Inputs and weights have 11 significant bits instead of bf16's 8. Sums run in f16 over chains of CVAR_F16_CHAIN k and
// in f32 from chain to chain, which keeps the error of a layer below that of bf16 dot products (measured in
// LinearTests). Inputs are scaled by CVAR_F16_SCALE, so that a chain overflows only beyond 2.6e5.

#define F16_KC 128
#define F16_ROWS 12

/// Packed weights: f16 [kc][64], and the scales of the current 16 blocks.
typedef struct f16_pack {
  uint16_t values[F16_KC][CVAR_PANEL];
  float scales[SCALE_BLOCKS][CVAR_PANEL];
} f16_pack;

_Static_assert(F16_KC % CVAR_F16_CHAIN == 0, "a chain lies within one KC");

/// A weight of which every second row is seen, from row n on: lanes then hold the even or the odd outputs.
typedef struct half_rows {
  const cvar_weights *w;
  size_t n;
} half_rows;

CVAR_INLINE const char *half_row(half_rows h, size_t i, size_t k) {
  return weight_at(h.w, weight_row(h.w, h.n + 2 * i), k, h.w->format);
}

/// Lanes (low half of a, low half of b), and (high half of a, high half of b).
CVAR_INLINE vi join_low(vi a, vi b) { return (a & 0xffff) | (b << 16); }
CVAR_INLINE vi join_high(vi a, vi b) { return (vi)((vu)a >> 16) | (b & (int32_t)0xffff0000); }

/// 4 · CVAR_WIDTH int8 weights of each row, transposed in groups of four.
CVAR_INLINE void load_half_quads(half_rows h, size_t k, size_t count, vi *square) {
  for (size_t i = 0; i < CVAR_WIDTH; i++) {
    const char *p = half_row(h, i, k);
    char part[CVAR_WIDTH * 4] = {0};
    if (count < CVAR_WIDTH * 4) {
      memcpy(part, p, count);
      p = part;
    }
    square[i] = load_i(p);
  }
  transpose(square);
}

/// int16 lanes times f16 lanes.
CVAR_INLINE vi scale_int16(vi x, vi scale) {
  return (vi)_mm512_mul_ph(_mm512_cvtepi16_ph((__m512i)x), (__m512h)scale);
}

/// Packs the q8 weights of outputs j ..< j + 32.
CVAR_INLINE void pack_f16_q8(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j, f16_pack *pack,
                             size_t block) {
  for (size_t k = 0; k < kc; k += 4 * CVAR_WIDTH) {
    vi even[CVAR_WIDTH], odd[CVAR_WIDTH];
    load_half_quads((half_rows){w, n}, k0 + k, kc - k, even);
    load_half_quads((half_rows){w, n + 1}, k0 + k, kc - k, odd);
    vi even_scale = (vi)0, odd_scale = (vi)0;
    for (size_t q = 0; q < CVAR_WIDTH && k + 4 * q < kc; q++) {
      if (4 * q % CVAR_BLOCK == 0) {  // f16 numbers again, each twice
        const float *const scale = &pack->scales[block + (k + 4 * q) / CVAR_BLOCK][j];
        const __m256i low = _mm512_cvtps_ph((__m512)load_f(scale), 0);
        const __m256i high = _mm512_cvtps_ph((__m512)load_f(scale + CVAR_WIDTH), 0);
        const vi pairs = (vi)_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        even_scale = join_low(pairs, pairs);
        odd_scale = join_high(pairs, pairs);
      }
      // 16-bit lanes of bytes 0 and 2, and of bytes 1 and 3, sign-extended.
      const __m512i a = (__m512i)even[q], b = (__m512i)odd[q];
      const vi a02 = scale_int16((vi)_mm512_srai_epi16(_mm512_slli_epi16(a, 8), 8), even_scale);
      const vi b02 = scale_int16((vi)_mm512_srai_epi16(_mm512_slli_epi16(b, 8), 8), odd_scale);
      const vi a13 = scale_int16((vi)_mm512_srai_epi16(a, 8), even_scale);
      const vi b13 = scale_int16((vi)_mm512_srai_epi16(b, 8), odd_scale);
      uint16_t(*const out)[CVAR_PANEL] = &pack->values[k + 4 * q];
      store_i(&out[0][j], join_low(a02, b02));
      store_i(&out[1][j], join_low(a13, b13));
      store_i(&out[2][j], join_high(a02, b02));
      store_i(&out[3][j], join_high(a13, b13));
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
    vi even[CVAR_WIDTH], odd[CVAR_WIDTH];
    for (size_t i = 0; i < CVAR_WIDTH; i++) {
      even[i] = load_f16_pairs(half_row((half_rows){w, n}, i, k0 + k), kc - k, w->format);
      odd[i] = load_f16_pairs(half_row((half_rows){w, n + 1}, i, k0 + k), kc - k, w->format);
    }
    transpose(even);
    transpose(odd);
    for (size_t i = 0; i < CVAR_WIDTH; i++) {
      store_i(&pack->values[k + 2 * i][j], join_low(even[i], odd[i]));
      store_i(&pack->values[k + 2 * i + 1][j], join_high(even[i], odd[i]));
    }
  }
}

static void pack_f16(const cvar_weights *w, size_t n0, size_t k0, size_t kc, f16_pack *pack) {
  const size_t block = k0 / CVAR_BLOCK % SCALE_BLOCKS;
  if (w->format == CVAR_FORMAT_Q8 && block == 0) load_scales(w, n0, k0, pack->scales);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += 2 * CVAR_WIDTH) {
    if (w->format == CVAR_FORMAT_Q8) {
      pack_f16_q8(w, n0 + j, k0, kc, j, pack, block);
    } else {
      pack_f16_rows(w, n0 + j, k0, kc, j, pack);
    }
  }
}

/// p[32] (+)= a chain's sums, unscaled.
CVAR_INLINE void add_half(float *p, __m512h sum, bool first) {
  const __m512i bits = (__m512i)sum;
  const vf low = (vf)_mm512_cvtph_ps(_mm512_castsi512_si256(bits));
  const vf high = (vf)_mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1));
  const vf unscale = (vf)(1 / CVAR_F16_SCALE);
  store_f(p, fma_f(low, unscale, first ? (vf)0.0f : load_f(p)));
  store_f(p + CVAR_WIDTH, fma_f(high, unscale, first ? (vf)0.0f : load_f(p + CVAR_WIDTH)));
}

/// acc[rows, 64] (+)= x[rows, kc] · tile, kc at most a chain.
CVAR_INLINE void chain_f16(const uint32_t *x, size_t stride, const uint16_t (*tile)[CVAR_PANEL], size_t kc, float *acc,
                           bool first, const int rows) {
  __m512h sum[F16_ROWS][2];
  for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ph();
  for (size_t k = 0; k < kc; k++) {
    const __m512h w0 = (__m512h)load_i(&tile[k][0]), w1 = (__m512h)load_i(&tile[k][32]);
    for (int r = 0; r < rows; r++) {
      const __m512h number = (__m512h)(vi)(int32_t)x[(size_t)r * stride + k];
      sum[r][0] = _mm512_fmadd_ph(w0, number, sum[r][0]);
      sum[r][1] = _mm512_fmadd_ph(w1, number, sum[r][1]);
    }
  }
  for (int r = 0; r < rows; r++) {
    add_half(acc + r * CVAR_PANEL, sum[r][0], first);
    add_half(acc + r * CVAR_PANEL + 2 * CVAR_WIDTH, sum[r][1], first);
  }
}

CVAR_INLINE void tile_f16(const uint32_t *x, size_t stride, const uint16_t (*tile)[CVAR_PANEL], size_t kc, float *acc,
                          bool first, const int rows) {
  for (int r = 0; r < rows; r++) prefetch_bytes(x + (size_t)(rows + r) * stride, kc * sizeof(uint32_t));
  for (size_t k = 0; k < kc; k += CVAR_F16_CHAIN) {
    chain_f16(x + k, stride, tile + k, cvar_min(CVAR_F16_CHAIN, kc - k), acc, first && k == 0, rows);
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
      fetch_some(&ahead);
      if (k0 + kc == l->weights.k) fetch_output(l, n0, part.row0 + first, count);
      const uint32_t *const input = (const uint32_t *)x->values + (part.row0 + first) * x->stride + k0;
      CVAR_ROWS_CASES(F16_ROWS, count, tile_f16, input, x->stride, (const uint16_t(*)[CVAR_PANEL])pack->values, kc,
                      acc + first * CVAR_PANEL, k0 == 0)
    }
  }
}
