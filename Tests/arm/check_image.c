#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

// Levels add in orders of their own; sums differ in their last bits. Winograd's transforms cost more.
#define SUM_TOLERANCE 2e-6
#define WINOGRAD_TOLERANCE 2e-5
#define ATTENTION_TOLERANCE 1e-5
#define ATTENTION_HALF_TOLERANCE 1e-3  // rounded differently when keys and values are stored
#define ATTENTION_F16_TOLERANCE 3e-3   // multiplied in f16

// --------------------------------------------------------------------------------------------- convolution

typedef struct image {
  size_t height, width, cin, cout;
  int stride;
  bool upsample, fused;
} image;

static const image convolutions[] = {{8, 8, 32, 64, 1, false, true},    {9, 13, 33, 7, 1, false, false},
                                     {16, 16, 64, 32, 1, true, true},   {5, 7, 3, 64, 1, false, false},
                                     {12, 10, 32, 40, 2, false, false}, {16, 16, 32, 3, 1, false, true}};

typedef struct convolution {
  float *input, *affine, *weights, *bias, *residual, *output;
  size_t outputs;
} convolution;

static void run_convolution(const image *s, const convolution *c, cvar_level level, cvar_conv_algorithm algorithm) {
  cvar_conv conv = {.level = level,
                    .algorithm = algorithm,
                    .threads = cvar_pool_threads(pool),
                    .images = 2,
                    .height = s->height,
                    .width = s->width,
                    .cin = s->cin,
                    .cout = s->cout,
                    .stride = s->stride,
                    .upsample = s->upsample,
                    .input = c->input,
                    .affine = s->fused ? c->affine : NULL,
                    .silu = s->fused,
                    .weights = {CVAR_FORMAT_F32, s->cout, 9 * s->cin, c->weights, NULL, NULL, NULL},
                    .bias = c->bias,
                    .residual = s->fused ? c->residual : NULL,
                    .output = c->output};
  cvar_conv_plan(&conv);
  conv.workspace = allocate(conv.plan.shared_bytes + 64);
  if (cvar_conv_run(&conv, pool) != 0) failures++;
  free(conv.workspace);
}

static void check_convolution(const image *s, cvar_level level, cvar_conv_algorithm algorithm) {
  const size_t inputs = 2 * s->height * s->width * s->cin, scale = s->upsample ? 2 : 1;
  convolution c = {.outputs =
                       2 * (s->height * scale / (size_t)s->stride) * (s->width * scale / (size_t)s->stride) * s->cout};
  c.input = allocate(inputs * sizeof(float));
  c.affine = allocate(4 * s->cin * sizeof(float));
  c.weights = allocate(9 * s->cin * s->cout * sizeof(float));
  c.bias = allocate(s->cout * sizeof(float));
  c.residual = allocate(c.outputs * sizeof(float));
  c.output = allocate(c.outputs * sizeof(float));
  float *const expected = allocate(c.outputs * sizeof(float));
  fill_numbers(c.input, inputs, 1);
  fill_numbers(c.affine, 4 * s->cin, 2);
  fill_numbers(c.weights, 9 * s->cin * s->cout, 3);
  fill_numbers(c.bias, s->cout, 4);
  fill_numbers(c.residual, c.outputs, 5);
  run_convolution(s, &c, CVAR_LEVEL_SCALAR, CVAR_CONV_DIRECT);
  memcpy(expected, c.output, c.outputs * sizeof(float));
  memset(c.output, 0xff, c.outputs * sizeof(float));
  run_convolution(s, &c, level, algorithm);
  char what[96];
  snprintf(what, sizeof what, "convolution %zu x %zu, %zu to %zu, stride %d, algorithm %d", s->height, s->width, s->cin,
           s->cout, s->stride, algorithm);
  check_equal(what, c.output, expected, c.outputs,
              algorithm == CVAR_CONV_WINOGRAD ? WINOGRAD_TOLERANCE : SUM_TOLERANCE);
  free(c.input);
  free(c.affine);
  free(c.weights);
  free(c.bias);
  free(c.residual);
  free(c.output);
  free(expected);
}

// ---------------------------------------------------------------------------------------------- GroupNorm

