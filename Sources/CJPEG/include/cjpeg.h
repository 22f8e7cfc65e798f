// libjpeg-turbo behind two functions. It tells errors by longjmp, which Swift cannot be jumped through.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/// Long enough for every message of libjpeg's, with its 0.
enum { CJPEG_MESSAGE_SIZE = 256 };

/// How decoding ended.
typedef enum {
    CJPEG_DONE,
    /// The file ends before its image does.
    CJPEG_TRUNCATED,
    /// The image has more scans than are read.
    CJPEG_TOO_MANY_SCANS,
    /// Its size or the number of its colours is not what was expected.
    CJPEG_OTHER_SIZE,
    /// libjpeg gives up; its message says why.
    CJPEG_FAILED,
} cjpeg_outcome;

/// Decodes the first image of a file into rows of RGB, three bytes a pixel.
///
/// What libjpeg warns of is no error. Grey is repeated; four colours become RGB as Pillow makes them.
///
/// - Parameters:
///   - bytes: the whole file
///   - components: 1, 3 or 4
///   - scan_limit: the most scans that are read
///   - pixels: room for `3 * width * height` bytes
///   - message: room for `CJPEG_MESSAGE_SIZE` bytes
cjpeg_outcome cjpeg_decode(
    const uint8_t *bytes, size_t size, uint32_t width, uint32_t height, int components, int scan_limit,
    uint8_t *pixels, char *message);

/// Encodes rows of RGB as a baseline file.
///
/// - Parameters:
///   - quality: 1 to 100 on the Independent JPEG Group's scale
///   - shares_colour: not 0 where each 2×2 pixels share a colour
///   - size: of the result
///   - message: room for `CJPEG_MESSAGE_SIZE` bytes
/// - Returns: the file, to be freed with `free`; NULL where libjpeg gives up, and its message says why
uint8_t *cjpeg_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, int shares_colour, size_t *size,
    char *message);

#if defined(__cplusplus)
}
#endif
