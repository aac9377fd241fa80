#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { signature_size = 8, chunk_overhead = 12, header_size = 13 };

/// Text chunks that are read, and bytes that the compressed ones of a file may inflate to.
enum { max_texts = 1000, max_inflated = 1 << 20 };

/// Deflate makes at most this many bytes of one.
enum { max_ratio = 1032 };

typedef struct {
  const uint8_t *data;  // what follows length and type
  uint32_t size;
  char type[5];
} chunk;

typedef struct {
  cimage_picture *picture;
  size_t inflated;  // bytes of compressed texts so far
  size_t pixels;    // bytes of all IDAT
  uint64_t rows;    // bytes that IHDR says the pixels have
  int texts;
} survey;

static uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int is(const chunk *chunk, const char *type) { return memcmp(chunk->type, type, 4) == 0; }

/// Keyword and text with their zeros. `size` bytes of text; a zero within ends it.
static int add_text(survey *survey, const uint8_t *key, const uint8_t *text, size_t size) {
  static const char end = 0;
  const uint8_t *zero = size ? memchr(text, 0, size) : NULL;
  size_t length = zero ? (size_t)(zero - text) : size;
  ++survey->texts;
  return cimage_append(&survey->picture->text, key, strlen((const char *)key) + 1) ||
         cimage_append(&survey->picture->text, text, length) || cimage_append(&survey->picture->text, &end, 1);
}

/// A compressed text; one that is damaged or would be too long is left out, as viewers do.
static int add_compressed(survey *survey, const uint8_t *key, const uint8_t *data, size_t size) {
  uLongf room = max_inflated - survey->inflated;
  uint8_t *text = room ? malloc(room) : NULL;
  if (!text) return 0;
  int failed = 0;
  if (uncompress(text, &room, data, size) == Z_OK) {
    survey->inflated += room;
    failed = add_text(survey, key, text, room);
  } else {
    // What it took to find out counts as well.
    survey->inflated = max_inflated;
  }
  free(text);
  return failed;
}

/// The byte behind the zero that ends a field, or NULL.
static const uint8_t *behind(const uint8_t *start, const uint8_t *end) {
  const uint8_t *zero = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
  return zero ? zero + 1 : NULL;
}

static int read_text(survey *survey, const chunk *chunk) {
  const uint8_t *end = chunk->data + chunk->size;
  const uint8_t *next = behind(chunk->data, end);
  if (!next || survey->texts >= max_texts) return 0;
  if (is(chunk, "tEXt")) return add_text(survey, chunk->data, next, (size_t)(end - next));
  if (is(chunk, "zTXt")) {
    return next < end ? add_compressed(survey, chunk->data, next + 1, (size_t)(end - next - 1)) : 0;
  }
  // iTXt: compressed or not, method, language, translated keyword.
  if (end - next < 2) return 0;
  int is_compressed = next[0];
  next = behind(next + 2, end);
  if (next) next = behind(next, end);
  if (!next) return 0;
  return is_compressed ? add_compressed(survey, chunk->data, next, (size_t)(end - next))
                       : add_text(survey, chunk->data, next, (size_t)(end - next));
}

static int read_header(survey *survey, const chunk *chunk, size_t size, char message[CIMAGE_MESSAGE_SIZE]) {
  static const uint8_t channels[] = {1, 0, 3, 1, 2, 0, 4};
  if (!is(chunk, "IHDR") || chunk->size != header_size) {
    snprintf(message, CIMAGE_MESSAGE_SIZE, "it does not begin with an IHDR chunk");
    return 1;
  }
  uint32_t width = big_endian(chunk->data), height = big_endian(chunk->data + 4);
  if (cimage_check_size(width, height, size, message)) return 1;
  uint8_t colour = chunk->data[9];
  uint64_t bits = (uint64_t)width * chunk->data[8] * (colour < sizeof channels ? channels[colour] : 0);
  survey->rows = (bits / 8 + 1) * height;
  return 0;
}

int cimage_survey_png(const uint8_t *data, size_t size, cimage_picture *picture, char message[CIMAGE_MESSAGE_SIZE]) {
  survey survey = {.picture = picture};
  size_t offset = signature_size;
  chunk chunk = {.data = data};
  while (!is(&chunk, "IEND")) {
    // The declared length is compared with the file before anything is taken for it.
    if (size < offset || size - offset < chunk_overhead || big_endian(data + offset) > size - offset - chunk_overhead) {
      snprintf(message, CIMAGE_MESSAGE_SIZE, "the file ends too early");
      return 1;
    }
    chunk.size = big_endian(data + offset);
    memcpy(chunk.type, data + offset + 4, 4);
    chunk.data = data + offset + 8;
    int failed = 0;
    if (offset == signature_size && read_header(&survey, &chunk, size, message)) return 1;
    if (is(&chunk, "IDAT")) survey.pixels += chunk.size;
    if (is(&chunk, "tEXt") || is(&chunk, "zTXt") || is(&chunk, "iTXt")) failed = read_text(&survey, &chunk);
    if (is(&chunk, "eXIf")) {
      // There should be one; of several Pillow takes the last.
      cimage_release_bytes(&picture->exif);
      failed = cimage_append(&picture->exif, chunk.data, chunk.size);
    }
    if (failed) {
      snprintf(message, CIMAGE_MESSAGE_SIZE, "no memory");
      return 1;
    }
    offset += (size_t)chunk.size + chunk_overhead;
  }
  if (survey.rows / max_ratio > survey.pixels + chunk_overhead) {
    snprintf(message, CIMAGE_MESSAGE_SIZE, "%zu bytes of pixels are too few for its size", survey.pixels);
    return 1;
  }
  return 0;
}
