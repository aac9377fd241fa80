// 3x3 convolutions: which form a layer takes, and its jobs phase by phase. The
// inner loops are each level's.
//
// They multiply in f32 in every compute mode. With a quarter of the multiplications Winograd's form in
// f32 is about as fast as int8 dot products with block scales (four times the rate of f32, 71 % of it
// after scaling), and int8 inputs would cost the picture more than bf16 does. Demo model, decoder's
// convolutions, PSNR to f32 over 48 test images, mean and worst: q8 weights alone 65.9 and 64.4 dB, with
// bf16 inputs 63.6 and 61.6, with int8 inputs scaled by pixel and 32 channels 56.9 and 52.0, by map 50.6
// and 49.1.
#include "image/convolution.h"

void cvar_conv_plan(cvar_conv *c) {
  const size_t enlarged = c->upsample ? 2 : 1;
  c->plan.out_height = c->stride == 2 ? c->height / 2 : c->height * enlarged;
  c->plan.out_width = c->stride == 2 ? c->width / 2 : c->width * enlarged;
  c->plan.splits = 1;
  c->plan.small = false;
  if (c->stride == 2) c->algorithm = CVAR_CONV_DIRECT;
  if (c->stride == 1 && 9 * c->cout <= CVAR_LANES)
    c->algorithm = CVAR_CONV_FEW;
  else if (c->algorithm == CVAR_CONV_FEW)
    c->algorithm = CVAR_CONV_DIRECT;
  if (c->algorithm == CVAR_CONV_WINOGRAD)
    cvar_plan_winograd(c);
  else
    cvar_plan_direct(c);
}

static size_t phase_jobs(const cvar_conv *c, size_t phase) {
  if (c->algorithm == CVAR_CONV_WINOGRAD) return cvar_winograd_jobs(c, phase);
  if (phase == 0) return c->algorithm == CVAR_CONV_FEW ? 1 : panels(c) * cvar_divide_up(c->cin, 32);
  return c->images * blocks_y(c) * blocks_x(c) * c->plan.splits;
}

typedef struct phase {
  const cvar_conv *conv;
  size_t index;
} phase;

static void run_job(void *context, size_t job, void *scratch) {
  const phase *const p = context;
  const cvar_conv *const c = p->conv;
  switch (c->algorithm) {
    case CVAR_CONV_DIRECT: cvar_direct_job(c, p->index, job, c->workspace, scratch); break;
    case CVAR_CONV_FEW: cvar_few_job(c, p->index, job, c->workspace, scratch); break;
    case CVAR_CONV_WINOGRAD: cvar_winograd_job(c, p->index, job, c->workspace, scratch); break;
  }
}

int cvar_conv_run(const cvar_conv *c, cvar_pool *pool) {
  for (size_t index = 0; index < c->plan.phases; index++) {
    phase p = {.conv = c, .index = index};
    if (cvar_pool_run(pool, phase_jobs(c, index), run_job, &p, c->plan.thread_bytes) != 0) return -1;
  }
  return 0;
}
