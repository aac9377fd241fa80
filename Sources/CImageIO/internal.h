#ifndef CIMAGE_INTERNAL_H
#define CIMAGE_INTERNAL_H

#include "cimage_io.h"

/// Appends; returns 0, or 1 when memory is short.
int cimage_append(cimage_bytes *bytes, const void *data, size_t size);

/// Refuses a size beyond what is read from a file of so many bytes; returns 0, or 1 with a message.
int cimage_check_size(uint32_t width, uint32_t height, size_t file, char message[CIMAGE_MESSAGE_SIZE]);

/// Checks the size and allocates the pixels; returns 0, or 1 with a message.
int cimage_allocate(cimage_picture *picture, uint32_t width, uint32_t height, uint32_t channels, size_t file,
                    char message[CIMAGE_MESSAGE_SIZE]);

/// Walks over a PNG's chunks, compares their lengths and the pixels with the file, and keeps texts and
/// Exif; libpng sees the file only then. Returns 0, or 1 with a message.
int cimage_survey_png(const uint8_t *data, size_t size, cimage_picture *picture, char message[CIMAGE_MESSAGE_SIZE]);

#endif
