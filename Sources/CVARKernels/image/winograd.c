// 3x3 convolutions in Winograd's form F(4x4, 3x3).
#include "image/convolution.h"

// One round of the small Winograd form keeps at most this much transformed input, for all threads.
#define SHARED_INPUT_BYTES ((size_t)12 << 20)
// Winograd's transformed weights are kept whole up to this size.
#define SHARED_WEIGHT_BYTES ((size_t)16 << 20)
// Transformed input of one job: in second-level cache.
#define JOB_INPUT_BYTES ((size_t)6 << 18)
// Tiles of one round of the small Winograd form.
#define ROUND_TILES 256
// Input channels that are multiplied at a time, so that their weights stay in the L1 cache.
#define PART_DEPTH 192
// Input channels of packed weights that stay in second-level cache.
#define WEIGHT_CHUNK 128

// Few tiles or many weights: the transformed input is shared, each job packs its panel's weights.
static void plan_winograd_small(cvar_conv *c) {
  const size_t row = tiles_x(c) * positions(c) * pixel(c) * sizeof(float);
  const size_t total = c->images * tiles_y(c);
  size_t rows = cvar_max(1, cvar_min(SHARED_INPUT_BYTES / row, ROUND_TILES / tiles_x(c)));
  rows = cvar_divide_up(total, cvar_divide_up(total, cvar_min(rows, total)));
  const size_t tiles = rows * tiles_x(c);
  c->plan.small = true;
  c->plan.block_h = rows;
  c->plan.block_w = tiles_x(c);
  c->plan.chunk = cvar_min(WEIGHT_CHUNK, c->cin);
  c->plan.phases = 2 * cvar_divide_up(total, rows);
  c->plan.shared_bytes = cvar_lines(position_stride(c, tiles) * positions(c) * sizeof(float));
  const size_t strip = 6 * (4 * tiles_x(c) + 2) * pixel(c);
  const size_t weights = positions(c) * weight_stride(c->plan.chunk);
  const size_t sums = tiles * positions(c) * CVAR_LANES;
  const size_t job = cvar_lines(weights * sizeof(float)) + cvar_lines(sums * sizeof(float)) +
                     cvar_lines(16 * CVAR_LANES * sizeof(float)) + cvar_lines(TAPS * sizeof(float));
  const size_t read = cvar_lines(strip * sizeof(float));
  c->plan.thread_bytes = job > read ? job : read;
}

// Many tiles: the transformed weights are shared, each job transforms the input of a block of tiles.
static void plan_winograd_large(cvar_conv *c) {
  const size_t tile = positions(c) * pixel(c) * sizeof(float);
  const size_t total = c->images * tiles_x(c) * tiles_y(c);
  size_t tiles = JOB_INPUT_BYTES / tile;
  tiles = cvar_min(tiles, cvar_divide_up(total, 4 * c->threads));
  tiles = cvar_min(tiles < 12 ? 12 : tiles, 96);
  const size_t bw = cvar_divide_up(tiles_x(c), cvar_divide_up(tiles_x(c), 8));
  const size_t bh = cvar_max(1, cvar_min(tiles / bw, tiles_y(c)));
  c->plan.small = false;
  c->plan.block_w = bw;
  c->plan.block_h = bh;
  c->plan.phases = 2;
  c->plan.chunk = c->cin;
  c->plan.shared_bytes = cvar_lines(panels(c) * positions(c) * weight_stride(c->cin) * sizeof(float));
  const size_t strip = 6 * (4 * bw + 2) * pixel(c);
  c->plan.thread_bytes = cvar_lines(strip * sizeof(float)) +
                         cvar_lines(position_stride(c, bh * bw) * positions(c) * sizeof(float)) +
                         cvar_lines(bh * bw * positions(c) * CVAR_LANES * sizeof(float)) +
                         cvar_lines(16 * CVAR_LANES * sizeof(float)) + cvar_lines(TAPS * sizeof(float));
}

void cvar_plan_winograd(cvar_conv *c) {
  const size_t weights = positions(c) * c->cin * panels(c) * CVAR_LANES * sizeof(float);
  const size_t tiles = c->images * tiles_x(c) * tiles_y(c);
  const bool wide = panels(c) >= 2 * c->threads;
  if (weights > SHARED_WEIGHT_BYTES || (wide && tiles < 128))
    plan_winograd_small(c);
  else
    plan_winograd_large(c);
}

// Tile rows of a round of the small Winograd form; rows are counted over all images.
static size_t round_rows(const cvar_conv *c, size_t round) {
  return cvar_min(c->plan.block_h, c->images * tiles_y(c) - round * c->plan.block_h);
}

// Writes a tile's 4x4 pixels; those of the image's edge are clipped by way of `pixels`.
static void write_tile(const cvar_conv *c, size_t image, size_t ty, size_t tx, size_t co, const float *sums,
                       float *pixels) {
  const size_t height = cvar_min(4, c->plan.out_height - ty * 4);
  const size_t width = cvar_min(4, c->plan.out_width - tx * 4);
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
  const cvar_tile tile = {.sums = sums, .output = pixels, .row = 4 * CVAR_LANES, .pixel = CVAR_LANES};
  ops(c)->winograd_output(&tile, c->upsample);
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++)
      write_pixel(c, image, ty * 4 + y, tx * 4 + x, co, pixels + (4 * y + x) * CVAR_LANES);
}

