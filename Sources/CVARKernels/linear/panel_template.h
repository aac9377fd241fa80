// Reading a panel of 64 weight rows, and the epilogue of its outputs, for one level.
//
// A panel is decoded into k-major tiles of a KC that fits the L1 cache, once for all token rows; register tiles of
// some tokens × some outputs then run over it. A tile's epilogue follows its last KC, while its sums are in the cache.

#define SCALE_BLOCKS 16  // blocks whose scales are decoded at a time: 512 k, or 256 where they are of 16

// Register tile of the arithmetics on pairs of 16-bit numbers: tokens × vectors of outputs.
#define PAIRS_ROWS 6
#define PAIRS_VECTORS (CVAR_PANEL / CVAR_WIDTH)

/// Weights that are wanted next, asked for a few cache lines at a time while register tiles compute.
typedef struct fetch {
  const cvar_weights *w;
  size_t n0, k0, bytes;  // rows n0 on, of each `bytes` from k0 on
  size_t row, offset;    // what comes next
  size_t lines_per_tile;
} fetch;

/// The part k0 ..< k0 + kc of the panel n0, or of the next panel's beginning when this one ends at k0.
CVAR_INLINE fetch fetch_after(const cvar_weights *w, cvar_part part, size_t k0, size_t kc, size_t tiles) {
  const bool last = k0 >= w->k;
  fetch f = {.w = w, .n0 = last ? part.next_n0 : part.n0, .k0 = last ? 0 : k0};
  f.bytes = weight_bytes(w->format, cvar_min(kc, w->k - f.k0));
  f.row = f.n0 < w->n ? 0 : CVAR_PANEL;
  f.lines_per_tile = (f.bytes / 64 + 1) * CVAR_PANEL / tiles + 1;
  return f;
}

CVAR_INLINE void fetch_some(fetch *f) {
  for (size_t line = 0; line < f->lines_per_tile && f->row < CVAR_PANEL; line++) {
    fetch_line(f->w, f->n0 + f->row, f->k0, f->offset);
    f->offset += 64;
    if (f->offset < f->bytes) continue;
    f->offset = 0;
    f->row++;
  }
}

/// Brings the place closer to which a tile's outputs go.
CVAR_INLINE void fetch_output(const cvar_linear *l, size_t n0, size_t row, size_t rows) {
  for (size_t r = row; r < row + rows; r++) {
    const char *p = (const char *)(l->output + r * l->output_stride + n0);
    size_t bytes = cvar_min(CVAR_PANEL, l->weights.n - n0) * sizeof(float);
    if (l->epilogue == CVAR_GELU) {
      const size_t size = cvar_activation_size(l->hidden.arithmetic);
      p = (const char *)l->hidden.values + (r * l->hidden.stride + n0) * size;
      bytes = bytes / sizeof(float) * size;
    }
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 1, 2);
  }
}

/// Brings the next tile's input closer; behind the last row it asks for something nobody needs, without harm.
CVAR_INLINE void prefetch_bytes(const void *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)p + i, 0, 2);
}

/// Bias and epilogue of a block of 32 outputs of one row.
CVAR_INLINE void finish_block(const cvar_linear *l, size_t n, size_t row, const float *acc) {
  const size_t count = l->weights.n - n;
  vf x[CVAR_BLOCK_VECTORS], old[CVAR_BLOCK_VECTORS];
  load_block(x, acc, count);
  if (l->bias != NULL) {
    load_block(old, l->bias + n, count);
    for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) x[i] += old[i];
  }
  if (l->epilogue == CVAR_GELU) {
    for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) x[i] = gelu_f(x[i]);
    store_block(x, &l->hidden, row, n);
    return;
  }
  float *const out = l->output + row * l->output_stride + n;
  if (l->epilogue == CVAR_RESIDUAL) {
    vf gamma[CVAR_BLOCK_VECTORS];
    load_block(gamma, l->gamma + row / l->rows_per_group * l->gamma_stride + n, count);
    load_block(old, out, count);
    for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) x[i] = fma_f(gamma[i], x[i], old[i]);
  }
  if (count >= CVAR_BLOCK) {
    for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) store_f(out + i * CVAR_WIDTH, x[i]);
  } else {
    memcpy(out, x, count * sizeof(float));
  }
}

/// Bias and epilogue of rows row0 ..< row0 + rows of the panel n0; acc is [rows, 64].
static void finish(const cvar_linear *l, size_t n0, size_t row0, size_t rows, const float *acc) {
  for (size_t row = 0; row < rows; row++) {
    for (size_t j = 0; j < CVAR_PANEL && n0 + j < l->weights.n; j += CVAR_BLOCK) {
      finish_block(l, n0 + j, row0 + row, acc + row * CVAR_PANEL + j);
    }
  }
}

/// Decodes the panel's scales of up to 16 blocks from k0 on to scales[block][output].
CVAR_INLINE void load_scales(const cvar_weights *w, size_t n0, size_t k0, float (*scales)[CVAR_PANEL]) {
  const size_t stride = w->k / scale_block(w), first = k0 / scale_block(w);
  const size_t blocks = cvar_min(SCALE_BLOCKS, stride - first);
  for (size_t j = 0; j < CVAR_PANEL && n0 + j < w->n; j += CVAR_WIDTH) {
    for (size_t b = 0; b < blocks; b += CVAR_WIDTH) {
      vi square[CVAR_WIDTH];
      for (size_t i = 0; i < CVAR_WIDTH; i++) {
        square[i] = (vi)unpack_scales(w, weight_row(w, n0 + j + i), first + b, blocks - b);
      }
      transpose(square);
      for (size_t i = 0; i < CVAR_WIDTH; i++) store_i(&scales[b + i][j], square[i]);
    }
  }
}

/// 256 · scale / larger, rounded to nearest, twice in each lane; 0 where both are 0.
CVAR_INLINE vi half_factor(vf scale, vf larger) {
  const vf share = scale / (larger > 0.0f ? larger : (vf)1.0f);
  const vi factor = (vi)(share * 256.0f + 0x1.8p23f) - CVAR_INT8_MAGIC_BITS;
  return (factor & 0xffff) | factor << 16;
}

/// Four bytes of each lane times factor / 256, rounded: within ±127 as the factor is within ±256.
CVAR_INLINE vi scale_half(vi quads, vi factor) {
  typedef int16_t vs __attribute__((ext_vector_type(2 * CVAR_WIDTH)));
  const vs even = ((vs)quads << 8) >> 8, odd = (vs)quads >> 8;
  return (vi)((((even * (vs)factor + 128) >> 8) & 0xff) | ((odd * (vs)factor + 128) >> 8) << 8);
}

/// Byte `j` of each lane as a float.
CVAR_INLINE vf byte_of_quads(vi quads, int j) { return __builtin_convertvector(quads << (24 - 8 * j) >> 24, vf); }
