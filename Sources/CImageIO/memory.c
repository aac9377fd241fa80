#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cimage_release_bytes(cimage_bytes *bytes) {
  free(bytes->bytes);
  memset(bytes, 0, sizeof *bytes);
}

void cimage_release_picture(cimage_picture *picture) {
  free(picture->pixels);
  cimage_release_bytes(&picture->text);
  cimage_release_bytes(&picture->exif);
  cimage_release_bytes(&picture->xmp);
  memset(picture, 0, sizeof *picture);
}

int cimage_append(cimage_bytes *bytes, const void *data, size_t size) {
  if (size > bytes->capacity - bytes->size) {
    if (size > SIZE_MAX / 2 - bytes->size) return 1;
    size_t capacity = 2 * (bytes->size + size) + 4096;
    uint8_t *grown = realloc(bytes->bytes, capacity);
    if (!grown) return 1;
    bytes->bytes = grown;
    bytes->capacity = capacity;
  }
  if (size) memcpy(bytes->bytes + bytes->size, data, size);
  bytes->size += size;
  return 0;
}

int cimage_check_size(uint32_t width, uint32_t height, size_t file, char message[CIMAGE_MESSAGE_SIZE]) {
  uint32_t limit = file > CIMAGE_SMALL_FILE ? CIMAGE_MAX_PIXELS : CIMAGE_FEW_PIXELS;
  if (width && height && width <= CIMAGE_MAX_SIDE && height <= CIMAGE_MAX_SIDE && (uint64_t)width * height <= limit) {
    return 0;
  }
  snprintf(message, CIMAGE_MESSAGE_SIZE,
           "%u x %u pixels; at most %u megapixels are read from a file of this size: scale it down first", width,
           height, limit >> 20);
  return 1;
}

int cimage_allocate(cimage_picture *picture, uint32_t width, uint32_t height, uint32_t channels, size_t file,
                    char message[CIMAGE_MESSAGE_SIZE]) {
  if (cimage_check_size(width, height, file, message)) return 1;
  picture->width = width;
  picture->height = height;
  picture->channels = channels;
  picture->pixels = malloc((size_t)width * height * channels);
  if (picture->pixels) return 0;
  snprintf(message, CIMAGE_MESSAGE_SIZE, "no memory for %u x %u pixels", width, height);
  return 1;
}
