// What the forms of a convolution share: sizes of a plan, blocks of the output, reading and writing.
#ifndef CVAR_CONVOLUTION_H
#define CVAR_CONVOLUTION_H

#include <string.h>

#include "levels/numbers.h"
#include "levels/ops.h"

/// Floats of nine taps of 32 x 32 weights.
#define TAPS (9 * CVAR_TAP_STRIDE)

static inline const cvar_ops *ops(const cvar_conv *c) { return cvar_ops_for(c->level); }
static inline size_t panels(const cvar_conv *c) { return cvar_divide_up(c->cout, CVAR_LANES); }
/// Floats of one pixel of a strip.
static inline size_t pixel(const cvar_conv *c) { return (c->cin + 15) & ~(size_t)15; }
static inline size_t tiles_x(const cvar_conv *c) { return cvar_divide_up(c->plan.out_width, 4); }
static inline size_t tiles_y(const cvar_conv *c) { return cvar_divide_up(c->plan.out_height, 4); }
/// Positions of a Winograd tile: 36, or 25 where an enlarged input makes a row and column vanish.
static inline size_t positions(const cvar_conv *c) { return c->upsample ? 25 : 36; }
/// Floats between two positions of the transformed input; not a multiple of a page, so that one
/// tile's positions fall into different cache sets.
static inline size_t position_stride(const cvar_conv *c, size_t tiles) { return tiles * pixel(c) + 48; }
/// The same for the packed weights of `depth` input channels.
static inline size_t weight_stride(size_t depth) { return depth * CVAR_LANES + 48; }

/// A part of a thread's scratch memory.
static inline float *carve(unsigned char **next, size_t floats) {
  float *p = (float *)*next;
  *next += cvar_lines(floats * sizeof(float));
  return p;
}

static inline size_t blocks_x(const cvar_conv *c) {
  const bool tiles = c->algorithm == CVAR_CONV_WINOGRAD;
  return cvar_divide_up(tiles ? tiles_x(c) : c->plan.out_width, c->plan.block_w);
}

static inline size_t blocks_y(const cvar_conv *c) {
  const bool tiles = c->algorithm == CVAR_CONV_WINOGRAD;
  return cvar_divide_up(tiles ? tiles_y(c) : c->plan.out_height, c->plan.block_h);
}

static inline void read_taps(const cvar_conv *c, size_t co, size_t k0, size_t count, float *taps) {
  const cvar_weight_slice slice = {.weights = &c->weights, .cin = c->cin, .co = co, .k0 = k0, .count = count};
  ops(c)->read_taps(&slice, taps);
}

static inline void read_strip(const cvar_conv *c, size_t image, ptrdiff_t y0, ptrdiff_t x0, size_t rows, size_t columns,
                              float *strip) {
  const float *a = c->affine ? c->affine + image * 2 * c->cin : NULL;
  const cvar_gather gather = {.image = c->input + image * c->height * c->width * c->cin,
                              .height = c->height,
                              .width = c->width,
                              .cin = c->cin,
                              .upsample = c->upsample,
                              .a = a,
                              .b = a ? a + c->cin : NULL,
                              .silu = c->silu,
                              .y0 = y0,
                              .x0 = x0,
                              .rows = rows,
                              .columns = columns,
                              .strip = strip,
                              .stride = pixel(c)};
  ops(c)->gather(&gather);
}

/// Writes 32 channels (fewer at the end) of one output pixel.
static inline void write_pixel(const cvar_conv *c, size_t image, size_t y, size_t x, size_t co, const float *sums) {
  const size_t at = ((image * c->plan.out_height + y) * c->plan.out_width + x) * c->cout + co;
  ops(c)->add(sums, c->bias ? c->bias + co : NULL, c->residual ? c->residual + at : NULL,
              cvar_min(CVAR_LANES, c->cout - co), c->output + at);
}

/// Block `job` of an image in units of outputs or tiles.
typedef struct block {
  size_t image, y, x, height, width, split;
} block;

static inline block find_block(const cvar_conv *c, size_t job) {
  const bool tiles = c->algorithm == CVAR_CONV_WINOGRAD;
  const size_t across = blocks_x(c), down = blocks_y(c);
  block b = {.split = job % c->plan.splits};
  job /= c->plan.splits;
  b.x = job % across * c->plan.block_w;
  b.y = job / across % down * c->plan.block_h;
  b.image = job / across / down;
  b.width = cvar_min(c->plan.block_w, (tiles ? tiles_x(c) : c->plan.out_width) - b.x);
  b.height = cvar_min(c->plan.block_h, (tiles ? tiles_y(c) : c->plan.out_height) - b.y);
  return b;
}

/// The plan of each form, and its jobs by phase; `shared` is memory of the whole convolution.
void cvar_plan_direct(cvar_conv *c);
void cvar_direct_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch);
void cvar_few_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch);
void cvar_plan_winograd(cvar_conv *c);
size_t cvar_winograd_jobs(const cvar_conv *c, size_t phase);
void cvar_winograd_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch);

#endif
