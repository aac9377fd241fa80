// Decoding and encoding of pictures in memory by libpng, libjpeg and giflib.
//
// Their errors arrive by longjmp or as bare numbers; here they become a return value and a message,
// so that no jump ever crosses a Swift frame. Nothing is printed and no file is touched.
#ifndef CIMAGE_IO_H
#define CIMAGE_IO_H

#include <stddef.h>
#include <stdint.h>

#define CIMAGE_MESSAGE_SIZE 256

/// Pictures larger than this are refused before memory is taken.
#define CIMAGE_MAX_PIXELS (64u * 1024u * 1024u)
/// The same for files of at most so many bytes, which are answered in little memory.
#define CIMAGE_FEW_PIXELS (24u * 1024u * 1024u)
#define CIMAGE_SMALL_FILE (10u * 1000u * 1000u)
/// Longest side that is accepted.
#define CIMAGE_MAX_SIDE 65535u

/// Bytes that grow; owned by the caller, see cimage_release_bytes.
typedef struct {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
} cimage_bytes;

/// A decoded picture; owned by the caller, see cimage_release_picture.
typedef struct {
  /// [height, width, channels], 8 bits each, RGB or RGBA.
  uint8_t *pixels;
  uint32_t width;
  uint32_t height;
  /// 3, or 4 where the file has transparency.
  uint32_t channels;
  /// Text chunks of a PNG: keyword, 0, UTF-8 text, 0, and so on.
  cimage_bytes text;
  /// The Exif block (TIFF header first), if there is one.
  cimage_bytes exif;
  /// The XMP packet of a JPEG; a PNG's is among its texts.
  cimage_bytes xmp;
} cimage_picture;

void cimage_release_bytes(cimage_bytes *bytes);
void cimage_release_picture(cimage_picture *picture);

/// Decodes a PNG: any colour type, depth and interlacing. Returns 0, or 1 with a message.
int cimage_decode_png(const uint8_t *data, size_t size, cimage_picture *picture, char message[CIMAGE_MESSAGE_SIZE]);

/// Decodes a JPEG: grey, YCbCr, RGB, CMYK and YCCK. Returns 0, or 1 with a message.
int cimage_decode_jpeg(const uint8_t *data, size_t size, cimage_picture *picture, char message[CIMAGE_MESSAGE_SIZE]);

/// Encodes pixels [height, width, 3] as a PNG. `text` holds `text_size` bytes of keyword, 0, UTF-8
/// text, 0, and so on. Returns 0, or 1 with a message.
int cimage_encode_png(const uint8_t *pixels, uint32_t width, uint32_t height, const char *text, size_t text_size,
                      cimage_bytes *output, char message[CIMAGE_MESSAGE_SIZE]);

/// Encodes frames, indices [count, height, width] into palettes [count, 256, 3], as an endlessly repeated GIF;
/// `delays` in hundredths of a second, `comment` is left out where it is empty. Returns 0, or 1 with a message.
int cimage_encode_gif(const uint8_t *indices, const uint8_t *colours, uint32_t count, uint32_t width, uint32_t height,
                      const uint16_t *delays, const char *comment, cimage_bytes *output,
                      char message[CIMAGE_MESSAGE_SIZE]);

/// CRC-32 of a PNG chunk's type and data.
uint32_t cimage_crc32(const uint8_t *data, size_t size);

#endif
