#pragma once
#include "cjpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/// Where libjpeg's errors go: back to the function that called it.
typedef struct {
    struct jpeg_error_mgr manager;
    jmp_buf back;
    char *message;
} errors;

/// Makes libjpeg jump to `back` on an error, and print nothing.
struct jpeg_error_mgr *cjpeg_set_errors(errors *errors, char *message);
