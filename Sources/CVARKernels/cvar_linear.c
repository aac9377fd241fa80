// Cuts linear layers and row operations into tasks and hands them to the level's kernels.
#include "cvar_ops.h"

const cvar_ops *cvar_ops_for(cvar_level level) {
  switch (level) {
#if defined(__x86_64__)
    case CVAR_LEVEL_AVX2: return &cvar_ops_avx2;
    case CVAR_LEVEL_AVX512: return &cvar_ops_avx512;
    case CVAR_LEVEL_AVX512VNNI: return &cvar_ops_avx512vnni;
    case CVAR_LEVEL_AVX512BF16: return &cvar_ops_avx512bf16;
    case CVAR_LEVEL_AVX512FP16: return &cvar_ops_avx512fp16;
#elif defined(__aarch64__)
    case CVAR_LEVEL_NEON: return &cvar_ops_neon;
    case CVAR_LEVEL_NEONDOT: return &cvar_ops_neondot;
#endif
    default: return &cvar_ops_scalar;
  }
}

size_t cvar_activation_size(cvar_arithmetic arithmetic) {
  switch (arithmetic) {
    case CVAR_ARITHMETIC_BF16:
    case CVAR_ARITHMETIC_F16: return 2;
    case CVAR_ARITHMETIC_INT8: return 1;
    default: return 4;
  }
}

static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

size_t cvar_activation_stride(cvar_arithmetic arithmetic, size_t columns) {
  const size_t size = cvar_activation_size(arithmetic);
  return (divide_up(columns * size, 128) | 1) * (128 / size);
}

// Input bytes of a part that stay in the L2 cache while panel after panel runs over them, and the rows that a part
// should keep so that packing a panel anew for each part costs little.
#define PART_BYTES ((size_t)1100 * 1024)
#define PART_ROWS 192

size_t cvar_linear_plan(cvar_linear *linear, size_t threads) {
  const size_t panels = divide_up(linear->weights.n, CVAR_PANEL);
  const size_t row_bytes = linear->input.stride * cvar_activation_size(linear->input.arithmetic);
  const size_t cached_rows = PART_BYTES / row_bytes;
  const size_t most = cached_rows >= PART_ROWS ? cvar_min(cached_rows, CVAR_ROW_CHUNK) : CVAR_ROW_CHUNK;
  size_t parts = divide_up(linear->rows, most);
  // Few panels for many threads: rows are cut further, down to 32 a task, until each thread has two tasks.
  while (panels * parts < 2 * threads && linear->rows / (parts + 1) >= 32) parts++;
  linear->row_parts = parts;
  linear->threads = threads;
  return panels * parts;
}

void cvar_linear_task(const cvar_linear *linear, size_t task, void *scratch) {
  const cvar_ops *const ops = cvar_ops_for(linear->level);
  const size_t parts = linear->row_parts, panels = divide_up(linear->weights.n, CVAR_PANEL), index = task / panels;
  const size_t row0 = linear->rows * index / parts, end = linear->rows * (index + 1) / parts;
  const cvar_part part = {task % panels * CVAR_PANEL, row0, end - row0,
                          cvar_min((task + linear->threads) % panels * CVAR_PANEL, linear->weights.n)};
  float *const acc = scratch;
  void *const pack = (char *)scratch + CVAR_ACCUMULATOR_BYTES;
  switch (linear->input.arithmetic) {
    case CVAR_ARITHMETIC_BF16: ops->panel_bf16(linear, part, acc, pack); break;
    case CVAR_ARITHMETIC_F16: ops->panel_f16(linear, part, acc, pack); break;
    case CVAR_ARITHMETIC_INT8: ops->panel_int8(linear, part, acc, pack); break;
    default: ops->panel_f32(linear, part, acc, pack);
  }
}

// Rows of a task: enough work to be worth a claim.
#define ROWS_PER_TASK 4

size_t cvar_row_tasks(size_t rows) { return divide_up(rows, ROWS_PER_TASK); }

void cvar_modulate_task(const cvar_modulate *modulate, size_t task) {
  const size_t row0 = task * ROWS_PER_TASK;
  cvar_ops_for(modulate->level)->modulate(modulate, row0, cvar_min(modulate->rows, row0 + ROWS_PER_TASK));
}

void cvar_prepare_task(const cvar_prepare *prepare, size_t task) {
  const size_t row0 = task * ROWS_PER_TASK;
  cvar_ops_for(prepare->level)->prepare(prepare, row0, cvar_min(prepare->rows, row0 + ROWS_PER_TASK));
}

void cvar_silu(cvar_level level, const float *x, float *y, size_t count) { cvar_ops_for(level)->silu(x, y, count); }

void cvar_gelu(cvar_level level, const float *x, float *y, size_t count) { cvar_ops_for(level)->gelu(x, y, count); }

void cvar_exp(cvar_level level, const float *x, float *y, size_t count) { cvar_ops_for(level)->exp(x, y, count); }
