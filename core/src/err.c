#include "hil/types.h"

const char *hil_err_text(int err)
{
    static const char *const text[] = {
        "ok",
        "an argument is not allowed",
        "a fixed capacity is used up",
        "a buffer is too small",
        "the state belongs to another program",
        "made by another version of the core",
        "the tick has passed",
        "the state of a block lies outside the buffer",
        "algebraic loop",
        "the operating system refused",
        "timed out",
        "not supported",
        "the safety gate would clip it",
    };
    return err >= 0 && err < (int)(sizeof text / sizeof *text) ? text[err] : "unknown error";
}
