// Which instruction sets CPU and operating system support, and the table of each. __builtin_cpu_supports covers both:
// it reads XGETBV before it reports an AVX feature.
#include "levels/ops.h"

#if defined(__x86_64__)

bool cvar_level_available(cvar_level level) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  switch (level) {
    case CVAR_LEVEL_SCALAR: return true;
    case CVAR_LEVEL_AVX2: return avx2;
#if defined(CVAR_AVXVNNI_BY_AVX512)
    case CVAR_LEVEL_AVXVNNI: return vnni;
#else
    case CVAR_LEVEL_AVXVNNI: return avx2 && __builtin_cpu_supports("avxvnni");
#endif
    case CVAR_LEVEL_AVX512: return avx512;
    case CVAR_LEVEL_AVX512VNNI: return vnni;
    case CVAR_LEVEL_AVX512BF16: return vnni && __builtin_cpu_supports("avx512bf16");
    case CVAR_LEVEL_AVX512FP16:
      return vnni && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512fp16");
    default: return false;
  }
}

bool cvar_level_bf16_pays(cvar_level level) {
  return (level == CVAR_LEVEL_AVX512BF16 || level == CVAR_LEVEL_AVX512FP16) && !__builtin_cpu_is("intel");
}

#elif defined(__aarch64__)

// Linux is what we test on; macOS and others are written down here and untried.
#if defined(__linux__)
#include <sys/auxv.h>
#define HWCAP_ASIMD_DOT_PRODUCT (1UL << 20)
static bool has_dot_product(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMD_DOT_PRODUCT) != 0; }
#elif defined(__APPLE__)
#include <sys/sysctl.h>
static bool has_dot_product(void) {
  int found = 0;
  size_t bytes = sizeof found;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &found, &bytes, NULL, 0) == 0 && found != 0;
}
#else
static bool has_dot_product(void) { return false; }
#endif

bool cvar_level_available(cvar_level level) {
  switch (level) {
    case CVAR_LEVEL_SCALAR:
    case CVAR_LEVEL_NEON: return true;
    case CVAR_LEVEL_NEONDOT: return has_dot_product();
    default: return false;
  }
}

bool cvar_level_bf16_pays(cvar_level level) {
  (void)level;
  return false;
}

#else

bool cvar_level_available(cvar_level level) { return level == CVAR_LEVEL_SCALAR; }

bool cvar_level_bf16_pays(cvar_level level) {
  (void)level;
  return false;
}

#endif

cvar_level cvar_level_best(void) {
  for (int level = CVAR_LEVEL_COUNT - 1; level > 0; level--) {
    if (cvar_level_available((cvar_level)level)) return (cvar_level)level;
  }
  return CVAR_LEVEL_SCALAR;
}

cvar_arithmetic cvar_bf16_arithmetic(cvar_level level) {
  if (cvar_level_bf16_pays(level)) return CVAR_ARITHMETIC_BF16;
  return level == CVAR_LEVEL_AVX512FP16 ? CVAR_ARITHMETIC_F16 : CVAR_ARITHMETIC_BF16_F32;
}

const cvar_ops *cvar_ops_for(cvar_level level) {
  switch (level) {
#if defined(__x86_64__)
    case CVAR_LEVEL_AVX2: return &cvar_ops_avx2;
    case CVAR_LEVEL_AVXVNNI: return &cvar_ops_avxvnni;
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
