// Row operations and elementwise functions of one level; see linear/scalar_rows.h for what they compute.

static void modulate_row(const cvar_modulate *m, size_t row) {
  const size_t columns = m->output.columns, whole = columns / 16 * 16;
  const float *const x = m->input + row * m->input_stride;
  const size_t group = row / m->rows_per_group * m->group_stride;
  vf partial[16 / CVAR_WIDTH] = {0};
  float rest[16] = {0};
  memcpy(rest, x + whole, (columns - whole) * sizeof(float));
  for (size_t k = 0; k < whole; k += 16) {
    for (int i = 0; i < 16 / CVAR_WIDTH; i++) partial[i] += load_f(x + k + i * CVAR_WIDTH);
  }
  for (int i = 0; i < 16 / CVAR_WIDTH; i++) partial[i] += load_f(rest + i * CVAR_WIDTH);
  const float mean = reduce_lanes(partial) / (float)columns;
  for (int i = 0; i < 16 / CVAR_WIDTH; i++) partial[i] = (vf)0.0f;
  for (size_t k = 0; k < whole; k += 16) {
    for (int i = 0; i < 16 / CVAR_WIDTH; i++) {
      const vf d = load_f(x + k + i * CVAR_WIDTH) - mean;
      partial[i] = fma_f(d, d, partial[i]);
    }
  }
  for (size_t k = whole; k < columns; k++) {
    float lane[16];
    for (int i = 0; i < 16 / CVAR_WIDTH; i++) store_f(lane + i * CVAR_WIDTH, partial[i]);
    lane[k - whole] = fmaf(x[k] - mean, x[k] - mean, lane[k - whole]);
    for (int i = 0; i < 16 / CVAR_WIDTH; i++) partial[i] = load_f(lane + i * CVAR_WIDTH);
  }
  const float factor = 1.0f / sqrtf(reduce_lanes(partial) / (float)columns + CVAR_NORM_EPSILON);
  for (size_t k = 0; k < columns; k += CVAR_BLOCK) {
    const size_t count = columns - k;
    vf block[CVAR_BLOCK_VECTORS], scale[CVAR_BLOCK_VECTORS], shift[CVAR_BLOCK_VECTORS];
    load_block(block, x + k, count);
    load_block(scale, m->scale + group + k, count);
    load_block(shift, m->shift + group + k, count);
    for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) {
      block[i] = fma_f((block[i] - mean) * factor, 1.0f + scale[i], shift[i]);
    }
    if (count < CVAR_BLOCK) {  // the padding holds −mean · factor by now
      float kept[CVAR_BLOCK];
      memcpy(kept, block, sizeof kept);
      load_block(block, kept, count);
    }
    store_block(block, &m->output, row, k);
  }
}

static void modulate(const cvar_modulate *m, size_t row0, size_t row1) {
  for (size_t row = row0; row < row1; row++) modulate_row(m, row);
}

static void prepare(const cvar_prepare *p, size_t row0, size_t row1) {
  const size_t columns = p->output.columns;
  for (size_t row = row0; row < row1; row++) {
    for (size_t k = 0; k < columns; k += CVAR_BLOCK) {
      vf block[CVAR_BLOCK_VECTORS];
      load_block(block, p->input + row * p->input_stride + k, columns - k);
      for (int i = 0; p->silu && i < CVAR_BLOCK_VECTORS; i++) block[i] = silu_f(block[i]);
      store_block(block, &p->output, row, k);
    }
  }
}

// y[i] = function(x[i]) over whole vectors, then over the rest in a padded one.
#define CVAR_ELEMENTWISE(name, function)                                                      \
  static void name(const float *x, float *y, size_t count) {                                  \
    size_t i = 0;                                                                             \
    for (; i + CVAR_WIDTH <= count; i += CVAR_WIDTH) store_f(y + i, function(load_f(x + i))); \
    if (i == count) return;                                                                   \
    const vf rest = function(load_part(x + i, count - i));                                    \
    memcpy(y + i, &rest, (count - i) * sizeof(float));                                        \
  }

CVAR_ELEMENTWISE(silu, silu_f)
CVAR_ELEMENTWISE(gelu, gelu_f)
CVAR_ELEMENTWISE(exponential, exp_f)
