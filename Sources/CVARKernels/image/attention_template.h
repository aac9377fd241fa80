// Attention of one level: storing keys and values, and twelve queries of a head over them. Products in f32; an f16
// cache is widened as it is read.

// Sums here may be fused or not: their last bits are no level's promise.
#pragma STDC FP_CONTRACT ON

// Tokens between the one that is stored and the one that is fetched.
#define CVAR_TOKENS_AHEAD 6

/// The sum of products.
static float dot_rows(const float *x, const float *y, size_t count) {
  vf s = (vf)0.0f;
  size_t k = 0;
  for (; k + CVAR_WIDTH <= count; k += CVAR_WIDTH) s = madd_f(load_f(x + k), load_f(y + k), s);
  float total = sum_f(s);
  for (; k < count; k++) total += x[k] * y[k];
  return total;
}

static void scale_row(float *x, size_t count, float factor) {
  size_t k = 0;
  for (; k + CVAR_WIDTH <= count; k += CVAR_WIDTH) store_f(x + k, load_f(x + k) * (vf)factor);
  for (; k < count; k++) x[k] *= factor;
}

/// f32 to f16, rounded to nearest even and clamped to the finite range.
static void to_half(const float *x, size_t count, uint16_t *out) {
  const vf limit = (vf)65504.0f, low = (vf)-65504.0f;
  size_t k = 0;
  for (; k + CVAR_WIDTH <= count; k += CVAR_WIDTH) store_f16(out + k, min_f(limit, max_f(low, load_f(x + k))));
  if (k < count) {
    uint16_t t[CVAR_WIDTH];
    store_f16(t, min_f(limit, max_f(low, load_part(x + k, count - k))));
    memcpy(out + k, t, (count - k) * sizeof(uint16_t));
  }
}

/// Row softmax without the division: s = exp(s - max), returns the sum.
static float exponentials(float *s, size_t count) {
  size_t k = 0;
  vf top = (vf)(-INFINITY);
  for (; k + CVAR_WIDTH <= count; k += CVAR_WIDTH) top = max_f(top, load_f(s + k));
  float t[CVAR_WIDTH], largest = -INFINITY;
  store_f(t, top);
  for (int i = 0; i < CVAR_WIDTH; i++) largest = t[i] > largest ? t[i] : largest;
  for (size_t i = k; i < count; i++) largest = s[i] > largest ? s[i] : largest;
  vf total = (vf)0.0f;
  const vf offset = (vf)largest;
  for (k = 0; k + CVAR_WIDTH <= count; k += CVAR_WIDTH) {
    vf e = exp_f(load_f(s + k) - offset);
    store_f(s + k, e);
    total = total + e;
  }
  float sum = sum_f(total);
  if (k < count) {
    store_f(t, exp_f(load_part(s + k, count - k) - offset));
    for (size_t i = 0; i < count - k; i++) {
      s[k + i] = t[i];
      sum += t[i];
    }
  }
  return sum;
}

static void put_key(const cvar_kv_cache *cache, const float *key, size_t head, size_t position) {
  const size_t width = cache->head_width;
  const size_t at = (head * cache->capacity + position / 32 * 32) * width + position % 32;
  if (!cache->half) {
    float *const out = (float *)cache->keys + at;
    for (size_t i = 0; i < width; i++) out[i * 32] = key[i];
    return;
  }
  uint16_t *const out = (uint16_t *)cache->keys + at;
  for (size_t i = 0; i < width; i += 32) {
    uint16_t half[32];
    const size_t count = cvar_min(32, width - i);
    to_half(key + i, count, half);
    for (size_t j = 0; j < count; j++) out[(i + j) * 32] = half[j];
  }
}

static void put_value(const cvar_kv_cache *cache, const float *value, size_t head, size_t position) {
  const size_t width = cache->head_width, padded = cvar_round_up_32(width);
  const size_t at = (head * cache->capacity + position) * padded;
  if (cache->half) {
    to_half(value, width, (uint16_t *)cache->values + at);
    memset((uint16_t *)cache->values + at + width, 0, (padded - width) * sizeof(uint16_t));
  } else {
    memcpy((float *)cache->values + at, value, width * sizeof(float));
    memset((float *)cache->values + at + width, 0, (padded - width) * sizeof(float));
  }
}

static float inverse_length(const float *x, size_t count) {
  const float length = sqrtf(dot_rows(x, x, count));
  return 1.0f / (length > 1e-12f ? length : 1e-12f);
}

