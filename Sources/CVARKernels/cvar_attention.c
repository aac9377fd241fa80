// Attention over a preallocated cache of keys and values.
#include <math.h>
#include <string.h>

#include "cvar_attention_f16.h"
#include "cvar_image_ops.h"

// Queries of one register tile, and of one job.
#define QUERIES CVAR_ROWS
#define JOB_QUERIES (4 * CVAR_ROWS)
// Tokens between the one that is stored and the one that is fetched.
#define AHEAD 6

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t align64(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static void put_key(const cvar_image_ops *ops, const cvar_kv_cache *cache, const float *key,
                    size_t head, size_t position) {
  const size_t width = cache->head_width;
  const size_t at = (head * cache->capacity + position / 32 * 32) * width + position % 32;
  if (!cache->half) {
    float *out = (float *)cache->keys + at;
    for (size_t i = 0; i < width; i++) out[i * 32] = key[i];
    return;
  }
  uint16_t *out = (uint16_t *)cache->keys + at;
  for (size_t i = 0; i < width; i += 32) {
    uint16_t half[32];
    const size_t count = smaller(32, width - i);
    ops->to_half(key + i, count, half);
    for (size_t j = 0; j < count; j++) out[(i + j) * 32] = half[j];
  }
}

static void put_value(const cvar_image_ops *ops, const cvar_kv_cache *cache, const float *value,
                      size_t head, size_t position) {
  const size_t width = cache->head_width, padded = cvar_round_up_32(width);
  const size_t at = (head * cache->capacity + position) * padded;
  if (cache->half) {
    ops->to_half(value, width, (uint16_t *)cache->values + at);
    memset((uint16_t *)cache->values + at + width, 0, (padded - width) * sizeof(uint16_t));
  } else {
    memcpy((float *)cache->values + at, value, width * sizeof(float));
    memset((float *)cache->values + at + width, 0, (padded - width) * sizeof(float));
  }
}

static float inverse_length(const cvar_image_ops *ops, const float *x, size_t count) {
  const float length = sqrtf(ops->dot(x, x, count));
  return 1.0f / (length > 1e-12f ? length : 1e-12f);
}

// One head of one image; keys of neighbouring tokens share cache lines, so heads are the tasks.
static void append_head(void *context, size_t task, void *scratch) {
  (void)scratch;
  const cvar_append *a = context;
  const cvar_kv_cache *cache = a->cache;
  const cvar_image_ops *ops = cvar_image_ops_for(a->level);
  const size_t width = cache->head_width, heads = cache->heads;
  const size_t image = task / heads, head = task % heads;
  for (size_t token = 0; token < a->tokens; token++) {
    float *query = a->qkv + (image * a->tokens + token) * a->stride + head * width;
    float *key = query + heads * width, *value = key + heads * width;
    // Rows lie pages apart, where no hardware prefetches.
    for (size_t i = 0; i < 3 * width && token + AHEAD < a->tokens; i += 16)
      __builtin_prefetch(query + AHEAD * a->stride + i / width * heads * width + i % width, 0, 3);
    if (a->query_scale) {
      ops->scale(query, width, a->query_scale[head] * inverse_length(ops, query, width));
      ops->scale(key, width, inverse_length(ops, key, width));
    } else {
      ops->scale(query, width, a->plain_scale);
    }
    put_key(ops, cache, key, task, a->position + token);
    put_value(ops, cache, value, task, a->position + token);
  }
}

int cvar_append_run(const cvar_append *a, cvar_pool *pool) {
  return cvar_pool_run(pool, a->cache->images * a->cache->heads, append_head, (void *)a, 0);
}

static size_t scratch_bytes(const cvar_attention *a) {
  if (cvar_attention_is_f16(a)) return cvar_attention_f16_scratch(a);
  const size_t scores = QUERIES * cvar_round_up_32(a->keys);
  const size_t output = QUERIES * CVAR_LANES;
  const size_t queries = QUERIES * a->cache->head_width;
  return align64(scores * sizeof(float)) + align64((output + queries) * sizeof(float));
}

static size_t query_jobs(const cvar_attention *a) {
  return (a->queries + JOB_QUERIES - 1) / JOB_QUERIES;
}

// scores[query][key], row stride `stride`, for keys rounded up to whole blocks.
static void score(const cvar_attention *a, size_t image, size_t head, const float *query, int rows,
                  size_t stride, float *scores) {
  const cvar_kv_cache *cache = a->cache;
  const size_t width = cache->head_width;
  const size_t first = (image * cache->heads + head) * cache->capacity * width;
  const ptrdiff_t origin = 0;
  for (size_t key = 0; key < a->keys; key += 32) {
    const size_t at = first + key * width;
    const void *keys = cache->half ? (const void *)((const uint16_t *)cache->keys + at)
                                   : (const void *)((const float *)cache->keys + at);
    const cvar_multiply m = {
        .rows = rows,
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
    cvar_image_ops_for(a->level)->multiply(&m);
  }
}

// output[query] = weights[query] * values / sum[query]
static void combine(const cvar_attention *a, size_t image, size_t head, size_t query, int rows,
                    size_t stride, const float *weights, const float *sums, float *panel) {
  const cvar_kv_cache *cache = a->cache;
  const size_t width = cache->head_width, padded = cvar_round_up_32(width);
  const size_t first = (image * cache->heads + head) * cache->capacity * padded;
  const ptrdiff_t origin = 0;
  for (size_t column = 0; column < width; column += CVAR_LANES) {
    const size_t at = first + column;
    const void *values = cache->half ? (const void *)((const uint16_t *)cache->values + at)
                                     : (const void *)((const float *)cache->values + at);
    const cvar_multiply m = {.rows = rows,
                             .a = weights,
                             .lda = (ptrdiff_t)stride,
                             .taps = &origin,
                             .tap_count = 1,
                             .depth = a->keys,
                             .b = values,
                             .ldb = (ptrdiff_t)padded,
                             .c = panel,
                             .ldc = CVAR_LANES,
                             .half = cache->half};
    cvar_image_ops_for(a->level)->multiply(&m);
    const size_t count = smaller(CVAR_LANES, width - column);
    for (int r = 0; r < rows; r++) {
      cvar_image_ops_for(a->level)->scale(panel + r * CVAR_LANES, count, 1.0f / sums[r]);
      memcpy(a->output + (image * a->queries + query + (size_t)r) * a->output_stride +
                 head * width + column,
             panel + r * CVAR_LANES, count * sizeof(float));
    }
  }
}

static void attend(const cvar_attention *a, size_t image, size_t head, size_t query, int rows,
                   float *scores, float *panel, float *queries) {
  const size_t width = a->cache->head_width;
  for (int r = 0; r < rows; r++)
    memcpy(queries + (size_t)r * width,
           a->query + (image * a->queries + query + (size_t)r) * a->query_stride + head * width,
           width * sizeof(float));
  const size_t stride = cvar_round_up_32(a->keys);
  score(a, image, head, queries, rows, stride, scores);
  float sums[QUERIES];
  for (int r = 0; r < rows; r++) {
    float *row = scores + (size_t)r * stride;
    const size_t visible = a->limits ? (size_t)a->limits[query + (size_t)r] : a->keys;
    sums[r] = cvar_image_ops_for(a->level)->exponentials(row, visible);
    memset(row + visible, 0, (a->keys - visible) * sizeof(float));
  }
  combine(a, image, head, query, rows, stride, scores, sums, panel);
}

static void attention_job(void *context, size_t job, void *scratch) {
  const cvar_attention *a = context;
  const size_t part = job % query_jobs(a), head = job / query_jobs(a) % a->cache->heads;
  const size_t image = job / query_jobs(a) / a->cache->heads;
  float *scores = scratch;
  float *panel = (float *)((unsigned char *)scratch +
                           align64(QUERIES * cvar_round_up_32(a->keys) * sizeof(float)));
  const size_t end = smaller(a->queries, (part + 1) * JOB_QUERIES);
  if (cvar_attention_is_f16(a)) {
    for (size_t query = part * JOB_QUERIES; query < end; query += QUERIES)
      cvar_attend_f16(a, image, head, query, (int)smaller(QUERIES, end - query), scratch);
    return;
  }
  for (size_t query = part * JOB_QUERIES; query < end; query += QUERIES)
    attend(a, image, head, query, (int)smaller(QUERIES, end - query), scores, panel,
           panel + QUERIES * CVAR_LANES);
}

int cvar_attention_run(const cvar_attention *a, cvar_pool *pool) {
  const size_t jobs = a->cache->images * a->cache->heads * query_jobs(a);
  return cvar_pool_run(pool, jobs, attention_job, (void *)a, scratch_bytes(a));
}
