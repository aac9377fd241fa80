// The table of what every level implements: the only way from a kernel's run function to its inner loops.
#ifndef CVAR_OPS_H
#define CVAR_OPS_H

#include "image/image.h"
#include "linear/linear.h"

typedef struct cvar_ops {
  /// A part of a linear layer, its epilogue included, by arithmetic (f32 also takes BF16_F32). acc is scratch memory
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
  /// As cvar_encode_floats.
  size_t (*encode_f16)(const float *values, size_t count, uint16_t *halves, cvar_encoding_totals *totals);
  size_t (*encode_bf16)(const float *values, size_t count, uint16_t *halves, cvar_encoding_totals *totals);
  size_t (*encode_f32)(const float *values, size_t count, uint16_t *halves, cvar_encoding_totals *totals);
  size_t (*encode_q8)(const float *values, size_t blocks, int8_t *quants, uint16_t *scales,
                      cvar_encoding_totals *totals);

  void (*multiply)(const cvar_multiply *multiply);
  void (*gather)(const cvar_gather *gather);
  /// Nine taps as f32, taps[tap · CVAR_TAP_STRIDE + 32k + co], zero where there are no weights.
  void (*read_taps)(const cvar_weight_slice *slice, float *taps);
  /// Taps of `count` input channels at Winograd's 36 (25 with skip) positions: out[p · p_stride + 32k + co].
  void (*pack_winograd)(const float *taps, size_t count, bool skip, float *out, size_t p_stride);
  /// A tile's 6 × 6 pixels (pixel stride `stride`, row stride `row`) to out[p · p_stride + k], k < stride.
  void (*winograd_input)(const float *strip, size_t row, size_t stride, bool skip, float *out, size_t p_stride);
  /// Transforms a tile's positions to 4 × 4 pixels.
  void (*winograd_output)(const cvar_tile *tile, bool skip);
  /// out = sums + bias + residual for `count` channels; bias and residual may be null.
  void (*add)(const float *sums, const float *bias, const float *residual, size_t count, float *out);
  /// Sums of (x − shift) and (x − shift)² of the first `width` channels, added to sum and square.
  void (*moments)(const float *x, size_t pixels, size_t channels, size_t width, const float *shift, double *sum,
                  double *square);
  void (*affine)(const float *x, size_t channels, const float *a, const float *b, bool silu, float *out);

  /// All tokens of one head of one image.
  void (*append)(const cvar_append *append, size_t image, size_t head);
  /// `rows` ≤ CVAR_ROWS queries of a head, from `query` on, over an f32 or an f16 cache; scratch memory as
  /// cvar_attention_scratch says.
  void (*attend_f32)(const cvar_attention *attention, cvar_queries queries, void *scratch);
  void (*attend_f16)(const cvar_attention *attention, cvar_queries queries, void *scratch);
} cvar_ops;

const cvar_ops *cvar_ops_for(cvar_level level);

/// What a level takes from the templates under the names they have there; its panels stand beside this.
#define CVAR_TEMPLATE_OPS                                                                                         \
  .modulate = modulate, .prepare = prepare, .silu = silu, .gelu = gelu, .exp = exponential, .multiply = multiply, \
  .gather = gather, .read_taps = read_taps, .pack_winograd = pack_winograd, .winograd_input = winograd_input,     \
  .winograd_output = winograd_output, .add = add, .moments = moments, .affine = affine, .append = append,         \
  .attend_f32 = attend_f32, .encode_q8 = encode_q8, .encode_f16 = encode_f16, .encode_bf16 = encode_bf16,         \
  .encode_f32 = encode_f32

extern const cvar_ops cvar_ops_scalar;
#if defined(__x86_64__)
extern const cvar_ops cvar_ops_avx2, cvar_ops_avxvnni, cvar_ops_avx512, cvar_ops_avx512vnni, cvar_ops_avx512bf16,
    cvar_ops_avx512fp16;
#elif defined(__aarch64__)
extern const cvar_ops cvar_ops_neon, cvar_ops_neondot;
#endif

#endif
