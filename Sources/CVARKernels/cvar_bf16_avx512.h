// Linear layers by bf16 dot products (vdpbf16ps): pairs of k in every lane, sums in f32.

#define BF16_KC 256
#define BF16_ROWS 6
#define BF16_VECTORS (CVAR_PANEL / CVAR_WIDTH)

/// Packed weights: pairs [kc / 2][64], and the scales of the current 16 blocks.
typedef struct bf16_pack {
  int32_t pairs[BF16_KC / 2][CVAR_PANEL];
  float scales[SCALE_BLOCKS][CVAR_PANEL];
} bf16_pack;

/// Lanes (even, odd) as bf16.
CVAR_INLINE vi interleave_bf16(vf even, vf odd) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (vi)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)odd, (__m512)even));
}

CVAR_INLINE void pack_bf16_q8(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j, bf16_pack *pack,
                              size_t block) {
  for (size_t k = 0; k < kc; k += 4 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    load_quads(w, n, k0 + k, kc - k, square);
    for (size_t q = 0; q < CVAR_WIDTH && k + 4 * q < kc; q++) {
      const vf scale = load_f(&pack->scales[block + (k + 4 * q) / CVAR_BLOCK][j]);
      vf x[4];
      for (int i = 0; i < 4; i++) x[i] = __builtin_convertvector(square[q] << (24 - 8 * i) >> 24, vf) * scale;
      store_i(&pack->pairs[k / 2 + 2 * q][j], interleave_bf16(x[0], x[1]));
      store_i(&pack->pairs[k / 2 + 2 * q + 1][j], interleave_bf16(x[2], x[3]));
    }
  }
}

/// 2 · CVAR_WIDTH weights of a row as bf16, of which `count` exist.
CVAR_INLINE vi load_pairs(const char *p, size_t count, cvar_format format) {
  if (format == CVAR_FORMAT_BF16) {
    char part[CVAR_WIDTH * 4] = {0};
    if (count >= 2 * CVAR_WIDTH) return load_i(p);
    memcpy(part, p, count * 2);
    return load_i(part);
  }
  const size_t first = cvar_min(count, CVAR_WIDTH);
  const vf low = load_any(p, first, format);
  const vf high = count > first ? load_any(p + CVAR_WIDTH * element_size(format), count - first, format) : (vf)0.0f;
  return (vi)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

CVAR_INLINE void pack_bf16_rows(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j, bf16_pack *pack) {
  for (size_t k = 0; k < kc; k += 2 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    for (size_t i = 0; i < CVAR_WIDTH; i++) {
      square[i] = load_pairs(weight_at(w, weight_row(w, n + i), k0 + k, w->format), kc - k, w->format);
    }
    transpose(square);
    for (size_t i = 0; i < CVAR_WIDTH; i++) store_i(&pack->pairs[k / 2 + i][j], square[i]);
  }
}

static void pack_bf16(const cvar_weights *w, size_t n0, size_t k0, size_t kc, bf16_pack *pack) {
  const size_t block = k0 / CVAR_BLOCK % SCALE_BLOCKS;
  if (w->format == CVAR_FORMAT_Q8 && block == 0) load_scales(w, n0, k0, pack->scales);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += CVAR_WIDTH) {
    if (w->format == CVAR_FORMAT_Q8) {
      pack_bf16_q8(w, n0 + j, k0, kc, j, pack, block);
    } else {
      pack_bf16_rows(w, n0 + j, k0, kc, j, pack);
    }
  }
}

/// acc[rows, 64] (+)= x[rows, 2 · pairs] · tile.
CVAR_INLINE void tile_bf16(const uint16_t *x, size_t stride, const int32_t (*tile)[CVAR_PANEL], size_t pairs,
                           float *acc, bool first, const int rows) {
  __m512 sum[BF16_ROWS][BF16_VECTORS];
  for (int r = 0; r < rows; r++) {
    prefetch_bytes(x + (size_t)(rows + r) * stride, pairs * 4);
    for (int v = 0; v < BF16_VECTORS; v++) {
      sum[r][v] = first ? _mm512_setzero_ps() : (__m512)load_f(acc + r * CVAR_PANEL + v * CVAR_WIDTH);
    }
  }
  for (size_t p = 0; p < pairs; p++) {
    __m512bh w[BF16_VECTORS];
    for (int v = 0; v < BF16_VECTORS; v++) w[v] = (__m512bh)load_i(&tile[p][v * CVAR_WIDTH]);
    for (int r = 0; r < rows; r++) {
      const __m512bh pair = (__m512bh)broadcast_quad((const int8_t *)(x + (size_t)r * stride + 2 * p));
      for (int v = 0; v < BF16_VECTORS; v++) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], w[v], pair);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < BF16_VECTORS; v++) store_f(acc + r * CVAR_PANEL + v * CVAR_WIDTH, (vf)sum[r][v]);
  }
}

static void panel_bf16(const cvar_linear *l, cvar_part part, float *acc, void *scratch) {
  const size_t n0 = part.n0, rows = part.rows;
  const cvar_activations *const x = &l->input;
  bf16_pack *const pack = scratch;
  const size_t tiles = (rows + BF16_ROWS - 1) / BF16_ROWS;
  for (size_t k0 = 0; k0 < l->weights.k; k0 += BF16_KC) {
    const size_t kc = cvar_min(BF16_KC, l->weights.k - k0);
    fetch ahead = fetch_after(&l->weights, part, k0 + kc, BF16_KC, tiles);
    pack_bf16(&l->weights, n0, k0, kc, pack);
    for (size_t t = 0; t < tiles; t++) {
      const size_t first = rows * t / tiles, count = rows * (t + 1) / tiles - first;
      const bool last = k0 + kc == l->weights.k;
      float *const out = acc + first * CVAR_PANEL;
      fetch_some(&ahead);
      if (last) fetch_output(l, n0, part.row0 + first, count);
      const uint16_t *const input = (const uint16_t *)x->values + (part.row0 + first) * x->stride + k0;
      CVAR_ROWS_CASES(BF16_ROWS, count, tile_bf16, input, x->stride, (const int32_t(*)[CVAR_PANEL])pack->pairs,
                      (kc + 1) / 2, out, k0 == 0)
      if (last) finish(l, n0, part.row0 + first, count, out);
    }
  }
}
