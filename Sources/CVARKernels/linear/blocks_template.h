// Blocks of 32 floats of one level: reading them, and storing them as the input of a linear layer. Everything follows
// levels/scalar.h operation by operation.

#define CVAR_BLOCK_VECTORS (CVAR_BLOCK / CVAR_WIDTH)

CVAR_INLINE float largest_size(const vf *x) {
  vf largest = (vf)0.0f;
  for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) {
    const vf size = abs_f(x[i]);
    largest = size > largest ? size : largest;
  }
  return __builtin_reduce_max(largest);
}

/// values = x · inverse, rounded; returns their sum.
CVAR_INLINE int32_t quantize_by(const vf *x, float inverse, int8_t *values) {
  vi sum = (vi)0;
  for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) {
    const vf v = max_f(min_f(x[i] * inverse, (vf)127.0f), (vf)-127.0f);
    const vi q = (vi)(v + 0x1.8p23f) - CVAR_INT8_MAGIC_BITS;
    const vb narrow = __builtin_convertvector(q, vb);
    memcpy(values + i * CVAR_WIDTH, &narrow, sizeof narrow);
    sum += q;
  }
  return __builtin_reduce_add(sum);
}

/// See cvar_scalar_quantize.
CVAR_INLINE float quantize_block(const vf *x, int8_t *values, int32_t *offset) {
  const float most = largest_size(x);
  *offset = CVAR_INT8_MAGIC_BITS - 128 * quantize_by(x, most > 0 ? 127.0f / most : 0, values);
  return most / 127.0f;
}

/// See cvar_scalar_quantize_weights.
CVAR_INLINE float quantize_weights(const vf *x, int8_t *values) {
  const float scale = cvar_weight_scale(largest_size(x));
  quantize_by(x, scale > 0 ? 1.0f / scale : 0, values);
  return scale;
}

/// Stores a block of 32 from `column`, a multiple of 32, on, in the storage of `out`.
CVAR_INLINE void store_block(const vf *x, const cvar_activations *out, size_t row, size_t column) {
  const size_t at = row * out->stride + column;
  switch (out->arithmetic) {
    case CVAR_ARITHMETIC_F32:
      for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) store_f((float *)out->values + at + i * CVAR_WIDTH, x[i]);
      break;
    case CVAR_ARITHMETIC_BF16_F32:
      for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) {
        store_f((float *)out->values + at + i * CVAR_WIDTH, (vf)round_bf16_any(x[i]));
      }
      break;
    case CVAR_ARITHMETIC_BF16:
      for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) {
        const vh narrow = __builtin_convertvector(round_bf16_any(x[i]) >> 16, vh);
        memcpy((uint16_t *)out->values + at + i * CVAR_WIDTH, &narrow, sizeof narrow);
      }
      break;
    case CVAR_ARITHMETIC_F16:
      for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) {
        const vf v = max_f(min_f(x[i] * CVAR_F16_SCALE, (vf)CVAR_F16_LARGEST), (vf)-CVAR_F16_LARGEST);
        store_f16((uint16_t *)out->values + at + i * CVAR_WIDTH, v);
      }
      break;
    case CVAR_ARITHMETIC_INT8:
      out->scales[at / CVAR_BLOCK] = quantize_block(x, (int8_t *)out->values + at, &out->offsets[at / CVAR_BLOCK]);
      break;
  }
}

/// A block of 32 of which `count` numbers exist; the others are zero.
CVAR_INLINE void load_block(vf *x, const float *p, size_t count) {
  if (count >= CVAR_BLOCK) {
    for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) x[i] = load_f(p + i * CVAR_WIDTH);
    return;
  }
  float block[CVAR_BLOCK] = {0};
  memcpy(block, p, count * sizeof(float));
  for (int i = 0; i < CVAR_BLOCK_VECTORS; i++) x[i] = load_f(block + i * CVAR_WIDTH);
}
