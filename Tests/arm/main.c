// Compares every kernel at every level that this machine (or emulator) has with its scalar twin.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

int checks, failures;
cvar_pool *pool;

void fill_numbers(float *x, size_t count, uint64_t seed) {
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (size_t i = 0; i < count; i++) {
    float sum = 0;
    for (int j = 0; j < 4; j++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
    x[i] = i % 64 == 17 ? 4 * sum : sum;
  }
}

void *allocate(size_t bytes) {
  const size_t rounded = (bytes + 64) / 64 * 64;
  void *const p = aligned_alloc(64, rounded);
  if (p == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  memset(p, 0xff, rounded);
  return p;
}

void check_equal(const char *what, const float *result, const float *expected, size_t count, double tolerance) {
  checks++;
  double error = 0, size = 0;
  size_t different = 0;
  for (size_t i = 0; i < count; i++) {
    different += memcmp(&result[i], &expected[i], sizeof(float)) != 0;
    error += ((double)result[i] - expected[i]) * ((double)result[i] - expected[i]);
    size += (double)expected[i] * expected[i];
  }
  if (tolerance == 0 ? different == 0 : sqrt(error) <= tolerance * sqrt(size)) return;
  failures++;
  printf("FAILED %s: %zu of %zu differ, relative error %.2e, allowed %.2e\n", what, different, count,
         sqrt(error / (size > 0 ? size : 1)), tolerance);
}

int main(void) {
  static const char *const names[] = {"scalar",     "avx2",       "avxvnni", "avx512", "avx512vnni",
                                      "avx512bf16", "avx512fp16", "neon",    "neondot"};
  pool = cvar_pool_create(2);
  if (pool == NULL) return 1;
  for (int level = 1; level < CVAR_LEVEL_COUNT; level++) {
    if (!cvar_level_available((cvar_level)level)) continue;
    const int before = checks;
    check_rows((cvar_level)level);
    check_linear((cvar_level)level);
    check_image((cvar_level)level);
    printf("%s: %d checks\n", names[level], checks - before);
  }
  cvar_pool_destroy(pool);
  printf("%d checks, %d failures\n", checks, failures);
  return failures > 0 || checks == 0;
}
