// The arithmetic of VAR in C11: SIMD kernels without global state, chosen by a level passed in every call.
//
// Conventions
// - Matrices are row-major. A weight matrix is [n, k] (out, in); activations are [rows, k].
// - One way to run: cvar_X_run(description, pool) cuts the work into tasks, each of which writes its own part of the
//   output, and returns 0, or −1 when the pool has no memory for the tasks' scratch; nothing is written then, but by
//   an earlier phase. Neither the cut nor the number of threads changes a result.
// - In f32 and int8 arithmetic every level gives the same bits: one order of summation, fused multiply-adds.
#ifndef CVAR_KERNELS_H
#define CVAR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cvar_pool.h"

// ---------------------------------------------------------------------------------------------- levels

/// Instruction sets with kernels of their own, fuller ones later; one of another architecture is never available.
typedef enum cvar_level {
  CVAR_LEVEL_SCALAR,
  CVAR_LEVEL_AVX2,        // AVX2, FMA, F16C
  CVAR_LEVEL_AVXVNNI,     // … and AVX-VNNI
  CVAR_LEVEL_AVX512,      // AVX-512 F, BW, VL, DQ
  CVAR_LEVEL_AVX512VNNI,  // … and VNNI
  CVAR_LEVEL_AVX512BF16,  // … and BF16
  CVAR_LEVEL_AVX512FP16,  // … and FP16
  CVAR_LEVEL_NEON,        // AArch64
  CVAR_LEVEL_NEONDOT,     // … and dot product
  CVAR_LEVEL_COUNT,
} cvar_level;

/// Whether CPU and operating system support the level.
bool cvar_level_available(cvar_level level);

/// The fullest level available.
cvar_level cvar_level_best(void);

/// Whether bf16 dot products multiply faster than f32 fused multiply-adds at this level on this CPU. They do on AMD
/// (twice); Intel's vdpbf16ps reaches half of them (measured on family 6, model 207).
bool cvar_level_bf16_pays(cvar_level level);

// --------------------------------------------------------------------------------------------- matrices

typedef enum cvar_format {
  CVAR_FORMAT_F32 = 0,
  CVAR_FORMAT_F16 = 1,
  CVAR_FORMAT_BF16 = 2,
  CVAR_FORMAT_Q8 = 3,  // int8 within ±127; blocks of 32 along k, one f16 scale each
  CVAR_FORMAT_Q6 = 4,  // codes of int8 numbers; blocks of 32 along k, one int8 scale each, and one f16 a row
  CVAR_FORMAT_Q5 = 5,
  CVAR_FORMAT_Q4 = 6,
  CVAR_FORMAT_Q3 = 7,  // blocks of 16
} cvar_format;

/// Numbers of one block scale, in weights and in int8 activations.
#define CVAR_BLOCK 32

/// A tensor as it lies in a file. Only linear/unpack.h knows what the regions hold; what an `f16` is has the alignment
/// of one, nothing else needs any.
typedef struct cvar_weights {
  cvar_format format;
  size_t n, k;                 // k: a multiple of 32 where the format is quantized
  const void *values;          // [n, k] numbers, packed by blocks of 32 where the format is quantized
  const void *scales;          // of the blocks; null where the format is not quantized
  const void *bits;            // further bits of each number, packed likewise; null where the format has none
  const uint16_t *row_scales;  // [n] f16; null where the format has none
} cvar_weights;

/// Decodes rows row0 ..< row1 to f32; they lie output_stride apart in the output.
void cvar_decode_rows(const cvar_weights *weights, size_t row0, size_t row1, float *output, size_t output_stride);

/// How the input of a linear layer is stored and multiplied.
typedef enum cvar_arithmetic {
  CVAR_ARITHMETIC_F32 = 0,
  CVAR_ARITHMETIC_BF16 = 1,      // bf16 × bf16, sums in f32, by bf16 dot products
  CVAR_ARITHMETIC_BF16_F32 = 2,  // the same rounding of both factors, multiplied as f32
  CVAR_ARITHMETIC_INT8 = 3,      // int8 × int8, f32 scales per 32 on both sides, sums in f32
  CVAR_ARITHMETIC_F16 = 4,       // f16 × f16, sums over 64 products in f16, then in f32: more exact than bf16
} cvar_arithmetic;

/// The fastest arithmetic of this level on this CPU that is at least as exact as bf16: bf16 dot products where they
/// pay, else f16 where the level has it, else bf16 numbers multiplied as f32.
cvar_arithmetic cvar_bf16_arithmetic(cvar_level level);

/// A linear layer's input in the storage of its arithmetic. Rows lie `stride` elements apart,
/// a multiple of 32 (see cvar_activation_stride);
/// the elements from `columns` up to the next multiple of 32 are zero.
typedef struct cvar_activations {
  cvar_arithmetic arithmetic;
  size_t columns, stride;
  void *values;      // [rows, stride]: float, uint16_t (bf16, f16) or int8_t
  float *scales;     // [rows, stride / 32], int8 only
  int32_t *offsets;  // [rows, stride / 32] what integer sums over a block start from, int8 only
} cvar_activations;

