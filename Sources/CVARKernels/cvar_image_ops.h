// The inner loops that exist once for each instruction set, as a table of functions.
#ifndef CVAR_IMAGE_OPS_H
#define CVAR_IMAGE_OPS_H

#include "cvar_image.h"

// Output channels (or keys) that are computed side by side; every packed operand is this wide.
#define CVAR_LANES 32
// Most rows that one call of `multiply` takes.
#define CVAR_ROWS 12

// Floats between two taps of 32 x 32 weights: a little more than a page, so that the taps (and what is
// made of them) fall into different cache sets.
#define CVAR_TAP_STRIDE (32 * 32 + 48)

// C[r][0..<32] (+)= sum over tap, k of A[r*lda + taps[tap] + k] * B[(tap*depth + k)*ldb + 0..<32].
typedef struct {
  int rows;  // 1...CVAR_ROWS
  const float *a;
  ptrdiff_t lda;
  const ptrdiff_t *taps;
  int tap_count;
  size_t depth;
  const void *b;  // f32, or f16 with `half`
  ptrdiff_t ldb;
  float *c;
  ptrdiff_t ldc;
  bool half;
  bool accumulate;
  const float *next_a;  // operand a of the next call, to prefetch, or NULL
  const void *next;  // f32 operand b of the next call, to prefetch, or NULL
} cvar_multiply;

// A strip of a padded input: rows y0..<y0+rows, columns x0..<x0+columns, which may lie outside.
typedef struct {
  const float *image;  // [height, width, cin]
  size_t height, width, cin;
  bool upsample;
  const float *a, *b;  // [cin] or NULL
  bool silu;
  ptrdiff_t y0, x0;
  size_t rows, columns;
  float *strip;       // [rows, columns, stride]
  size_t stride;      // cin rounded up to 16; the surplus is zeroed
} cvar_gather;

// Output channels co..<co+32 (fewer at the end) and input channels k0..<k0+count (at most 32) of 3x3
// weights.
typedef struct {
  const cvar_weights *weights;
  size_t cin, co, k0, count;
} cvar_weight_slice;

// 4x4 pixels of 32 channels: output = A^T sums A + bias + residual.
typedef struct {
  const float *sums;      // [positions, 32]
  const float *bias;      // [32] or NULL
  const float *residual;  // like output, or NULL
  float *output;
  size_t row, pixel;  // floats between rows and between pixels
} cvar_tile;

typedef struct cvar_image_ops {
  void (*multiply)(const cvar_multiply *);
  void (*gather)(const cvar_gather *);
  // Nine taps as f32, taps[tap*CVAR_TAP_STRIDE + k*32 + co], zero where there are no weights.
  void (*read_taps)(const cvar_weight_slice *, float *taps);
  // Taps of `count` input channels at Winograd's 36 (25 with skip) positions:
  // out[p*p_stride + k*32 + co].
  void (*pack_winograd)(const float *taps, size_t count, bool skip, float *out, size_t p_stride);
  // A tile's 6x6 pixels (pixel stride `stride`, row stride `row`) to out[p*p_stride + k], k < stride.
  void (*winograd_input)(const float *strip, size_t row, size_t stride, bool skip, float *out,
                         size_t p_stride);
  // Transforms a tile's positions to 4x4 pixels.
  void (*winograd_output)(const cvar_tile *, bool skip);
  // out = sums + bias + residual for `count` channels; bias and residual may be NULL.
  void (*finish)(const float *sums, const float *bias, const float *residual, size_t count,
                 float *out);
  // Sums of (x - shift) and (x - shift)^2 of the first `width` channels, added to sum and square.
  void (*moments)(const float *x, size_t pixels, size_t channels, size_t width, const float *shift,
                  double *sum, double *square);
  void (*affine)(const float *x, size_t channels, const float *a, const float *b, bool silu,
                 float *out);
  float (*dot)(const float *x, const float *y, size_t count);
  void (*scale)(float *x, size_t count, float factor);
  void (*to_half)(const float *x, size_t count, uint16_t *out);
  // Row softmax without the division: s = exp(s - max), returns the sum.
  float (*exponentials)(float *s, size_t count);
} cvar_image_ops;

const cvar_image_ops *cvar_image_ops_for(cvar_level level);

extern const cvar_image_ops cvar_image_ops_scalar;
#if defined(__x86_64__)
extern const cvar_image_ops cvar_image_ops_avx2;
extern const cvar_image_ops cvar_image_ops_avx512;
#endif
#if defined(__aarch64__)
extern const cvar_image_ops cvar_image_ops_neon;
#endif

#endif
