// Plain C: the scalar twin of every linear kernel and row operation, the reference of all others, and vectors of one
// lane for images. Also what needs no level.
#define CVAR_WIDTH 1
#define CVAR_IMAGE_ROWS 1
#define CVAR_IMAGE_VECTORS 8

#include "levels/numbers.h"
#include "levels/ops.h"
#include "levels/tiles.h"
#include "levels/scalar.h"
#include "levels/vector.h"
#include "linear/unpack.h"
#include "linear/scalar_rows.h"
#include "linear/scalar_panel.h"
#include "linear/encode_q8_template.h"
#include "linear/encode_float_template.h"
#include "image/multiply_template.h"
#include "image/strip_template.h"
#include "image/winograd_template.h"
#include "image/attention_template.h"

void cvar_decode_rows(const cvar_weights *weights, size_t row0, size_t row1, float *output, size_t output_stride) {
  for (size_t row = row0; row < row1; row++) {
    unpack_row(weights, row, 0, weights->k, output + (row - row0) * output_stride);
  }
}

const cvar_ops cvar_ops_scalar = {CVAR_TEMPLATE_OPS,
                                  .panel_f32 = cvar_panel_scalar,
                                  .panel_bf16 = cvar_panel_scalar,
                                  .panel_f16 = cvar_panel_scalar,
                                  .panel_int8 = cvar_panel_scalar,
                                  .attend_f16 = attend_f32};
