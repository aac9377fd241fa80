// Codes of 3 to 6 bits as int8 numbers, for one level: 32-bit words of CVAR_WIDTH rows are transposed while they are
// packed, then each quad of a block is a shift, a mask and a look-up in a table.
//
// In a block of 32, quad g is k = 4g ..< 4g + 4. A plane of p bits has p words a block; the word g / (8 / p) holds the
// quads' numbers from bit p · (g mod (8 / p)) of each byte on.

/// Bits of the two planes: the lower ones of a code, and the rest.
CVAR_INLINE int low_bits(int bits) { return bits < 4 ? 2 : 4; }
CVAR_INLINE int high_bits(int bits) { return bits - low_bits(bits); }

static const int8_t codes_q3[16] __attribute__((unused)) = {-127, -76, -44, -18, 8, 35, 67, 109};
static const int8_t codes_q4[16]
    __attribute__((unused)) = {-127, -102, -80, -62, -47, -34, -21, -9, 2, 13, 25, 37, 50, 65, 83, 109};
static const int8_t codes_q5[32]
    __attribute__((unused)) = {-127, -112, -97, -86, -76, -68, -60, -52, -45, -38, -32, -26, -20, -14, -8,  -3,
                               3,    8,    14,  20,  26,  32,  38,  45,  52,  60,  68,  76,  85,  95,  106, 118};

/// What a code stands for, one by one: the twin of `quad_values`.
CVAR_INLINE int8_t code_value(int bits, int code) {
  switch (bits) {
    case 3: return codes_q3[code];
    case 4: return codes_q4[code];
    case 5: return codes_q5[code];
    default: return (int8_t)(code - 32);
  }
}

/// The bits that a plane has of a block's element k < 32, one by one.
CVAR_INLINE int plane_bits(int width, const uint8_t *block, int k) {
  const int quads = 8 / width, g = k / 4;
  return block[g / quads * 4 + k % 4] >> g % quads * width & ((1 << width) - 1);
}

/// The 32 numbers of a block, one by one.
CVAR_INLINE void code_block(int bits, const uint8_t *low, const uint8_t *high, int8_t *out) {
  for (int k = 0; k < CVAR_BLOCK; k++) {
    int code = plane_bits(low_bits(bits), low, k);
    if (high_bits(bits) > 0) code |= plane_bits(high_bits(bits), high, k) << low_bits(bits);
    out[k] = code_value(bits, code);
  }
}

#if CVAR_WIDTH > 1
typedef int32_t vi4 __attribute__((ext_vector_type(4)));
typedef int8_t vq __attribute__((ext_vector_type(4 * CVAR_WIDTH)));
typedef int8_t vq16 __attribute__((ext_vector_type(16)));

/// Entry `index` < 16 of a table, byte by byte.
CVAR_INLINE vq16 look_up16(const int8_t *table, vq16 index) {
#if defined(__x86_64__)
  return (vq16)_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)table), (__m128i)index);
#else
  return (vq16)vqtbl1q_s8(vld1q_s8(table), (uint8x16_t)index);
#endif
}

CVAR_INLINE vq look_up(const int8_t *table, vq index) {
#if CVAR_WIDTH == 16
  const __m512i wide = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table));
  return (vq)_mm512_shuffle_epi8(wide, (__m512i)index);
#elif CVAR_WIDTH == 8
  const __m256i wide = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
  return (vq)_mm256_shuffle_epi8(wide, (__m256i)index);
#else
  return look_up16(table, index);
#endif
}

// The numbers of codes whose lower bits are in the bytes of `low`, the others in those of `high`.
#define CVAR_QUAD_VALUES(bytes, look_up)                                                \
  switch (bits) {                                                                       \
    case 3: return look_up(codes_q3, low | high << 2);                                  \
    case 4: return look_up(codes_q4, low);                                              \
    case 5: {                                                                           \
      const bytes upper = 0 - high;                                                     \
      return (look_up(codes_q5, low) & ~upper) | (look_up(codes_q5 + 16, low) & upper); \
    }                                                                                   \
    default: return (low | high << 4) - 32;                                             \
  }

CVAR_INLINE vq quad_values(int bits, vq low, vq high){CVAR_QUAD_VALUES(vq, look_up)}

CVAR_INLINE vq16 quad_values16(int bits, vq16 low, vq16 high){CVAR_QUAD_VALUES(vq16, look_up16)}

/// Bits of four quads' words, each shifted by its own count.
CVAR_INLINE vq16 bits16(vi4 words, vi4 shift, int width) {
  return (vq16)(words >> shift & ((1 << width) - 1) * 0x01010101);
}

