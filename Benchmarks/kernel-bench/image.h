#ifndef BENCH_IMAGE_H
#define BENCH_IMAGE_H

#include "cvar_kernels.h"
#include "cvar_pool.h"

typedef struct image_bench {
  cvar_level level;
  cvar_pool *pool;
  double ceiling;       // f32 GFLOP/s of all threads
  double (*now)(void);  // seconds
} image_bench;

/// Prints the times of convolutions, GroupNorm and attention.
void bench_images(const image_bench *b);

#endif
