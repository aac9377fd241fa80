#include "internal.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/// Progressive files may hold any number of scans, each costing a pass over the picture: so many are
/// read at least, and more as long as all passes together see no more pixels than this.
enum { min_scans = 16, max_scans = 500, max_scanned = 400 << 20 };

/// The library's structure comes first: its pointers are cast back to this one.
typedef struct {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  char *message;
  uint8_t *row;  // one CMYK row
} decoder;

static void fail(j_common_ptr common) {
  decoder *state = (decoder *)common;
  char text[JMSG_LENGTH_MAX];
  common->err->format_message(common, text);
  snprintf(state->message, CIMAGE_MESSAGE_SIZE, "%s", text);
  longjmp(state->escape, 1);
}

/// Damage that libjpeg would paint over in grey is an error here; harmless oddities are not.
static void warn(j_common_ptr common, int level) {
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC: fail(common); break;
    default: break;
  }
}

static void silent(j_common_ptr common) { (void)common; }

static void stop(decoder *state, const char *text) {
  snprintf(state->message, CIMAGE_MESSAGE_SIZE, "%s", text);
  longjmp(state->escape, 1);
}

static void limit_scans(j_common_ptr common) {
  decoder *state = (decoder *)common;
  uint64_t pixels = (uint64_t)state->jpeg.image_width * state->jpeg.image_height + 1;
  uint64_t allowed = max_scanned / pixels;
  if (allowed < min_scans) allowed = min_scans;
  if (allowed > max_scans) allowed = max_scans;
  if ((uint64_t)state->jpeg.input_scan_number > allowed) stop(state, "too many scans");
}

/// What is behind the name of an APP1 marker, or NULL for one of another name. `size` is that of the
/// name with its zeros, and becomes that of the rest.
static const uint8_t *named(jpeg_saved_marker_ptr marker, const char *name, size_t *size) {
  if (marker->marker != JPEG_APP0 + 1 || marker->data_length < *size) return NULL;
  if (memcmp(marker->data, name, *size) != 0) return NULL;
  const uint8_t *rest = marker->data + *size;
  *size = marker->data_length - *size;
  return rest;
}

/// Exif and XMP are APP1 markers. As Pillow has it, several Exif markers are one block that was cut,
/// and the last XMP packet counts.
static void read_metadata(decoder *state, cimage_picture *picture) {
  static const char exif[] = "Exif\0", xmp[] = "http://ns.adobe.com/xap/1.0/";
  for (jpeg_saved_marker_ptr marker = state->jpeg.marker_list; marker; marker = marker->next) {
    int failed = 0;
    size_t size = sizeof exif;
    const uint8_t *rest = named(marker, exif, &size);
    if (rest) failed = cimage_append(&picture->exif, rest, size);
    size = sizeof xmp;
    rest = named(marker, xmp, &size);
    if (rest) {
      cimage_release_bytes(&picture->xmp);
      failed = cimage_append(&picture->xmp, rest, size);
    }
    if (failed) stop(state, "no memory");
  }
}

/// Inks as Adobe stores them, 255 = none: each colour is what its ink and black let through.
static void convert_cmyk(const uint8_t *inks, uint8_t *pixels, uint32_t width) {
  for (uint32_t x = 0; x < width; ++x) {
    unsigned black = inks[4 * x + 3];
    for (int channel = 0; channel < 3; ++channel) {
      unsigned product = inks[4 * x + channel] * black + 128;
      pixels[3 * x + channel] = (uint8_t)((product + (product >> 8)) >> 8);
    }
  }
}

static void read_rows(decoder *state, cimage_picture *picture) {
  struct jpeg_decompress_struct *jpeg = &state->jpeg;
  uint32_t width = jpeg->output_width;
  int inks = jpeg->out_color_space == JCS_CMYK;
  if (jpeg->output_components != (inks ? 4 : 3)) stop(state, "unexpected number of components");
  if (inks && !(state->row = malloc((size_t)width * 4))) stop(state, "no memory");
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *target = picture->pixels + (size_t)jpeg->output_scanline * width * 3;
    JSAMPROW row = inks ? state->row : target;
    if (jpeg_read_scanlines(jpeg, &row, 1) != 1) stop(state, "the picture ends too early");
    if (inks) convert_cmyk(state->row, target, width);
  }
}

static int decode(decoder *state, const uint8_t *data, size_t size, cimage_picture *picture) {
  struct jpeg_decompress_struct *jpeg = &state->jpeg;
  jpeg->err = jpeg_std_error(&state->errors);
  state->errors.error_exit = fail;
  state->errors.emit_message = warn;
  state->errors.output_message = silent;
  if (setjmp(state->escape)) return 1;
  jpeg_create_decompress(jpeg);
  state->progress.progress_monitor = limit_scans;
  jpeg->progress = &state->progress;
  jpeg_mem_src(jpeg, data, size);
  jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(jpeg, TRUE);
  int inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
  jpeg->out_color_space = inks ? JCS_CMYK : JCS_RGB;
  // The size is checked, and the memory taken, before libjpeg takes its own for all coefficients.
  if (cimage_allocate(picture, jpeg->image_width, jpeg->image_height, 3, size, state->message)) return 1;
  read_metadata(state, picture);
  jpeg_start_decompress(jpeg);
  read_rows(state, picture);
  jpeg_finish_decompress(jpeg);
  return 0;
}

int cimage_decode_jpeg(const uint8_t *data, size_t size, cimage_picture *picture, char message[CIMAGE_MESSAGE_SIZE]) {
  decoder *state = calloc(1, sizeof *state);
  memset(picture, 0, sizeof *picture);
  if (!state) {
    snprintf(message, CIMAGE_MESSAGE_SIZE, "no memory");
    return 1;
  }
  state->message = message;
  int failed = decode(state, data, size, picture);
  jpeg_destroy_decompress(&state->jpeg);
  free(state->row);
  free(state);
  if (failed) cimage_release_picture(picture);
  return failed;
}
