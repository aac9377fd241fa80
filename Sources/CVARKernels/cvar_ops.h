// What every level implements; cvar_linear.c and cvar_rows.c dispatch to it.
#ifndef CVAR_OPS_H
#define CVAR_OPS_H

#include "cvar_kernels.h"

/// Weight rows of a panel: the outputs that one task computes.
#define CVAR_PANEL 64
/// Token rows that one task computes at most.
#define CVAR_ROW_CHUNK 512
/// Part of a task's scratch memory for its accumulators [rows, 64]; the rest holds packed weights.
#define CVAR_ACCUMULATOR_BYTES (CVAR_ROW_CHUNK * CVAR_PANEL * 4)

/// In f32 arithmetic each output is the sum, in order, of partial sums over this many k; each partial sum is one
/// chain of fused multiply-adds. That order is part of the result's definition.
#define CVAR_F32_CHAIN 128

/// In f16 arithmetic inputs are multiplied by CVAR_F16_SCALE and limited to ±CVAR_F16_LARGEST; each output is the sum
/// in f32 of partial sums over this many k. A partial sum is the f16 sum of two chains of f16 fused multiply-adds, one
/// over the even k, one over the odd.
#define CVAR_F16_CHAIN 128
#define CVAR_F16_SCALE 0.25f
#define CVAR_F16_LARGEST 65504.0f

/// A float whose unit in the last place is 1, and its bits: an integer sum that starts at the bits is, read as a
/// float, the magic number plus the sum.
#define CVAR_INT8_MAGIC 12582912
#define CVAR_INT8_MAGIC_BITS 0x4b400000

#define CVAR_NORM_EPSILON 1e-6f

/// What one task computes: rows row0 ..< row0 + rows of the outputs n0 ..< n0 + 64, and the first output of the panel
/// that its thread will probably compute next (n if none), whose weights may be fetched ahead.
typedef struct cvar_part {
  size_t n0, row0, rows, next_n0;
} cvar_part;

typedef struct cvar_ops {
  /// A part of the layer, its epilogue included, by arithmetic (f32 also takes BF16_F32). acc is scratch memory
  /// [rows, 64] for input row row0 + row · weight row n0 + j, pack is that for packed weights.
  void (*panel_f32)(const cvar_linear *linear, cvar_part part, float *acc, void *pack);
  void (*panel_bf16)(const cvar_linear *linear, cvar_part part, float *acc, void *pack);
  void (*panel_f16)(const cvar_linear *linear, cvar_part part, float *acc, void *pack);
  void (*panel_int8)(const cvar_linear *linear, cvar_part part, float *acc, void *pack);
  void (*modulate)(const cvar_modulate *modulate, size_t row0, size_t row1);
  void (*prepare)(const cvar_prepare *prepare, size_t row0, size_t row1);
  void (*silu)(const float *x, float *y, size_t count);
  void (*gelu)(const float *x, float *y, size_t count);
  void (*exp)(const float *x, float *y, size_t count);
} cvar_ops;

const cvar_ops *cvar_ops_for(cvar_level level);

extern const cvar_ops cvar_ops_scalar;
#if defined(__x86_64__)
extern const cvar_ops cvar_ops_avx2, cvar_ops_avx512, cvar_ops_avx512vnni, cvar_ops_avx512bf16, cvar_ops_avx512fp16;
#elif defined(__aarch64__)
extern const cvar_ops cvar_ops_neon, cvar_ops_neondot;
#endif

/// The scalar twin of bf16 and f16 arithmetic: for levels without it, which nobody chooses for their speed.
void cvar_panel_scalar(const cvar_linear *linear, cvar_part part, float *acc, void *pack);

static inline size_t cvar_min(size_t a, size_t b) { return a < b ? a : b; }

#endif
