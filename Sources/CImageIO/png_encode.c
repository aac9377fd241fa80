#include "internal.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/// Everything that must outlive a longjmp.
typedef struct {
  jmp_buf escape;
  char *message;
  cimage_bytes *output;
  png_structp png;
  png_infop info;
} encoder;

static void fail(png_structp png, png_const_charp text) {
  encoder *state = png_get_error_ptr(png);
  snprintf(state->message, CIMAGE_MESSAGE_SIZE, "%s", text);
  longjmp(state->escape, 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void write_bytes(png_structp png, png_bytep data, size_t count) {
  encoder *state = png_get_io_ptr(png);
  if (cimage_append(state->output, data, count)) png_error(png, "no memory");
}

static void flush(png_structp png) { (void)png; }

static int is_ascii(const char *text) {
  for (; *text; ++text) {
    if ((unsigned char)*text > 126) return 0;
  }
  return 1;
}

/// One text chunk an entry: tEXt for ASCII, iTXt for the rest of UTF-8.
static void set_text(encoder *state, const char *text, size_t size) {
  size_t offset = 0;
  while (offset < size) {
    const char *key = text + offset;
    offset += strlen(key) + 1;
    if (offset >= size) png_error(state->png, "a keyword without its text");
    const char *value = text + offset;
    offset += strlen(value) + 1;
    png_text entry = {0};
    entry.compression = is_ascii(value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    entry.key = (png_charp)key;
    entry.text = (png_charp)value;
    entry.text_length = strlen(value);
    png_set_text(state->png, state->info, &entry, 1);
  }
}

static int encode(encoder *state, const uint8_t *pixels, uint32_t width, uint32_t height,
                  const char *text, size_t text_size) {
  if (setjmp(state->escape)) return 1;
  state->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, state, fail, ignore);
  if (!state->png) {
    snprintf(state->message, CIMAGE_MESSAGE_SIZE, "libpng cannot start");
    return 1;
  }
  state->info = png_create_info_struct(state->png);
  if (!state->info) png_error(state->png, "no memory");
  png_set_write_fn(state->png, state, write_bytes, flush);
  png_set_user_limits(state->png, CIMAGE_MAX_SIDE, CIMAGE_MAX_SIDE);
  png_set_IHDR(state->png, state->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  set_text(state, text, text_size);
  png_write_info(state->png, state->info);
  for (uint32_t row = 0; row < height; ++row) {
    png_write_row(state->png, pixels + (size_t)row * width * 3);
  }
  png_write_end(state->png, NULL);
  return 0;
}

int cimage_encode_png(const uint8_t *pixels, uint32_t width, uint32_t height, const char *text,
                      size_t text_size, cimage_bytes *output, char message[CIMAGE_MESSAGE_SIZE]) {
  encoder state = {.message = message, .output = output};
  memset(output, 0, sizeof *output);
  if (text_size && text[text_size - 1]) {
    snprintf(message, CIMAGE_MESSAGE_SIZE, "the text is not terminated");
    return 1;
  }
  int failed = encode(&state, pixels, width, height, text, text_size);
  png_destroy_write_struct(&state.png, &state.info);
  if (failed) cimage_release_bytes(output);
  return failed;
}

uint32_t cimage_crc32(const uint8_t *data, size_t size) {
  return (uint32_t)crc32_z(0, data, size);
}
