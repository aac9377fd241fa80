// Linear layers of one level by 16-bit numbers, two neighbours along k in every 32-bit lane. May be included several
// times in a file, which sets
//   PAIRS(name), PAIRS_KC   the name with a suffix of its own; how many k are packed at a time
// and defines
//   PAIRS(is_own)(format)                   whether weights of a format are such numbers already
//   PAIRS(join)(low, high)                  2 · CVAR_WIDTH floats as 16-bit numbers, in order
//   PAIRS(scale), PAIRS(load_scale)(p)      the scales of CVAR_WIDTH outputs
//   PAIRS(scale_quads)(quads, scale, pair)  int8 numbers 0 and 1, and 2 and 3, of each lane times its scale
//   PAIRS(tile)(…, rows)                    acc[rows, 64] (+)= x[rows, 2 · pairs] · packed pairs

/// Packed weights: pairs [kc / 2][64], and the scales of the current 16 blocks.
typedef struct PAIRS(pack) {
  int32_t pairs[PAIRS_KC / 2][CVAR_PANEL];
  float scales[SCALE_BLOCKS][CVAR_PANEL];
} PAIRS(pack);

_Static_assert(CVAR_ACCUMULATOR_BYTES + sizeof(PAIRS(pack)) <= CVAR_LINEAR_SCRATCH, "scratch memory");

CVAR_INLINE void PAIRS(pack_quads)(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j, PAIRS(pack) * pack,
                                   size_t block, const size_t size) {
  for (size_t k = 0; k < kc; k += 4 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    unpack_quads(w, n, k0 + k, kc - k, square);
    for (size_t b = 0; b < 4 * CVAR_WIDTH && k + b < kc; b += size) {
      const PAIRS(scale) scale = PAIRS(load_scale)(&pack->scales[block + (k + b) / size][j]);
      for (size_t q = b / 4; q < (b + size) / 4; q++) {
        vi pair[2];
        PAIRS(scale_quads)(square[q], scale, pair);
        for (size_t i = 0; i < 2; i++) store_i(&pack->pairs[k / 2 + 2 * q + i][j], pair[i]);
      }
    }
  }
}

CVAR_INLINE void PAIRS(join_rows)(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count,
                                  vi *square) {
  for (size_t i = 0; i < CVAR_WIDTH; i++) {
    if (PAIRS(is_own)(format)) {
      square[i] = half_vector(format, w, n + i, k, count);
      continue;
    }
    const vf low = float_vector(format, w, n + i, k, count);
    const vf high = count > CVAR_WIDTH ? float_vector(format, w, n + i, k + CVAR_WIDTH, count - CVAR_WIDTH) : (vf)0.0f;
    square[i] = PAIRS(join)(low, high);
  }
}

CVAR_INLINE void PAIRS(pack_floats)(const cvar_weights *w, size_t n, size_t k0, size_t kc, size_t j,
                                    PAIRS(pack) * pack) {
  for (size_t k = 0; k < kc; k += 2 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    BY_FLOAT_FORMAT(w, PAIRS(join_rows), n, k0 + k, kc - k, square)
    transpose(square);
    for (size_t i = 0; i < CVAR_WIDTH; i++) store_i(&pack->pairs[k / 2 + i][j], square[i]);
  }
}

static void PAIRS(pack_panel)(const cvar_weights *w, size_t n0, size_t k0, size_t kc, PAIRS(pack) * pack) {
  const size_t block = k0 / scale_block(w) % SCALE_BLOCKS;
  if (is_quantized(w) && block == 0) load_scales(w, n0, k0, pack->scales);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += CVAR_WIDTH) {
    if (has_int8_blocks(w)) {
      PAIRS(pack_quads)(w, n0 + j, k0, kc, j, pack, block, CVAR_BLOCK);
    } else if (is_quantized(w)) {
      PAIRS(pack_quads)(w, n0 + j, k0, kc, j, pack, block, CVAR_BLOCK / 2);
    } else {
      PAIRS(pack_floats)(w, n0 + j, k0, kc, j, pack);
    }
  }
}

static void PAIRS(panel)(const cvar_linear *l, cvar_part part, float *acc, void *scratch) {
  const size_t n0 = part.n0, rows = part.rows;
  const cvar_activations *const x = &l->input;
  PAIRS(pack) *const pack = scratch;
  const size_t tiles = cvar_divide_up(rows, PAIRS_ROWS);
  for (size_t k0 = 0; k0 < l->weights.k; k0 += PAIRS_KC) {
    const size_t kc = cvar_min(PAIRS_KC, l->weights.k - k0);
    fetch ahead = fetch_after(&l->weights, part, k0 + kc, PAIRS_KC, tiles);
    PAIRS(pack_panel)(&l->weights, n0, k0, kc, pack);
    for (size_t t = 0; t < tiles; t++) {
      const size_t first = rows * t / tiles, count = rows * (t + 1) / tiles - first;
      const bool last = k0 + kc == l->weights.k;
      float *const out = acc + first * CVAR_PANEL;
      fetch_some(&ahead);
      if (last) fetch_output(l, n0, part.row0 + first, count);
      const uint16_t *const input = (const uint16_t *)x->values + (part.row0 + first) * x->stride + k0;
      CVAR_ROWS_CASES(PAIRS_ROWS, count, PAIRS(tile), input, x->stride, (const int32_t(*)[CVAR_PANEL])pack->pairs,
                      (kc + 1) / 2, out, k0 == 0)
      if (last) finish(l, n0, part.row0 + first, count, out);
    }
  }
}
