#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "levels/bits.h"

// bf16 dot products may round between their two products, which the scalar twin does not.
#define BF16_DOT_TOLERANCE 1e-5
// GELU's output is rounded to bf16: sums that differ in their last bits may round the other way.
#define BF16_GELU_TOLERANCE 3e-4

typedef struct shape {
  size_t m, n, k;
} shape;

static const shape shapes[] = {{1, 1, 1},      {2, 64, 32},    {3, 65, 96},   {7, 63, 131}, {6, 17, 128},
                               {13, 130, 544}, {20, 96, 1056}, {4, 10, 1568}, {5, 33, 288}};
static const size_t element_bytes[] = {4, 2, 2, 1, 1, 1, 1, 1};  // at most

typedef struct layer {
  shape s;
  cvar_weights weights;
  cvar_activations input, hidden;
  float *numbers, *bias, *gamma, *output, *hidden_numbers;
} layer;

static cvar_activations make_activations(cvar_arithmetic arithmetic, size_t rows, size_t columns) {
  const size_t stride = cvar_activation_stride(arithmetic, columns);
  return (cvar_activations){arithmetic,
                            columns,
                            stride,
                            allocate(rows * stride * cvar_activation_size(arithmetic)),
                            allocate(rows * stride / 8),
                            allocate(rows * stride / 8)};
}

static void free_activations(cvar_activations *a) {
  free(a->values);
  free(a->scales);
  free(a->offsets);
}

/// Any bytes are codes; any int8 but −128 is a block's scale.
static cvar_weights make_codes(cvar_format format, size_t n, size_t k, uint8_t *bytes, uint16_t *scales) {
  uint8_t *const bits = allocate(n * k / 4);
  uint16_t *const rows = allocate(n * sizeof(uint16_t));
  for (size_t i = 0; i < n * k / 4; i++) bits[i] = (uint8_t)(bytes[i] * 59 + i);
  for (size_t i = 0; i < n * k / 16; i++) ((int8_t *)scales)[i] = (int8_t)(i * 37 % 255) - 127;
  for (size_t i = 0; i < n; i++) rows[i] = (uint16_t)(0x0080 + i * 37 % 2048);
  return (cvar_weights){format, n, k, bytes, scales, bits, rows};
}

/// Weights of any format from random bytes; the exponents are kept small.
static cvar_weights make_weights(cvar_format format, size_t n, size_t k) {
  uint8_t *const bytes = allocate(n * k * element_bytes[format]);
  uint16_t *const scales = allocate(n * k / 16 + 64);
  float *const numbers = allocate(n * k * sizeof(float));
  fill_numbers(numbers, n * k, 5);
  for (size_t i = 0; i < n * k; i++) {
    uint32_t bits;
    memcpy(&bits, &numbers[i], 4);
    switch (format) {
      case CVAR_FORMAT_F32: memcpy(bytes + 4 * i, &bits, 4); break;
      case CVAR_FORMAT_BF16: memcpy(bytes + 2 * i, (uint16_t[]){(uint16_t)(bits >> 16)}, 2); break;
      case CVAR_FORMAT_F16: memcpy(bytes + 2 * i, (uint16_t[]){(uint16_t)((bits >> 8 & 0x83ff) + 0x3400)}, 2); break;
      case CVAR_FORMAT_Q8: bytes[i] = (uint8_t)(int8_t)((int)(bits >> 9 & 0xff) % 255 - 127); break;
      default: bytes[i] = (uint8_t)(bits >> 9); break;
    }
  }
  free(numbers);
  if (format > CVAR_FORMAT_Q8) return make_codes(format, n, k, bytes, scales);
  for (size_t i = 0; i < n * k / 32; i++) scales[i] = (uint16_t)(0x2000 + i * 37 % 1024);
  return (cvar_weights){format, n, k, bytes, scales, NULL, NULL};
}

static void free_weights(cvar_weights *w) {
  free((void *)(uintptr_t)w->values);
  free((void *)(uintptr_t)w->scales);
  free((void *)(uintptr_t)w->bits);
  free((void *)(uintptr_t)w->row_scales);
}

