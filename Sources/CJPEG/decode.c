#include "errors.h"

/// As much is given to libjpeg at a time as Pillow gives.
enum { PIECE = 65536 };

/// A file in memory of which libjpeg sees a growing part; at its end it suspends.
typedef struct {
    struct jpeg_source_mgr manager;
    const uint8_t *end;
    /// How much is to be skipped beyond what libjpeg sees.
    size_t skipped;
} source;

typedef struct {
    struct jpeg_decompress_struct decoder;
    errors errors;
    source source;
    struct jpeg_progress_mgr progress;
    int scan_limit;
    int has_too_many_scans;
    uint8_t *row;
} state;

static void nothing(j_decompress_ptr decoder) { (void)decoder; }

static boolean suspend(j_decompress_ptr decoder) {
    (void)decoder;
    return FALSE;
}

static void step_over(source *source, size_t count) {
    size_t seen = source->manager.bytes_in_buffer;
    size_t step = count < seen ? count : seen;
    source->manager.next_input_byte += step;
    source->manager.bytes_in_buffer -= step;
    source->skipped = count - step;
}

static void skip(j_decompress_ptr decoder, long count) {
    if (count > 0) step_over((source *)decoder->src, (size_t)count);
}

/// Lets libjpeg see the next piece, less what it wants to skip; 0 at the end of the file.
static int show_more(source *source) {
    const uint8_t *shown = source->manager.next_input_byte + source->manager.bytes_in_buffer;
    size_t rest = (size_t)(source->end - shown);
    if (rest == 0) return 0;
    source->manager.bytes_in_buffer += rest < PIECE ? rest : PIECE;
    size_t skipped = source->skipped;
    source->skipped = 0;
    step_over(source, skipped);
    return source->skipped == 0 || show_more(source);
}

static void count_scans(j_common_ptr common) {
    state *state = common->client_data;
    if (state->decoder.input_scan_number <= state->scan_limit) return;
    state->has_too_many_scans = 1;
    longjmp(state->errors.back, 1);
}

// Source: Pillow 13.0.0, libImaging/Convert.c, `cmyk2rgb`; it always reads four colours as Adobe stores them, inverted.
static void write_rgb(const uint8_t *row, uint32_t width, int components, uint8_t *pixels) {
    for (uint32_t x = 0; x < width; x++) {
        for (int colour = 0; colour < 3; colour++) {
            if (components == 1) {
                pixels[3 * x + colour] = row[x];
                continue;
            }
            unsigned light = row[4 * x + 3];
            unsigned product = (255u - row[4 * x + colour]) * light + 128;
            pixels[3 * x + colour] = (uint8_t)(light - ((product + (product >> 8)) >> 8));
        }
    }
}

static cjpeg_outcome decode(state *state, uint32_t width, uint32_t height, int components, uint8_t *pixels) {
    j_decompress_ptr decoder = &state->decoder;
    int header;
    while ((header = jpeg_read_header(decoder, FALSE)) != JPEG_HEADER_OK) {
        if (header == JPEG_SUSPENDED && !show_more(&state->source)) return CJPEG_TRUNCATED;
    }
    if (decoder->image_width != width || decoder->image_height != height || decoder->num_components != components) {
        return CJPEG_OTHER_SIZE;
    }
    decoder->out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    while (!jpeg_start_decompress(decoder)) {
        if (!show_more(&state->source)) return CJPEG_TRUNCATED;
    }
    if (components != 3) {
        state->row = malloc((size_t)width * (size_t)components);
        if (state->row == NULL) ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 0);
    }
    while (decoder->output_scanline < height) {
        uint8_t *pixel_row = pixels + (size_t)decoder->output_scanline * width * 3;
        JSAMPROW rows[] = {components == 3 ? pixel_row : state->row};
        if (jpeg_read_scanlines(decoder, rows, 1) == 0) {
            if (!show_more(&state->source)) return CJPEG_TRUNCATED;
        } else if (components != 3) {
            write_rgb(state->row, width, components, pixel_row);
        }
    }
    // What follows the last row may be damaged beyond reading, and is looked at all the same, as Pillow does.
    jpeg_finish_decompress(decoder);
    return CJPEG_DONE;
}

cjpeg_outcome cjpeg_decode(
    const uint8_t *bytes, size_t size, uint32_t width, uint32_t height, int components, int scan_limit,
    uint8_t *pixels, char *message) {
    state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        message[0] = 0;
        return CJPEG_FAILED;
    }
    cjpeg_outcome outcome;
    state->decoder.err = cjpeg_set_errors(&state->errors, message);
    if (setjmp(state->errors.back)) {
        outcome = state->has_too_many_scans ? CJPEG_TOO_MANY_SCANS : CJPEG_FAILED;
    } else {
        jpeg_create_decompress(&state->decoder);
        state->decoder.client_data = state;
        state->source.manager.next_input_byte = bytes;
        state->source.end = bytes + size;
        state->source.manager.init_source = nothing;
        state->source.manager.fill_input_buffer = suspend;
        state->source.manager.skip_input_data = skip;
        state->source.manager.resync_to_restart = jpeg_resync_to_restart;
        state->source.manager.term_source = nothing;
        state->decoder.src = &state->source.manager;
        state->progress.progress_monitor = count_scans;
        state->decoder.progress = &state->progress;
        state->scan_limit = scan_limit;
        outcome = decode(state, width, height, components, pixels);
    }
    jpeg_destroy_decompress(&state->decoder);
    free(state->row);
    free(state);
    return outcome;
}
