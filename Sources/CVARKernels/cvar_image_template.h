// The inner loops on images, written once over a vector type and compiled for each instruction set.
//
// The including file defines VW (floats in a vector), NV (vectors of a register tile), MR (rows of a
// register tile; divides CVAR_ROWS), OPS (the table's name), the type vf with + - * and
// these functions: v_load, v_store, v_set1, v_fma(a,b,c) = a*b+c, v_max, v_min, v_sum, v_round,
// v_scale2(x, n) = x*2^n for integral n, at least 0 or the largest number where it leaves the range,
// v_reciprocal, v_load_half, v_store_half, v_load_int8, s_half
// (one f16), v_columns, which transposes: out[i] = column i of the VW x 4 numbers at p, whose rows lie `stride` apart.
#include <math.h>
#include <string.h>

#include "cvar_image_ops.h"

#define INLINE static inline __attribute__((always_inline))
// Register tiles are arrays: only whole unrolling keeps them in registers.
#define UNROLL _Pragma("GCC unroll 16")

// MARK: exp and SiLU

// 2^t: t = n + f with |f| <= 1/2, and 2^f by its Chebyshev interpolation of degree 6 (error 2.5e-9).
// Evaluated in three short chains: latency, not arithmetic, bounds these loops.
INLINE vf v_exp2(vf t) {
  const vf n = v_round(t), f = t - n, f2 = f * f;
  const vf high = v_fma(v_set1(1.54614447e-4f), f2,
                        v_fma(v_set1(1.34004282e-3f), f, v_set1(9.61805668e-3f)));
  const vf middle = v_fma(v_set1(5.55032723e-2f), f, v_set1(2.40226509e-1f));
  const vf low = v_fma(v_set1(6.93147207e-1f), f, v_set1(1.0f));
  return v_scale2(v_fma(v_fma(high, f2, middle), f2, low), n);
}

// e^x; relative error 6e-8 (1 + |x|), from the rounding of x/ln 2.
INLINE vf v_exp(vf x) { return v_exp2(x * v_set1(1.44269504088896341f)); }

INLINE vf v_silu(vf x) {
  const vf e = v_exp2(x * v_set1(-1.44269504088896341f));
  return x * v_reciprocal(v_set1(1.0f) + e);
}

// The first `count` < VW values, the rest zero; and back.
INLINE vf v_load_part(const float *p, size_t count) {
  float t[VW] = {0};
  memcpy(t, p, count * sizeof(float));
  return v_load(t);
}

INLINE void v_store_part(float *p, size_t count, vf x) {
  float t[VW];
  v_store(t, x);
  memcpy(p, t, count * sizeof(float));
}

// MARK: Matrix multiplication by panels

INLINE void tile(const int rows, const bool half, const cvar_multiply *m, int row, int column,
                 const float *next, ptrdiff_t step, const float *ahead, ptrdiff_t stride) {
  vf acc[MR][NV];
  float *c = m->c + row * m->ldc + column;
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int j = 0; j < NV; j++)
      acc[r][j] = m->accumulate ? v_load(c + r * m->ldc + j * VW) : v_set1(0.0f);
  const ptrdiff_t lda = m->lda, ldb = m->ldb;
  const float *b = (const float *)m->b + (half ? 0 : column);
  const uint16_t *h = (const uint16_t *)m->b + (half ? column : 0);
  for (int t = 0; t < m->tap_count; t++) {
    const float *a = m->a + row * lda + m->taps[t];
    for (size_t k = 0; k < m->depth; k++, a++) {
      vf x[NV];
      UNROLL for (int j = 0; j < NV; j++) x[j] = half ? v_load_half(h + j * VW) : v_load(b + j * VW);
      UNROLL for (int r = 0; r < rows; r++) {
        vf y = v_set1(a[r * lda]);
        UNROLL for (int j = 0; j < NV; j++) acc[r][j] = v_fma(y, x[j], acc[r][j]);
      }
      __builtin_prefetch(next, 0, 2);
      next += step;
      __builtin_prefetch(ahead, 0, 3);
      ahead += stride;
      b += ldb;
      h += ldb;
    }
  }
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int j = 0; j < NV; j++) v_store(c + r * m->ldc + j * VW, acc[r][j]);
}

