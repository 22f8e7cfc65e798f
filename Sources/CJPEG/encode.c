#include "errors.h"

/// A file in memory that grows as libjpeg writes it.
typedef struct {
    struct jpeg_destination_mgr manager;
    uint8_t *file;
    size_t size;
} destination;

typedef struct {
    struct jpeg_compress_struct encoder;
    errors errors;
    destination destination;
} state;

static void begin(j_compress_ptr encoder) { (void)encoder; }

/// Twice the room; libjpeg calls it at the beginning, and when all room is filled.
static boolean grow(j_compress_ptr encoder) {
    destination *destination = (void *)encoder->dest;
    size_t filled = destination->size;
    size_t size = filled == 0 ? 65536 : 2 * filled;
    uint8_t *file = realloc(destination->file, size);
    if (file == NULL) ERREXIT1(encoder, JERR_OUT_OF_MEMORY, 0);
    destination->file = file;
    destination->size = size;
    destination->manager.next_output_byte = file + filled;
    destination->manager.free_in_buffer = size - filled;
    return TRUE;
}

static void finish(j_compress_ptr encoder) {
    destination *destination = (void *)encoder->dest;
    destination->size -= destination->manager.free_in_buffer;
}

static void encode(
    state *state, const uint8_t *pixels, uint32_t width, uint32_t height, int quality, int shares_colour) {
    j_compress_ptr encoder = &state->encoder;
    jpeg_create_compress(encoder);
    state->destination.manager.init_destination = begin;
    state->destination.manager.empty_output_buffer = grow;
    state->destination.manager.term_destination = finish;
    encoder->dest = &state->destination.manager;
    grow(encoder);
    encoder->image_width = width;
    encoder->image_height = height;
    encoder->input_components = 3;
    encoder->in_color_space = JCS_RGB;
    jpeg_set_defaults(encoder);
    jpeg_set_quality(encoder, quality, TRUE);
    encoder->comp_info[0].h_samp_factor = encoder->comp_info[0].v_samp_factor = shares_colour ? 2 : 1;
    jpeg_start_compress(encoder, TRUE);
    while (encoder->next_scanline < height) {
        JSAMPROW rows[] = {(JSAMPROW)(pixels + (size_t)encoder->next_scanline * width * 3)};
        jpeg_write_scanlines(encoder, rows, 1);
    }
    jpeg_finish_compress(encoder);
}

uint8_t *cjpeg_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, int shares_colour, size_t *size,
    char *message) {
    state *state = calloc(1, sizeof(*state));
    message[0] = 0;
    if (state == NULL) return NULL;
    state->encoder.err = cjpeg_set_errors(&state->errors, message);
    if (setjmp(state->errors.back) == 0) {
        encode(state, pixels, width, height, quality, shares_colour);
    } else {
        free(state->destination.file);
        state->destination.file = NULL;
    }
    jpeg_destroy_compress(&state->encoder);
    uint8_t *file = state->destination.file;
    *size = state->destination.size;
    free(state);
    return file;
}
