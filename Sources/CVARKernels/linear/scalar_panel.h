// The scalar twin of linear layers: the reference for tests, and the last resort of a CPU without the levels that we
// have kernels for. One weight row at a time, unpacked to floats or to blocks of int8.

/// Sum over k in chains of CVAR_F32_CHAIN. `rounded`: both factors are bf16 numbers.
static float dot_f32(const cvar_weights *w, size_t row, const float *x, bool rounded) {
  float sum = 0, weights[CVAR_F32_CHAIN];
  for (size_t k0 = 0; k0 < w->k; k0 += CVAR_F32_CHAIN) {
    const size_t count = cvar_min(CVAR_F32_CHAIN, w->k - k0);
    unpack_row(w, row, k0, count, weights);
    float chain = 0;
    for (size_t k = 0; k < count; k++) {
      chain = fmaf(rounded ? cvar_from_bf16(cvar_to_bf16(weights[k])) : weights[k], x[k0 + k], chain);
    }
    sum += chain;
  }
  return sum;
}

/// One fused multiply-add after the other; a bf16 dot product may round otherwise.
static float dot_bf16(const cvar_weights *w, size_t row, const uint16_t *x) {
  float sum = 0, weights[CVAR_BLOCK];
  for (size_t k = 0; k < w->k; k++) {
    if (k % CVAR_BLOCK == 0) unpack_row(w, row, k, cvar_min(CVAR_BLOCK, w->k - k), weights);
    sum = fmaf(cvar_from_bf16(cvar_to_bf16(weights[k % CVAR_BLOCK])), cvar_from_bf16(x[k]), sum);
  }
  return sum;
}

static float round_f16(double x) { return cvar_from_f16(cvar_to_f16(x)); }

/// Weights as f16 arithmetic takes them; a quantized format's scales are rounded to f16 too, which those of q8 are.
static void unpack_f16(const cvar_weights *w, size_t row, size_t k0, size_t count, float *out) {
  for (size_t b = 0; b < count; b += CVAR_BLOCK) {
    const size_t size = cvar_min(CVAR_BLOCK, count - b);
    int8_t block[CVAR_BLOCK];
    if (is_quantized(w)) {
      unpack_block(w, row, k0 + b, block);
    } else {
      unpack_row(w, row, k0 + b, size, out + b);
    }
    for (size_t i = 0; i < size; i++) {
      const float scale = is_quantized(w) ? round_f16(unpack_scale(w, row, (k0 + b + i) / scale_block(w))) : 0;
      out[b + i] = round_f16(is_quantized(w) ? block[i] * scale : out[b + i]);
    }
  }
}

/// Double holds a product and nearly every sum of one exactly: a fused multiply-add but for the rarest ties.
static float dot_f16(const cvar_weights *w, size_t row, const uint16_t *x) {
  float sum = 0, weights[CVAR_F16_CHAIN];
  for (size_t k0 = 0; k0 < w->k; k0 += CVAR_F16_CHAIN) {
    const size_t count = cvar_min(CVAR_F16_CHAIN, w->k - k0);
    unpack_f16(w, row, k0, count, weights);
    float chain[2] = {0};
    for (size_t k = 0; k < count; k++) {
      chain[k % 2] = round_f16((double)weights[k] * cvar_from_f16(x[k0 + k]) + chain[k % 2]);
    }
    sum = fmaf(round_f16((double)chain[0] + chain[1]), 1 / CVAR_F16_SCALE, sum);
  }
  return sum;
}

/// A block of two scales as int8 numbers of one, the larger: the other half's are rounded.
static float weight_halves(const cvar_weights *w, size_t row, size_t k0, int8_t *values) {
  unpack_block(w, row, k0, values);
  const size_t size = CVAR_BLOCK / 2;
  const float scales[2] = {unpack_scale(w, row, k0 / size), unpack_scale(w, row, k0 / size + 1)};
  const float larger = fabsf(scales[0]) > fabsf(scales[1]) ? fabsf(scales[0]) : fabsf(scales[1]);
  for (size_t i = 0; i < CVAR_BLOCK; i++) {
    const int factor = larger > 0 ? (int)nearbyintf(256 * (scales[i / size] / larger)) : 0;
    values[i] = (int8_t)((values[i] * factor + 128) >> 8);
  }
  return larger;
}

