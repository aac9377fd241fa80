// Times the convolutions of the official VQ-VAE's decoder (256 px, ch 160, multipliers 1 1 2 2 4), GroupNorm, and
// attention at the scales of VAR-d16 with guidance. Convolutions count the multiplications of the definition, so
// Winograd's GFLOP/s may exceed the ceiling.
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cvar_image.h"
#include "image.h"

#define ROUNDS 9

typedef struct layer {
  const char *name;
  size_t side, cin, cout;
  bool upsample;
  int count;  // in the decoder
} layer;

static const layer layers[] = {{"conv_in", 16, 32, 640, false, 1},          {"640 at 16", 16, 640, 640, false, 10},
                               {"up to 32", 16, 640, 640, true, 1},         {"640>320 at 32", 32, 640, 320, false, 1},
                               {"320 at 32", 32, 320, 320, false, 5},       {"up to 64", 32, 320, 320, true, 1},
                               {"320 at 64", 64, 320, 320, false, 6},       {"up to 128", 64, 320, 320, true, 1},
                               {"320>160 at 128", 128, 320, 160, false, 1}, {"160 at 128", 128, 160, 160, false, 5},
                               {"up to 256", 128, 160, 160, true, 1},       {"160 at 256", 256, 160, 160, false, 6},
                               {"conv_out", 256, 160, 3, false, 1}};

static float *numbers(size_t count) {
  float *const p = aligned_alloc(4096, (count * sizeof(float) + 4095) / 4096 * 4096);
  if (p == NULL) exit(1);
  for (size_t i = 0; i < count; i++) p[i] = (float)(i * 2654435761u % 1001) / 500 - 1;
  return p;
}

static void *filled(size_t bytes, int byte) {
  void *const p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (p == NULL) exit(1);
  return memset(p, byte, bytes);
}

/// Seconds of the fastest of some rounds, norm, SiLU and residual included, weights q8.
static double time_layer(const image_bench *b, const layer *l, cvar_conv_algorithm algorithm) {
  const size_t k = 9 * l->cin, side = l->upsample ? 2 * l->side : l->side;
  float *const x = numbers(l->side * l->side * l->cin), *const affine = numbers(2 * l->cin);
  float *const bias = numbers(l->cout), *const output = numbers(side * side * l->cout);
  void *const weights = filled(l->cout * k, 3), *const scales = filled(l->cout * k / 16, 1);
  cvar_conv conv = {.level = b->level,
                    .algorithm = algorithm,
                    .threads = cvar_pool_threads(b->pool),
                    .images = 1,
                    .height = l->side,
                    .width = l->side,
                    .cin = l->cin,
                    .cout = l->cout,
                    .stride = 1,
                    .upsample = l->upsample,
                    .input = x,
                    .affine = l->upsample ? NULL : affine,
                    .silu = !l->upsample,
                    .weights = {CVAR_FORMAT_Q8, l->cout, k, weights, scales},
                    .bias = bias,
                    .residual = l->upsample ? NULL : output,
                    .output = output};
  cvar_conv_plan(&conv);
  conv.workspace = filled(conv.plan.shared_bytes, 0);
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    const double start = b->now();
    if (cvar_conv_run(&conv, b->pool)) exit(1);
    const double time = b->now() - start;
    if (time < best) best = time;
  }
  free(x), free(affine), free(bias), free(output), free(weights), free(scales), free(conv.workspace);
  return best;
}

static void convolutions(const image_bench *b) {
  double total[2] = {0};
  printf("3x3 convolution       Winograd ms  GFLOP/s   direct ms  GFLOP/s  (share of the ceiling)\n");
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    const layer *const l = &layers[i];
    const double side = (double)(l->upsample ? 2 * l->side : l->side);
    const double work = 18.0 * (double)(l->cin * l->cout) * side * side * 1e-9;
    double time[2];
    for (int direct = 0; direct < 2; direct++) {
      time[direct] = time_layer(b, l, direct ? CVAR_CONV_DIRECT : CVAR_CONV_WINOGRAD);
      total[direct] += time[direct] * l->count;
    }
    printf("%-15s x%-3d %12.2f %8.0f %11.2f %8.0f  %3.0f %%\n", l->name, l->count, time[0] * 1e3, work / time[0],
           time[1] * 1e3, work / time[1], 100 * work / time[1] / b->ceiling);
    fflush(stdout);
  }
  printf("decoder: Winograd %.3f s, direct %.3f s\n", total[0], total[1]);
}

static void group_norm(const image_bench *b) {
  const size_t pixels = 65536, channels = 160;
  float *const x = numbers(pixels * channels), *const ones = numbers(2 * channels);
  cvar_group_norm norm = {.level = b->level,
                          .input = x,
                          .images = 1,
                          .pixels = pixels,
                          .channels = channels,
                          .groups = 32,
                          .gamma = ones,
                          .beta = ones,
                          .epsilon = 1e-6,
                          .affine = ones};
  norm.partial = filled(cvar_group_norm_partials(&norm) * sizeof(double), 0);
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    const double start = b->now();
    if (cvar_group_norm_run(&norm, b->pool)) exit(1);
    const double time = b->now() - start;
    if (time < best) best = time;
  }
  printf("GroupNorm statistics of 256x256x160: %.2f ms, %.1f GB/s\n", best * 1e3,
         (double)(pixels * channels * 4) / best * 1e-9);
  free(x), free(ones), free(norm.partial);
}

static void attention(const image_bench *b, bool half) {
  static const size_t sides[] = {1, 2, 3, 4, 5, 6, 8, 10, 13, 16};
  const size_t images = 2, heads = 16, width = 64, tokens = 680, channels = heads * width;
  cvar_kv_cache cache = {.half = half, .images = images, .heads = heads, .head_width = width, .capacity = 704};
  const size_t bytes = images * heads * cache.capacity * width * (half ? 2 : 4);
  cache.keys = filled(bytes, 0x2c);
  cache.values = filled(bytes, 0x2c);
  float *const qkv = numbers(images * tokens * 3 * channels), *const output = numbers(images * tokens * channels);
  double total = 0, last = 0, work = 0;
  size_t keys = 0;
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
    const size_t queries = sides[i] * sides[i];
    keys += queries;
    const cvar_attention a = {.level = b->level,
                              .cache = &cache,
                              .query = qkv,
                              .query_stride = 3 * channels,
                              .output = output,
                              .output_stride = channels,
                              .queries = queries,
                              .keys = keys};
    last = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
      const double start = b->now();
      if (cvar_attention_run(&a, b->pool)) exit(1);
      const double time = b->now() - start;
      if (time < last) last = time;
    }
    total += last;
    work = 4.0 * (double)(images * queries * keys * channels) * 1e-9;
  }
  printf("attention, %s cache: 512 x 680 %.2f ms a layer, %.0f GFLOP/s (%.0f %%); all scales, 16 layers %.3f s\n",
         half ? "f16" : "f32", last * 1e3, work / last, 100 * work / last / b->ceiling, 16 * total);
  free(cache.keys), free(cache.values), free(qkv), free(output);
}

void bench_images(const image_bench *b) {
  convolutions(b);
  group_norm(b);
  attention(b, false);
  attention(b, true);
}
