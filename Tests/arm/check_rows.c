#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const size_t column_counts[] = {1, 5, 16, 31, 32, 33, 64, 100, 256, 1024, 1030};
#define ROWS 6

/// Everything that a row operation writes, as floats (and bytes compared as such).
static void check_storage(const char *what, const cvar_activations *result, const cvar_activations *expected) {
  const size_t padded = (result->columns + 31) / 32 * 32, size = cvar_activation_size(result->arithmetic);
  for (size_t row = 0; row < ROWS; row++) {
    const size_t at = row * result->stride;
    check_equal(what, (const float *)((const char *)result->values + at * size),
                (const float *)((const char *)expected->values + at * size), padded * size / 4, 0);
    if (result->arithmetic != CVAR_ARITHMETIC_INT8) continue;
    check_equal(what, result->scales + at / 32, expected->scales + at / 32, padded / 32, 0);
    check_equal(what, (const float *)(result->offsets + at / 32), (const float *)(expected->offsets + at / 32),
                padded / 32, 0);
  }
}

static cvar_activations make_storage(cvar_arithmetic arithmetic, size_t columns) {
  const size_t stride = cvar_activation_stride(arithmetic, columns);
  return (cvar_activations){arithmetic,
                            columns,
                            stride,
                            allocate(ROWS * stride * cvar_activation_size(arithmetic)),
                            allocate(ROWS * stride / 8),
                            allocate(ROWS * stride / 8)};
}

static void check_row_operations(cvar_level level, cvar_arithmetic arithmetic, size_t columns, const float *x,
                                 const float *scale, const float *shift) {
  cvar_activations output[2] = {make_storage(arithmetic, columns), make_storage(arithmetic, columns)};
  for (int operation = 0; operation < 3; operation++) {
    for (int pass = 0; pass < 2; pass++) {
      const cvar_level used = pass == 0 ? level : CVAR_LEVEL_SCALAR;
      const cvar_modulate modulate = {used, ROWS, x, columns, scale, shift, columns, ROWS / 2, output[pass]};
      const cvar_prepare prepare = {used, ROWS, x, columns, operation == 2, output[pass]};
      const int status = operation == 0 ? cvar_modulate_run(&modulate, pool) : cvar_prepare_run(&prepare, pool);
      if (status != 0) failures++;
    }
    char what[96];
    snprintf(what, sizeof what, "row operation %d, arithmetic %d, %zu columns", operation, arithmetic, columns);
    check_storage(what, &output[0], &output[1]);
  }
  for (int i = 0; i < 2; i++) {
    free(output[i].values);
    free(output[i].scales);
    free(output[i].offsets);
  }
}

/// Weights as q8, those that the kernel leaves behind them.
static void check_encoding(cvar_level level) {
  enum { BLOCKS = 37, COUNT = BLOCKS * CVAR_Q8_BLOCK };
  float *const x = allocate(COUNT * sizeof(float));
  fill_numbers(x, COUNT, 11);
  memset(x + COUNT - CVAR_Q8_BLOCK, 0, CVAR_Q8_BLOCK * sizeof(float));
  struct result {
    int8_t quants[COUNT];
    uint16_t scales[BLOCKS + 1];
    float totals[3], blocks;
  } *const results[2] = {allocate(sizeof(struct result)), allocate(sizeof(struct result))};
  for (int pass = 0; pass < 2; pass++) {
    struct result *const r = results[pass];
    cvar_encoding_totals totals = {0};
    r->blocks = (float)cvar_encode_q8(pass == 0 ? level : CVAR_LEVEL_SCALAR, x, BLOCKS, r->quants, r->scales, &totals);
    r->totals[0] = (float)totals.signal;
    r->totals[1] = (float)totals.noise;
    r->totals[2] = totals.error;
    if (r->blocks != BLOCKS - 1) failures++;
  }
  check_equal("q8", (const float *)results[0], (const float *)results[1], sizeof(struct result) / sizeof(float), 0);
  free(x);
  free(results[0]);
  free(results[1]);
}

/// Weights as f16, bf16 and f32.
static void check_float_encoding(cvar_level level) {
  enum { COUNT = 4099 };
  float *const x = allocate(COUNT * sizeof(float));
  fill_numbers(x, COUNT, 12);
  for (int type = CVAR_FLOAT_F32; type <= CVAR_FLOAT_BF16; type++) {
    struct result {
      uint16_t halves[COUNT + 1];
      float totals[3];
    } *const results[2] = {allocate(sizeof(struct result)), allocate(sizeof(struct result))};
    for (int pass = 0; pass < 2; pass++) {
      struct result *const r = results[pass];
      cvar_encoding_totals totals = {0};
      uint16_t *const halves = type == CVAR_FLOAT_F32 ? NULL : r->halves;
      const cvar_level used = pass == 0 ? level : CVAR_LEVEL_SCALAR;
      if (cvar_encode_floats(used, (cvar_float_type)type, x, COUNT, halves, &totals) != COUNT) failures++;
      r->totals[0] = (float)totals.signal;
      r->totals[1] = (float)totals.noise;
      r->totals[2] = totals.error;
    }
    check_equal("floats", (const float *)results[0], (const float *)results[1], sizeof(struct result) / sizeof(float),
                0);
    free(results[0]);
    free(results[1]);
  }
  free(x);
}

static void check_functions(cvar_level level) {
  enum { COUNT = 4099 };
  float *const x = allocate(COUNT * sizeof(float)), *const y = allocate(COUNT * sizeof(float));
  float *const expected = allocate(COUNT * sizeof(float));
  for (int i = 0; i < COUNT; i++) x[i] = ((float)i - COUNT / 2) * 0.06f;
  cvar_exp(level, x, y, COUNT);
  cvar_exp(CVAR_LEVEL_SCALAR, x, expected, COUNT);
  check_equal("exp", y, expected, COUNT, 0);
  cvar_silu(level, x, y, COUNT);
  cvar_silu(CVAR_LEVEL_SCALAR, x, expected, COUNT);
  check_equal("silu", y, expected, COUNT, 0);
  cvar_gelu(level, x, y, COUNT);
  cvar_gelu(CVAR_LEVEL_SCALAR, x, expected, COUNT);
  check_equal("gelu", y, expected, COUNT, 0);
  free(x);
  free(y);
  free(expected);
}

void check_rows(cvar_level level) {
  check_encoding(level);
  check_float_encoding(level);
  check_functions(level);
  for (size_t i = 0; i < sizeof column_counts / sizeof *column_counts; i++) {
    const size_t columns = column_counts[i];
    float *const x = allocate(ROWS * columns * sizeof(float));
    float *const scale = allocate(2 * columns * sizeof(float)), *const shift = allocate(2 * columns * sizeof(float));
    fill_numbers(x, ROWS * columns, 1);
    fill_numbers(scale, 2 * columns, 2);
    fill_numbers(shift, 2 * columns, 3);
    for (int arithmetic = 0; arithmetic <= CVAR_ARITHMETIC_F16; arithmetic++) {
      check_row_operations(level, (cvar_arithmetic)arithmetic, columns, x, scale, shift);
    }
    free(x);
    free(scale);
    free(shift);
  }
}