#define TILE(R) \
  case R: \
    if (m->half) tile(R <= MR ? R : MR, true, m, row, column, next, step, ahead, stride); \
    else tile(R <= MR ? R : MR, false, m, row, column, next, step, ahead, stride); \
    break;

static void multiply(const cvar_multiply *m) {
  // Rows are spread evenly over the register tiles: 16 are 8 + 8, not 12 + 4.
  const int tiles = (m->rows + MR - 1) / MR;
  for (int column = 0; column < CVAR_LANES; column += NV * VW) {
    int row = 0;
    for (int t = 0; t < tiles; t++) {
      const int rows = (m->rows - row + tiles - t - 1) / (tiles - t);
      // The first two tiles fetch half of the next operand each, a cache line a step.
      const bool fetch = m->next && t < 2;
      const float *next = fetch ? (const float *)m->next + (size_t)t * m->depth * 16 : m->a;
      const ptrdiff_t step = fetch ? 16 : 0;
      const float *ahead = t + 1 < tiles ? m->a + (row + rows) * m->lda : m->next_a ? m->next_a : m->a;
      const ptrdiff_t stride = m->next_a ? 16 : 0;
      switch (rows) {
        TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
        TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
      }
      row += rows;
    }
  }
}

// MARK: Reading a padded strip

INLINE void gather_pixel(const float *in, size_t channels, const float *a, const float *b,
                         const bool affine, const bool silu, float *out) {
  size_t c = 0;
  for (; c + VW <= channels; c += VW) {
    vf x = v_load(in + c);
    if (affine) x = v_fma(x, v_load(a + c), v_load(b + c));
    if (silu) x = v_silu(x);
    v_store(out + c, x);
  }
  if (c < channels) {
    size_t n = channels - c;
    vf x = v_load_part(in + c, n);
    if (affine) x = v_fma(x, v_load_part(a + c, n), v_load_part(b + c, n));
    if (silu) x = v_silu(x);
    v_store_part(out + c, n, x);
  }
}

static void affine_row(const float *x, size_t channels, const float *a, const float *b, bool silu,
                       float *out) {
  if (a && silu) gather_pixel(x, channels, a, b, true, true, out);
  else if (a) gather_pixel(x, channels, a, b, true, false, out);
  else if (silu) gather_pixel(x, channels, a, b, false, true, out);
  else gather_pixel(x, channels, a, b, false, false, out);
}

static void gather(const cvar_gather *g) {
  const size_t shift = g->upsample ? 1 : 0;
  const ptrdiff_t height = (ptrdiff_t)(g->height << shift), width = (ptrdiff_t)(g->width << shift);
  for (size_t r = 0; r < g->rows; r++) {
    const ptrdiff_t y = g->y0 + (ptrdiff_t)r;
    float *out = g->strip + r * g->columns * g->stride;
    for (size_t c = 0; c < g->columns; c++, out += g->stride) {
      const ptrdiff_t x = g->x0 + (ptrdiff_t)c;
      if (y < 0 || y >= height || x < 0 || x >= width) {
        memset(out, 0, g->stride * sizeof(float));
        continue;
      }
      const float *in =
          g->image + (((size_t)y >> shift) * g->width + ((size_t)x >> shift)) * g->cin;
      affine_row(in, g->cin, g->a, g->b, g->silu, out);
      if (g->stride > g->cin) memset(out + g->cin, 0, (g->stride - g->cin) * sizeof(float));
    }
  }
}

// MARK: Weights