/// Bytes of one element.
size_t cvar_activation_size(cvar_arithmetic arithmetic);

/// The elements between the beginnings of two rows: an odd multiple of 128 bytes, so that the rows of a register tile
/// do not compete for the same sets of the L1 cache.
size_t cvar_activation_stride(cvar_arithmetic arithmetic, size_t columns);

// ---------------------------------------------------------------------------------------------- linear

typedef enum cvar_epilogue {
  CVAR_STORE = 0,     // output = acc + bias
  CVAR_GELU = 1,      // hidden = GELU(acc + bias), tanh form
  CVAR_RESIDUAL = 2,  // output += gamma · (acc + bias)
} cvar_epilogue;

/// acc = input · weightsᵀ, followed by an epilogue.
typedef struct cvar_linear {
  cvar_level level;
  size_t rows;
  cvar_activations input;  // [rows, k]
  cvar_weights weights;    // [n, k]
  const float *bias;       // [n], may be null
  cvar_epilogue epilogue;
  float *output;  // [rows, n], rows output_stride apart; store and residual
  size_t output_stride;
  const float *gamma;  // [groups, n], rows gamma_stride apart; row r has group r / rows_per_group
  size_t gamma_stride, rows_per_group;
  cvar_activations hidden;  // [rows, n]; GELU
} cvar_linear;

/// Scratch memory of each thread that runs a linear layer: a pool that has it once never runs out there.
#define CVAR_LINEAR_SCRATCH (256 * 1024)

int cvar_linear_run(const cvar_linear *linear, cvar_pool *pool);

// ------------------------------------------------------------------------------------------------ rows

// Row operations take no scratch memory.

/// Layer norm without affine (eps 1e-6), then x̂·(1 + scale) + shift, stored for a linear layer.
typedef struct cvar_modulate {
  cvar_level level;
  size_t rows;
  const float *input;  // [rows, columns], rows input_stride apart
  size_t input_stride;
  const float *scale, *shift;  // [groups, columns], rows group_stride apart; row r has group r / rows_per_group
  size_t group_stride, rows_per_group;
  cvar_activations output;  // [rows, columns]
} cvar_modulate;

int cvar_modulate_run(const cvar_modulate *modulate, cvar_pool *pool);

/// Stores rows for a linear layer, after SiLU where `silu` is set.
typedef struct cvar_prepare {
  cvar_level level;
  size_t rows;
  const float *input;  // [rows, columns], rows input_stride apart
  size_t input_stride;
  bool silu;
  cvar_activations output;  // [rows, columns]
} cvar_prepare;

int cvar_prepare_run(const cvar_prepare *prepare, cvar_pool *pool);

/// y[i] = x[i] · sigmoid(x[i]); y may be x.
void cvar_silu(cvar_level level, const float *x, float *y, size_t count);

/// y[i] = GELU(x[i]), tanh form; y may be x.
void cvar_gelu(cvar_level level, const float *x, float *y, size_t count);

/// y[i] = exp(x[i]); y may be x. Within 2 ulp; +inf above 88.73, 0 below −103.98. The exp of every kernel, softmax and
/// SiLU included.
void cvar_exp(cvar_level level, const float *x, float *y, size_t count);

// --------------------------------------------------------------------------------------------- encoding

#define CVAR_Q8_BLOCK 32

/// What storing weights w as ŵ has cost.
typedef struct cvar_encoding_totals {
  double signal, noise;  // Σ w², Σ (w − ŵ)²
  float error;           // max |w − ŵ|
} cvar_encoding_totals;

/// What a weight is stored as by itself.
typedef enum cvar_float_type { CVAR_FLOAT_F32, CVAR_FLOAT_F16, CVAR_FLOAT_BF16 } cvar_float_type;

/// Weights to 16 bits, rounded to nearest, ties to even; with CVAR_FLOAT_F32 they stay as they are, and halves is null.
/// Adds to the totals; the same bits at every level. Returns `count`, or a number of weights before the first that is
/// not finite or becomes infinite: nothing was added then.
size_t cvar_encode_floats(cvar_level level, cvar_float_type type, const float *values, size_t count, uint16_t *halves,
                          cvar_encoding_totals *totals);

/// Blocks of 32 weights to q8: quants [blocks, 32], scales [blocks] as binary16; adds to the totals. The same bits at
/// every level. Returns how many blocks were encoded: it stops at the first that holds something not finite, or whose
/// scale is not sure to be a normal binary16.
size_t cvar_encode_q8(cvar_level level, const float *values, size_t blocks, int8_t *quants, uint16_t *scales,
                      cvar_encoding_totals *totals);

#endif
