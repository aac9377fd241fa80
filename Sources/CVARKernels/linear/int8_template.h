// Linear layers of one level in int8 arithmetic. May be included several times in a file, which sets
//   CVAR_INT8_ROWS, CVAR_INT8_VECTORS   the register tile: tokens × vectors of outputs
//   CVAR_INT8_XOR                       what packed weight bytes are xor-ed with: 0x80808080 makes them w + 128
//   INT8(name)                          the name with a suffix of its own
// and defines the dot product: INT8(int8_sum), an accumulator of CVAR_WIDTH outputs; INT8(int8_start)(offset);
// INT8(int8_dot)(sum, w, x) adds four products a lane; INT8(int8_finish)(sum).

#undef INT8_COLUMNS
#define INT8_COLUMNS (CVAR_INT8_VECTORS * CVAR_WIDTH)
#define INT8_KC 512

/// Packed int8 weights: tiles [64 / INT8_COLUMNS][kc / 4][INT8_COLUMNS] of four bytes along k, the scales, and
/// −CVAR_INT8_MAGIC · scale, which is exact for scales of at most 22 significant bits (an f16 has 11,
/// an int8 times an f16 18).
typedef struct INT8(int8_pack) {
  int32_t quads[CVAR_PANEL * INT8_KC / 4];
  float scales[SCALE_BLOCKS][CVAR_PANEL], starts[SCALE_BLOCKS][CVAR_PANEL];
  float halves[2 * SCALE_BLOCKS][CVAR_PANEL];
} INT8(int8_pack);

_Static_assert(INT8_KC / CVAR_BLOCK == SCALE_BLOCKS, "scales are loaded for one KC");

_Static_assert(CVAR_ACCUMULATOR_BYTES + sizeof(INT8(int8_pack)) <= CVAR_LINEAR_SCRATCH, "scratch memory");

CVAR_INLINE int32_t *INT8(int8_tile)(INT8(int8_pack) * pack, size_t j) {
  return pack->quads + j / INT8_COLUMNS * (INT8_COLUMNS * INT8_KC / 4) + j % INT8_COLUMNS;
}

/// Stores quads of CVAR_WIDTH rows, from k on.
CVAR_INLINE void INT8(store_quads)(const vi *square, size_t k, size_t kc, int32_t *tile) {
  for (size_t q = 0; q < CVAR_WIDTH && k + 4 * q < kc; q++) {
    store_i(tile + (k / 4 + q) * INT8_COLUMNS, square[q] ^ CVAR_INT8_XOR);
  }
}

/// Quantizes CVAR_WIDTH rows of a float format, whose scales go to those of
/// outputs j on.
static void INT8(quantize_rows)(const cvar_weights *w, size_t n, size_t k0, size_t kc, INT8(int8_pack) * pack,
                                size_t j) {
  int8_t bytes[CVAR_WIDTH][INT8_KC];
  for (size_t i = 0; i < CVAR_WIDTH; i++) {
    for (size_t k = 0; k < kc; k += CVAR_BLOCK) {
      float numbers[CVAR_BLOCK];
      unpack_row(w, n + i, k0 + k, cvar_min(CVAR_BLOCK, kc - k), numbers);
      vf block[CVAR_BLOCK_VECTORS];
      load_block(block, numbers, kc - k);
      pack->scales[k / CVAR_BLOCK][j + i] = quantize_weights(block, &bytes[i][k]);
    }
  }
  for (size_t k = 0; k < kc; k += 4 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    for (size_t i = 0; i < CVAR_WIDTH; i++) square[i] = load_i(&bytes[i][k]);
    transpose(square);
    INT8(store_quads)(square, k, cvar_round_up(kc, CVAR_BLOCK), INT8(int8_tile)(pack, j));
  }
}

/// Scales of halves of blocks become those of blocks, and for each half what brings its numbers to them.
static void INT8(join_scales)(const cvar_weights *w, size_t n0, size_t k0, size_t kc, INT8(int8_pack) * pack) {
  load_scales(w, n0, k0, pack->halves);
  if (kc > INT8_KC / 2) load_scales(w, n0, k0 + INT8_KC / 2, pack->halves + SCALE_BLOCKS);
  for (size_t b = 0; b < kc / CVAR_BLOCK; b++) {
    for (size_t j = 0; j < CVAR_PANEL; j += CVAR_WIDTH) {
      float *const first = &pack->halves[2 * b][j], *const second = &pack->halves[2 * b + 1][j];
      const vf scales[2] = {load_f(first), load_f(second)};
      const vf larger = max_f(abs_f(scales[0]), abs_f(scales[1]));
      store_i(first, half_factor(scales[0], larger));
      store_i(second, half_factor(scales[1], larger));
      store_f(&pack->scales[b][j], larger);
    }
  }
}

/// Packs the panel's part k0 ..< k0 + kc.
static void INT8(pack_int8)(const cvar_weights *w, size_t n0, size_t k0, size_t kc, INT8(int8_pack) * pack) {
  if (has_int8_blocks(w)) load_scales(w, n0, k0, pack->scales);
  if (has_int8_halves(w)) INT8(join_scales)(w, n0, k0, kc, pack);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += CVAR_WIDTH) {
    if (!is_quantized(w)) INT8(quantize_rows)(w, n0 + j, k0, kc, pack, j);
    for (size_t k = 0; is_quantized(w) && k < kc; k += 4 * CVAR_WIDTH) {
      vi square[CVAR_WIDTH];
      unpack_quads(w, n0 + j, k0 + k, kc - k, square);
      if (has_int8_halves(w)) {
        for (size_t q = 0; q < CVAR_WIDTH; q++) {
          square[q] = scale_half(square[q], load_i(&pack->halves[(k + 4 * q) / (CVAR_BLOCK / 2)][j]));
        }
      }
      INT8(store_quads)(square, k, kc, INT8(int8_tile)(pack, j));
    }
    for (size_t b = 0; b < cvar_divide_up(kc, CVAR_BLOCK); b++) {
      store_f(&pack->starts[b][j], load_f(&pack->scales[b][j]) * -(float)CVAR_INT8_MAGIC);
    }
  }
}

