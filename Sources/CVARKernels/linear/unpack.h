// The one place that knows how weights lie in memory, for one level: a float format gives floats, a quantized format
// gives int8 numbers and the scale of each block of 32. A format's name stands nowhere else in the kernels; a new one
// is a case in each function of the first part, and nothing else changes.
//
// In a quantized format, positions and counts along k are multiples of 32, or of what one call gives where that is
// less. Rows behind the last one are the last one: what is computed from them is not used.

// ------------------------------------------------------------------------------------------------- by format

/// The formats from q8 on are.
CVAR_INLINE bool is_quantized(const cvar_weights *w) { return w->format >= CVAR_FORMAT_Q8; }

/// Whether all numbers are bf16 numbers, or f16 ones, as they lie in memory.
CVAR_INLINE bool is_bf16(cvar_format format) { return format == CVAR_FORMAT_BF16; }
CVAR_INLINE bool is_f16(cvar_format format) { return format == CVAR_FORMAT_F16; }

/// Bits of one number, its share of the scales apart. Signed, so that the compiler may reduce `count * bits / 8`.
CVAR_INLINE ptrdiff_t weight_bits(cvar_format format) {
  switch (format) {
    case CVAR_FORMAT_F32: return 32;
    case CVAR_FORMAT_F16:
    case CVAR_FORMAT_BF16: return 16;
    case CVAR_FORMAT_Q8: return 8;
  }
  return 0;
}

// Calls function(format, …) with a constant format, so that the code of each is compiled apart.
#define BY_FLOAT_FORMAT(w, function, ...)                                     \
  switch ((w)->format) {                                                      \
    case CVAR_FORMAT_F16: function(CVAR_FORMAT_F16, w, __VA_ARGS__); break;   \
    case CVAR_FORMAT_BF16: function(CVAR_FORMAT_BF16, w, __VA_ARGS__); break; \
    default: function(CVAR_FORMAT_F32, w, __VA_ARGS__);                       \
  }
#define BY_QUANTIZED_FORMAT(w, function, ...) function(CVAR_FORMAT_Q8, w, __VA_ARGS__);

/// CVAR_WIDTH numbers of a float format.
CVAR_INLINE vf unpack_floats_at(cvar_format format, const char *p) {
  switch (format) {
    case CVAR_FORMAT_F16: return load_f16(p);
    case CVAR_FORMAT_BF16: return load_bf16(p);
    default: return load_f((const float *)p);
  }
}

/// 4 · CVAR_WIDTH numbers of a quantized format, from number `within` of a block on; that is 0 but where these are less
/// than a block.
CVAR_INLINE vi unpack_bytes_at(cvar_format format, const char *block, size_t within) {
  (void)format;
  return load_i(block + within);
}

/// The scales of CVAR_WIDTH blocks of a row from `block` on, of which `count` exist.
CVAR_INLINE vf unpack_scales(const cvar_weights *w, size_t row, size_t block, size_t count) {
  const char *const p = (const char *)w->scales + (row * (w->k / CVAR_BLOCK) + block) * sizeof(uint16_t);
  if (count >= CVAR_WIDTH) return load_f16(p);
  uint16_t part[CVAR_WIDTH] = {0};
  memcpy(part, p, count * sizeof(uint16_t));
  return load_f16(part);
}

// ------------------------------------------------------------------------------------------------ addresses

CVAR_INLINE size_t weight_row(const cvar_weights *w, size_t n) { return cvar_min(n, w->n - 1); }

/// Bytes of `count` numbers of a row.
CVAR_INLINE size_t weight_bytes(cvar_format format, size_t count) {
  return (size_t)((ptrdiff_t)count * weight_bits(format) / 8);
}

/// Where a row's number k is, to fetch it ahead.
CVAR_INLINE const char *weight_at(cvar_format format, const cvar_weights *w, size_t n, size_t k) {
  return (const char *)w->values + weight_bytes(format, weight_row(w, n) * w->k + k);
}

// ----------------------------------------------------------------------------------------- numbers of one row

/// CVAR_WIDTH floats of which `count` exist; then come zeros.
CVAR_INLINE vf float_vector(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count) {
  const char *const p = weight_at(format, w, n, k);
  if (count >= CVAR_WIDTH) return unpack_floats_at(format, p);
  char part[CVAR_WIDTH * 4] = {0};
  memcpy(part, p, weight_bytes(format, count));
  return unpack_floats_at(format, part);
}

