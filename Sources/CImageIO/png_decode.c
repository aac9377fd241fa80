#include "internal.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Everything that must outlive a longjmp; it is reached by pointer, so no local is clobbered.
typedef struct {
  jmp_buf escape;
  char *message;
  const uint8_t *data;
  size_t size;
  size_t offset;
  png_bytep *rows;
  png_structp png;
  png_infop info;
} decoder;

static void fail(png_structp png, png_const_charp text) {
  decoder *state = png_get_error_ptr(png);
  snprintf(state->message, CIMAGE_MESSAGE_SIZE, "%s", text);
  longjmp(state->escape, 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  decoder *state = png_get_io_ptr(png);
  if (count > state->size - state->offset) png_error(png, "the file ends too early");
  memcpy(target, state->data + state->offset, count);
  state->offset += count;
}

/// Any PNG becomes 8-bit RGB, or RGBA where it has transparency.
static void normalise(decoder *state) {
  png_structp png = state->png;
  png_set_expand(png);    // palettes, 1 to 4 bits of grey, and tRNS into alpha
  png_set_strip_16(png);  // the upper 8 of 16 bits, as Pillow takes them
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, state->info);
}

static void read_pixels(decoder *state, cimage_picture *picture) {
  png_structp png = state->png;
  uint32_t width = png_get_image_width(png, state->info);
  uint32_t height = png_get_image_height(png, state->info);
  uint32_t channels = png_get_channels(png, state->info);
  if (channels != 3 && channels != 4) png_error(png, "unexpected number of channels");
  if (cimage_allocate(picture, width, height, channels, state->size, state->message)) {
    longjmp(state->escape, 1);
  }
  size_t stride = (size_t)width * channels;
  if (png_get_rowbytes(png, state->info) != stride) png_error(png, "unexpected size of a row");
  state->rows = malloc(height * sizeof *state->rows);
  if (!state->rows) png_error(png, "no memory");
  for (uint32_t row = 0; row < height; ++row) state->rows[row] = picture->pixels + row * stride;
  png_read_image(png, state->rows);
}

static int decode(decoder *state, cimage_picture *picture) {
  if (setjmp(state->escape)) return 1;
  state->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, state, fail, ignore);
  if (!state->png) {
    snprintf(state->message, CIMAGE_MESSAGE_SIZE, "libpng cannot start");
    return 1;
  }
  state->info = png_create_info_struct(state->png);
  if (!state->info) png_error(state->png, "no memory");
  png_set_read_fn(state->png, state, read_bytes);
  png_set_user_limits(state->png, CIMAGE_MAX_SIDE, CIMAGE_MAX_SIDE);
  // Colour profiles and the like are not applied; texts and Exif are read already.
  png_set_keep_unknown_chunks(state->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_chunk_malloc_max(state->png, 1u << 20);
  png_set_chunk_cache_max(state->png, 1);
  png_read_info(state->png, state->info);
  normalise(state);
  read_pixels(state, picture);
  png_read_end(state->png, state->info);
  return 0;
}

int cimage_decode_png(const uint8_t *data, size_t size, cimage_picture *picture, char message[CIMAGE_MESSAGE_SIZE]) {
  decoder state = {.message = message, .data = data, .size = size};
  memset(picture, 0, sizeof *picture);
  int failed = cimage_survey_png(data, size, picture, message) || decode(&state, picture);
  png_destroy_read_struct(&state.png, &state.info, NULL);
  free(state.rows);
  if (failed) cimage_release_picture(picture);
  return failed;
}
