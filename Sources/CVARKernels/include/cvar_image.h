// Kernels on images and token sequences: convolution, GroupNorm, attention.
//
// Images are NHWC f32. Every cvar_X_run returns 0, or −1 when the pool has no memory for the threads' scratch.
#ifndef CVAR_IMAGE_H
#define CVAR_IMAGE_H

#include "cvar_kernels.h"

// MARK: Convolution

typedef enum cvar_conv_algorithm {
  CVAR_CONV_DIRECT = 0,    // sums in f32, in the order taps, then channels
  CVAR_CONV_WINOGRAD = 1,  // F(4x4, 3x3): a quarter of the multiplications, relative error to 6e-6
  CVAR_CONV_FEW = 2,       // direct for at most three output channels
} cvar_conv_algorithm;

/// One 3x3 convolution and what is fused with it. The caller fills in all fields but `plan`; the plan depends on sizes,
/// algorithm and threads alone.
typedef struct cvar_conv {
  cvar_level level;
  cvar_conv_algorithm algorithm;
  size_t threads;  // how many run jobs at the same time; results don't depend on it

  size_t images;
  size_t height, width;  // of the input in memory
  size_t cin, cout;
  // Stride 1 pads by one on each side; stride 2 pads by one at the bottom and on the right only.
  int stride;
  // Whether the input is enlarged twofold (nearest neighbour) before the convolution; stride 1.
  bool upsample;

  const float *input;  // [images, height, width, cin]
  // GroupNorm as x*a + b with a, b of [images, 2, cin] (a first), or NULL; SiLU after it if wanted.
  const float *affine;
  bool silu;
  cvar_weights weights;   // [cout, 3, 3, cin] (OHWI): n = cout, k = 9*cin
  const float *bias;      // [cout] or NULL
  const float *residual;  // [images, out height, out width, cout] or NULL; may be `output`
  float *output;          // [images, out height, out width, cout]; must not overlap the input
  void *workspace;        // plan.shared_bytes, 64-byte aligned

  struct {
    size_t out_height, out_width;
    size_t phases;
    size_t shared_bytes;      // scratch shared by all jobs, 64-byte aligned
    size_t thread_bytes;      // scratch of each thread, 64-byte aligned
    size_t block_h, block_w;  // outputs (direct) or tiles (Winograd) of one job
    size_t chunk;             // input channels packed at a time, or images of a round
    size_t splits;            // parts of the output channels of one block
    bool small;               // Winograd: transformed input shared, weights packed by panel
  } plan;
} cvar_conv;

/// Chooses blocks and computes scratch sizes. The other requirements are the caller's: all sizes at least 1, stride 1
/// or 2, and a multiple of 32 input channels where the weights are quantized.
void cvar_conv_plan(cvar_conv *conv);
/// Runs a planned convolution.
int cvar_conv_run(const cvar_conv *conv, cvar_pool *pool);

// MARK: GroupNorm

/// Statistics of [images, pixels, channels], turned into one multiplication and addition by channel.
typedef struct cvar_group_norm {
  cvar_level level;
  const float *input;
  size_t images, pixels, channels;
  size_t groups;              // divides channels
  const float *gamma, *beta;  // [channels]
  double epsilon;
  float *affine;    // [images, 2, channels]: a = gamma/sqrt(var + epsilon), b = beta - mean*a
  double *partial;  // cvar_group_norm_partials() numbers of scratch
} cvar_group_norm;

size_t cvar_group_norm_partials(const cvar_group_norm *norm);
int cvar_group_norm_run(const cvar_group_norm *norm, cvar_pool *pool);

/// output = input*a + b, then SiLU if wanted; may be done in place.
typedef struct cvar_affine {
  cvar_level level;
  const float *input;  // [images, pixels, channels]
  size_t images, pixels, channels;
  const float *affine;  // [images, 2, channels]
  bool silu;
  float *output;
} cvar_affine;

int cvar_affine_run(const cvar_affine *affine, cvar_pool *pool);

// MARK: Attention

/// The keys and values of one layer. Keys lie in blocks of 32 tokens, transposed, so that scores are
/// outer products: [images, heads, capacity/32, head width, 32]. Values: [images, heads, capacity,
/// padded head width]. Capacity and padded head width are multiples of 32.
typedef struct cvar_kv_cache {
  void *keys, *values;
  bool half;  // f16 instead of f32
  size_t images, heads, head_width, capacity;
} cvar_kv_cache;

static inline size_t cvar_round_up_32(size_t n) { return (n + 31) / 32 * 32; }

/// Scales queries in place and stores keys and values of `tokens` tokens of each image.
typedef struct cvar_append {
  cvar_level level;
  const cvar_kv_cache *cache;
  float *qkv;  // [images*tokens rows, 3, heads, head width], `stride` floats a row
  size_t stride;
  size_t tokens;
  size_t position;  // of the first token in the cache
  // [heads]: q*query_scale/max(|q|, 1e-12) and k/max(|k|, 1e-12); NULL: q*plain_scale.
  const float *query_scale;
  float plain_scale;
} cvar_append;

int cvar_append_run(const cvar_append *append, cvar_pool *pool);

/// Attention of `queries` tokens of each image over the first `keys` cached ones.
typedef struct cvar_attention {
  cvar_level level;
  const cvar_kv_cache *cache;
  const float *query;  // [images*queries rows, heads, head width], `query_stride` floats a row
  size_t query_stride;
  float *output;  // [images*queries rows, heads, head width], `output_stride` floats a row
  size_t output_stride;
  size_t queries, keys;
  const int32_t *limits;  // keys visible to each query [queries], 1 to `keys`; NULL: all
} cvar_attention;

/// Scratch memory of each thread that runs an attention over `keys` tokens.
size_t cvar_attention_scratch(size_t keys, size_t head_width);
int cvar_attention_run(const cvar_attention *attention, cvar_pool *pool);

#endif