/// 4 · CVAR_WIDTH int8 numbers of which `count` exist; then come zeros.
CVAR_INLINE vi byte_vector(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count) {
  const size_t within = 4 * CVAR_WIDTH >= CVAR_BLOCK ? 0 : k % CVAR_BLOCK;
  const char *const block = weight_at(format, w, n, k - within);
  if (count >= 4 * CVAR_WIDTH) return unpack_bytes_at(format, block, within);
  char part[CVAR_WIDTH * 4] = {0};
  memcpy(part, block, weight_bytes(format, count));
  return unpack_bytes_at(format, part, 0);
}

/// 2 · CVAR_WIDTH numbers of a 16-bit format as they are, of which `count` exist; then come zeros.
CVAR_INLINE vi half_vector(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count) {
  const char *const p = weight_at(format, w, n, k);
  if (count >= 2 * CVAR_WIDTH) return load_i(p);
  char part[CVAR_WIDTH * 4] = {0};
  memcpy(part, p, weight_bytes(format, count));
  return load_i(part);
}

CVAR_INLINE void float_row(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count, float *out) {
  for (size_t i = 0; i < count; i += CVAR_WIDTH) {
    const vf x = float_vector(format, w, n, k + i, count - i);
    if (count - i >= CVAR_WIDTH) {
      store_f(out + i, x);
    } else {
      store_part(out + i, x, count - i);
    }
  }
}

CVAR_INLINE void byte_row(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count, int8_t *out) {
  for (size_t i = 0; i < count; i += 4 * CVAR_WIDTH) {
    const vi bytes = byte_vector(format, w, n, k + i, count - i);
    memcpy(out + i, &bytes, cvar_min(sizeof bytes, count - i));
  }
}

/// The int8 numbers of a block of 32 of a quantized format; returns its scale.
CVAR_INLINE float unpack_block(const cvar_weights *w, size_t n, size_t k, int8_t *out) {
  BY_QUANTIZED_FORMAT(w, byte_row, n, k, CVAR_BLOCK, out)
  return unpack_scales(w, n, k / CVAR_BLOCK, 1)[0];
}

/// `count` numbers of a row as floats, any format.
CVAR_INLINE void unpack_row(const cvar_weights *w, size_t n, size_t k, size_t count, float *out) {
  if (!is_quantized(w)) {
    BY_FLOAT_FORMAT(w, float_row, n, k, count, out)
    return;
  }
  for (size_t b = 0; b < count; b += CVAR_BLOCK) {
    int8_t block[CVAR_BLOCK];
    const float scale = unpack_block(w, n, k + b, block);
    for (size_t i = 0; i < CVAR_BLOCK; i += CVAR_WIDTH) {
      vb bytes;
      memcpy(&bytes, block + i, sizeof bytes);
      store_f(out + b + i, __builtin_convertvector(__builtin_convertvector(bytes, vi), vf) * scale);
    }
  }
}

// ------------------------------------------------------------------------------------- squares of CVAR_WIDTH rows

/// CVAR_WIDTH floats of each of CVAR_WIDTH rows, of which `count` exist: lane j of square[i] is k + j of row n + i.
CVAR_INLINE void float_rows(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count, vi *square) {
  for (size_t i = 0; i < CVAR_WIDTH; i++) square[i] = (vi)float_vector(format, w, n + i, k, count);
}

CVAR_INLINE void byte_rows(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count, vi *square) {
  for (size_t i = 0; i < CVAR_WIDTH; i++) square[i] = byte_vector(format, w, n + i, k, count);
}

/// 4 · CVAR_WIDTH int8 numbers of each of CVAR_WIDTH rows, transposed in groups of four: lane i of square[q] holds
/// k + 4q ..< k + 4q + 4 of row n + i. Behind `count` numbers come zeros.
CVAR_INLINE void unpack_quads(const cvar_weights *w, size_t n, size_t k, size_t count, vi *square) {
  BY_QUANTIZED_FORMAT(w, byte_rows, n, k, count, square)
  transpose(square);
}
