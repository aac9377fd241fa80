// Weights to binary16, bfloat16 and binary32 with what that costs. Sixteen sums are kept whatever the width, and added
// as a tree at the end, so that the totals are the same at every level.

#define FLOAT_LANES 16
#define FLOAT_VECTORS (FLOAT_LANES / CVAR_WIDTH)
#define FLOAT_CHUNK 1024

typedef double vd __attribute__((ext_vector_type(CVAR_WIDTH)));

typedef struct float_sums {
  vd signal[FLOAT_VECTORS], noise[FLOAT_VECTORS];
  vf error[FLOAT_VECTORS];
  /// Whether anything was not finite as it was stored, in any bit of a lane.
  vu infinite;
} float_sums;

CVAR_INLINE void add_float(float_sums *sums, int i, vf x, vf stored) {
  const vd wide = __builtin_convertvector(x, vd), error = __builtin_convertvector(x - stored, vd);
  sums->signal[i] += wide * wide;
  sums->noise[i] += error * error;
  sums->error[i] = max_f(abs_f(x - stored), sums->error[i]);
  sums->infinite |= (vu)((vi)(((vu)stored & 0x7f800000u) == 0x7f800000u));
}

CVAR_INLINE vf encode_as_f16(vf x, uint16_t *halves) {
  store_f16(halves, x);
  return load_f16(halves);
}

CVAR_INLINE vf encode_as_bf16(vf x, uint16_t *halves) {
  const vu rounded = round_bf16_any(x);
  const vh narrow = __builtin_convertvector(rounded >> 16, vh);
  memcpy(halves, &narrow, sizeof narrow);
  return (vf)rounded;
}

CVAR_INLINE vf encode_as_f32(vf x, uint16_t *halves) {
  (void)halves;
  return x;
}

CVAR_INLINE double sum_lanes(const vd *sums) {
  double lane[FLOAT_LANES];
  memcpy(lane, sums, sizeof lane);
  for (int half = FLOAT_LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) lane[i] += lane[i + half];
  }
  return lane[0];
}

/// Encodes by chunks; stops at the first that holds something not finite, and returns where it begins.
#define CVAR_ENCODE_FLOAT(name, encode_as)                                                                    \
  static size_t name(const float *values, size_t count, uint16_t *halves, cvar_encoding_totals *totals) {     \
    float_sums sums = {0};                                                                                    \
    size_t done = 0;                                                                                          \
    while (done < count) {                                                                                    \
      const size_t end = cvar_min(count, done + FLOAT_CHUNK);                                                 \
      size_t at = done;                                                                                       \
      for (; at + FLOAT_LANES <= end; at += FLOAT_LANES) {                                                    \
        for (int i = 0; i < FLOAT_VECTORS; i++) {                                                             \
          const vf x = load_f(values + at + i * CVAR_WIDTH);                                                  \
          add_float(&sums, i, x, encode_as(x, halves + at + i * CVAR_WIDTH));                                 \
        }                                                                                                     \
      }                                                                                                       \
      if (at < end) {                                                                                         \
        float rest[FLOAT_LANES] = {0};                                                                        \
        uint16_t rounded[FLOAT_LANES] = {0};                                                                  \
        memcpy(rest, values + at, (end - at) * sizeof(float));                                                \
        for (int i = 0; i < FLOAT_VECTORS; i++) {                                                             \
          const vf x = load_f(rest + i * CVAR_WIDTH);                                                         \
          add_float(&sums, i, x, encode_as(x, rounded + i * CVAR_WIDTH));                                     \
        }                                                                                                     \
        if (halves != NULL) memcpy(halves + at, rounded, (end - at) * sizeof(uint16_t));                      \
      }                                                                                                       \
      uint32_t infinite[CVAR_WIDTH], any = 0;                                                                 \
      memcpy(infinite, &sums.infinite, sizeof infinite);                                                      \
      for (int i = 0; i < CVAR_WIDTH; i++) any |= infinite[i];                                                \
      if (any != 0) return done;                                                                              \
      done = end;                                                                                             \
    }                                                                                                         \
    totals->signal += sum_lanes(sums.signal);                                                                 \
    totals->noise += sum_lanes(sums.noise);                                                                   \
    for (int i = 0; i < FLOAT_VECTORS; i++) {                                                                 \
      float lane[CVAR_WIDTH];                                                                                 \
      store_f(lane, sums.error[i]);                                                                           \
      for (int j = 0; j < CVAR_WIDTH; j++) totals->error = lane[j] > totals->error ? lane[j] : totals->error; \
    }                                                                                                         \
    return count;                                                                                             \
  }

CVAR_ENCODE_FLOAT(encode_f16, encode_as_f16)
CVAR_ENCODE_FLOAT(encode_bf16, encode_as_bf16)
CVAR_ENCODE_FLOAT(encode_f32, encode_as_f32)
