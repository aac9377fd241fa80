// What the machine can do at most, by loops that do nothing else.
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
#define READ_TASKS 64

static double seconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// As many independent sums as there are registers to hold them, so that neither latency nor loads matter.
#define DENSE_LOOP(sums, vector, zero, step)       \
  vector sum[sums];                                \
  for (int i = 0; i < sums; i++) sum[i] = zero;    \
  for (long n = 0; n < ROUNDS; n++) {              \
    for (int i = 0; i < sums; i++) {               \
      sum[i] = step;                               \
      __asm__ volatile("" : "+" REGISTER(sum[i])); \
    }                                              \
  }

#if defined(__x86_64__)
#define REGISTER(x) "x"(x)
__attribute__((target("avx2,fma"))) static void fma_avx2(void) {
  DENSE_LOOP(12, __m256, _mm256_setzero_ps(), _mm256_fmadd_ps(sum[i], sum[i], sum[i]))
}
#undef REGISTER
#define REGISTER(x) "v"(x)
__attribute__((target("avx512f"))) static void fma_avx512(void) {
  DENSE_LOOP(16, __m512, _mm512_setzero_ps(), _mm512_fmadd_ps(sum[i], sum[i], sum[i]))
}
__attribute__((target("avx2,avxvnni"))) static void dot_avxvnni(void) {
  DENSE_LOOP(12, __m256i, _mm256_setzero_si256(), _mm256_dpbusd_avx_epi32(sum[i], sum[i], sum[i]))
}
__attribute__((target("avx512f,avx512vnni"))) static void dot_vnni(void) {
  DENSE_LOOP(16, __m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32(sum[i], sum[i], sum[i]))
}
__attribute__((target("avx512f,avx512bf16"))) static void dot_bf16(void) {
  DENSE_LOOP(16, __m512, _mm512_setzero_ps(), _mm512_dpbf16_ps(sum[i], (__m512bh)sum[i], (__m512bh)sum[i]))
}
__attribute__((target("avx512f,avx512fp16"))) static void fma_fp16(void) {
  DENSE_LOOP(16, __m512h, _mm512_setzero_ph(), _mm512_fmadd_ph(sum[i], sum[i], sum[i]))
}
#elif defined(__aarch64__)
#define REGISTER(x) "w"(x)
static void fma_neon(void) { DENSE_LOOP(16, float32x4_t, vdupq_n_f32(0), vfmaq_f32(sum[i], sum[i], sum[i])) }
__attribute__((target("dotprod"))) static void dot_neon(void) {
  DENSE_LOOP(16, int32x4_t, vdupq_n_s32(0),
             vdotq_s32(sum[i], vreinterpretq_s8_s32(sum[i]), vreinterpretq_s8_s32(sum[i])))
}
#endif

/// A loop and the operations of one step of all its sums.
typedef struct dense {
  void (*loop)(void);
  int operations;
} dense;

static void run_dense(void *context, size_t task, void *scratch) {
  (void)task;
  (void)scratch;
  ((const dense *)context)->loop();
}

static double best_dense(cvar_pool *pool, clockid_t clock, dense d) {
  if (d.loop == NULL) return 0;
  const size_t tasks = 4 * cvar_pool_threads(pool);
  double best = 0;
  for (int run = 0; run < RUNS; run++) {
    const double start = seconds(clock);
    cvar_pool_run(pool, tasks, run_dense, &d, 0);
    const double rate = (double)ROUNDS * d.operations * (double)tasks / (seconds(clock) - start) * 1e-9;
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
  dense f32 = {0}, bf16 = {0}, int8 = {0};
#if defined(__x86_64__)
  if (cvar_level_available(CVAR_LEVEL_AVX2)) f32 = (dense){fma_avx2, 12 * 16};
  if (cvar_level_available(CVAR_LEVEL_AVX512)) f32 = (dense){fma_avx512, 16 * 32};
  if (__builtin_cpu_supports("avxvnni")) int8 = (dense){dot_avxvnni, 12 * 64};
  if (cvar_level_available(CVAR_LEVEL_AVX512VNNI)) int8 = (dense){dot_vnni, 16 * 128};
  if (cvar_level_available(CVAR_LEVEL_AVX512BF16)) bf16 = (dense){dot_bf16, 16 * 64};
  if (cvar_bf16_arithmetic(cvar_level_best()) == CVAR_ARITHMETIC_F16) bf16 = (dense){fma_fp16, 16 * 64};
#elif defined(__aarch64__)
  f32 = (dense){fma_neon, 16 * 8};
  if (cvar_level_available(CVAR_LEVEL_NEONDOT)) int8 = (dense){dot_neon, 16 * 32};
#endif
  return (cvar_ceilings){best_dense(pool, clock, f32), best_dense(pool, clock, bf16), best_dense(pool, clock, int8),
                         best_reading(pool, clock, read_bytes)};
}
