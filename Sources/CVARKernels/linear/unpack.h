// The one place that knows how weights lie in memory, for one level: a float format gives floats, a quantized format
// gives int8 numbers and the scale of each block of 16 or 32. A format's name stands nowhere else in the kernels; a new
// one is a case in each function of the first part, and nothing else changes.
//
// In a quantized format, positions and counts along k are multiples of 32, or of what one call gives where that is
// less. Rows behind the last one are the last one: what is computed from them is not used.
#include "linear/codes.h"

// ------------------------------------------------------------------------------------------------- by format

/// The formats from q8 on are.
CVAR_INLINE bool is_quantized(const cvar_weights *w) { return w->format >= CVAR_FORMAT_Q8; }

/// Bits of a code, for formats whose numbers are codes of a table; otherwise 0.
CVAR_INLINE int code_bits(cvar_format format) {
  switch (format) {
    case CVAR_FORMAT_Q6: return 6;
    case CVAR_FORMAT_Q5: return 5;
    case CVAR_FORMAT_Q4: return 4;
    case CVAR_FORMAT_Q3: return 3;
    default: return 0;
  }
}

/// Neighbours in a row that share a scale, in a quantized format.
CVAR_INLINE size_t scale_block(const cvar_weights *w) { return w->format == CVAR_FORMAT_Q3 ? 16 : CVAR_BLOCK; }

/// Whether int8 kernels take the numbers as they are: one scale for each block of 32.
CVAR_INLINE bool has_int8_blocks(const cvar_weights *w) { return is_quantized(w) && scale_block(w) == CVAR_BLOCK; }

/// Whether there are two scales for each block of 32. Int8 kernels, which want one, bring the numbers of one half to
/// the other's larger scale, which rounds them to 8 bits.
CVAR_INLINE bool has_int8_halves(const cvar_weights *w) { return is_quantized(w) && scale_block(w) < CVAR_BLOCK; }

/// Whether all numbers are bf16 numbers, or f16 ones, as they lie in memory.
CVAR_INLINE bool is_bf16(cvar_format format) { return format == CVAR_FORMAT_BF16; }
CVAR_INLINE bool is_f16(cvar_format format) { return format == CVAR_FORMAT_F16; }

/// Bits of one number in `values`. Signed, so that the compiler may reduce `count * bits / 8`.
CVAR_INLINE ptrdiff_t weight_bits(cvar_format format) {
  switch (format) {
    case CVAR_FORMAT_F32: return 32;
    case CVAR_FORMAT_F16:
    case CVAR_FORMAT_BF16: return 16;
    case CVAR_FORMAT_Q8: return 8;
    default: return low_bits(code_bits(format));
  }
}

/// The same in `bits`.
CVAR_INLINE ptrdiff_t more_bits(cvar_format format) { return code_bits(format) > 0 ? high_bits(code_bits(format)) : 0; }

// Calls function(format, …) with a constant format, so that the code of each is compiled apart.
#define BY_FLOAT_FORMAT(w, function, ...)                                     \
  switch ((w)->format) {                                                      \
    case CVAR_FORMAT_F16: function(CVAR_FORMAT_F16, w, __VA_ARGS__); break;   \
    case CVAR_FORMAT_BF16: function(CVAR_FORMAT_BF16, w, __VA_ARGS__); break; \
    default: function(CVAR_FORMAT_F32, w, __VA_ARGS__);                       \
  }
#define BY_QUANTIZED_FORMAT(w, function, ...)                             \
  switch ((w)->format) {                                                  \
    case CVAR_FORMAT_Q6: function(CVAR_FORMAT_Q6, w, __VA_ARGS__); break; \
    case CVAR_FORMAT_Q5: function(CVAR_FORMAT_Q5, w, __VA_ARGS__); break; \
    case CVAR_FORMAT_Q4: function(CVAR_FORMAT_Q4, w, __VA_ARGS__); break; \
    case CVAR_FORMAT_Q3: function(CVAR_FORMAT_Q3, w, __VA_ARGS__); break; \
    default: function(CVAR_FORMAT_Q8, w, __VA_ARGS__);                    \
  }

/// CVAR_WIDTH numbers of a float format.
CVAR_INLINE vf unpack_floats_at(cvar_format format, const char *p) {
  switch (format) {
    case CVAR_FORMAT_F16: return load_f16(p);
    case CVAR_FORMAT_BF16: return load_bf16(p);
    default: return load_f((const float *)p);
  }
}

/// The scale of one block of a row.
CVAR_INLINE float unpack_scale(const cvar_weights *w, size_t row, size_t block) {
  const size_t at = row * (w->k / scale_block(w)) + block;
  if (w->format == CVAR_FORMAT_Q8) return cvar_from_f16(((const uint16_t *)w->scales)[at]);
  return (float)((const int8_t *)w->scales)[at] * cvar_from_f16(w->row_scales[row]);
}

/// The scales of CVAR_WIDTH blocks of a row from `block` on, of which `count` exist; then come zeros.
CVAR_INLINE vf unpack_scales(const cvar_weights *w, size_t row, size_t block, size_t count) {
  const bool half = w->format == CVAR_FORMAT_Q8;
  const size_t size = half ? sizeof(uint16_t) : sizeof(int8_t);
  const char *const p = (const char *)w->scales + (row * (w->k / scale_block(w)) + block) * size;
  uint16_t part[CVAR_WIDTH] = {0};
  if (count < CVAR_WIDTH) memcpy(part, p, count * size);
  const void *const scales = count < CVAR_WIDTH ? (const void *)part : p;
  if (half) return load_f16(scales);
  vb bytes;
  memcpy(&bytes, scales, sizeof bytes);
  return __builtin_convertvector(__builtin_convertvector(bytes, vi), vf) * cvar_from_f16(w->row_scales[row]);
}

