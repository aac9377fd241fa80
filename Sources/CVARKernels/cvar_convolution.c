// 3x3 convolutions: planning, and the jobs of each phase. The inner loops are in cvar_image_ops.
//
// They multiply in f32 in every compute mode. With a quarter of the multiplications Winograd's form in
// f32 is about as fast as int8 dot products with block scales (four times the rate of f32, 71 % of it
// after scaling), and int8 inputs would cost the picture more than bf16 does. Demo model, decoder's
// convolutions, PSNR to f32 over 48 test images, mean and worst: q8 weights alone 65.9 and 64.4 dB, with
// bf16 inputs 63.6 and 61.6, with int8 inputs scaled by pixel and 32 channels 56.9 and 52.0, by map 50.6
// and 49.1.
#include <string.h>

#include "cvar_image_ops.h"

// One round of the small Winograd form keeps at most this much transformed input, for all threads.
#define SHARED_INPUT_BYTES ((size_t)12 << 20)
// Winograd's transformed weights are kept whole up to this size.
#define SHARED_WEIGHT_BYTES ((size_t)16 << 20)
// Transformed input of one job (strip of input in the direct form): in second-level cache.
#define JOB_INPUT_BYTES ((size_t)6 << 18)
#define STRIP_BYTES ((size_t)5 << 17)
// Tiles of one round of the small Winograd form.
#define ROUND_TILES 256
// Input channels of packed weights that stay in second-level cache.
#define WEIGHT_CHUNK 128
// Floats of nine taps of 32 x 32 weights.
#define TAPS (9 * CVAR_TAP_STRIDE)

