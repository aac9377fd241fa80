// What linear layers of every level share: panels, orders of summation, the parts that tasks compute.
#ifndef CVAR_LINEAR_H
#define CVAR_LINEAR_H

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

/// The scalar twin of every arithmetic; also serves the levels without bf16 or f16, where nobody chooses these for
/// their speed.
void cvar_panel_scalar(const cvar_linear *linear, cvar_part part, float *acc, void *pack);

#endif
