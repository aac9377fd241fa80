// 3x3 convolutions in the direct form (implicit GEMM over strips of the input), and with few output channels.
#include "image/convolution.h"

#define STRIP_BYTES ((size_t)5 << 17)

void cvar_plan_direct(cvar_conv *c) {
  const size_t stride = (size_t)c->stride, width = c->plan.out_width, height = c->plan.out_height;
  const size_t across = cvar_divide_up(width, 36), bw = cvar_divide_up(width, across);
  const size_t row = (stride * bw + 2) * pixel(c) * sizeof(float);
  size_t bh = STRIP_BYTES / row;
  bh = bh > 2 + stride ? (bh - 2) / stride : 1;
  bh = cvar_min(cvar_min(bh, height), cvar_max(1, cvar_divide_up(height, 4)));
  c->plan.block_w = bw;
  c->plan.block_h = bh;
  const size_t blocks = c->images * across * cvar_divide_up(height, bh);
  const bool few = c->algorithm == CVAR_CONV_FEW;
  const size_t wanted = few ? 1 : cvar_divide_up(4 * c->threads, blocks);
  c->plan.splits = cvar_min(wanted, panels(c));
  c->plan.phases = 2;
  c->plan.shared_bytes = cvar_lines((few ? 1 : panels(c) * 9) * c->cin * CVAR_LANES * sizeof(float));
  const size_t strip = (stride * bh + 2) * (stride * bw + 2);
  const size_t sums = few ? strip : bw;
  c->plan.thread_bytes = cvar_lines(strip * pixel(c) * sizeof(float)) + cvar_lines(sums * CVAR_LANES * sizeof(float)) +
                         cvar_lines(TAPS * sizeof(float));
}

// shared: [panel][9][cin][32]
static void direct_pack(const cvar_conv *c, size_t job, float *shared, unsigned char *scratch) {
  const size_t chunks = cvar_divide_up(c->cin, 32), panel = job / chunks, k0 = job % chunks * 32;
  const size_t count = cvar_min(32, c->cin - k0);
  float *taps = carve(&scratch, TAPS);
  read_taps(c, panel * CVAR_LANES, k0, count, taps);
  float *out = shared + panel * 9 * c->cin * CVAR_LANES + k0 * CVAR_LANES;
  for (size_t tap = 0; tap < 9; tap++)
    memcpy(out + tap * c->cin * CVAR_LANES, taps + tap * CVAR_TAP_STRIDE, count * CVAR_LANES * sizeof(float));
}

static void direct_block(const cvar_conv *c, size_t job, const float *shared, unsigned char *scratch) {
  const block b = find_block(c, job);
  const size_t s = (size_t)c->stride, side = s == 1 ? 2 : 1;
  const size_t columns = s * b.width + side, stride = pixel(c);
  float *strip = carve(&scratch, (s * b.height + side) * columns * stride);
  float *sums = carve(&scratch, b.width * CVAR_LANES);
  const ptrdiff_t pad = s == 1 ? 1 : 0;
  read_strip(c, b.image, (ptrdiff_t)(b.y * s) - pad, (ptrdiff_t)(b.x * s) - pad, s * b.height + side, columns, strip);
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
    const size_t count = cvar_min(32, c->cin - k0);
    read_taps(c, 0, k0, count, taps);
    for (size_t tap = 0; tap < 9; tap++)
      for (size_t co = 0; co < c->cout; co++)
        for (size_t k = 0; k < count; k++)
          shared[(k0 + k) * CVAR_LANES + tap * c->cout + co] = taps[tap * CVAR_TAP_STRIDE + k * 32 + co];
  }
}

static void few_block(const cvar_conv *c, size_t job, const float *shared, unsigned char *scratch) {
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

void cvar_direct_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch) {
  if (phase == 0)
    direct_pack(c, job, shared, scratch);
  else
    direct_block(c, job, shared, scratch);
}

void cvar_few_job(const cvar_conv *c, size_t phase, size_t job, void *shared, void *scratch) {
  if (phase == 0)
    few_pack(c, shared, scratch);
  else
    few_block(c, job, shared, scratch);
}