static size_t at_least_1(size_t n) { return n ? n : 1; }
static size_t ceil_div(size_t n, size_t d) { return (n + d - 1) / d; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t align64(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static const cvar_image_ops *ops(const cvar_conv *c) { return cvar_image_ops_for(c->level); }
static size_t panels(const cvar_conv *c) { return ceil_div(c->cout, CVAR_LANES); }
// Floats of one pixel of a strip.
static size_t pixel(const cvar_conv *c) { return (c->cin + 15) & ~(size_t)15; }
static size_t tiles_x(const cvar_conv *c) { return ceil_div(c->plan.out_width, 4); }
static size_t tiles_y(const cvar_conv *c) { return ceil_div(c->plan.out_height, 4); }
// Positions of a Winograd tile: 36, or 25 where an enlarged input makes a row and column vanish.
static size_t positions(const cvar_conv *c) { return c->upsample ? 25 : 36; }
// Floats between two positions of the transformed input; not a multiple of a page, so that one
// tile's positions fall into different cache sets.
static size_t position_stride(const cvar_conv *c, size_t tiles) { return tiles * pixel(c) + 48; }
// The same for the packed weights of `depth` input channels.
static size_t weight_stride(size_t depth) { return depth * CVAR_LANES + 48; }

// A part of a thread's scratch memory.
static float *carve(unsigned char **next, size_t floats) {
  float *p = (float *)*next;
  *next += align64(floats * sizeof(float));
  return p;
}

// MARK: Plan

static void plan_direct(cvar_conv *c) {
  const size_t stride = (size_t)c->stride, width = c->plan.out_width, height = c->plan.out_height;
  const size_t across = ceil_div(width, 36), bw = ceil_div(width, across);
  const size_t row = (stride * bw + 2) * pixel(c) * sizeof(float);
  size_t bh = STRIP_BYTES / row;
  bh = bh > 2 + stride ? (bh - 2) / stride : 1;
  bh = smaller(smaller(bh, height), at_least_1(ceil_div(height, 4)));
  c->plan.block_w = bw;
  c->plan.block_h = bh;
  const size_t blocks = c->images * across * ceil_div(height, bh);
  const bool few = c->algorithm == CVAR_CONV_FEW;
  const size_t wanted = few ? 1 : ceil_div(4 * c->threads, blocks);
  c->plan.splits = smaller(wanted, panels(c));
  c->plan.phases = 2;
  c->plan.shared_bytes = align64((few ? 1 : panels(c) * 9) * c->cin * CVAR_LANES * sizeof(float));
  const size_t strip = (stride * bh + 2) * (stride * bw + 2);
  const size_t sums = few ? strip : bw;
  c->plan.thread_bytes = align64(strip * pixel(c) * sizeof(float)) +
                         align64(sums * CVAR_LANES * sizeof(float)) + align64(TAPS * sizeof(float));
}

// Few tiles or many weights: the transformed input is shared, each job packs its panel's weights.
static void plan_winograd_small(cvar_conv *c) {
  const size_t row = tiles_x(c) * positions(c) * pixel(c) * sizeof(float);
  const size_t total = c->images * tiles_y(c);
  size_t rows = at_least_1(smaller(SHARED_INPUT_BYTES / row, ROUND_TILES / tiles_x(c)));
  rows = ceil_div(total, ceil_div(total, smaller(rows, total)));
  const size_t tiles = rows * tiles_x(c);
  c->plan.small = true;
  c->plan.block_h = rows;
  c->plan.block_w = tiles_x(c);
  c->plan.chunk = smaller(WEIGHT_CHUNK, c->cin);
  c->plan.phases = 2 * ceil_div(total, rows);
  c->plan.shared_bytes = align64(position_stride(c, tiles) * positions(c) * sizeof(float));
  const size_t strip = 6 * (4 * tiles_x(c) + 2) * pixel(c);
  const size_t weights = positions(c) * weight_stride(c->plan.chunk);
  const size_t sums = tiles * positions(c) * CVAR_LANES;
  const size_t job = align64(weights * sizeof(float)) + align64(sums * sizeof(float)) +
                     align64(16 * CVAR_LANES * sizeof(float)) + align64(TAPS * sizeof(float));
  const size_t read = align64(strip * sizeof(float));
  c->plan.thread_bytes = job > read ? job : read;
}

// Many tiles: the transformed weights are shared, each job transforms the input of a block of tiles.
static void plan_winograd_large(cvar_conv *c) {
  const size_t tile = positions(c) * pixel(c) * sizeof(float);
  const size_t total = c->images * tiles_x(c) * tiles_y(c);
  size_t tiles = JOB_INPUT_BYTES / tile;
  tiles = smaller(tiles, ceil_div(total, 4 * c->threads));
  tiles = smaller(tiles < 12 ? 12 : tiles, 96);
  const size_t bw = ceil_div(tiles_x(c), ceil_div(tiles_x(c), 8));
  const size_t bh = at_least_1(smaller(tiles / bw, tiles_y(c)));
  c->plan.small = false;
  c->plan.block_w = bw;
  c->plan.block_h = bh;
  c->plan.phases = 2;
  c->plan.chunk = c->cin;
  c->plan.shared_bytes =
      align64(panels(c) * positions(c) * weight_stride(c->cin) * sizeof(float));
  const size_t strip = 6 * (4 * bw + 2) * pixel(c);
  c->plan.thread_bytes =
      align64(strip * sizeof(float)) +
      align64(position_stride(c, bh * bw) * positions(c) * sizeof(float)) +
      align64(bh * bw * positions(c) * CVAR_LANES * sizeof(float)) +
      align64(16 * CVAR_LANES * sizeof(float)) + align64(TAPS * sizeof(float));
}

void cvar_conv_plan(cvar_conv *c) {
  const size_t enlarged = c->upsample ? 2 : 1;
  c->plan.out_height = c->stride == 2 ? c->height / 2 : c->height * enlarged;
  c->plan.out_width = c->stride == 2 ? c->width / 2 : c->width * enlarged;
  c->plan.splits = 1;
  c->plan.small = false;
  if (c->stride == 2) c->algorithm = CVAR_CONV_DIRECT;
  if (c->stride == 1 && 9 * c->cout <= CVAR_LANES) c->algorithm = CVAR_CONV_FEW;
  else if (c->algorithm == CVAR_CONV_FEW) c->algorithm = CVAR_CONV_DIRECT;
  if (c->algorithm != CVAR_CONV_WINOGRAD) {
    plan_direct(c);
    return;
  }
  const size_t weights = positions(c) * c->cin * panels(c) * CVAR_LANES * sizeof(float);
  const size_t tiles = c->images * tiles_x(c) * tiles_y(c);
  const bool wide = panels(c) >= 2 * c->threads;
  if (weights > SHARED_WEIGHT_BYTES || (wide && tiles < 128)) plan_winograd_small(c);
  else plan_winograd_large(c);
}

// MARK: Jobs

static size_t blocks_x(const cvar_conv *c) {
  const bool tiles = c->algorithm == CVAR_CONV_WINOGRAD;
  return ceil_div(tiles ? tiles_x(c) : c->plan.out_width, c->plan.block_w);
}

static size_t blocks_y(const cvar_conv *c) {
  const bool tiles = c->algorithm == CVAR_CONV_WINOGRAD;
  return ceil_div(tiles ? tiles_y(c) : c->plan.out_height, c->plan.block_h);
}

// Tile rows of a round of the small Winograd form; rows are counted over all images.
static size_t round_rows(const cvar_conv *c, size_t round) {
  return smaller(c->plan.block_h, c->images * tiles_y(c) - round * c->plan.block_h);
}

static size_t phase_jobs(const cvar_conv *c, size_t phase) {
  if (c->algorithm == CVAR_CONV_WINOGRAD && c->plan.small)
    return phase % 2 ? panels(c) : round_rows(c, phase / 2);
  if (phase == 0) {
    if (c->algorithm == CVAR_CONV_FEW) return 1;
    return panels(c) * ceil_div(c->cin, 32);
  }
  return c->images * blocks_y(c) * blocks_x(c) * c->plan.splits;
}

static void read_taps(const cvar_conv *c, size_t co, size_t k0, size_t count, float *taps) {
  const cvar_weight_slice slice = {
      .weights = &c->weights, .cin = c->cin, .co = co, .k0 = k0, .count = count};
  ops(c)->read_taps(&slice, taps);
}

static void read_strip(const cvar_conv *c, size_t image, ptrdiff_t y0, ptrdiff_t x0, size_t rows,
                       size_t columns, float *strip) {
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

// Writes 32 channels (fewer at the end) of one output pixel.
static void write_pixel(const cvar_conv *c, size_t image, size_t y, size_t x, size_t co,
                        const float *sums) {
  const size_t at = ((image * c->plan.out_height + y) * c->plan.out_width + x) * c->cout + co;
  ops(c)->finish(sums, c->bias ? c->bias + co : NULL, c->residual ? c->residual + at : NULL,
                 smaller(CVAR_LANES, c->cout - co), c->output + at);
}

// Block `job` of an image in units of outputs or tiles.
typedef struct {
  size_t image, y, x, height, width, split;
} block;

static block find_block(const cvar_conv *c, size_t job) {
  const bool tiles = c->algorithm == CVAR_CONV_WINOGRAD;
  const size_t across = blocks_x(c), down = blocks_y(c);
  block b = {.split = job % c->plan.splits};
  job /= c->plan.splits;
  b.x = job % across * c->plan.block_w;
  b.y = job / across % down * c->plan.block_h;
  b.image = job / across / down;
  b.width = smaller(c->plan.block_w, (tiles ? tiles_x(c) : c->plan.out_width) - b.x);
  b.height = smaller(c->plan.block_h, (tiles ? tiles_y(c) : c->plan.out_height) - b.y);
  return b;
}

// MARK: Direct

// shared: [panel][9][cin][32]
static void direct_pack(const cvar_conv *c, size_t job, float *shared, unsigned char *scratch) {
  const size_t chunks = ceil_div(c->cin, 32), panel = job / chunks, k0 = job % chunks * 32;
  const size_t count = smaller(32, c->cin - k0);
  float *taps = carve(&scratch, TAPS);
  read_taps(c, panel * CVAR_LANES, k0, count, taps);
  float *out = shared + panel * 9 * c->cin * CVAR_LANES + k0 * CVAR_LANES;
  for (size_t tap = 0; tap < 9; tap++)
    memcpy(out + tap * c->cin * CVAR_LANES, taps + tap * CVAR_TAP_STRIDE,
           count * CVAR_LANES * sizeof(float));
}

static void direct_block(const cvar_conv *c, size_t job, const float *shared,
                         unsigned char *scratch) {
  const block b = find_block(c, job);
  const size_t s = (size_t)c->stride, side = s == 1 ? 2 : 1;
  const size_t columns = s * b.width + side, stride = pixel(c);
  float *strip = carve(&scratch, (s * b.height + side) * columns * stride);
  float *sums = carve(&scratch, b.width * CVAR_LANES);
  const ptrdiff_t pad = s == 1 ? 1 : 0;
  read_strip(c, b.image, (ptrdiff_t)(b.y * s) - pad, (ptrdiff_t)(b.x * s) - pad,
             s * b.height + side, columns, strip);
  ptrdiff_t taps[9];
  for (size_t t = 0; t < 9; t++) taps[t] = (ptrdiff_t)((t / 3 * columns + t % 3) * stride);
  const size_t first = panels(c) * b.split / c->plan.splits;
  const size_t last = panels(c) * (b.split + 1) / c->plan.splits;
  for (size_t panel = first; panel < last; panel++) {
    for (size_t y = 0; y < b.height; y++) {
      const cvar_multiply m = {.rows = (int)b.width,
                               .a = strip + s * y * columns * stride,
                               .lda = (ptrdiff_t)(s * stride),
                               .taps = taps,
                               .tap_count = 9,
                               .depth = c->cin,
                               .b = shared + panel * 9 * c->cin * CVAR_LANES,
                               .ldb = CVAR_LANES,
                               .c = sums,
                               .ldc = CVAR_LANES};
      ops(c)->multiply(&m);
      for (size_t x = 0; x < b.width; x++)
        write_pixel(c, b.image, b.y + y, b.x + x, panel * CVAR_LANES, sums + x * CVAR_LANES);
    }
  }
}

// MARK: Few output channels

// The taps lie side by side as output channels of a 1x1 convolution: shared [cin][32], tap-major.
static void few_pack(const cvar_conv *c, float *shared, unsigned char *scratch) {
  float *taps = carve(&scratch, TAPS);
  memset(shared, 0, c->cin * CVAR_LANES * sizeof(float));
  for (size_t k0 = 0; k0 < c->cin; k0 += 32) {
    const size_t count = smaller(32, c->cin - k0);
    read_taps(c, 0, k0, count, taps);
    for (size_t tap = 0; tap < 9; tap++)
      for (size_t co = 0; co < c->cout; co++)
        for (size_t k = 0; k < count; k++)
          shared[(k0 + k) * CVAR_LANES + tap * c->cout + co] = taps[tap * CVAR_TAP_STRIDE + k * 32 + co];
  }
}

static void few_block(const cvar_conv *c, size_t job, const float *shared,
                      unsigned char *scratch) {
  const block b = find_block(c, job);
  const size_t rows = b.height + 2, columns = b.width + 2, stride = pixel(c);
  float *strip = carve(&scratch, rows * columns * stride);
  float *sums = carve(&scratch, rows * columns * CVAR_LANES);
  read_strip(c, b.image, (ptrdiff_t)b.y - 1, (ptrdiff_t)b.x - 1, rows, columns, strip);
  const ptrdiff_t origin = 0;
  const cvar_multiply m = {.rows = (int)(rows * columns),
                           .a = strip,
                           .lda = (ptrdiff_t)stride,
                           .taps = &origin,
                           .tap_count = 1,
                           .depth = c->cin,
                           .b = shared,
                           .ldb = CVAR_LANES,
                           .c = sums,
                           .ldc = CVAR_LANES};
  ops(c)->multiply(&m);
  for (size_t y = 0; y < b.height; y++) {
    for (size_t x = 0; x < b.width; x++) {
      float total[CVAR_LANES / 9] = {0};
      for (size_t t = 0; t < 9; t++) {
        const float *p = sums + ((y + t / 3) * columns + x + t % 3) * CVAR_LANES + t * c->cout;
        for (size_t co = 0; co < c->cout; co++) total[co] += p[co];
      }
      write_pixel(c, b.image, b.y + y, b.x + x, 0, total);
    }
  }
}

// MARK: Winograd

// Writes a tile's 4x4 pixels; those of the image's edge are clipped by way of `pixels`.
static void write_tile(const cvar_conv *c, size_t image, size_t ty, size_t tx, size_t co,
                       const float *sums, float *pixels) {
  const size_t height = smaller(4, c->plan.out_height - ty * 4);
  const size_t width = smaller(4, c->plan.out_width - tx * 4);
  if (height == 4 && width == 4 && c->cout - co >= CVAR_LANES) {
    const size_t row = c->plan.out_width * c->cout;
    const size_t at = (image * c->plan.out_height + ty * 4) * row + tx * 4 * c->cout + co;
    const cvar_tile tile = {.sums = sums,
                            .bias = c->bias ? c->bias + co : NULL,
                            .residual = c->residual ? c->residual + at : NULL,
                            .output = c->output + at,
                            .row = row,
                            .pixel = c->cout};
    ops(c)->winograd_output(&tile, c->upsample);
    return;
  }
  const cvar_tile tile = {
      .sums = sums, .output = pixels, .row = 4 * CVAR_LANES, .pixel = CVAR_LANES};
  ops(c)->winograd_output(&tile, c->upsample);
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++)
      write_pixel(c, image, ty * 4 + y, tx * 4 + x, co, pixels + (4 * y + x) * CVAR_LANES);
}

// All positions of `tiles` tiles: sums[tile][position][32] (+)= input[position][tile] * weights.
static void multiply_positions(const cvar_conv *c, size_t tiles, const float *input,
                               size_t input_stride, const float *weights, size_t depth,
                               bool accumulate, float *sums) {
  const ptrdiff_t origin = 0;
  for (size_t p = 0; p < positions(c); p++) {
    const cvar_multiply m = {.rows = (int)tiles,
                             .a = input + p * input_stride,
                             .lda = (ptrdiff_t)pixel(c),
                             .taps = &origin,
                             .tap_count = 1,
                             .depth = depth,
                             .b = weights + p * weight_stride(depth),
                             .ldb = CVAR_LANES,
                             .c = sums + p * CVAR_LANES,
                             .ldc = (ptrdiff_t)(positions(c) * CVAR_LANES),
                             .accumulate = accumulate,
                             .next_a = input + (p + 1) * input_stride,
                             .next = weights + (p + 1) * weight_stride(depth)};
    ops(c)->multiply(&m);
  }
}

// shared: [panel][position][cin][32]
static void winograd_pack(const cvar_conv *c, size_t job, float *shared, unsigned char *scratch) {
  const size_t chunks = ceil_div(c->cin, 32), panel = job / chunks, k0 = job % chunks * 32;
  const size_t count = smaller(32, c->cin - k0);
  float *taps = carve(&scratch, TAPS);
  read_taps(c, panel * CVAR_LANES, k0, count, taps);
  float *out = shared + panel * positions(c) * weight_stride(c->cin) + k0 * CVAR_LANES;
  ops(c)->pack_winograd(taps, count, c->upsample, out, weight_stride(c->cin));
}

static void winograd_block(const cvar_conv *c, size_t job, const float *shared,
                           unsigned char *scratch) {
  const block b = find_block(c, job);
  const size_t tiles = b.height * b.width, columns = 4 * b.width + 2, stride = pixel(c);
  const size_t input_stride = position_stride(c, tiles);
  float *strip = carve(&scratch, 6 * columns * stride);
  float *input = carve(&scratch, positions(c) * input_stride);
  float *sums = carve(&scratch, tiles * positions(c) * CVAR_LANES);
  float *pixels = carve(&scratch, 16 * CVAR_LANES);
  for (size_t y = 0; y < b.height; y++) {
    // Two of a tile row's six rows of pixels are the last two of the row above.
    const size_t kept = y == 0 ? 0 : 2;
    if (kept) memcpy(strip, strip + 4 * columns * stride, 2 * columns * stride * sizeof(float));
    read_strip(c, b.image, (ptrdiff_t)((b.y + y) * 4 + kept) - 1, (ptrdiff_t)(b.x * 4) - 1,
               6 - kept, columns, strip + kept * columns * stride);
    for (size_t x = 0; x < b.width; x++)
      ops(c)->winograd_input(strip + x * 4 * stride, columns * stride, stride, c->upsample,
                             input + (y * b.width + x) * stride, input_stride);
  }
  for (size_t panel = 0; panel < panels(c); panel++) {
    const float *weights = shared + panel * positions(c) * weight_stride(c->cin);
    multiply_positions(c, tiles, input, input_stride, weights, c->cin, false, sums);
    for (size_t t = 0; t < tiles; t++)
      write_tile(c, b.image, b.y + t / b.width, b.x + t % b.width, panel * CVAR_LANES,
                 sums + t * positions(c) * CVAR_LANES, pixels);
  }
}

// Transforms one row of tiles. shared: [position][tile of the round][pixel]
static void round_input(const cvar_conv *c, size_t round, size_t job, float *shared,
                        unsigned char *scratch) {
  const size_t row = round * c->plan.block_h + job, across = tiles_x(c), stride = pixel(c);
  const size_t columns = 4 * across + 2;
  float *strip = carve(&scratch, 6 * columns * stride);
  read_strip(c, row / tiles_y(c), (ptrdiff_t)(row % tiles_y(c) * 4) - 1, -1, 6, columns, strip);
  for (size_t t = 0; t < across; t++)
    ops(c)->winograd_input(strip + t * 4 * stride, columns * stride, stride, c->upsample,
                           shared + (job * across + t) * stride,
                           position_stride(c, c->plan.block_h * across));
}

static void round_panel(const cvar_conv *c, size_t round, size_t panel, const float *shared,
                        unsigned char *scratch) {
  const size_t across = tiles_x(c), tiles = round_rows(c, round) * across;
  float *weights = carve(&scratch, positions(c) * weight_stride(c->plan.chunk));
  float *sums = carve(&scratch, tiles * positions(c) * CVAR_LANES);
  float *pixels = carve(&scratch, 16 * CVAR_LANES);
  float *taps = carve(&scratch, TAPS);
  for (size_t k0 = 0; k0 < c->cin; k0 += c->plan.chunk) {
    const size_t depth = smaller(c->plan.chunk, c->cin - k0);
    for (size_t k = 0; k < depth; k += 32) {
      const size_t count = smaller(32, depth - k);
      read_taps(c, panel * CVAR_LANES, k0 + k, count, taps);
      ops(c)->pack_winograd(taps, count, c->upsample, weights + k * CVAR_LANES,
                            weight_stride(depth));
    }
    multiply_positions(c, tiles, shared + k0, position_stride(c, c->plan.block_h * across), weights,
                       depth, k0 > 0, sums);
  }
  for (size_t t = 0; t < tiles; t++) {
    const size_t row = round * c->plan.block_h + t / across;
    write_tile(c, row / tiles_y(c), row % tiles_y(c), t % across, panel * CVAR_LANES,
               sums + t * positions(c) * CVAR_LANES, pixels);
  }
}

static void run_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch) {
  switch (c->algorithm) {
    case CVAR_CONV_DIRECT:
      if (phase == 0) direct_pack(c, job, shared, scratch);
      else direct_block(c, job, shared, scratch);
      break;
    case CVAR_CONV_FEW:
      if (phase == 0) few_pack(c, shared, scratch);
      else few_block(c, job, shared, scratch);
      break;
    case CVAR_CONV_WINOGRAD:
      if (c->plan.small && phase % 2) round_panel(c, phase / 2, job, shared, scratch);
      else if (c->plan.small) round_input(c, phase / 2, job, shared, scratch);
      else if (phase == 0) winograd_pack(c, job, shared, scratch);
      else winograd_block(c, job, shared, scratch);
      break;
  }
}

typedef struct {
  const cvar_conv *conv;
  size_t phase;
  void *shared;
} task;

static void run_task(void *context, size_t job, void *scratch) {
  const task *t = context;
  run_job(t->conv, t->phase, job, t->shared, scratch);
}

int cvar_conv_run(const cvar_conv *c, cvar_pool *pool, void *shared) {
  for (size_t phase = 0; phase < c->plan.phases; phase++) {
    task t = {.conv = c, .phase = phase, .shared = shared};
    if (cvar_pool_run(pool, phase_jobs(c, phase), run_task, &t, c->plan.thread_bytes)) return -1;
  }
  return 0;
}