/// acc[rows, INT8_COLUMNS] (+)= x[rows, 32 · blocks] · tile. Each block's integer sum is exact. It starts at the bits
/// of the float CVAR_INT8_MAGIC, whose unit in the last place is 1, so that its bits are the float magic + sum; one
/// fused multiply-add takes that to sum · w_scale without a conversion, and one more adds it up.
CVAR_INLINE void INT8(tile_int8)(const int8_t *x, size_t stride, const float *x_scales, const int32_t *x_offsets,
                                 const int32_t *tile, const float *w_scales, const float *w_starts, size_t blocks,
                                 float *acc, bool first, const int rows) {
  vf sum[CVAR_INT8_ROWS][CVAR_INT8_VECTORS];
  for (int r = 0; r < rows; r++) {
    prefetch_bytes(x + (size_t)(rows + r) * stride, blocks * CVAR_BLOCK);
    for (int v = 0; v < CVAR_INT8_VECTORS; v++) {
      sum[r][v] = first ? (vf)0.0f : load_f(acc + r * CVAR_PANEL + v * CVAR_WIDTH);
    }
  }
  for (size_t b = 0; b < blocks; b++) {
    INT8(int8_sum) dot[CVAR_INT8_ROWS][CVAR_INT8_VECTORS];
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < CVAR_INT8_VECTORS; v++) {
        dot[r][v] = INT8(int8_start)(x_offsets[(size_t)r * (stride / CVAR_BLOCK) + b]);
      }
    }
    _Pragma("clang loop unroll(full)") for (size_t q = 0; q < CVAR_BLOCK / 4; q++) {
      vi w[CVAR_INT8_VECTORS];
      for (int v = 0; v < CVAR_INT8_VECTORS; v++) {
        w[v] = load_i(tile + (b * (CVAR_BLOCK / 4) + q) * INT8_COLUMNS + v * CVAR_WIDTH);
      }
      for (int r = 0; r < rows; r++) {
        const vi number = broadcast_quad(x + (size_t)r * stride + b * CVAR_BLOCK + q * 4);
        for (int v = 0; v < CVAR_INT8_VECTORS; v++) dot[r][v] = INT8(int8_dot)(dot[r][v], w[v], number);
      }
    }
    for (int v = 0; v < CVAR_INT8_VECTORS; v++) {
      const vf w_scale = load_f(w_scales + b * CVAR_PANEL + v * CVAR_WIDTH);
      const vf w_start = load_f(w_starts + b * CVAR_PANEL + v * CVAR_WIDTH);
      for (int r = 0; r < rows; r++) {
        const vf scaled = fma_f((vf)INT8(int8_finish)(dot[r][v]), w_scale, w_start);
        sum[r][v] = fma_f(scaled, (vf)x_scales[(size_t)r * (stride / CVAR_BLOCK) + b], sum[r][v]);
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < CVAR_INT8_VECTORS; v++) store_f(acc + r * CVAR_PANEL + v * CVAR_WIDTH, sum[r][v]);
  }
}

static void INT8(panel_int8)(const cvar_linear *l, cvar_part part, float *acc, void *scratch) {
  const size_t n0 = part.n0, rows = part.rows;
  const cvar_activations *const x = &l->input;
  INT8(int8_pack) *const pack = scratch;
  const size_t tiles = (rows + CVAR_INT8_ROWS - 1) / CVAR_INT8_ROWS;
  for (size_t k0 = 0; k0 < l->weights.k; k0 += INT8_KC) {
    const size_t kc = cvar_min(INT8_KC, l->weights.k - k0), blocks = (kc + CVAR_BLOCK - 1) / CVAR_BLOCK;
    fetch ahead = fetch_after(&l->weights, part, k0 + kc, INT8_KC, tiles);
    INT8(pack_int8)(&l->weights, n0, k0, kc, pack);
    for (size_t j = 0; j < CVAR_PANEL && n0 + j < l->weights.n; j += INT8_COLUMNS) {
      for (size_t t = 0; t < tiles; t++) {
        const size_t first = rows * t / tiles, count = rows * (t + 1) / tiles - first;
        const bool last = k0 + kc == l->weights.k && j + INT8_COLUMNS >= cvar_min(CVAR_PANEL, l->weights.n - n0);
        fetch_some(&ahead);
        if (last) fetch_output(l, n0, part.row0 + first, count);
        const size_t at = (part.row0 + first) * x->stride + k0;
        const int8_t *const input = (const int8_t *)x->values + at;
        const float *const scales = x->scales + at / CVAR_BLOCK;
        const int32_t *const offsets = x->offsets + at / CVAR_BLOCK;
        float *const out = acc + first * CVAR_PANEL;
        CVAR_ROWS_CASES(CVAR_INT8_ROWS, count, INT8(tile_int8), input, x->stride, scales, offsets,
                        INT8(int8_tile)(pack, j), &pack->scales[0][j], &pack->starts[0][j], blocks, out + j, k0 == 0)
        if (last) finish(l, n0, part.row0 + first, count, out);
      }
    }
  }
}
