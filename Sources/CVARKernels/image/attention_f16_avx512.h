// Attention over an f16 cache by f16 fused multiply-adds (AVX-512 FP16): both products at twice the rate of f32.
//
// Sums run in f16 over short chains and in f32 from chain to chain. Left operands lie in memory with every number
// twice, so that one 32-bit broadcast fills a vector. Queries are scaled by 1/4, so that a chain overflows only beyond
// 2.6e5; weights, which are at most 1 before the division by their sum, by 1/64, so that a chain cannot exceed
// the largest value.
#define QUERY_CHAIN 16  // channels
#define VALUE_CHAIN 32  // keys
#define QUERY_SCALE 0.25f
#define WEIGHT_SHIFT 6  // 1/64

/// c[r][0 ..< 32 · vectors] = gain · Σ over depth of a[r][d] · b[d][0 ..< 32 · vectors].
typedef struct product {
  const uint32_t *a;  // [rows, depth], f16 twice
  size_t lda;
  const uint16_t *b[2];  // [depth, 32] each
  size_t ldb, depth, chain;
  float *c;
  size_t ldc;
  float gain;
} product;

CVAR_INLINE __m512 widen(__m512h x, const int upper) {
  const __m512i bits = (__m512i)x;
  return _mm512_cvtph_ps(upper ? _mm512_extracti64x4_epi64(bits, 1) : _mm512_castsi512_si256(bits));
}

CVAR_INLINE void add_chain(float *c, __m512h sum, __m512 gain, bool first) {
  CVAR_UNROLL
  for (int half = 0; half < 2; half++) {
    const __m512 old = first ? _mm512_setzero_ps() : _mm512_loadu_ps(c + 16 * half);
    _mm512_storeu_ps(c + 16 * half, _mm512_fmadd_ps(widen(sum, half), gain, old));
  }
}

CVAR_INLINE void product_tile(const product *p, const int vectors, const int rows) {
  // Each row's address is one of four pointers, a multiple of lda and a constant.
  const uint32_t *a[4];
  CVAR_UNROLL
  for (int i = 0; i < 4; i++) a[i] = p->a + (3 * i < rows ? (size_t)(3 * i) * p->lda : 0);
  const uint16_t *b0 = p->b[0], *b1 = p->b[1];
  const __m512 gain = _mm512_set1_ps(p->gain);
  for (size_t start = 0; start < p->depth; start += p->chain) {
    const size_t count = p->depth - start < p->chain ? p->depth - start : p->chain;
    __m512h sum[CVAR_ROWS][2];
    CVAR_UNROLL
    for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ph();
    for (size_t d = 0; d < count; d++) {
      const __m512h x0 = _mm512_loadu_ph(b0), x1 = vectors > 1 ? _mm512_loadu_ph(b1) : x0;
      CVAR_UNROLL
      for (int r = 0; r < rows; r++) {
        const __m512h number = (__m512h)_mm512_set1_epi32((int)a[r / 3][(size_t)(r % 3) * p->lda]);
        sum[r][0] = _mm512_fmadd_ph(x0, number, sum[r][0]);
        if (vectors > 1) sum[r][1] = _mm512_fmadd_ph(x1, number, sum[r][1]);
      }
      b0 += p->ldb;
      b1 += p->ldb;
      CVAR_UNROLL
      for (int i = 0; i < 4; i++) {
        a[i]++;
        __asm__("" : "+r"(a[i]));  // keeps the compiler from deriving one from another
      }
    }
    CVAR_UNROLL
    for (int r = 0; r < rows; r++) {
      CVAR_UNROLL
      for (int v = 0; v < vectors; v++) add_chain(p->c + (size_t)r * p->ldc + 32 * v, sum[r][v], gain, start == 0);
    }
  }
}

static void multiply_f16(const product *p, int rows, int vectors) {
  if (vectors > 1) {
    CVAR_ROWS_CASES(12, rows, product_tile, p, 2)
  } else {
    CVAR_ROWS_CASES(12, rows, product_tile, p, 1)
  }
}

/// The f16 numbers of 16 floats, each twice.
CVAR_INLINE __m512i twice(__m512 x) {
  const __m512i bits = _mm512_cvtepu16_epi32(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  return _mm512_or_si512(bits, _mm512_slli_epi32(bits, 16));
}

CVAR_INLINE __mmask16 mask_of(size_t count) { return (__mmask16)(count >= 16 ? 0xffff : (1u << count) - 1); }

static void load_query(const float *query, size_t width, uint32_t *out) {
  const __m512 scale = _mm512_set1_ps(QUERY_SCALE), most = _mm512_set1_ps(65504.0f), least = _mm512_set1_ps(-65504.0f);
  for (size_t i = 0; i < width; i += 16) {
    const __mmask16 mask = mask_of(width - i);
    const __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, query + i), scale);
    _mm512_mask_storeu_epi32(out + i, mask, twice(_mm512_max_ps(least, _mm512_min_ps(most, x))));
  }
}