// ------------------------------------------------------------------------------------------------ addresses

CVAR_INLINE size_t weight_row(const cvar_weights *w, size_t n) { return cvar_min(n, w->n - 1); }

/// Bytes of `count` numbers of a row.
CVAR_INLINE size_t weight_bytes(cvar_format format, size_t count) {
  return (size_t)((ptrdiff_t)count * weight_bits(format) / 8);
}

/// Where a row's number k is; k is a multiple of 32 where the format has codes.
CVAR_INLINE const char *weight_at(cvar_format format, const cvar_weights *w, size_t n, size_t k) {
  return (const char *)w->values + weight_bytes(format, weight_row(w, n) * w->k + k);
}

/// The same of the bits that are elsewhere; k is a multiple of 32.
CVAR_INLINE const uint8_t *more_at(cvar_format format, const cvar_weights *w, size_t n, size_t k) {
  return (const uint8_t *)w->bits + (size_t)((ptrdiff_t)(weight_row(w, n) * w->k + k) * more_bits(format) / 8);
}

/// Fetches a cache line ahead: of a row's numbers from k on, the one `offset` bytes behind, and what belongs to it.
CVAR_INLINE void fetch_line(const cvar_weights *w, size_t n, size_t k, size_t offset) {
  __builtin_prefetch(weight_at(w->format, w, n, k) + offset, 0, 2);
  if (more_bits(w->format) == 0) return;
  const size_t more = offset * (size_t)more_bits(w->format) / (size_t)weight_bits(w->format);
  __builtin_prefetch(more_at(w->format, w, n, k) + more, 0, 2);
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

/// 4 · CVAR_WIDTH numbers of an int8 format, of which `count` exist; then come zeros.
CVAR_INLINE vi byte_vector(const cvar_weights *w, size_t n, size_t k, size_t count) {
  const char *const p = weight_at(CVAR_FORMAT_Q8, w, n, k);
  if (count >= 4 * CVAR_WIDTH) return load_i(p);
  char part[CVAR_WIDTH * 4] = {0};
  memcpy(part, p, count);
  return load_i(part);
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

/// The 32 numbers of a block of a quantized format.
CVAR_INLINE void number_block(cvar_format format, const cvar_weights *w, size_t n, size_t k, int8_t *out) {
  const char *const low = weight_at(format, w, n, k);
  if (code_bits(format) == 0) {
    memcpy(out, low, CVAR_BLOCK);
    return;
  }
  const uint8_t *const high = more_bits(format) > 0 ? more_at(format, w, n, k) : NULL;
#if CVAR_WIDTH == 1
  code_block(code_bits(format), (const uint8_t *)low, high, out);
#else
  block_values(code_bits(format), (const uint8_t *)low, high, out);
#endif
}

/// The int8 numbers of a block of 32 of a quantized format.
CVAR_INLINE void unpack_block(const cvar_weights *w, size_t n, size_t k,
                              int8_t *out){BY_QUANTIZED_FORMAT(w, number_block, n, k, out)}

/// `count` numbers of a row as floats, any format.
CVAR_INLINE void unpack_row(const cvar_weights *w, size_t n, size_t k, size_t count, float *out) {
  if (!is_quantized(w)) {
    BY_FLOAT_FORMAT(w, float_row, n, k, count, out)
    return;
  }
  for (size_t b = 0; b < count; b += CVAR_BLOCK) {
    int8_t block[CVAR_BLOCK];
    unpack_block(w, n, k + b, block);
    for (size_t i = 0; i < CVAR_BLOCK; i += CVAR_WIDTH) {
      const float scale = unpack_scale(w, weight_row(w, n), (k + b + i) / scale_block(w));
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

/// CVAR_WIDTH quads of each of CVAR_WIDTH rows of a quantized format, transposed.
CVAR_INLINE void quad_rows(cvar_format format, const cvar_weights *w, size_t n, size_t k, size_t count, vi *square) {
  const int bits = code_bits(format);
  if (bits == 0) {
    for (size_t i = 0; i < CVAR_WIDTH; i++) square[i] = byte_vector(w, n + i, k, count);
    transpose(square);
    return;
  }
#if CVAR_WIDTH > 1
  const size_t within = 4 * CVAR_WIDTH >= CVAR_BLOCK ? 0 : k % CVAR_BLOCK, first = within / 4;
  const uint8_t *low[CVAR_WIDTH], *high[CVAR_WIDTH];
  for (size_t i = 0; i < CVAR_WIDTH; i++) {
    low[i] = (const uint8_t *)weight_at(format, w, n + i, k - within) + first / (8 / (size_t)low_bits(bits)) * 4;
    if (high_bits(bits) == 0) continue;
    high[i] = more_at(format, w, n + i, k - within) + first / (8 / (size_t)high_bits(bits)) * 4;
  }
  if (4 * CVAR_WIDTH <= CVAR_BLOCK || count >= 4 * CVAR_WIDTH) {
    transpose_codes(bits, low, high, true, (int)first, square);
  } else {
    transpose_codes(bits, low, high, false, (int)first, square);
  }
#endif
}

/// 4 · CVAR_WIDTH int8 numbers of each of CVAR_WIDTH rows, transposed in groups of four: lane i of square[q] holds
/// k + 4q ..< k + 4q + 4 of row n + i. What is behind `count` numbers means nothing.
CVAR_INLINE void unpack_quads(const cvar_weights *w, size_t n, size_t k, size_t count, vi *square) {
  BY_QUANTIZED_FORMAT(w, quad_rows, n, k, count, square)
}
