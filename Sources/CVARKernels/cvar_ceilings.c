#define _POSIX_C_SOURCE 200809L
#include "cvar_ceilings.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cvar_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define ROUNDS 100000
#define RUNS 7
#define SUMS 16
#define READ_TASKS 64

static double seconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// 16 independent sums, so that neither latency nor loads matter. Each returns its operations.
#define DENSE_LOOP(vector, zero, step)                                       \
  vector sum[SUMS];                                                          \
  for (int i = 0; i < SUMS; i++) sum[i] = zero;                              \
  for (long n = 0; n < ROUNDS; n++) {                                        \
    for (int i = 0; i < SUMS; i++) {                                         \
      sum[i] = step;                                                         \
      __asm__ volatile("" : "+" REGISTER(sum[i]));                           \
    }                                                                        \
  }

#if defined(__x86_64__)
#define REGISTER(x) "x"(x)
__attribute__((target("avx2,fma"))) static double fma_avx2(void) {
#undef SUMS
#define SUMS 12
  DENSE_LOOP(__m256, _mm256_setzero_ps(), _mm256_fmadd_ps(sum[i], sum[i], sum[i]))
  return (double)ROUNDS * SUMS * 16;
#undef SUMS
#define SUMS 16
}
#undef REGISTER
#define REGISTER(x) "v"(x)
__attribute__((target("avx512f"))) static double fma_avx512(void) {
  DENSE_LOOP(__m512, _mm512_setzero_ps(), _mm512_fmadd_ps(sum[i], sum[i], sum[i]))
  return (double)ROUNDS * SUMS * 32;
}
__attribute__((target("avx512f,avx512vnni"))) static double dot_vnni(void) {
  DENSE_LOOP(__m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32(sum[i], sum[i], sum[i]))
  return (double)ROUNDS * SUMS * 128;
}
__attribute__((target("avx512f,avx512bf16"))) static double dot_bf16(void) {
  DENSE_LOOP(__m512, _mm512_setzero_ps(), _mm512_dpbf16_ps(sum[i], (__m512bh)sum[i], (__m512bh)sum[i]))
  return (double)ROUNDS * SUMS * 64;
}
__attribute__((target("avx512f,avx512fp16"))) static double fma_fp16(void) {
  DENSE_LOOP(__m512h, _mm512_setzero_ph(), _mm512_fmadd_ph(sum[i], sum[i], sum[i]))
  return (double)ROUNDS * SUMS * 64;
}
#elif defined(__aarch64__)
#define REGISTER(x) "w"(x)
static double fma_neon(void) {
  DENSE_LOOP(float32x4_t, vdupq_n_f32(0), vfmaq_f32(sum[i], sum[i], sum[i]))
  return (double)ROUNDS * SUMS * 8;
}
__attribute__((target("dotprod"))) static double dot_neon(void) {
  DENSE_LOOP(int32x4_t, vdupq_n_s32(0),
             vdotq_s32(sum[i], vreinterpretq_s8_s32(sum[i]), vreinterpretq_s8_s32(sum[i])))
  return (double)ROUNDS * SUMS * 32;
}
#endif

typedef struct dense {
  double (*loop)(void);
  double operations[256];
} dense;

static void run_dense(void *context, size_t task, void *scratch) {
  (void)scratch;
  dense *const d = context;
  d->operations[task % 256] = d->loop();
}

static double best_dense(cvar_pool *pool, clockid_t clock, double (*loop)(void)) {
  if (loop == NULL) return 0;
  dense d = {.loop = loop};
  const size_t tasks = 4 * cvar_pool_threads(pool);
  double best = 0;
  for (int run = 0; run < RUNS; run++) {
    const double start = seconds(clock);
    cvar_pool_run(pool, tasks, run_dense, &d, 0);
    const double rate = d.operations[0] * (double)tasks / (seconds(clock) - start) * 1e-9;
    if (rate > best) best = rate;
  }
  return best;
}

typedef struct reading {
  const uint64_t *data;
  size_t words;  // of a task
  uint64_t sums[READ_TASKS];
} reading;

static void run_reading(void *context, size_t task, void *scratch) {
  (void)scratch;
  reading *const r = context;
  const uint64_t *const p = r->data + task * r->words;
  uint64_t sum = 0;
  for (size_t i = 0; i < r->words; i++) sum += p[i];
  r->sums[task] = sum;
}

static double best_reading(cvar_pool *pool, clockid_t clock, size_t bytes) {
  reading r = {.data = malloc(bytes), .words = bytes / 8 / READ_TASKS};
  if (r.data == NULL) return 0;
  memset((void *)(uintptr_t)r.data, 1, bytes);
  double best = 0;
  for (int run = 0; run < RUNS; run++) {
    const double start = seconds(clock);
    cvar_pool_run(pool, READ_TASKS, run_reading, &r, 0);
    const double rate = (double)bytes / (seconds(clock) - start) * 1e-9;
    if (rate > best) best = rate;
  }
  free((void *)(uintptr_t)r.data);
  return best;
}

cvar_ceilings cvar_measure_ceilings(cvar_pool *pool, size_t read_bytes, bool cpu_time) {
  const clockid_t clock = cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  double (*f32)(void) = NULL, (*bf16)(void) = NULL, (*int8)(void) = NULL;
#if defined(__x86_64__)
  if (cvar_level_available(CVAR_LEVEL_AVX2)) f32 = fma_avx2;
  if (cvar_level_available(CVAR_LEVEL_AVX512)) f32 = fma_avx512;
  if (cvar_level_available(CVAR_LEVEL_AVX512VNNI)) int8 = dot_vnni;
  if (cvar_level_available(CVAR_LEVEL_AVX512BF16)) bf16 = dot_bf16;
  if (cvar_bf16_arithmetic(cvar_level_best()) == CVAR_ARITHMETIC_F16) bf16 = fma_fp16;
#elif defined(__aarch64__)
  f32 = fma_neon;
  if (cvar_level_available(CVAR_LEVEL_NEONDOT)) int8 = dot_neon;
#endif
  return (cvar_ceilings){best_dense(pool, clock, f32), best_dense(pool, clock, bf16), best_dense(pool, clock, int8),
                         best_reading(pool, clock, read_bytes)};
}
