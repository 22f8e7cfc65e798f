#include "errors.h"

_Static_assert(CJPEG_MESSAGE_SIZE >= JMSG_LENGTH_MAX, "a message of libjpeg's has room");

static void jump_back(j_common_ptr common) {
    errors *errors = (void *)common->err;
    common->err->format_message(common, errors->message);
    longjmp(errors->back, 1);
}

static void print_nothing(j_common_ptr common) { (void)common; }

struct jpeg_error_mgr *cjpeg_set_errors(errors *errors, char *message) {
    jpeg_std_error(&errors->manager);
    errors->manager.error_exit = jump_back;
    errors->manager.output_message = print_nothing;
    errors->message = message;
    message[0] = 0;
    return &errors->manager;
}
