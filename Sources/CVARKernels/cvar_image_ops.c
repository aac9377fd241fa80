#include "cvar_image_ops.h"

const cvar_image_ops *cvar_image_ops_for(cvar_level level) {
  switch (level) {
#if defined(__x86_64__)
    case CVAR_LEVEL_AVX2: return &cvar_image_ops_avx2;
    case CVAR_LEVEL_AVX512:
    case CVAR_LEVEL_AVX512VNNI:
    case CVAR_LEVEL_AVX512BF16:
    case CVAR_LEVEL_AVX512FP16: return &cvar_image_ops_avx512;
#endif
#if defined(__aarch64__)
    case CVAR_LEVEL_NEON:
    case CVAR_LEVEL_NEONDOT: return &cvar_image_ops_neon;
#endif
    default: return &cvar_image_ops_scalar;
  }
}
