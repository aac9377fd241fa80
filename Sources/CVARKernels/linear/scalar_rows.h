// The scalar twin of row operations and elementwise functions.

/// Stores `count` numbers from column `column`, a multiple of 32, on; fills the last block up with zeros.
static void store_scalar(const float *x, size_t count, const cvar_activations *out, size_t row, size_t column) {
  for (size_t k0 = 0; k0 < count; k0 += CVAR_BLOCK) {
    const size_t at = row * out->stride + column + k0;
    float block[CVAR_BLOCK] = {0};
    memcpy(block, x + k0, cvar_min(CVAR_BLOCK, count - k0) * sizeof(float));
    if (out->arithmetic == CVAR_ARITHMETIC_INT8) {
      out->scales[at / CVAR_BLOCK] =
          cvar_scalar_quantize(block, (int8_t *)out->values + at, &out->offsets[at / CVAR_BLOCK]);
      continue;
    }
    for (size_t i = 0; i < CVAR_BLOCK; i++) {
      switch (out->arithmetic) {
        case CVAR_ARITHMETIC_BF16: ((uint16_t *)out->values)[at + i] = cvar_to_bf16(block[i]); break;
        case CVAR_ARITHMETIC_BF16_F32: ((float *)out->values)[at + i] = cvar_from_bf16(cvar_to_bf16(block[i])); break;
        case CVAR_ARITHMETIC_F16: ((uint16_t *)out->values)[at + i] = cvar_scalar_f16_input(block[i]); break;
        default: ((float *)out->values)[at + i] = block[i];
      }
    }
  }
}

/// Adds 16 partial sums as a tree: the order in which vector levels reduce.
static float reduce(float *lane) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) lane[i] += lane[i + half];
  }
  return lane[0];
}

static void modulate_row(const cvar_modulate *m, size_t row) {
  const size_t columns = m->output.columns;
  const float *const x = m->input + row * m->input_stride;
  const size_t group = row / m->rows_per_group * m->group_stride;
  float lane[16] = {0};
  for (size_t i = 0; i < columns; i++) lane[i % 16] += x[i];
  const float mean = reduce(lane) / (float)columns;
  memset(lane, 0, sizeof lane);
  for (size_t i = 0; i < columns; i++) lane[i % 16] = fmaf(x[i] - mean, x[i] - mean, lane[i % 16]);
  const float factor = 1.0f / sqrtf(reduce(lane) / (float)columns + CVAR_NORM_EPSILON);
  for (size_t k0 = 0; k0 < columns; k0 += CVAR_BLOCK) {
    const size_t count = cvar_min(CVAR_BLOCK, columns - k0);
    float block[CVAR_BLOCK];
    for (size_t i = 0; i < count; i++) {
      const size_t k = k0 + i;
      block[i] = fmaf((x[k] - mean) * factor, 1.0f + m->scale[group + k], m->shift[group + k]);
    }
    store_scalar(block, count, &m->output, row, k0);
  }
}

static void modulate(const cvar_modulate *m, size_t row0, size_t row1) {
  for (size_t row = row0; row < row1; row++) modulate_row(m, row);
}

static void prepare(const cvar_prepare *p, size_t row0, size_t row1) {
  const size_t columns = p->output.columns;
  for (size_t row = row0; row < row1; row++) {
    for (size_t k0 = 0; k0 < columns; k0 += CVAR_BLOCK) {
      const size_t count = cvar_min(CVAR_BLOCK, columns - k0);
      float block[CVAR_BLOCK];
      memcpy(block, p->input + row * p->input_stride + k0, count * sizeof(float));
      for (size_t i = 0; p->silu && i < count; i++) block[i] = cvar_scalar_silu(block[i]);
      store_scalar(block, count, &p->output, row, k0);
    }
  }
}

static void silu(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = cvar_scalar_silu(x[i]);
}

static void gelu(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = cvar_scalar_gelu(x[i]);
}

static void exponential(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = cvar_scalar_exp(x[i]);
}
