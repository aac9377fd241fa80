// Weights to q8, as formats/varq-v1.md says: of 16 candidate scales a block the one with the least squared error. The
// operations and their order are the same for every width, none is fused, and so are the bits.

#define Q8_VECTORS (CVAR_Q8_BLOCK / CVAR_WIDTH)
#define Q8_CANDIDATES 16

/// The squares of a block's numbers, the first sixteen plus the last sixteen, folded to one vector: number j and
/// j + 8, then j + 4, down to the vector's width.
CVAR_INLINE vf fold_squares(const vf *x) {
  vf sums[Q8_VECTORS / 2];
  for (int i = 0; i < Q8_VECTORS / 2; i++) sums[i] = x[i] * x[i] + x[i + Q8_VECTORS / 2] * x[i + Q8_VECTORS / 2];
  for (int count = Q8_VECTORS / 4; count > 0; count /= 2) {
    for (int i = 0; i < count; i++) sums[i] += sums[i + count];
  }
  return sums[0];
}

/// The whole numbers nearest to x, ties to even; for magnitudes below 2^22.
CVAR_INLINE vf round_f(vf x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

/// errors = x − the nearest multiples of the scale.
CVAR_INLINE void q8_errors(const vf *x, float scale, float inverse, vf *errors) {
  for (int i = 0; i < Q8_VECTORS; i++) errors[i] = x[i] - round_f(x[i] * inverse) * scale;
}

/// The largest magnitude of a block, as bits: those of infinity or more where a number is not finite.
CVAR_INLINE uint32_t q8_largest(const vf *x) {
  vu most = (vu)x[0] & 0x7fffffffu;
  for (int i = 1; i < Q8_VECTORS; i++) {
    const vu bits = (vu)x[i] & 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  uint32_t lane[CVAR_WIDTH], largest = 0;
  memcpy(lane, &most, sizeof most);
  for (int i = 0; i < CVAR_WIDTH; i++) largest = lane[i] > largest ? lane[i] : largest;
  return largest;
}

/// The candidate with the least squared error, which is left in `noise`.
CVAR_INLINE float q8_scale(const vf *x, float smallest, float *noise) {
  float scales[Q8_CANDIDATES], noises[Q8_CANDIDATES];
  for (int i = 0; i < Q8_CANDIDATES; i++) {
    scales[i] = cvar_float((cvar_bits(smallest * (1.0f + (float)i / 254.0f)) + 0x1fffu) & ~0x1fffu);
  }
  for (int first = 0; first < Q8_CANDIDATES; first += CVAR_WIDTH) {
    const vf inverse = 1.0f / load_f(scales + first);
    vf sums[CVAR_WIDTH];
    for (int i = 0; i < CVAR_WIDTH; i++) {
      vf errors[Q8_VECTORS];
      q8_errors(x, scales[first + i], inverse[i], errors);
      sums[i] = fold_squares(errors);
    }
    transpose((vi *)sums);
    for (int count = CVAR_WIDTH / 2; count > 0; count /= 2) {
      for (int i = 0; i < count; i++) sums[i] += sums[i + count];
    }
    store_f(noises + first, sums[0]);
  }
  int best = 0;
  for (int i = 1; i < Q8_CANDIDATES; i++) best = noises[i] < noises[best] ? i : best;
  *noise = noises[best];
  return scales[best];
}

static size_t encode_q8(const float *values, size_t blocks, int8_t *quants, uint16_t *scales,
                        cvar_encoding_totals *totals) {
  for (size_t block = 0; block < blocks; block++) {
    vf x[Q8_VECTORS];
    for (int i = 0; i < Q8_VECTORS; i++) x[i] = load_f(values + block * CVAR_Q8_BLOCK + i * CVAR_WIDTH);
    const uint32_t largest = q8_largest(x);
    const float smallest = cvar_float(largest) / 127.0f;
    // All candidates are normal numbers of binary16.
    if (largest >= 0x7f800000u || !(smallest >= 0x1p-14f) || !(smallest * (1.0f + 15.0f / 254.0f) <= 65504.0f)) {
      return block;
    }
    float noise;
    const float scale = q8_scale(x, smallest, &noise), inverse = 1.0f / scale;
    vf errors[Q8_VECTORS], most = 0;
    q8_errors(x, scale, inverse, errors);
    for (int i = 0; i < Q8_VECTORS; i++) {
      most = max_f(most, abs_f(errors[i]));
      const vi whole = (vi)(round_f(x[i] * inverse) + 0x1.8p23f) - CVAR_INT8_MAGIC_BITS;
      const vb bytes = __builtin_convertvector(whole, vb);
      memcpy(quants + block * CVAR_Q8_BLOCK + i * CVAR_WIDTH, &bytes, sizeof bytes);
    }
    scales[block] = (uint16_t)((cvar_bits(scale) >> 13) - (112u << 10));
    totals->signal += (double)sum_f(fold_squares(x));
    totals->noise += (double)noise;
    float lane[CVAR_WIDTH];
    store_f(lane, most);
    for (int i = 0; i < CVAR_WIDTH; i++) totals->error = lane[i] > totals->error ? lane[i] : totals->error;
  }
  return blocks;
}