static void check_group_norm(cvar_level level) {
  enum { IMAGES = 2, PIXELS = 35, CHANNELS = 96, COUNT = IMAGES * PIXELS * CHANNELS };
  float *const x = allocate(COUNT * sizeof(float)), *const weights = allocate(2 * CHANNELS * sizeof(float));
  float *const affine = allocate(IMAGES * 2 * CHANNELS * sizeof(float));
  float *output[2] = {allocate(COUNT * sizeof(float)), allocate(COUNT * sizeof(float))};
  fill_numbers(x, COUNT, 1);
  fill_numbers(weights, 2 * CHANNELS, 2);
  for (int pass = 0; pass < 2; pass++) {
    cvar_group_norm norm = {.level = pass == 0 ? CVAR_LEVEL_SCALAR : level,
                            .input = x,
                            .images = IMAGES,
                            .pixels = PIXELS,
                            .channels = CHANNELS,
                            .groups = 32,
                            .gamma = weights,
                            .beta = weights + CHANNELS,
                            .epsilon = 1e-6,
                            .affine = affine};
    norm.partial = allocate(cvar_group_norm_partials(&norm) * sizeof(double));
    const cvar_affine apply = {norm.level, x, IMAGES, PIXELS, CHANNELS, affine, true, output[pass]};
    if (cvar_group_norm_run(&norm, pool) != 0 || cvar_affine_run(&apply, pool) != 0) failures++;
    free(norm.partial);
  }
  check_equal("group norm and SiLU", output[1], output[0], COUNT, SUM_TOLERANCE);
  free(x);
  free(weights);
  free(affine);
  free(output[0]);
  free(output[1]);
}

// ---------------------------------------------------------------------------------------------- attention

enum { HEADS = 3, TOKENS = 45, SIDES = 2 };

/// Two images of TOKENS tokens, stored and attended in two steps, as two scales are.
static void run_attention(cvar_level level, bool half, size_t width, float *qkv, const float *scale, float *output) {
  const size_t capacity = 64, padded = cvar_round_up_32(width), stride = 3 * HEADS * width;
  const size_t elements = SIDES * HEADS * capacity * padded;
  cvar_kv_cache cache = {calloc(elements, 4), calloc(elements, 4), half, SIDES, HEADS, width, capacity};
  const size_t steps[] = {0, 13, TOKENS};
  for (int step = 0; step < 2; step++) {
    const size_t first = steps[step], count = steps[step + 1] - first;
    float *const rows = allocate(SIDES * count * stride * sizeof(float));
    for (size_t i = 0; i < SIDES; i++) {
      memcpy(rows + i * count * stride, qkv + (i * TOKENS + first) * stride, count * stride * sizeof(float));
    }
    float *const out = output + SIDES * first * HEADS * width;
    const cvar_append append = {level, &cache, rows, stride, count, first, scale, 0.25f};
    const cvar_attention attention = {.level = level,
                                      .cache = &cache,
                                      .query = rows,
                                      .query_stride = stride,
                                      .output = out,
                                      .output_stride = HEADS * width,
                                      .queries = count,
                                      .keys = first + count};
    if (cvar_append_run(&append, pool) != 0 || cvar_attention_run(&attention, pool) != 0) failures++;
    free(rows);
  }
  free(cache.keys);
  free(cache.values);
}

static void check_attention(cvar_level level, bool half, size_t width) {
  const size_t count = SIDES * TOKENS * HEADS * width;
  float *const qkv = allocate(3 * count * sizeof(float));
  float *output[2] = {allocate(count * sizeof(float)), allocate(count * sizeof(float))};
  const float scale[HEADS] = {4, 10, 25};
  fill_numbers(qkv, 3 * count, 1);
  for (int pass = 0; pass < 2; pass++) {
    run_attention(pass == 0 ? CVAR_LEVEL_SCALAR : level, half, width, qkv, width == 64 ? scale : NULL, output[pass]);
  }
  char what[64];
  snprintf(what, sizeof what, "attention, head width %zu, %s cache", width, half ? "f16" : "f32");
  // A key that rounds to the other f16 moves a score by up to 2^-11 of its size.
  const double reduced = level == CVAR_LEVEL_AVX512FP16 ? ATTENTION_F16_TOLERANCE : ATTENTION_HALF_TOLERANCE;
  check_equal(what, output[1], output[0], count, half ? reduced : ATTENTION_TOLERANCE);
  free(qkv);
  free(output[0]);
  free(output[1]);
}

void check_image(cvar_level level) {
  for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
    const image *const s = &convolutions[i];
    check_convolution(s, level, CVAR_CONV_DIRECT);
    if (s->stride == 1 && !s->upsample) check_convolution(s, level, CVAR_CONV_WINOGRAD);
    if (s->cout <= 3) check_convolution(s, level, CVAR_CONV_FEW);
  }
  check_group_norm(level);
  for (int half = 0; half < 2; half++) {
    check_attention(level, half, 64);
    check_attention(level, half, 40);
  }
}
