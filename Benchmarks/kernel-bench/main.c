// Times the kernels by shape and prints GFLOP/s with the share of the machine's measured ceiling. A single
// thread is timed by its CPU time.
//   kernel-bench [--level NAME] [--threads N] [--mode f32|bf16|bf16dot|f16|int8] [--format q8|f16|bf16|f32] [--shape
//   N,K] [--rows M] [--only images]
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cvar_ceilings.h"
#include "cvar_kernels.h"
#include "image.h"
#include "openblas.h"

#define WEIGHT_BYTES ((size_t)192 << 20)  // copies of the weight in turn, so that it comes from memory
#define MEASURE_SECONDS 0.25

#define READ_BYTES ((size_t)512 << 20)

static clockid_t clock_used = CLOCK_MONOTONIC;

static double seconds_now(void) {
  struct timespec time;
  clock_gettime(clock_used, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static const char *const level_names[] = {"scalar",     "avx2",       "avxvnni", "avx512", "avx512vnni",
                                          "avx512bf16", "avx512fp16", "neon",    "neondot"};
static const char *const mode_names[] = {"f32", "bf16dot", "bf16", "int8", "f16"};
static const char *const format_names[] = {"f32", "f16", "bf16", "q8"};
static const size_t format_bytes[] = {4, 2, 2, 1};
static size_t row_counts[] = {2, 8, 18, 32, 50, 72, 128, 200, 338, 512};
static size_t counts = sizeof row_counts / sizeof *row_counts;

typedef struct options {
  cvar_level level;
  size_t threads, n, k;
  int mode, format;  // −1: all
  bool images_only;
} options;

static int index_of(const char *name, const char *const *names, int count) {
  for (int i = 0; i < count; i++) {
    if (strcmp(name, names[i]) == 0) return i;
  }
  fprintf(stderr, "kernel-bench: unknown name \"%s\"\n", name);
  exit(64);
}

static options parse(int argc, char **argv) {
  options o = {cvar_level_best(), cvar_usable_cores(), 0, 0, -1, -1, false};
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *const value = argv[i + 1];
    if (strcmp(argv[i], "--level") == 0) {
      o.level = (cvar_level)index_of(value, level_names, CVAR_LEVEL_COUNT);
    } else if (strcmp(argv[i], "--threads") == 0) {
      o.threads = (size_t)atoi(value);
    } else if (strcmp(argv[i], "--mode") == 0) {
      o.mode = index_of(value, mode_names, 5);
    } else if (strcmp(argv[i], "--format") == 0) {
      o.format = index_of(value, format_names, 4);
    } else if (strcmp(argv[i], "--only") == 0) {
      o.images_only = strcmp(value, "images") == 0;
    } else if (strcmp(argv[i], "--rows") == 0) {
      row_counts[0] = (size_t)atoi(value);
      counts = 1;
    } else if (strcmp(argv[i], "--shape") != 0 || sscanf(value, "%zu,%zu", &o.n, &o.k) != 2) {
      fprintf(stderr,
              "usage: kernel-bench [--level L] [--threads N] [--mode M] [--format F] [--shape N,K] [--rows M] [--only "
              "images]\n");
      exit(64);
    }
  }
  if (!cvar_level_available(o.level)) {
    fprintf(stderr, "kernel-bench: this CPU lacks %s\n", level_names[o.level]);
    exit(1);
  }
  return o;
}

static void *allocate(size_t bytes) {
  void *const p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (p == NULL) exit(1);
  return p;
}

/// Weights of a format that look like trained ones: ±0.1, no denormal numbers.
static void *fill(int format) {
  uint8_t *const p = allocate(WEIGHT_BYTES);
  uint32_t state = 1;
  for (size_t i = 0; i < WEIGHT_BYTES / format_bytes[format]; i++) {
    state = state * 1664525u + 1013904223u;
    const float x = ((float)(state >> 8) + 0.5f) * (0.2f / 16777216) - 0.1f;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    switch (format) {
      case CVAR_FORMAT_F32: ((uint32_t *)p)[i] = bits; break;
      case CVAR_FORMAT_BF16: ((uint16_t *)p)[i] = (uint16_t)(bits >> 16); break;
      // Sign, exponent and the upper bits of the significand; values below 2⁻¹⁴ become 0.
      case CVAR_FORMAT_F16: {
        const int exponent = (int)(bits >> 23 & 255) - 112;
        const uint32_t magnitude = exponent > 0 ? (uint32_t)exponent << 10 | (bits >> 13 & 0x3ff) : 0;
        ((uint16_t *)p)[i] = (uint16_t)((bits >> 16 & 0x8000) | magnitude);
        break;
      }
      default: p[i] = (uint8_t)((state >> 24) % 255 - 127);
    }
  }
  return p;
}

typedef struct bench {
  cvar_pool *pool;
  options o;
  uint8_t *weights[4];  // by format
  uint16_t *scales;
  float *input, *output;
  void *values;
  float *x_scales;
  int32_t *x_offsets;
} bench;

/// One layer: the input's preparation and the product.
static void layer(const bench *b, int mode, int format, size_t m, size_t copy) {
  const size_t n = b->o.n, k = b->o.k;
  const cvar_arithmetic arithmetic = (cvar_arithmetic)mode;
  const cvar_activations x = {arithmetic, k,           cvar_activation_stride(arithmetic, k),
                              b->values,  b->x_scales, b->x_offsets};
  const cvar_prepare prepare = {b->o.level, m, b->input, k, false, x};
  cvar_linear linear = {.level = b->o.level, .rows = m, .input = x, .output = b->output, .output_stride = n};
  const size_t bytes = n * k * format_bytes[format];
  linear.weights = (cvar_weights){(cvar_format)format, n, k, b->weights[format] + copy * bytes, b->scales};
  if (cvar_prepare_run(&prepare, b->pool) != 0 || cvar_linear_run(&linear, b->pool) != 0) exit(1);
}

/// The product by OpenBLAS, f32: one thread each of it, and as many parts of the weight's rows as we have threads.
typedef struct blas_layer {
  const bench *bench;
  size_t m, copy, parts;
} blas_layer;

static void run_blas(void *context, size_t task, void *scratch) {
  (void)scratch;
  const blas_layer *const l = context;
  const bench *const b = l->bench;
  const size_t n = b->o.n, k = b->o.k, n0 = n * task / l->parts, n1 = n * (task + 1) / l->parts;
  const float *const weights = (const float *)(const void *)b->weights[CVAR_FORMAT_F32] + (l->copy * n + n0) * k;
  openblas_multiply(0, 1, (int)l->m, (int)(n1 - n0), (int)k, 1, b->input, (int)k, weights, (int)k, 0, b->output + n0,
                    (int)n);
}

enum { OPENBLAS = -1 };

/// A layer in one of our arithmetics, or by OpenBLAS.
static void run_layer(const bench *b, int mode, int format, size_t m, size_t copy) {
  if (mode != OPENBLAS) {
    layer(b, mode, format, m, copy);
    return;
  }
  blas_layer l = {b, m, copy, cvar_pool_threads(b->pool)};
  if (cvar_pool_run(b->pool, l.parts, run_blas, &l, 0) != 0) exit(1);
}

static double gflops(const bench *b, int mode, int format, size_t m) {
  const size_t copies = WEIGHT_BYTES / (b->o.n * b->o.k * format_bytes[format]);
  double best = 1e9, total = 0;
  for (size_t copy = 0; total < MEASURE_SECONDS || copy < 4; copy++) {
    const double start = seconds_now();
    run_layer(b, mode, format, m, copy % copies);
    const double time = seconds_now() - start;
    total += time;
    if (time < best) best = time;
  }
  return 2.0 * (double)(m * b->o.n * b->o.k) / best * 1e-9;
}

static bool has_mode(cvar_level level, int mode) {
  const bool f16 = level == CVAR_LEVEL_AVX512FP16;
  return mode == CVAR_ARITHMETIC_BF16 ? f16 || level == CVAR_LEVEL_AVX512BF16 : mode != CVAR_ARITHMETIC_F16 || f16;
}

static void row(bench *b, const char *name, int mode, int format, double limit) {
  printf("%-8s %-5s", name, format_names[format]);
  double last = 0;
  for (size_t i = 0; i < counts; i++) {
    last = gflops(b, mode, format, row_counts[i]);
    printf(" %6.0f", last);
    fflush(stdout);
  }
  printf("  %3.0f %%\n", 100 * last / limit);
}

/// What a product by the library costs where our kernels stand beside it: f32 alone, which it has.
static void openblas_row(bench *b, const cvar_ceilings *c) {
  const char *const problem = openblas_open();
  if (problem != NULL) {
    printf("openblas f32   %s\n", problem);
  } else {
    row(b, "openblas", OPENBLAS, CVAR_FORMAT_F32, c->f32);
  }
}

static void table(bench *b, const cvar_ceilings *c) {
  const double limits[] = {c->f32, c->bf16, c->f32, c->int8 > 0 ? c->int8 : c->f32, c->bf16};
  for (int mode = 0; mode < 5; mode++) {
    if (b->o.mode >= 0 ? b->o.mode != mode : !has_mode(b->o.level, mode)) continue;
    for (int format = 3; format >= 0; format--) {
      if (b->o.format >= 0 && b->o.format != format) continue;
      row(b, mode_names[mode], mode, format, limits[mode]);
    }
    if (mode == CVAR_ARITHMETIC_F32 && (b->o.format < 0 || b->o.format == CVAR_FORMAT_F32)) openblas_row(b, c);
  }
}

int main(int argc, char **argv) {
  bench b = {.o = parse(argc, argv)};
  static const size_t shapes[][2] = {{3072, 1024}, {4096, 1024}, {1024, 4096}};
  b.pool = cvar_pool_create(b.o.threads);
  const bool alone = cvar_pool_threads(b.pool) == 1;
  if (alone) clock_used = CLOCK_PROCESS_CPUTIME_ID;
  const cvar_ceilings c = cvar_measure_ceilings(b.pool, READ_BYTES, alone);
  printf("level %s, %zu threads; ceilings: f32 %.0f, bf16 %.0f, int8 %.0f Gop/s, read %.1f GB/s\n",
         level_names[b.o.level], cvar_pool_threads(b.pool), c.f32, c.bf16, c.int8, c.read);
  const size_t most = row_counts[counts - 1], widest = 16384 + 128;
  for (int format = 0; format < 4; format++) {
    if (b.o.format < 0 || b.o.format == format) b.weights[format] = fill(format);
  }
  b.scales = allocate(WEIGHT_BYTES / 16);
  for (size_t i = 0; i < WEIGHT_BYTES / 32; i++) b.scales[i] = 0x1400 + i % 64;  // about 1e-3
  b.input = calloc(most * widest, sizeof(float));
  for (size_t i = 0; i < most * widest; i++) b.input[i] = (float)(i * 2654435761u % 1001) / 500 - 1;
  b.output = calloc(most * widest, sizeof(float));
  b.values = aligned_alloc(64, most * widest * 4);
  b.x_scales = calloc(most * widest / 32, sizeof(float));
  b.x_offsets = calloc(most * widest / 32, sizeof(int32_t));
  const bool given = b.o.n > 0;
  for (int i = 0; !b.o.images_only && i < (given ? 1 : 3); i++) {
    if (!given) b.o.n = shapes[i][0], b.o.k = shapes[i][1];
    printf("N %zu, K %-5zu M =", b.o.n, b.o.k);
    for (size_t j = 0; j < counts; j++) printf(" %6zu", row_counts[j]);
    printf("  (GFLOP/s, share of the ceiling at the last M)\n");
    table(&b, &c);
  }
  if (!given) {
    const image_bench images = {b.o.level, b.pool, c.f32, seconds_now};
    bench_images(&images);
  }
  cvar_pool_destroy(b.pool);
  return 0;
}
