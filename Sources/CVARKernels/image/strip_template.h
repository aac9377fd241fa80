// Reading a padded strip of an image, writing pixels, and the statistics of channels, for one level.

// Sums here may be fused or not: their last bits are no level's promise.
#pragma STDC FP_CONTRACT ON

CVAR_INLINE void gather_pixel(const float *in, size_t channels, const float *a, const float *b, const bool scaled,
                              const bool silu, float *out) {
  size_t c = 0;
  for (; c + CVAR_WIDTH <= channels; c += CVAR_WIDTH) {
    vf x = load_f(in + c);
    if (scaled) x = madd_f(x, load_f(a + c), load_f(b + c));
    if (silu) x = silu_f(x);
    store_f(out + c, x);
  }
  if (c < channels) {
    size_t n = channels - c;
    vf x = load_part(in + c, n);
    if (scaled) x = madd_f(x, load_part(a + c, n), load_part(b + c, n));
    if (silu) x = silu_f(x);
    store_part(out + c, x, n);
  }
}

static void affine(const float *x, size_t channels, const float *a, const float *b, bool silu, float *out) {
  if (a && silu)
    gather_pixel(x, channels, a, b, true, true, out);
  else if (a)
    gather_pixel(x, channels, a, b, true, false, out);
  else if (silu)
    gather_pixel(x, channels, a, b, false, true, out);
  else
    gather_pixel(x, channels, a, b, false, false, out);
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
      const float *in = g->image + (((size_t)y >> shift) * g->width + ((size_t)x >> shift)) * g->cin;
      affine(in, g->cin, g->a, g->b, g->silu, out);
      if (g->stride > g->cin) memset(out + g->cin, 0, (g->stride - g->cin) * sizeof(float));
    }
  }
}

static void add(const float *sums, const float *bias, const float *residual, size_t count, float *out) {
  size_t c = 0;
  for (; c + CVAR_WIDTH <= count; c += CVAR_WIDTH) {
    vf x = load_f(sums + c);
    if (bias) x = x + load_f(bias + c);
    if (residual) x = x + load_f(residual + c);
    store_f(out + c, x);
  }
  for (; c < count; c++) out[c] = sums[c] + (bias ? bias[c] : 0.0f) + (residual ? residual[c] : 0.0f);
}

CVAR_INLINE void moments_vector(const float *x, size_t pixels, size_t channels, const float *shift, double *sum,
                                double *square, size_t count) {
  vf s = (vf)0.0f, q = (vf)0.0f;
  const vf origin = count == CVAR_WIDTH ? load_f(shift) : load_part(shift, count);
  for (size_t p = 0; p < pixels; p++, x += channels) {
    vf d = (count == CVAR_WIDTH ? load_f(x) : load_part(x, count)) - origin;
    s = s + d;
    q = madd_f(d, d, q);
  }
  float t[2][CVAR_WIDTH];
  store_f(t[0], s);
  store_f(t[1], q);
  for (size_t i = 0; i < count; i++) {
    sum[i] += (double)t[0][i];
    square[i] += (double)t[1][i];
  }
}

/// `width` of `channels` channels.
static void moments(const float *x, size_t pixels, size_t channels, size_t width, const float *shift, double *sum,
                    double *square) {
  size_t c = 0;
  for (; c + CVAR_WIDTH <= width; c += CVAR_WIDTH)
    moments_vector(x + c, pixels, channels, shift + c, sum + c, square + c, CVAR_WIDTH);
  if (c < width) moments_vector(x + c, pixels, channels, shift + c, sum + c, square + c, width - c);
}
