// GroupNorm: statistics by channel over jobs of 1024 pixels, merged in f64.
#include <math.h>
#include <string.h>

#include "levels/numbers.h"
#include "levels/ops.h"

#define JOB_PIXELS 1024
// Pixels summed in f32 before the sums go into f64.
#define CHUNK_PIXELS 64
// Channels handled at a time.
#define CHANNELS 64

static size_t jobs(size_t pixels) { return (pixels + JOB_PIXELS - 1) / JOB_PIXELS; }

static size_t job_pixels(size_t pixels, size_t job) {
  const size_t left = pixels - job * JOB_PIXELS;
  return left < JOB_PIXELS ? left : JOB_PIXELS;
}

// Mean and sum of squared deviations of each channel over the pixels of one job: partial
// [images, jobs, 2, channels].
static void partial_job(void *context, size_t task, void *scratch) {
  (void)scratch;
  const cvar_group_norm *norm = context;
  const size_t channels = norm->channels, pixels = norm->pixels;
  const size_t job = task % jobs(pixels), image = task / jobs(pixels);
  const size_t count = job_pixels(pixels, job);
  const float *x = norm->input + (image * pixels + job * JOB_PIXELS) * channels;
  double *mean = norm->partial + task * 2 * channels, *deviation = mean + channels;
  for (size_t c = 0; c < channels; c += CHANNELS) {
    const size_t width = channels - c < CHANNELS ? channels - c : CHANNELS;
    // Sums are taken about the mean of a sample, so that large means cost no digits.
    float shift[CHANNELS] = {0};
    const size_t step = count < 16 ? 1 : count / 16;
    size_t samples = 0;
    for (size_t p = 0; p < count; p += step, samples++)
      for (size_t i = 0; i < width; i++) shift[i] += x[p * channels + c + i];
    for (size_t i = 0; i < width; i++) shift[i] /= (float)samples;
    double sum[CHANNELS] = {0}, square[CHANNELS] = {0};
    for (size_t p = 0; p < count; p += CHUNK_PIXELS) {
      const size_t chunk = count - p < CHUNK_PIXELS ? count - p : CHUNK_PIXELS;
      for (size_t i = 0; i < width; i += 16)
        cvar_ops_for(norm->level)
            ->moments(x + p * channels + c + i, chunk, channels, width - i < 16 ? width - i : 16, shift + i, sum + i,
                      square + i);
    }
    for (size_t i = 0; i < width; i++) {
      mean[c + i] = (double)shift[i] + sum[i] / (double)count;
      deviation[c + i] = square[i] - sum[i] * sum[i] / (double)count;
    }
  }
}

// Merges a part of `n` values (mean, sum of squared deviations) into a whole: Chan et al., 1979.
static void merge(double n, double mean, double deviation, double *count, double *whole_mean, double *whole_deviation) {
  const double total = *count + n, delta = mean - *whole_mean;
  *whole_mean += delta * n / total;
  *whole_deviation += deviation + delta * delta * *count * n / total;
  *count = total;
}

static void image_affine(const cvar_group_norm *norm, size_t image) {
  const size_t channels = norm->channels, width = channels / norm->groups;
  const size_t count_jobs = jobs(norm->pixels);
  const double *partial = norm->partial + image * count_jobs * 2 * channels;
  float *a = norm->affine + image * 2 * channels, *b = a + channels;
  for (size_t first = 0; first < channels; first += width) {
    double count = 0, mean = 0, deviation = 0;
    for (size_t job = 0; job < count_jobs; job++)
      for (size_t c = first; c < first + width; c++)
        merge((double)job_pixels(norm->pixels, job), partial[job * 2 * channels + c],
              partial[(job * 2 + 1) * channels + c], &count, &mean, &deviation);
    const double variance = deviation > 0 ? deviation / count : 0;
    const double reciprocal = 1 / sqrt(variance + norm->epsilon);
    for (size_t c = first; c < first + width; c++) {
      const double factor = (double)norm->gamma[c] * reciprocal;
      a[c] = (float)factor;
      b[c] = (float)((double)norm->beta[c] - mean * factor);
    }
  }
}

size_t cvar_group_norm_partials(const cvar_group_norm *norm) {
  return norm->images * jobs(norm->pixels) * 2 * norm->channels;
}

int cvar_group_norm_run(const cvar_group_norm *norm, cvar_pool *pool) {
  if (cvar_pool_run(pool, norm->images * jobs(norm->pixels), partial_job, (void *)norm, 0)) return -1;
  for (size_t image = 0; image < norm->images; image++) image_affine(norm, image);
  return 0;
}

static void affine_job(void *context, size_t task, void *scratch) {
  (void)scratch;
  const cvar_affine *f = context;
  const size_t channels = f->channels, image = task / jobs(f->pixels);
  const size_t job = task % jobs(f->pixels), count = job_pixels(f->pixels, job);
  const size_t first = (image * f->pixels + job * JOB_PIXELS) * channels;
  const float *a = f->affine + image * 2 * channels;
  for (size_t p = 0; p < count; p++)
    cvar_ops_for(f->level)->affine(f->input + first + p * channels, channels, a, a + channels, f->silu,
                                   f->output + first + p * channels);
}

int cvar_affine_run(const cvar_affine *f, cvar_pool *pool) {
  return cvar_pool_run(pool, f->images * jobs(f->pixels), affine_job, (void *)f, 0);
}