/// The weight's block k0 ..< k0 + 32 as int8; what is not such a block is quantized as activations are.
static float weight_block(const cvar_weights *w, size_t row, size_t k0, int8_t *values) {
  if (has_int8_blocks(w)) {
    unpack_block(w, row, k0, values);
    return unpack_scale(w, row, k0 / CVAR_BLOCK);
  }
  if (has_int8_halves(w)) return weight_halves(w, row, k0, values);
  float block[CVAR_BLOCK] = {0};
  unpack_row(w, row, k0, cvar_min(CVAR_BLOCK, w->k - k0), block);
  return cvar_scalar_quantize_weights(block, values);
}

static float dot_int8(const cvar_weights *w, size_t row, const cvar_activations *x, size_t x_row) {
  const int8_t *const values = (const int8_t *)x->values + x_row * x->stride;
  const float *const scales = x->scales + x_row * (x->stride / CVAR_BLOCK);
  float sum = 0;
  for (size_t k0 = 0; k0 < w->k; k0 += CVAR_BLOCK) {
    int8_t block[CVAR_BLOCK];
    const float scale = weight_block(w, row, k0, block);
    int32_t dot = 0;
    for (int i = 0; i < CVAR_BLOCK; i++) dot += block[i] * values[k0 + i];
    sum = fmaf((float)dot * scale, scales[k0 / CVAR_BLOCK], sum);
  }
  return sum;
}

static void finish_scalar(const cvar_linear *l, cvar_part part, float *acc) {
  const size_t n0 = part.n0, row0 = part.row0, rows = part.rows;
  const size_t count = cvar_min(CVAR_PANEL, l->weights.n - n0);
  for (size_t row = row0; row < row0 + rows; row++) {
    float *const x = acc + (row - row0) * CVAR_PANEL;
    if (l->bias != NULL) {
      for (size_t j = 0; j < count; j++) x[j] += l->bias[n0 + j];
    }
    float *const out = l->output + row * l->output_stride + n0;
    switch (l->epilogue) {
      case CVAR_STORE: memcpy(out, x, count * sizeof(float)); break;
      case CVAR_GELU:
        for (size_t j = 0; j < count; j++) x[j] = cvar_scalar_gelu(x[j]);
        store_scalar(x, count, &l->hidden, row, n0);
        break;
      case CVAR_RESIDUAL: {
        const float *const gamma = l->gamma + row / l->rows_per_group * l->gamma_stride + n0;
        for (size_t j = 0; j < count; j++) out[j] = fmaf(gamma[j], x[j], out[j]);
        break;
      }
    }
  }
}

void cvar_panel_scalar(const cvar_linear *l, cvar_part part, float *acc, void *pack) {
  (void)pack;
  const size_t n0 = part.n0, row0 = part.row0, rows = part.rows;
  const cvar_activations *const x = &l->input;
  for (size_t row = row0; row < row0 + rows; row++) {
    float *const out = acc + (row - row0) * CVAR_PANEL;
    for (size_t j = 0; j < cvar_min(CVAR_PANEL, l->weights.n - n0); j++) {
      switch (x->arithmetic) {
        case CVAR_ARITHMETIC_F32:
        case CVAR_ARITHMETIC_BF16_F32:
          out[j] = dot_f32(&l->weights, n0 + j, (const float *)x->values + row * x->stride,
                           x->arithmetic == CVAR_ARITHMETIC_BF16_F32);
          break;
        case CVAR_ARITHMETIC_BF16:
          out[j] = dot_bf16(&l->weights, n0 + j, (const uint16_t *)x->values + row * x->stride);
          break;
        case CVAR_ARITHMETIC_F16:
          out[j] = dot_f16(&l->weights, n0 + j, (const uint16_t *)x->values + row * x->stride);
          break;
        case CVAR_ARITHMETIC_INT8: out[j] = dot_int8(&l->weights, n0 + j, x, row); break;
      }
    }
  }
  finish_scalar(l, part, acc);
}