/// Replaces scores s of the `visible` keys by the f16 numbers exp(s − max)/64, each twice, and the others, up to
/// `stride`, by zeros; returns the sum of exp(s − max).
static float weigh(float *scores, size_t visible, size_t stride) {
  __m512 largest = _mm512_set1_ps(-INFINITY);
  for (size_t k = 0; k < visible; k += 16) {
    const __mmask16 mask = mask_of(visible - k);
    largest = _mm512_mask_max_ps(largest, mask, largest, _mm512_maskz_loadu_ps(mask, scores + k));
  }
  const vf offset = (vf)_mm512_reduce_max_ps(largest);
  const __m512 small = _mm512_set1_ps(1.0f / (1 << WEIGHT_SHIFT));
  __m512 total = _mm512_setzero_ps();
  for (size_t k = 0; k < stride; k += 16) {
    const __mmask16 mask = k < visible ? mask_of(visible - k) : 0;
    const vf s = (vf)_mm512_maskz_loadu_ps(mask, scores + k);
    const __m512 e = _mm512_maskz_mov_ps(mask, (__m512)exp_f(s - offset));
    total = _mm512_add_ps(total, e);
    _mm512_storeu_si512(scores + k, twice(_mm512_mul_ps(e, small)));
  }
  return _mm512_reduce_add_ps(total);
}

static void attend_f16(const cvar_attention *a, cvar_queries q, void *scratch) {
  const cvar_kv_cache *const cache = a->cache;
  const size_t width = cache->head_width, padded = cvar_round_up_32(width), stride = cvar_round_up_32(a->keys);
  const size_t origin = (q.image * cache->heads + q.head) * cache->capacity;
  float *const scores = scratch;                                        // [rows, stride], then the weights
  float *const output = scores + CVAR_ROWS * stride;                    // [rows, padded]
  uint32_t *const queries = (uint32_t *)(output + CVAR_ROWS * padded);  // [rows, width]
  for (int r = 0; r < q.rows; r++) {
    const size_t row = q.image * a->queries + q.first + (size_t)r;
    load_query(a->query + row * a->query_stride + q.head * width, width, queries + (size_t)r * width);
  }

  const uint16_t *const keys = (const uint16_t *)cache->keys + origin * width;
  for (size_t key = 0; key < stride; key += 64) {
    const int vectors = stride - key > 32 ? 2 : 1;
    const uint16_t *const block = keys + key * width;
    const product scoring = {.a = queries,
                             .lda = width,
                             .b = {block, block + (vectors > 1 ? 32 * width : 0)},
                             .ldb = 32,
                             .depth = width,
                             .chain = QUERY_CHAIN,
                             .c = scores + key,
                             .ldc = stride,
                             .gain = 1 / QUERY_SCALE};
    multiply_f16(&scoring, q.rows, vectors);
  }

  float sums[CVAR_ROWS];
  for (int r = 0; r < q.rows; r++) {
    const size_t visible = a->limits ? (size_t)a->limits[q.first + (size_t)r] : a->keys;
    sums[r] = weigh(scores + (size_t)r * stride, visible, stride);
  }

  const uint16_t *const values = (const uint16_t *)cache->values + origin * padded;
  for (size_t column = 0; column < padded; column += 64) {
    const int vectors = padded - column > 32 ? 2 : 1;
    const product combining = {.a = (const uint32_t *)scores,
                               .lda = stride,
                               .b = {values + column, values + column + (vectors > 1 ? 32 : 0)},
                               .ldb = padded,
                               .depth = a->keys,
                               .chain = VALUE_CHAIN,
                               .c = output + column,
                               .ldc = padded,
                               .gain = 1 << WEIGHT_SHIFT};
    multiply_f16(&combining, q.rows, vectors);
  }
  for (int r = 0; r < q.rows; r++) {
    const size_t row = q.image * a->queries + q.first + (size_t)r;
    float *const out = a->output + row * a->output_stride + q.head * width;
    const __m512 factor = _mm512_set1_ps(1 / sums[r]);
    for (size_t i = 0; i < width; i += 16) {
      const __m512 x = _mm512_loadu_ps(output + (size_t)r * padded + i);
      _mm512_mask_storeu_ps(out + i, mask_of(width - i), _mm512_mul_ps(x, factor));
    }
  }
}