INLINE void dequantize_q8(const cvar_weight_slice *w, size_t start, float *out) {
  const int8_t *q = (const int8_t *)w->weights->values + start;
  // Rows are multiples of 32, so a scale's index does not depend on the row.
  for (size_t k = 0; k < w->count;) {
    const size_t block = (start + k) / 32, end = (block + 1) * 32 - start;
    const size_t stop = end < w->count ? end : w->count;
    const float scale = s_half(w->weights->scales[block]);
    // Rows are read in pieces that hardware does not prefetch.
    __builtin_prefetch(q + k + 64, 0, 3);
    for (; k + VW <= stop; k += VW) v_store(out + k, v_load_int8(q + k) * v_set1(scale));
    for (; k < stop; k++) out[k] = (float)q[k] * scale;
  }
}

INLINE void dequantize(const cvar_weight_slice *w, size_t row, size_t tap, float *out) {
  const size_t start = (row * 9 + tap) * w->cin + w->k0;
  switch (w->weights->format) {
    case CVAR_FORMAT_F32:
      memcpy(out, (const float *)w->weights->values + start, w->count * sizeof(float));
      break;
    case CVAR_FORMAT_F16: {
      const uint16_t *h = (const uint16_t *)w->weights->values + start;
      size_t k = 0;
      for (; k + VW <= w->count; k += VW) v_store(out + k, v_load_half(h + k));
      for (; k < w->count; k++) out[k] = s_half(h[k]);
      break;
    }
    case CVAR_FORMAT_BF16: {
      const uint16_t *h = (const uint16_t *)w->weights->values + start;
      for (size_t k = 0; k < w->count; k++) {
        const uint32_t bits = (uint32_t)h[k] << 16;
        memcpy(out + k, &bits, 4);
      }
      break;
    }
    case CVAR_FORMAT_Q8: dequantize_q8(w, start, out); break;
  }
}

static void read_taps(const cvar_weight_slice *w, float *taps) {
  const size_t left = w->weights->n - w->co, rows = left < CVAR_LANES ? left : CVAR_LANES;
  float t[32 * 32];  // [32 couts][32 k]
  if (rows < 32 || w->count < 32) memset(t, 0, sizeof t);
  for (size_t tap = 0; tap < 9; tap++) {
    for (size_t row = 0; row < rows; row++) dequantize(w, w->co + row, tap, t + row * 32);
    float *out = taps + tap * CVAR_TAP_STRIDE;
    for (size_t k = 0; k < 32; k += 4) {
      for (size_t co = 0; co < 32; co += VW) {
        vf columns[4];
        v_columns(t + co * 32 + k, 32, columns);
        for (size_t i = 0; i < 4; i++) v_store(out + (k + i) * 32 + co, columns[i]);
      }
    }
  }
}

// G g of one row or column: six values from three.
INLINE void weight_transform(vf g0, vf g1, vf g2, vf *out) {
  vf even = g0 + g2, far = v_fma(v_set1(4.0f), g2, g0);
  out[0] = g0 * v_set1(0.25f);
  out[1] = (even + g1) * v_set1(-1.0f / 6);
  out[2] = (even - g1) * v_set1(-1.0f / 6);
  out[3] = v_fma(v_set1(2.0f), g1, far) * v_set1(1.0f / 24);
  out[4] = v_fma(v_set1(-2.0f), g1, far) * v_set1(1.0f / 24);
  out[5] = g2;
}

static void pack_winograd(const float *taps, size_t count, bool skip, float *out, size_t p_stride) {
  for (size_t k = 0; k < count; k++) {
    for (int co = 0; co < 32; co += VW) {
      const size_t at = k * 32 + (size_t)co;
      vf columns[3][6];
      for (int x = 0; x < 3; x++)
        weight_transform(v_load(taps + x * CVAR_TAP_STRIDE + at), v_load(taps + (3 + x) * CVAR_TAP_STRIDE + at),
                         v_load(taps + (6 + x) * CVAR_TAP_STRIDE + at), columns[x]);
      float *u = out + at;
      for (int y = 0; y < 6; y++) {
        if (skip && y == 2) continue;
        vf row[6];
        weight_transform(columns[0][y], columns[1][y], columns[2][y], row);
        for (int x = 0; x < 6; x++) {
          if (skip && x == 2) continue;
          v_store(u, row[x]);
          u += p_stride;
        }
      }
    }
  }
}