// All positions of `tiles` tiles: sums[tile][position][32] (+)= input[position][tile] * weights.
static void multiply_positions(const cvar_conv *c, size_t tiles, const float *input, size_t input_stride,
                               const float *weights, size_t depth, bool accumulate, float *sums) {
  const ptrdiff_t origin = 0;
  const size_t parts = cvar_divide_up(depth, PART_DEPTH);
  for (size_t i = 0; i < positions(c) * parts; i++) {
    const size_t p = i / parts, k0 = depth * (i % parts) / parts, k1 = depth * (i % parts + 1) / parts;
    const size_t next_p = (i + 1) / parts, next_k = k1 % depth;
    const cvar_multiply m = {.rows = (int)tiles,
                             .a = input + p * input_stride + k0,
                             .lda = (ptrdiff_t)pixel(c),
                             .taps = &origin,
                             .tap_count = 1,
                             .depth = k1 - k0,
                             .b = weights + p * weight_stride(depth) + k0 * CVAR_LANES,
                             .ldb = CVAR_LANES,
                             .c = sums + p * CVAR_LANES,
                             .ldc = (ptrdiff_t)(positions(c) * CVAR_LANES),
                             .accumulate = accumulate || k0 > 0,
                             .next_a = input + next_p * input_stride + next_k,
                             .next = weights + next_p * weight_stride(depth) + next_k * CVAR_LANES};
    ops(c)->multiply(&m);
  }
}

// shared: [panel][position][cin][32]
static void winograd_pack(const cvar_conv *c, size_t job, float *shared, unsigned char *scratch) {
  const size_t chunks = cvar_divide_up(c->cin, 32), panel = job / chunks, k0 = job % chunks * 32;
  const size_t count = cvar_min(32, c->cin - k0);
  float *taps = carve(&scratch, TAPS);
  read_taps(c, panel * CVAR_LANES, k0, count, taps);
  float *out = shared + panel * positions(c) * weight_stride(c->cin) + k0 * CVAR_LANES;
  ops(c)->pack_winograd(taps, count, c->upsample, out, weight_stride(c->cin));
}

static void winograd_block(const cvar_conv *c, size_t job, const float *shared, unsigned char *scratch) {
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
    read_strip(c, b.image, (ptrdiff_t)((b.y + y) * 4 + kept) - 1, (ptrdiff_t)(b.x * 4) - 1, 6 - kept, columns,
               strip + kept * columns * stride);
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
static void round_input(const cvar_conv *c, size_t round, size_t job, float *shared, unsigned char *scratch) {
  const size_t row = round * c->plan.block_h + job, across = tiles_x(c), stride = pixel(c);
  const size_t columns = 4 * across + 2;
  float *strip = carve(&scratch, 6 * columns * stride);
  read_strip(c, row / tiles_y(c), (ptrdiff_t)(row % tiles_y(c) * 4) - 1, -1, 6, columns, strip);
  for (size_t t = 0; t < across; t++)
    ops(c)->winograd_input(strip + t * 4 * stride, columns * stride, stride, c->upsample,
                           shared + (job * across + t) * stride, position_stride(c, c->plan.block_h * across));
}

static void round_panel(const cvar_conv *c, size_t round, size_t panel, const float *shared, unsigned char *scratch) {
  const size_t across = tiles_x(c), tiles = round_rows(c, round) * across;
  float *weights = carve(&scratch, positions(c) * weight_stride(c->plan.chunk));
  float *sums = carve(&scratch, tiles * positions(c) * CVAR_LANES);
  float *pixels = carve(&scratch, 16 * CVAR_LANES);
  float *taps = carve(&scratch, TAPS);
  for (size_t k0 = 0; k0 < c->cin; k0 += c->plan.chunk) {
    const size_t depth = cvar_min(c->plan.chunk, c->cin - k0);
    for (size_t k = 0; k < depth; k += 32) {
      const size_t count = cvar_min(32, depth - k);
      read_taps(c, panel * CVAR_LANES, k0 + k, count, taps);
      ops(c)->pack_winograd(taps, count, c->upsample, weights + k * CVAR_LANES, weight_stride(depth));
    }
    multiply_positions(c, tiles, shared + k0, position_stride(c, c->plan.block_h * across), weights, depth, k0 > 0,
                       sums);
  }
  for (size_t t = 0; t < tiles; t++) {
    const size_t row = round * c->plan.block_h + t / across;
    write_tile(c, row / tiles_y(c), row % tiles_y(c), t % across, panel * CVAR_LANES,
               sums + t * positions(c) * CVAR_LANES, pixels);
  }
}

size_t cvar_winograd_jobs(const cvar_conv *c, size_t phase) {
  if (c->plan.small) return phase % 2 ? panels(c) : round_rows(c, phase / 2);
  if (phase == 0) return panels(c) * cvar_divide_up(c->cin, 32);
  return c->images * blocks_y(c) * blocks_x(c) * c->plan.splits;
}

void cvar_winograd_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch) {
  if (c->plan.small && phase % 2)
    round_panel(c, phase / 2, job, shared, scratch);
  else if (c->plan.small)
    round_input(c, phase / 2, job, shared, scratch);
  else if (phase == 0)
    winograd_pack(c, job, shared, scratch);
  else
    winograd_block(c, job, shared, scratch);
}
