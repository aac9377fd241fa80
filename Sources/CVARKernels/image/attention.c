// Attention over a preallocated cache of keys and values: its jobs.
#include "levels/numbers.h"
#include "levels/ops.h"

// Queries of one job.
#define JOB_QUERIES (4 * CVAR_ROWS)

/// Keys of neighbouring tokens share cache lines, so heads are the tasks.
static void append_head(void *context, size_t task, void *scratch) {
  (void)scratch;
  const cvar_append *const a = context;
  cvar_ops_for(a->level)->append(a, task / a->cache->heads, task % a->cache->heads);
}

int cvar_append_run(const cvar_append *a, cvar_pool *pool) {
  return cvar_pool_run(pool, a->cache->images * a->cache->heads, append_head, (void *)a, 0);
}

// Scores, output and queries of one tile.
size_t cvar_attention_scratch(size_t keys, size_t head_width) {
  return cvar_lines(CVAR_ROWS * sizeof(float) * (cvar_round_up_32(keys) + cvar_round_up_32(head_width) + head_width));
}

static size_t query_jobs(const cvar_attention *a) { return cvar_divide_up(a->queries, JOB_QUERIES); }

static void attend(void *context, size_t job, void *scratch) {
  const cvar_attention *const a = context;
  const cvar_ops *const ops = cvar_ops_for(a->level);
  const size_t part = job % query_jobs(a), heads = a->cache->heads,
               end = cvar_min(a->queries, (part + 1) * JOB_QUERIES);
  cvar_queries queries = {.image = job / query_jobs(a) / heads, .head = job / query_jobs(a) % heads};
  for (queries.first = part * JOB_QUERIES; queries.first < end; queries.first += CVAR_ROWS) {
    queries.rows = (int)cvar_min(CVAR_ROWS, end - queries.first);
    (a->cache->half ? ops->attend_f16 : ops->attend_f32)(a, queries, scratch);
  }
}

int cvar_attention_run(const cvar_attention *a, cvar_pool *pool) {
  const size_t jobs = a->cache->images * a->cache->heads * query_jobs(a);
  return cvar_pool_run(pool, jobs, attend, (void *)a, cvar_attention_scratch(a->keys, a->cache->head_width));
}