// MARK: Winograd F(4x4, 3x3)

// B^T d of six values.
INLINE void input_transform(const vf *d, vf *out) {
  const vf four = v_set1(4.0f), five = v_set1(5.0f), two = v_set1(2.0f);
  vf a = d[4] - four * d[2], b = d[3] - four * d[1], c = d[4] - d[2], e = two * (d[3] - d[1]);
  out[0] = v_fma(four, d[0], d[4]) - five * d[2];
  out[1] = a + b;
  out[2] = a - b;
  out[3] = c + e;
  out[4] = c - e;
  out[5] = v_fma(four, d[1], d[5]) - five * d[3];
}

INLINE void winograd_input_body(const float *strip, size_t row, size_t stride, const bool skip,
                                float *out, size_t p_stride) {
  for (size_t k = 0; k < stride; k += VW) {
    vf columns[6][6];
    for (int x = 0; x < 6; x++) {
      vf d[6];
      for (int y = 0; y < 6; y++) d[y] = v_load(strip + (size_t)y * row + (size_t)x * stride + k);
      input_transform(d, columns[x]);
    }
    float *v = out + k;
    for (int y = 0; y < 6; y++) {
      // With nearest x2 enlargement this row (and column) of B^T d B vanishes.
      if (skip && y == 2) continue;
      vf d[6], t[6];
      for (int x = 0; x < 6; x++) d[x] = columns[x][y];
      input_transform(d, t);
      for (int x = 0; x < 6; x++) {
        if (skip && x == 2) continue;
        v_store(v, t[x]);
        v += p_stride;
      }
    }
  }
}

static void winograd_input(const float *strip, size_t row, size_t stride, bool skip, float *out,
                           size_t p_stride) {
  if (skip) winograd_input_body(strip, row, stride, true, out, p_stride);
  else winograd_input_body(strip, row, stride, false, out, p_stride);
}

// A^T m of six values.
INLINE void output_transform(const vf *m, vf *out) {
  vf s = m[1] + m[2], d = m[1] - m[2], s4 = m[3] + m[4], d4 = m[3] - m[4];
  out[0] = m[0] + s + s4;
  out[1] = v_fma(v_set1(2.0f), d4, d);
  out[2] = v_fma(v_set1(4.0f), s4, s);
  out[3] = v_fma(v_set1(8.0f), d4, d) + m[5];
}

INLINE void winograd_output_body(const cvar_tile *t, const bool skip) {
  const int side = skip ? 5 : 6;
  for (int co = 0; co < CVAR_LANES; co += VW) {
    const vf bias = t->bias ? v_load(t->bias + co) : v_set1(0.0f);
    vf columns[6][4];
    for (int x = 0; x < 6; x++) {
      if (skip && x == 2) continue;
      vf m[6];
      for (int y = 0; y < 6; y++) {
        const int p = (skip && y > 2 ? y - 1 : y) * side + (skip && x > 2 ? x - 1 : x);
        m[y] = skip && y == 2 ? v_set1(0.0f) : v_load(t->sums + p * CVAR_LANES + co);
      }
      output_transform(m, columns[x]);
    }
    for (int y = 0; y < 4; y++) {
      vf m[6], r[4];
      for (int x = 0; x < 6; x++) m[x] = skip && x == 2 ? v_set1(0.0f) : columns[x][y];
      output_transform(m, r);
      for (int x = 0; x < 4; x++) {
        const size_t at = (size_t)y * t->row + (size_t)x * t->pixel + (size_t)co;
        vf v = r[x] + bias;
        if (t->residual) v = v + v_load(t->residual + at);
        v_store(t->output + at, v);
      }
    }
  }
}

static void winograd_output(const cvar_tile *t, bool skip) {
  if (skip) winograd_output_body(t, true);
  else winograd_output_body(t, false);
}