/// The 32 numbers of a block of one row.
CVAR_INLINE void block_values(int bits, const uint8_t *low, const uint8_t *high, int8_t *out) {
  int32_t word[4] = {0};
  vi4 lows, highs = 0;
  memcpy(&lows, low, 4 * (size_t)low_bits(bits));
  memcpy(word, high, 4 * (size_t)high_bits(bits));
  if (low_bits(bits) == 2) lows = lows.xxyy;
  if (high_bits(bits) == 1) highs = (vi4)word[0];
  if (high_bits(bits) == 2) highs = (vi4){word[0], word[0], word[1], word[1]};
  const vi4 quad = {0, 2, 4, 6};  // and the ones after them
  vq16 half[2];
  for (int odd = 0; odd < 2; odd++) {
    const vi4 low_shift = low_bits(bits) == 4 ? (vi4)(4 * odd) : ((quad + odd) & 3) * 2;
    const vi4 high_shift = high_bits(bits) == 1 ? quad + odd : ((quad + odd) & 3) * 2;
    half[odd] = quad_values16(bits, bits16(lows, low_shift, low_bits(bits)),
                              high_bits(bits) > 0 ? bits16(highs, high_shift, high_bits(bits)) : (vq16)0);
  }
  const vi4 even = (vi4)half[0], odd = (vi4)half[1];
  const vi4 first = __builtin_shufflevector(even, odd, 0, 4, 1, 5);
  const vi4 second = __builtin_shufflevector(even, odd, 2, 6, 3, 7);
  memcpy(out, &first, sizeof first);
  memcpy(out + 16, &second, sizeof second);
}

/// `count` words (a power of two, at most CVAR_WIDTH / 2) of each of CVAR_WIDTH rows, transposed: lane i of word[j] is
/// word j of row i. Of a row only the first `bytes` are read, the rest is zero.
CVAR_INLINE void transpose_words(const uint8_t *const *row, const int count, const size_t bytes, vi *word) {
  _Pragma("clang loop unroll(full)") for (int i = 0; i < count; i++) {
    vi joined = 0;
    _Pragma("clang loop unroll(full)") for (int part = 0; part < CVAR_WIDTH / count; part++) {
      memcpy((char *)&joined + part * 4 * count, row[part * count + i], bytes);
    }
    word[i] = joined;
  }
#if CVAR_WIDTH >= 16
  if (count >= 8) {
    for (int i = 0; i < 4; i++) CVAR_EXCHANGE(word[i], word[i + 4], 4);
  }
#endif
#if CVAR_WIDTH >= 8
  if (count >= 4) {
    for (int j = 0; j < count; j += 4) {
      for (int i = j; i < j + 2; i++) CVAR_EXCHANGE(word[i], word[i + 2], 2);
    }
  }
#endif
  if (count >= 2) {
    for (int i = 0; i < count; i += 2) CVAR_EXCHANGE(word[i], word[i + 1], 1);
  }
}

/// Words of a plane of `width` bits for CVAR_WIDTH quads; one where they are less.
CVAR_INLINE int plane_words(int width) { return width * CVAR_WIDTH >= 8 ? width * CVAR_WIDTH / 8 : 1; }

/// The quad `q` < CVAR_WIDTH of a plane's words; `first` is where the quads begin in their block.
CVAR_INLINE vq plane_quad(int width, const vi *word, int q, int first) {
  const int quads = 8 / width, g = q + first;
  const vi w = word[plane_words(width) == 1 ? 0 : q / quads];
  return (vq)(w >> g % quads * width & ((1 << width) - 1) * 0x01010101);
}

/// Quads of CVAR_WIDTH rows: lane i of square[q] holds quad q of row i. Unless `whole`, only one block of 32 exists
/// though CVAR_WIDTH quads are two; behind it comes anything. The quads begin with quad `first` of a block, 0 or, where
/// CVAR_WIDTH is 4, 4.
CVAR_INLINE void transpose_codes(const int bits, const uint8_t *const *low, const uint8_t *const *high,
                                 const bool whole, const int first, vi *square) {
  vi lows[CVAR_WIDTH], highs[CVAR_WIDTH];
  const int low_words = plane_words(low_bits(bits)), word = whole ? 4 : 2;
  transpose_words(low, low_words, (size_t)(word * low_words), lows);
  if (high_bits(bits) > 0) {
    const int high_words = plane_words(high_bits(bits));
    transpose_words(high, high_words, (size_t)(word * high_words), highs);
  }
  _Pragma("clang loop unroll(full)") for (int q = 0; q < CVAR_WIDTH; q++) {
    const vq upper = high_bits(bits) > 0 ? plane_quad(high_bits(bits), highs, q, first) : (vq)0;
    square[q] = (vi)quad_values(bits, plane_quad(low_bits(bits), lows, q, first), upper);
  }
}
#endif
