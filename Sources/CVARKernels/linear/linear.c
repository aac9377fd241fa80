// Cuts linear layers into tasks that run the level's kernels.
#include "levels/numbers.h"
#include "levels/ops.h"

size_t cvar_activation_size(cvar_arithmetic arithmetic) {
  switch (arithmetic) {
    case CVAR_ARITHMETIC_BF16:
    case CVAR_ARITHMETIC_F16: return 2;
    case CVAR_ARITHMETIC_INT8: return 1;
    default: return 4;
  }
}

size_t cvar_activation_stride(cvar_arithmetic arithmetic, size_t columns) {
  const size_t size = cvar_activation_size(arithmetic);
  return (cvar_divide_up(columns * size, 128) | 1) * (128 / size);
}

// Input bytes of a part that stay in the L2 cache while panel after panel runs over them, and the rows that a part
// should keep so that packing a panel anew for each part costs little.
#define PART_BYTES ((size_t)1100 * 1024)
#define PART_ROWS 192

/// A layer cut into panels of outputs × parts of the rows; each pair is a task.
typedef struct cut {
  const cvar_linear *linear;
  void (*panel)(const cvar_linear *, cvar_part, float *, void *);
  size_t panels, parts, threads;
} cut;

static void choose_panel(cut *c) {
  const cvar_ops *const ops = cvar_ops_for(c->linear->level);
  switch (c->linear->input.arithmetic) {
    case CVAR_ARITHMETIC_BF16: c->panel = ops->panel_bf16; break;
    case CVAR_ARITHMETIC_F16: c->panel = ops->panel_f16; break;
    case CVAR_ARITHMETIC_INT8: c->panel = ops->panel_int8; break;
    default: c->panel = ops->panel_f32;
  }
}

static void choose_parts(cut *c) {
  const cvar_linear *const l = c->linear;
  const size_t cached_rows = PART_BYTES / (l->input.stride * cvar_activation_size(l->input.arithmetic));
  const size_t most = cached_rows >= PART_ROWS ? cvar_min(cached_rows, CVAR_ROW_CHUNK) : CVAR_ROW_CHUNK;
  c->parts = cvar_divide_up(l->rows, most);
  // Few panels for many threads: rows are cut further, down to 32 a task, until each thread has two tasks.
  while (c->panels * c->parts < 2 * c->threads && l->rows / (c->parts + 1) >= 32) c->parts++;
}

static void run_part(void *context, size_t task, void *scratch) {
  const cut *const c = context;
  const size_t rows = c->linear->rows, index = task / c->panels;
  const size_t row0 = rows * index / c->parts, end = rows * (index + 1) / c->parts;
  const size_t next_n0 = (task + c->threads) % c->panels * CVAR_PANEL;
  const cvar_part part = {task % c->panels * CVAR_PANEL, row0, end - row0, cvar_min(next_n0, c->linear->weights.n)};
  c->panel(c->linear, part, scratch, (char *)scratch + CVAR_ACCUMULATOR_BYTES);
}

int cvar_linear_run(const cvar_linear *linear, cvar_pool *pool) {
  cut c = {
      .linear = linear, .panels = cvar_divide_up(linear->weights.n, CVAR_PANEL), .threads = cvar_pool_threads(pool)};
  choose_panel(&c);
  choose_parts(&c);
  return cvar_pool_run(pool, c.panels * c.parts, run_part, &c, CVAR_LINEAR_SCRATCH);
}