static void finish(const float *sums, const float *bias, const float *residual, size_t count,
                   float *out) {
  size_t c = 0;
  for (; c + VW <= count; c += VW) {
    vf x = v_load(sums + c);
    if (bias) x = x + v_load(bias + c);
    if (residual) x = x + v_load(residual + c);
    v_store(out + c, x);
  }
  for (; c < count; c++)
    out[c] = sums[c] + (bias ? bias[c] : 0.0f) + (residual ? residual[c] : 0.0f);
}

// MARK: Statistics

INLINE void moments_vector(const float *x, size_t pixels, size_t channels, const float *shift,
                           double *sum, double *square, size_t count) {
  vf s = v_set1(0.0f), q = v_set1(0.0f);
  const vf origin = count == VW ? v_load(shift) : v_load_part(shift, count);
  for (size_t p = 0; p < pixels; p++, x += channels) {
    vf d = (count == VW ? v_load(x) : v_load_part(x, count)) - origin;
    s = s + d;
    q = v_fma(d, d, q);
  }
  float t[2][VW];
  v_store(t[0], s);
  v_store(t[1], q);
  for (size_t i = 0; i < count; i++) {
    sum[i] += (double)t[0][i];
    square[i] += (double)t[1][i];
  }
}

// `width` of `channels` channels.
static void moments(const float *x, size_t pixels, size_t channels, size_t width,
                    const float *shift, double *sum, double *square) {
  size_t c = 0;
  for (; c + VW <= width; c += VW)
    moments_vector(x + c, pixels, channels, shift + c, sum + c, square + c, VW);
  if (c < width)
    moments_vector(x + c, pixels, channels, shift + c, sum + c, square + c, width - c);
}

// MARK: Attention

static float dot(const float *x, const float *y, size_t count) {
  vf s = v_set1(0.0f);
  size_t k = 0;
  for (; k + VW <= count; k += VW) s = v_fma(v_load(x + k), v_load(y + k), s);
  float total = v_sum(s);
  for (; k < count; k++) total += x[k] * y[k];
  return total;
}

static void scale_row(float *x, size_t count, float factor) {
  size_t k = 0;
  for (; k + VW <= count; k += VW) v_store(x + k, v_load(x + k) * v_set1(factor));
  for (; k < count; k++) x[k] *= factor;
}

// f32 to f16, rounded to nearest even and clamped to the finite range.
static void to_half(const float *x, size_t count, uint16_t *out) {
  const vf limit = v_set1(65504.0f), low = v_set1(-65504.0f);
  size_t k = 0;
  for (; k + VW <= count; k += VW)
    v_store_half(out + k, v_min(limit, v_max(low, v_load(x + k))));
  if (k < count) {
    uint16_t t[VW];
    v_store_half(t, v_min(limit, v_max(low, v_load_part(x + k, count - k))));
    memcpy(out + k, t, (count - k) * sizeof(uint16_t));
  }
}

static float exponentials(float *s, size_t count) {
  size_t k = 0;
  vf top = v_set1(-INFINITY);
  for (; k + VW <= count; k += VW) top = v_max(top, v_load(s + k));
  float t[VW], largest = -INFINITY;
  v_store(t, top);
  for (int i = 0; i < VW; i++) largest = t[i] > largest ? t[i] : largest;
  for (size_t i = k; i < count; i++) largest = s[i] > largest ? s[i] : largest;
  vf total = v_set1(0.0f);
  const vf offset = v_set1(largest);
  for (k = 0; k + VW <= count; k += VW) {
    vf e = v_exp(v_load(s + k) - offset);
    v_store(s + k, e);
    total = total + e;
  }
  float sum = v_sum(total);
  if (k < count) {
    v_store(t, v_exp(v_load_part(s + k, count - k) - offset));
    for (size_t i = 0; i < count - k; i++) {
      s[k + i] = t[i];
      sum += t[i];
    }
  }
  return sum;
}

const cvar_image_ops OPS = {
    .multiply = multiply,
    .gather = gather,
    .read_taps = read_taps,
    .pack_winograd = pack_winograd,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .finish = finish,
    .moments = moments,
    .affine = affine_row,
    .dot = dot,
    .scale = scale_row,
    .to_half = to_half,
    .exponentials = exponentials,
};
