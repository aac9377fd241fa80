// Winograd's transforms of F(4x4, 3x3), and the weights that they start from, for one level.

// Sums here may be fused or not: their last bits are no level's promise.
#pragma STDC FP_CONTRACT ON

/// Nine taps of 32 × 32 weights, transposed: out[tap][k][co].
static void read_taps(const cvar_weight_slice *s, float *taps) {
  const size_t left = s->weights->n - s->co, rows = left < CVAR_LANES ? left : CVAR_LANES;
  float t[32 * 32];  // [32 couts][32 k]
  if (rows < 32 || s->count < 32) memset(t, 0, sizeof t);
  for (size_t tap = 0; tap < 9; tap++) {
    const size_t k0 = tap * s->cin + s->k0;
    for (size_t row = 0; row < rows; row++) {
      // Rows are read in pieces that hardware does not prefetch.
      __builtin_prefetch(weight_at(s->weights->format, s->weights, s->co + row, k0) + 64, 0, 3);
      unpack_row(s->weights, s->co + row, k0, s->count, t + row * 32);
    }
    float *out = taps + tap * CVAR_TAP_STRIDE;
    for (size_t k = 0; k < 32; k += CVAR_WIDTH) {
      for (size_t co = 0; co < 32; co += CVAR_WIDTH) {
        vi square[CVAR_WIDTH];
        for (size_t i = 0; i < CVAR_WIDTH; i++) square[i] = load_i(t + (co + i) * 32 + k);
        transpose(square);
        for (size_t i = 0; i < CVAR_WIDTH; i++) store_i(out + (k + i) * 32 + co, square[i]);
      }
    }
  }
}

/// G g of one row or column: six values from three.
CVAR_INLINE void weight_transform(vf g0, vf g1, vf g2, vf *out) {
  vf even = g0 + g2, far = madd_f((vf)4.0f, g2, g0);
  out[0] = g0 * (vf)0.25f;
  out[1] = (even + g1) * (vf)(-1.0f / 6);
  out[2] = (even - g1) * (vf)(-1.0f / 6);
  out[3] = madd_f((vf)2.0f, g1, far) * (vf)(1.0f / 24);
  out[4] = madd_f((vf)-2.0f, g1, far) * (vf)(1.0f / 24);
  out[5] = g2;
}

static void pack_winograd(const float *taps, size_t count, bool skip, float *out, size_t p_stride) {
  for (size_t k = 0; k < count; k++) {
    for (int co = 0; co < 32; co += CVAR_WIDTH) {
      const size_t at = k * 32 + (size_t)co;
      vf columns[3][6];
      for (int x = 0; x < 3; x++)
        weight_transform(load_f(taps + x * CVAR_TAP_STRIDE + at), load_f(taps + (3 + x) * CVAR_TAP_STRIDE + at),
                         load_f(taps + (6 + x) * CVAR_TAP_STRIDE + at), columns[x]);
      float *u = out + at;
      for (int y = 0; y < 6; y++) {
        if (skip && y == 2) continue;
        vf row[6];
        weight_transform(columns[0][y], columns[1][y], columns[2][y], row);
        for (int x = 0; x < 6; x++) {
          if (skip && x == 2) continue;
          store_f(u, row[x]);
          u += p_stride;
        }
      }
    }
  }
}

/// B^T d of six values.
CVAR_INLINE void input_transform(const vf *d, vf *out) {
  const vf four = (vf)4.0f, five = (vf)5.0f, two = (vf)2.0f;
  vf a = d[4] - four * d[2], b = d[3] - four * d[1], c = d[4] - d[2], e = two * (d[3] - d[1]);
  out[0] = madd_f(four, d[0], d[4]) - five * d[2];
  out[1] = a + b;
  out[2] = a - b;
  out[3] = c + e;
  out[4] = c - e;
  out[5] = madd_f(four, d[1], d[5]) - five * d[3];
}

CVAR_INLINE void winograd_input_body(const float *strip, size_t row, size_t stride, const bool skip, float *out,
                                     size_t p_stride) {
  for (size_t k = 0; k < stride; k += CVAR_WIDTH) {
    vf columns[6][6];
    for (int x = 0; x < 6; x++) {
      vf d[6];
      for (int y = 0; y < 6; y++) d[y] = load_f(strip + (size_t)y * row + (size_t)x * stride + k);
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
        store_f(v, t[x]);
        v += p_stride;
      }
    }
  }
}

static void winograd_input(const float *strip, size_t row, size_t stride, bool skip, float *out, size_t p_stride) {
  if (skip)
    winograd_input_body(strip, row, stride, true, out, p_stride);
  else
    winograd_input_body(strip, row, stride, false, out, p_stride);
}

/// A^T m of six values.
CVAR_INLINE void output_transform(const vf *m, vf *out) {
  vf s = m[1] + m[2], d = m[1] - m[2], s4 = m[3] + m[4], d4 = m[3] - m[4];
  out[0] = m[0] + s + s4;
  out[1] = madd_f((vf)2.0f, d4, d);
  out[2] = madd_f((vf)4.0f, s4, s);
  out[3] = madd_f((vf)8.0f, d4, d) + m[5];
}

CVAR_INLINE void winograd_output_body(const cvar_tile *t, const bool skip) {
  const int side = skip ? 5 : 6;
  for (int co = 0; co < CVAR_LANES; co += CVAR_WIDTH) {
    const vf bias = t->bias ? load_f(t->bias + co) : (vf)0.0f;
    vf columns[6][4];
    for (int x = 0; x < 6; x++) {
      if (skip && x == 2) continue;
      vf m[6];
      for (int y = 0; y < 6; y++) {
        const int p = (skip && y > 2 ? y - 1 : y) * side + (skip && x > 2 ? x - 1 : x);
        m[y] = skip && y == 2 ? (vf)0.0f : load_f(t->sums + p * CVAR_LANES + co);
      }
      output_transform(m, columns[x]);
    }
    for (int y = 0; y < 4; y++) {
      vf m[6], r[4];
      for (int x = 0; x < 6; x++) m[x] = skip && x == 2 ? (vf)0.0f : columns[x][y];
      output_transform(m, r);
      for (int x = 0; x < 4; x++) {
        const size_t at = (size_t)y * t->row + (size_t)x * t->pixel + (size_t)co;
        vf v = r[x] + bias;
        if (t->residual) v = v + load_f(t->residual + at);
        store_f(t->output + at, v);
      }
    }
  }
}

static void winograd_output(const cvar_tile *t, bool skip) {
  if (skip)
    winograd_output_body(t, true);
  else
    winograd_output_body(t, false);
}