static void run(const layer *l, cvar_level level, cvar_epilogue epilogue, cvar_pool *threads) {
  const cvar_prepare prepare = {level, l->s.m, l->numbers, l->s.k, false, l->input};
  const cvar_linear linear = {.level = level,
                              .rows = l->s.m,
                              .input = l->input,
                              .weights = l->weights,
                              .bias = l->bias,
                              .epilogue = epilogue,
                              .output = l->output,
                              .output_stride = l->s.n,
                              .gamma = l->gamma,
                              .gamma_stride = l->s.n,
                              .rows_per_group = (l->s.m + 1) / 2,
                              .hidden = l->hidden};
  if (cvar_prepare_run(&prepare, threads) != 0 || cvar_linear_run(&linear, threads) != 0) failures++;
}

/// The hidden activations as numbers.
static void decode_hidden(const layer *l) {
  const cvar_activations *const a = &l->hidden;
  for (size_t i = 0; i < l->s.m * l->s.n; i++) {
    const size_t at = i / l->s.n * a->stride + i % l->s.n;
    switch (a->arithmetic) {
      case CVAR_ARITHMETIC_BF16: {
        const uint32_t bits = (uint32_t)((uint16_t *)a->values)[at] << 16;
        memcpy(&l->hidden_numbers[i], &bits, 4);
        break;
      }
      case CVAR_ARITHMETIC_F16: l->hidden_numbers[i] = cvar_from_f16(((uint16_t *)a->values)[at]); break;
      case CVAR_ARITHMETIC_INT8: l->hidden_numbers[i] = ((int8_t *)a->values)[at] * a->scales[at / 32]; break;
      default: l->hidden_numbers[i] = ((float *)a->values)[at];
    }
  }
}

static void check_layer(const layer *l, cvar_level level, const char *what) {
  cvar_pool *const alone = cvar_pool_create(1);
  const size_t count = l->s.m * l->s.n;
  float *const expected = allocate(count * sizeof(float));
  for (int epilogue = CVAR_STORE; epilogue <= CVAR_RESIDUAL; epilogue++) {
    const float *const result = epilogue == CVAR_GELU ? l->hidden_numbers : l->output;
    for (int pass = 0; pass < 2; pass++) {
      fill_numbers(l->output, count, 3);
      run(l, pass == 0 ? CVAR_LEVEL_SCALAR : level, (cvar_epilogue)epilogue, pass == 0 ? alone : pool);
      if (epilogue == CVAR_GELU) decode_hidden(l);
      if (pass == 0) memcpy(expected, result, count * sizeof(float));
    }
    char name[128];
    snprintf(name, sizeof name, "%s, epilogue %d, M %zu N %zu K %zu", what, epilogue, l->s.m, l->s.n, l->s.k);
    const double tolerance = epilogue == CVAR_GELU ? BF16_GELU_TOLERANCE : BF16_DOT_TOLERANCE;
    check_equal(name, result, expected, count, l->input.arithmetic == CVAR_ARITHMETIC_BF16 ? tolerance : 0);
  }
  free(expected);
  cvar_pool_destroy(alone);
}

void check_linear(cvar_level level) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape s = shapes[i];
    layer l = {.s = s};
    l.numbers = allocate(s.m * s.k * sizeof(float));
    l.bias = allocate(s.n * sizeof(float));
    l.gamma = allocate(2 * s.n * sizeof(float));
    l.output = allocate(s.m * s.n * sizeof(float));
    l.hidden_numbers = allocate(s.m * s.n * sizeof(float));
    fill_numbers(l.numbers, s.m * s.k, 1);
    fill_numbers(l.bias, s.n, 2);
    fill_numbers(l.gamma, 2 * s.n, 4);
    for (int format = 0; format <= CVAR_FORMAT_Q3; format++) {
      if (format >= CVAR_FORMAT_Q8 && s.k % CVAR_BLOCK != 0) continue;
      l.weights = make_weights((cvar_format)format, s.n, s.k);
      for (int arithmetic = 0; arithmetic <= CVAR_ARITHMETIC_F16; arithmetic++) {
        l.input = make_activations((cvar_arithmetic)arithmetic, s.m, s.k);
        l.hidden = make_activations((cvar_arithmetic)arithmetic, s.m, s.n);
        char what[64];
        snprintf(what, sizeof what, "linear, format %d, arithmetic %d", format, arithmetic);
        check_layer(&l, level, what);
        free_activations(&l.input);
        free_activations(&l.hidden);
      }
      free_weights(&l.weights);
    }
    free(l.numbers);
    free(l.bias);
    free(l.gamma);
    free(l.output);
    free(l.hidden_numbers);
  }
}
