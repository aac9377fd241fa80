// Multiplication by packed panels of 32 columns, for one level. The including file sets the register tile:
//   CVAR_IMAGE_ROWS, CVAR_IMAGE_VECTORS   rows (a divisor of CVAR_ROWS) × vectors of columns

CVAR_INLINE void multiply_tile(const bool half, const cvar_multiply *m, int row, int column, const float *next,
                               ptrdiff_t step, const float *ahead, ptrdiff_t stride, const int rows) {
  vf acc[CVAR_IMAGE_ROWS][CVAR_IMAGE_VECTORS];
  float *c = m->c + row * m->ldc + column;
  CVAR_UNROLL
  for (int r = 0; r < rows; r++) {
    CVAR_UNROLL
    for (int j = 0; j < CVAR_IMAGE_VECTORS; j++) {
      acc[r][j] = m->accumulate ? load_f(c + r * m->ldc + j * CVAR_WIDTH) : (vf)0.0f;
    }
  }
  const ptrdiff_t lda = m->lda, ldb = m->ldb;
  const float *b = (const float *)m->b + (half ? 0 : column);
  const uint16_t *h = (const uint16_t *)m->b + (half ? column : 0);
  for (int t = 0; t < m->tap_count; t++) {
    const float *a = m->a + row * lda + m->taps[t];
    for (size_t k = 0; k < m->depth; k++, a++) {
      vf x[CVAR_IMAGE_VECTORS];
      CVAR_UNROLL
      for (int j = 0; j < CVAR_IMAGE_VECTORS; j++)
        x[j] = half ? load_f16(h + j * CVAR_WIDTH) : load_f(b + j * CVAR_WIDTH);
      CVAR_UNROLL
      for (int r = 0; r < rows; r++) {
        const vf y = (vf)a[r * lda];
        CVAR_UNROLL
        for (int j = 0; j < CVAR_IMAGE_VECTORS; j++) acc[r][j] = madd_f(y, x[j], acc[r][j]);
      }
      __builtin_prefetch(next, 0, 2);
      next += step;
      __builtin_prefetch(ahead, 0, 3);
      ahead += stride;
      b += ldb;
      h += ldb;
    }
  }
  CVAR_UNROLL
  for (int r = 0; r < rows; r++) {
    CVAR_UNROLL
    for (int j = 0; j < CVAR_IMAGE_VECTORS; j++) store_f(c + r * m->ldc + j * CVAR_WIDTH, acc[r][j]);
  }
}

static void multiply(const cvar_multiply *m) {
  // Rows are spread evenly over the register tiles: 16 are 8 + 8, not 12 + 4.
  const int tiles = (m->rows + CVAR_IMAGE_ROWS - 1) / CVAR_IMAGE_ROWS;
  for (int column = 0; column < CVAR_LANES; column += CVAR_IMAGE_VECTORS * CVAR_WIDTH) {
    int row = 0;
    for (int t = 0; t < tiles; t++) {
      const int rows = (m->rows - row + tiles - t - 1) / (tiles - t);
      // The first two tiles fetch half of the next operand each, a cache line a step.
      const bool fetch = m->next && t < 2;
      const float *next = fetch ? (const float *)m->next + (size_t)t * m->depth * 16 : m->a;
      const ptrdiff_t step = fetch ? 16 : 0;
      const float *ahead = t + 1 < tiles ? m->a + (row + rows) * m->lda : m->next_a ? m->next_a : m->a;
      const ptrdiff_t stride = m->next_a ? 16 : 0;
      if (m->half) {
        CVAR_ROWS_CASES(CVAR_IMAGE_ROWS, rows, multiply_tile, true, m, row, column, next, step, ahead, stride)
      } else {
        CVAR_ROWS_CASES(CVAR_IMAGE_ROWS, rows, multiply_tile, false, m, row, column, next, step, ahead, stride)
      }
      row += rows;
    }
  }
}
