// Cuts row operations into tasks that run the level's kernels.
#include "levels/numbers.h"
#include "levels/ops.h"

// Rows of a task: enough work to be worth a claim.
#define ROWS_PER_TASK 4

static void run_modulate(void *context, size_t task, void *scratch) {
  (void)scratch;
  const cvar_modulate *const m = context;
  const size_t row0 = task * ROWS_PER_TASK;
  cvar_ops_for(m->level)->modulate(m, row0, cvar_min(m->rows, row0 + ROWS_PER_TASK));
}

int cvar_modulate_run(const cvar_modulate *modulate, cvar_pool *pool) {
  return cvar_pool_run(pool, cvar_divide_up(modulate->rows, ROWS_PER_TASK), run_modulate, (void *)modulate, 0);
}

static void run_prepare(void *context, size_t task, void *scratch) {
  (void)scratch;
  const cvar_prepare *const p = context;
  const size_t row0 = task * ROWS_PER_TASK;
  cvar_ops_for(p->level)->prepare(p, row0, cvar_min(p->rows, row0 + ROWS_PER_TASK));
}

int cvar_prepare_run(const cvar_prepare *prepare, cvar_pool *pool) {
  return cvar_pool_run(pool, cvar_divide_up(prepare->rows, ROWS_PER_TASK), run_prepare, (void *)prepare, 0);
}

void cvar_silu(cvar_level level, const float *x, float *y, size_t count) { cvar_ops_for(level)->silu(x, y, count); }

void cvar_gelu(cvar_level level, const float *x, float *y, size_t count) { cvar_ops_for(level)->gelu(x, y, count); }

void cvar_exp(cvar_level level, const float *x, float *y, size_t count) { cvar_ops_for(level)->exp(x, y, count); }

size_t cvar_encode_q8(cvar_level level, const float *values, size_t blocks, int8_t *quants, uint16_t *scales,
                      cvar_encoding_totals *totals) {
  return cvar_ops_for(level)->encode_q8(values, blocks, quants, scales, totals);
}

size_t cvar_encode_floats(cvar_level level, cvar_float_type type, const float *values, size_t count, uint16_t *halves,
                          cvar_encoding_totals *totals) {
  const cvar_ops *const ops = cvar_ops_for(level);
  switch (type) {
    case CVAR_FLOAT_F16: return ops->encode_f16(values, count, halves, totals);
    case CVAR_FLOAT_BF16: return ops->encode_bf16(values, count, halves, totals);
    default: return ops->encode_f32(values, count, halves, totals);
  }
}
