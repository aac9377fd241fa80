#include "internal.h"

#include <gif_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { palette_size = 256 };

static int write_bytes(GifFileType *gif, const GifByteType *data, int count) {
  return count >= 0 && cimage_append(gif->UserData, data, (size_t)count) == 0 ? count : 0;
}

/// The extension that makes viewers repeat the frames for ever.
static int put_loop(GifFileType *gif) {
  static const unsigned char forever[] = {1, 0, 0};
  return EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
         EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK &&
         EGifPutExtensionBlock(gif, sizeof forever, forever) == GIF_OK &&
         EGifPutExtensionTrailer(gif) == GIF_OK;
}

static int put_delay(GifFileType *gif, uint16_t delay) {
  GraphicsControlBlock control = {
      .DisposalMode = DISPOSE_DO_NOT, .DelayTime = delay, .TransparentColor = NO_TRANSPARENT_COLOR};
  GifByteType extension[4];
  size_t size = EGifGCBToExtension(&control, extension);
  return EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, (int)size, extension) == GIF_OK;
}

/// `planes` [3, pixels] and `indices` [pixels] are scratch memory.
static int put_frame(GifFileType *gif, const uint8_t *frame, uint32_t width, uint32_t height,
                     uint8_t *planes, uint8_t *indices) {
  size_t pixels = (size_t)width * height;
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t channel = 0; channel < 3; ++channel) {
      planes[channel * pixels + i] = frame[3 * i + channel];
    }
  }
  ColorMapObject *palette = GifMakeMapObject(palette_size, NULL);
  if (!palette) return 0;
  int colours = palette_size;
  int good = GifQuantizeBuffer(width, height, &colours, planes, planes + pixels,
                               planes + 2 * pixels, indices, palette->Colors) == GIF_OK &&
             EGifPutImageDesc(gif, 0, 0, (int)width, (int)height, 0, palette) == GIF_OK;
  for (uint32_t row = 0; good && row < height; ++row) {
    good = EGifPutLine(gif, indices + (size_t)row * width, (int)width) == GIF_OK;
  }
  GifFreeMapObject(palette);
  return good;
}

int cimage_encode_gif(const uint8_t *frames, uint32_t count, uint32_t width, uint32_t height,
                      const uint16_t *delays, cimage_bytes *output,
                      char message[CIMAGE_MESSAGE_SIZE]) {
  memset(output, 0, sizeof *output);
  size_t pixels = (size_t)width * height;
  int code = 0;
  uint8_t *scratch = malloc(4 * pixels);
  GifFileType *gif = scratch ? EGifOpen(output, write_bytes, &code) : NULL;
  int good = gif != NULL;
  if (good) {
    EGifSetGifVersion(gif, 1);
    good = EGifPutScreenDesc(gif, (int)width, (int)height, 8, 0, NULL) == GIF_OK && put_loop(gif);
    for (uint32_t i = 0; good && i < count; ++i) {
      good = put_delay(gif, delays[i]) &&
             put_frame(gif, frames + i * pixels * 3, width, height, scratch, scratch + 3 * pixels);
    }
    if (!good) code = gif->Error;
    if (EGifCloseFile(gif, good ? &code : NULL) != GIF_OK) good = 0;
  }
  free(scratch);
  if (good) return 0;
  const char *reason = GifErrorString(code);
  snprintf(message, CIMAGE_MESSAGE_SIZE, "%s", reason ? reason : "giflib failed");
  cimage_release_bytes(output);
  return 1;
}
