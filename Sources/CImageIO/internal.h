#ifndef CIMAGE_INTERNAL_H
#define CIMAGE_INTERNAL_H

#include "cimage_io.h"

/// Appends; returns 0, or 1 when memory is short.
int cimage_append(cimage_bytes *bytes, const void *data, size_t size);

/// Checks the size and allocates the pixels; returns 0, or 1 with a message.
int cimage_allocate(cimage_picture *picture, uint32_t width, uint32_t height, uint32_t channels,
                    char message[CIMAGE_MESSAGE_SIZE]);

#endif
