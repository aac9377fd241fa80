// Linear layers of one level in f32 arithmetic. The including file sets the register tile:
//   CVAR_F32_ROWS, CVAR_F32_VECTORS   tokens × vectors of outputs

#define F32_COLUMNS (CVAR_F32_VECTORS * CVAR_WIDTH)

/// Where the packed weights of output j < 64 at k = 0 are.
CVAR_INLINE float *f32_tile(float *pack, size_t j) {
  return pack + j / F32_COLUMNS * (F32_COLUMNS * CVAR_F32_CHAIN) + j % F32_COLUMNS;
}

CVAR_INLINE void rounded_rows(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count, vi *square) {
  for (size_t i = 0; i < CVAR_WIDTH; i++) {
    const vf x = float_vector(format, w, n + i, k, count);
    square[i] = is_bf16(format) ? (vi)x : (vi)round_bf16_bits(x);
  }
}

/// Packs CVAR_WIDTH rows of a float format. `rounded`: to bf16 numbers.
CVAR_INLINE void pack_f32_floats(const cvar_weights *w, size_t n, size_t k0, size_t kc, float *tile, bool rounded) {
  for (size_t k = 0; k < kc; k += CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    if (rounded) {
      BY_FLOAT_FORMAT(w, rounded_rows, n, k0 + k, kc - k, square)
    } else {
      BY_FLOAT_FORMAT(w, float_rows, n, k0 + k, kc - k, square)
    }
    transpose(square);
    for (int i = 0; i < CVAR_WIDTH; i++) store_i(tile + (k + (size_t)i) * F32_COLUMNS, square[i]);
  }
}

/// Packs CVAR_WIDTH rows of a quantized format; `scales` are those of the first row for the block of k0.
CVAR_INLINE void pack_f32_quads(const cvar_weights *w, size_t n, size_t k0, size_t kc, float *tile, const float *scales,
                                const size_t size, bool rounded) {
  for (size_t k = 0; k < kc; k += 4 * CVAR_WIDTH) {
    vi square[CVAR_WIDTH];
    unpack_quads(w, n, k0 + k, kc - k, square);
    for (size_t q = 0; q < CVAR_WIDTH && k + 4 * q < kc; q++) {
      const vf scale = load_f(scales + (k + 4 * q) / size * CVAR_PANEL);
      for (int j = 0; j < 4; j++) {
        const vf x = byte_of_quads(square[q], j) * scale;
        store_i(tile + (k + 4 * q + (size_t)j) * F32_COLUMNS, rounded ? (vi)round_bf16_bits(x) : (vi)x);
      }
    }
  }
}

/// Packed f32 weights: tiles [64 / F32_COLUMNS][kc][F32_COLUMNS], and the scales of the current 16 blocks.
typedef struct f32_pack {
  float tiles[CVAR_PANEL * CVAR_F32_CHAIN];
  float scales[SCALE_BLOCKS][CVAR_PANEL];
} f32_pack;

/// Decodes the panel's part k0 ..< k0 + kc to f32, k-major. `rounded`: to bf16 numbers.
CVAR_INLINE void pack_f32_as(const cvar_weights *w, size_t n0, size_t k0, size_t kc, f32_pack *pack, bool rounded) {
  const size_t block = k0 / scale_block(w) % SCALE_BLOCKS;
  if (is_quantized(w) && block == 0) load_scales(w, n0, k0, pack->scales);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += CVAR_WIDTH) {
    float *const tile = f32_tile(pack->tiles, j);
    if (has_int8_blocks(w)) {
      pack_f32_quads(w, n0 + j, k0, kc, tile, &pack->scales[block][j], CVAR_BLOCK, rounded);
    } else if (is_quantized(w)) {
      pack_f32_quads(w, n0 + j, k0, kc, tile, &pack->scales[block][j], CVAR_BLOCK / 2, rounded);
    } else {
      pack_f32_floats(w, n0 + j, k0, kc, tile, rounded);
    }
  }
}

static void pack_f32(const cvar_weights *w, size_t n0, size_t k0, size_t kc, f32_pack *pack, bool rounded) {
  if (rounded) {
    pack_f32_as(w, n0, k0, kc, pack, true);
  } else {
    pack_f32_as(w, n0, k0, kc, pack, false);
  }
}

/// acc[rows, F32_COLUMNS] (+)= x[rows, kc] · tile[kc, F32_COLUMNS].
CVAR_INLINE void tile_f32(const float *x, size_t stride, const float *tile, size_t kc, float *acc, bool first,
                          const int rows) {
  vf sum[CVAR_F32_ROWS][CVAR_F32_VECTORS];
  for (int r = 0; r < rows; r++) {
    prefetch_bytes(x + (size_t)(rows + r) * stride, kc * sizeof(float));
    for (int v = 0; v < CVAR_F32_VECTORS; v++) sum[r][v] = (vf)0.0f;
  }
  const float *lower = x + 3 * stride;  // of rows 3 and on
  for (size_t k = 0; k < kc; k++) {
    vf w[CVAR_F32_VECTORS];
    for (int v = 0; v < CVAR_F32_VECTORS; v++) w[v] = load_f(tile + k * F32_COLUMNS + v * CVAR_WIDTH);
    for (int r = 0; r < rows; r++) {
      const vf number = (vf)(r < 3 ? x[(size_t)r * stride] : lower[(size_t)(r - 3) * stride]);
      for (int v = 0; v < CVAR_F32_VECTORS; v++) sum[r][v] = fma_f(w[v], number, sum[r][v]);
    }
    x++;
    lower++;
    CVAR_KEEP_TWO(x, lower);
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < CVAR_F32_VECTORS; v++) {
      float *const p = acc + r * CVAR_PANEL + v * CVAR_WIDTH;
      store_f(p, first ? sum[r][v] : load_f(p) + sum[r][v]);
    }
  }
}

static void panel_f32(const cvar_linear *l, cvar_part part, float *acc, void *scratch) {
  const size_t n0 = part.n0, rows = part.rows;
  const cvar_activations *const x = &l->input;
  f32_pack *const pack = scratch;
  const size_t tiles = (rows + CVAR_F32_ROWS - 1) / CVAR_F32_ROWS;
  for (size_t k0 = 0; k0 < l->weights.k; k0 += CVAR_F32_CHAIN) {
    const size_t kc = cvar_min(CVAR_F32_CHAIN, l->weights.k - k0);
    fetch ahead = fetch_after(&l->weights, part, k0 + kc, CVAR_F32_CHAIN, tiles);
    pack_f32(&l->weights, n0, k0, kc, pack, x->arithmetic == CVAR_ARITHMETIC_BF16_F32);
    for (size_t j = 0; j < CVAR_PANEL && n0 + j < l->weights.n; j += F32_COLUMNS) {
      const float *const packed = f32_tile(pack->tiles, j);
      for (size_t t = 0; t < tiles; t++) {
        const size_t first = rows * t / tiles, count = rows * (t + 1) / tiles - first;
        const bool last = k0 + kc == l->weights.k && j + F32_COLUMNS >= cvar_min(CVAR_PANEL, l->weights.n - n0);
        float *const out = acc + first * CVAR_PANEL;
        fetch_some(&ahead);
        if (last) fetch_output(l, n0, part.row0 + first, count);
        const float *const input = (const float *)x->values + (part.row0 + first) * x->stride + k0;
        CVAR_ROWS_CASES(CVAR_F32_ROWS, count, tile_f32, input, x->stride, packed, kc, out + j, k0 == 0)
        if (last) finish(l, n0, part.row0 + first, count, out);
      }
    }
  }
}