static void append(const cvar_append *a, size_t image, size_t head) {
  const cvar_kv_cache *const cache = a->cache;
  const size_t width = cache->head_width, heads = cache->heads;
  for (size_t token = 0; token < a->tokens; token++) {
    float *const query = a->qkv + (image * a->tokens + token) * a->stride + head * width;
    float *const key = query + heads * width, *const value = key + heads * width;
    // Rows lie pages apart, where no hardware prefetches.
    for (size_t i = 0; i < 3 * width && token + CVAR_TOKENS_AHEAD < a->tokens; i += 16) {
      __builtin_prefetch(query + CVAR_TOKENS_AHEAD * a->stride + i / width * heads * width + i % width, 0, 3);
    }
    if (a->query_scale != NULL) {
      scale_row(query, width, a->query_scale[head] * inverse_length(query, width));
      scale_row(key, width, inverse_length(key, width));
    } else {
      scale_row(query, width, a->plain_scale);
    }
    put_key(cache, key, image * heads + head, a->position + token);
    put_value(cache, value, image * heads + head, a->position + token);
  }
}

/// Element `at` of keys or values.
CVAR_INLINE const void *cached(const cvar_kv_cache *cache, const void *p, size_t at) {
  return (const char *)p + at * (cache->half ? sizeof(uint16_t) : sizeof(float));
}

/// scores[query][key], row stride `stride`, for keys rounded up to whole blocks.
static void score(const cvar_attention *a, cvar_queries q, const float *query, size_t stride, float *scores) {
  const cvar_kv_cache *const cache = a->cache;
  const size_t width = cache->head_width;
  const size_t first = (q.image * cache->heads + q.head) * cache->capacity * width;
  const ptrdiff_t origin = 0;
  for (size_t key = 0; key < a->keys; key += 32) {
    const void *const keys = cached(cache, cache->keys, first + key * width);
    const cvar_multiply m = {.rows = q.rows,
                             .a = query,
                             .lda = (ptrdiff_t)width,
                             .taps = &origin,
                             .tap_count = 1,
                             .depth = width,
                             .b = keys,
                             .ldb = 32,
                             .c = scores + key,
                             .ldc = (ptrdiff_t)stride,
                             .half = cache->half,
                             .next = cache->half ? NULL : (const float *)keys + 32 * width};
    multiply(&m);
  }
}

/// output[query] = weights[query] · values / sum[query]
static void combine(const cvar_attention *a, cvar_queries q, size_t stride, const float *weights, const float *sums,
                    float *panel) {
  const cvar_kv_cache *const cache = a->cache;
  const size_t width = cache->head_width, padded = cvar_round_up_32(width);
  const size_t first = (q.image * cache->heads + q.head) * cache->capacity * padded;
  const ptrdiff_t origin = 0;
  for (size_t column = 0; column < width; column += CVAR_LANES) {
    const cvar_multiply m = {.rows = q.rows,
                             .a = weights,
                             .lda = (ptrdiff_t)stride,
                             .taps = &origin,
                             .tap_count = 1,
                             .depth = a->keys,
                             .b = cached(cache, cache->values, first + column),
                             .ldb = (ptrdiff_t)padded,
                             .c = panel,
                             .ldc = CVAR_LANES,
                             .half = cache->half};
    multiply(&m);
    const size_t count = cvar_min(CVAR_LANES, width - column);
    for (size_t r = 0; r < (size_t)q.rows; r++) {
      scale_row(panel + r * CVAR_LANES, count, 1.0f / sums[r]);
      memcpy(a->output + (q.image * a->queries + q.first + r) * a->output_stride + q.head * width + column,
             panel + r * CVAR_LANES, count * sizeof(float));
    }
  }
}

static void attend_f32(const cvar_attention *a, cvar_queries q, void *scratch) {
  const size_t width = a->cache->head_width, stride = cvar_round_up_32(a->keys);
  float *const scores = scratch;                          // [rows, stride]
  float *const panel = scores + CVAR_ROWS * stride;       // [rows, 32]
  float *const queries = panel + CVAR_ROWS * CVAR_LANES;  // [rows, width]
  for (size_t r = 0; r < (size_t)q.rows; r++) {
    const size_t row = q.image * a->queries + q.first + r;
    memcpy(queries + r * width, a->query + row * a->query_stride + q.head * width, width * sizeof(float));
  }
  score(a, q, queries, stride, scores);
  float sums[CVAR_ROWS];
  for (size_t r = 0; r < (size_t)q.rows; r++) {
    float *const row = scores + r * stride;
    const size_t visible = a->limits != NULL ? (size_t)a->limits[q.first + r] : a->keys;
    sums[r] = exponentials(row, visible);
    memset(row + visible, 0, (a->keys - visible) * sizeof(float));
  }
  combine(a, q, stride, scores, sums, panel);
}
