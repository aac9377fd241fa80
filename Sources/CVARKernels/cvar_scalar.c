// The scalar twin of every kernel of this room: the reference for tests, and the last resort of a CPU without
// the levels that we have kernels for.
#include "cvar_scalar.h"

#include "cvar_ops.h"

#pragma STDC FP_CONTRACT OFF

// ------------------------------------------------------------------------------------------------ linear

static float weight(const cvar_weights *w, size_t row, size_t k) {
  const size_t i = row * w->k + k;
  switch (w->format) {
    case CVAR_FORMAT_F32: return cvar_float(((const uint32_t *)w->values)[i]);
    case CVAR_FORMAT_F16: return cvar_from_f16(((const uint16_t *)w->values)[i]);
    case CVAR_FORMAT_BF16: return cvar_from_bf16(((const uint16_t *)w->values)[i]);
    case CVAR_FORMAT_Q8: return ((const int8_t *)w->values)[i] * cvar_from_f16(w->scales[i / CVAR_BLOCK]);
  }
  return 0;
}

void cvar_decode_rows(const cvar_weights *weights, size_t row0, size_t row1, float *output, size_t output_stride) {
  for (size_t row = row0; row < row1; row++) {
    for (size_t k = 0; k < weights->k; k++) output[(row - row0) * output_stride + k] = weight(weights, row, k);
  }
}

/// Sum over k in chains of CVAR_F32_CHAIN. `rounded`: both factors are bf16 numbers.
static float dot_f32(const cvar_weights *w, size_t row, const float *x, bool rounded) {
  float sum = 0;
  for (size_t k0 = 0; k0 < w->k; k0 += CVAR_F32_CHAIN) {
    float chain = 0;
    for (size_t k = k0; k < cvar_min(w->k, k0 + CVAR_F32_CHAIN); k++) {
      const float value = weight(w, row, k);
      chain = fmaf(rounded ? cvar_from_bf16(cvar_to_bf16(value)) : value, x[k], chain);
    }
    sum += chain;
  }
  return sum;
}

/// One fused multiply-add after the other; a bf16 dot product may round otherwise.
static float dot_bf16(const cvar_weights *w, size_t row, const uint16_t *x) {
  float sum = 0;
  for (size_t k = 0; k < w->k; k++) {
    sum = fmaf(cvar_from_bf16(cvar_to_bf16(weight(w, row, k))), cvar_from_bf16(x[k]), sum);
  }
  return sum;
}

static float round_f16(double x) { return cvar_from_f16(cvar_to_f16(x)); }

/// Double holds a product and nearly every sum of one exactly: a fused multiply-add but for the rarest ties.
static float dot_f16(const cvar_weights *w, size_t row, const uint16_t *x) {
  float sum = 0;
  for (size_t k0 = 0; k0 < w->k; k0 += CVAR_F16_CHAIN) {
    float chain[2] = {0};
    for (size_t k = k0; k < cvar_min(w->k, k0 + CVAR_F16_CHAIN); k++) {
      const float value = round_f16(weight(w, row, k)), number = cvar_from_f16(x[k]);
      chain[k % 2] = round_f16((double)value * number + chain[k % 2]);
    }
    sum = fmaf(round_f16((double)chain[0] + chain[1]), 1 / CVAR_F16_SCALE, sum);
  }
  return sum;
}

/// The weight's block k0 ..< k0 + 32 as int8; other formats than q8 are quantized as activations are.
static float weight_block(const cvar_weights *w, size_t row, size_t k0, int8_t *values) {
  if (w->format == CVAR_FORMAT_Q8) {
    memcpy(values, (const int8_t *)w->values + row * w->k + k0, CVAR_BLOCK);
    return cvar_from_f16(w->scales[(row * w->k + k0) / CVAR_BLOCK]);
  }
  float block[CVAR_BLOCK] = {0};
  for (size_t i = 0; i < cvar_min(CVAR_BLOCK, w->k - k0); i++) block[i] = weight(w, row, k0 + i);
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

/// Stores `count` numbers from column `column`, a multiple of 32, on; fills the last block up with zeros.
static void store(const float *x, size_t count, const cvar_activations *out, size_t row, size_t column) {
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

static void finish(const cvar_linear *l, cvar_part part, float *acc) {
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
        store(x, count, &l->hidden, row, n0);
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
  finish(l, part, acc);
}

// -------------------------------------------------------------------------------------------------- rows

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
    store(block, count, &m->output, row, k0);
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
      store(block, count, &p->output, row, k0);
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

const cvar_ops cvar_ops_scalar = {cvar_panel_scalar, cvar_panel_scalar, cvar_panel_scalar, cvar_panel_scalar, modulate, prepare, silu, gelu, exponential};
