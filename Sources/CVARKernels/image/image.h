// What the inner loops on images and tokens take.
#ifndef CVAR_IMAGE_PARTS_H
#define CVAR_IMAGE_PARTS_H

#include "cvar_image.h"

/// Output channels (or keys) that are computed side by side; every packed operand is this wide.
#define CVAR_LANES 32
/// Most queries of one call of `attend`.
#define CVAR_ROWS 12

/// Floats between two taps of 32 × 32 weights: a little more than a page, so that the taps (and what is made of them)
/// fall into different cache sets.
#define CVAR_TAP_STRIDE (32 * 32 + 48)

/// C[r][0 ..< 32] (+)= sum over tap, k of A[r · lda + taps[tap] + k] · B[(tap · depth + k) · ldb + 0 ..< 32].
typedef struct cvar_multiply {
  int rows;
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
  const float *next_a;  // operand a of the next call, to prefetch, or null
  const void *next;     // f32 operand b of the next call, to prefetch, or null
} cvar_multiply;

/// A strip of a padded input: rows y0 ..< y0 + rows, columns x0 ..< x0 + columns, which may lie outside.
typedef struct cvar_gather {
  const float *image;  // [height, width, cin]
  size_t height, width, cin;
  bool upsample;
  const float *a, *b;  // [cin] or null
  bool silu;
  ptrdiff_t y0, x0;
  size_t rows, columns;
  float *strip;   // [rows, columns, stride]
  size_t stride;  // cin rounded up to 16; the surplus is zeroed
} cvar_gather;

/// Output channels co ..< co + 32 (fewer at the end) and input channels k0 ..< k0 + count (at most 32) of 3 × 3
/// weights; k0 is a multiple of 32.
typedef struct cvar_weight_slice {
  const cvar_weights *weights;
  size_t cin, co, k0, count;
} cvar_weight_slice;

/// 4 × 4 pixels of 32 channels: output = Aᵀ sums A + bias + residual.
typedef struct cvar_tile {
  const float *sums;      // [positions, 32]
  const float *bias;      // [32] or null
  const float *residual;  // like output, or null
  float *output;
  size_t row, pixel;  // floats between rows and between pixels
} cvar_tile;

/// Queries first ..< first + rows of a head of an image.
typedef struct cvar_queries {
  size_t image, head, first;
  int rows;
} cvar_queries;

#endif
