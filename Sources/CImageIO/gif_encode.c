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

static int put_frame(GifFileType *gif, uint8_t *indices, const uint8_t *colours, uint32_t width,
                     uint32_t height) {
  ColorMapObject *palette = GifMakeMapObject(palette_size, NULL);
  if (!palette) return 0;
  for (size_t i = 0; i < palette_size; ++i) {
    palette->Colors[i] = (GifColorType){colours[3 * i], colours[3 * i + 1], colours[3 * i + 2]};
  }
  int good = EGifPutImageDesc(gif, 0, 0, (int)width, (int)height, 0, palette) == GIF_OK;
  for (uint32_t row = 0; good && row < height; ++row) {
    good = EGifPutLine(gif, indices + (size_t)row * width, (int)width) == GIF_OK;
  }
  GifFreeMapObject(palette);
  return good;
}

int cimage_encode_gif(const uint8_t *indices, const uint8_t *colours, uint32_t count, uint32_t width,
                      uint32_t height, const uint16_t *delays, const char *comment,
                      cimage_bytes *output, char message[CIMAGE_MESSAGE_SIZE]) {
  memset(output, 0, sizeof *output);
  size_t pixels = (size_t)width * height;
  int code = 0;
  // giflib's rows are not const.
  uint8_t *frame = malloc(pixels);
  GifFileType *gif = frame ? EGifOpen(output, write_bytes, &code) : NULL;
  int good = gif != NULL;
  if (good) {
    EGifSetGifVersion(gif, 1);
    good = EGifPutScreenDesc(gif, (int)width, (int)height, 8, 0, NULL) == GIF_OK && put_loop(gif) &&
           (*comment == 0 || EGifPutComment(gif, comment) == GIF_OK);
    for (uint32_t i = 0; good && i < count; ++i) {
      memcpy(frame, indices + i * pixels, pixels);
      good = put_delay(gif, delays[i]) &&
             put_frame(gif, frame, colours + i * 3 * palette_size, width, height);
    }
    if (!good) code = gif->Error;
    if (EGifCloseFile(gif, good ? &code : NULL) != GIF_OK) good = 0;
  }
  free(frame);
  if (good) return 0;
  const char *reason = GifErrorString(code);
  snprintf(message, CIMAGE_MESSAGE_SIZE, "%s", reason ? reason : "giflib failed");
  cimage_release_bytes(output);
  return 1;
}
