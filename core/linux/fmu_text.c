/* What an instance has to say: its own message where it has left one, else the call that failed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fmu_private.h"

/* One line: an FMU's message may have several. */
static void flatten(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

int fmu_say(struct fmu_instance *i, int err, const char *format, ...)
{
    char said[HIL_FMU_TEXT], *at = i->text;
    snprintf(said, sizeof said, "%s", i->text);
    va_list rest;
    va_start(rest, format);
    int n = vsnprintf(at, sizeof i->text, format, rest);
    va_end(rest);
    if (said[0] && n > 0 && (size_t)n < sizeof i->text)
        snprintf(at + n, sizeof i->text - (size_t)n, ": %.200s", said);
    flatten(i->text);
    return err;
}

void fmu_keep_message(struct fmu_instance *i, int status, const char *message)
{
    if (i && !i->failed && status >= FMI_DISCARD)
        snprintf(i->text, sizeof i->text, "%s", message);
}

int fmu_status(struct fmu_instance *i, int status, const char *call)
{
    static const char *const words[] = {"ok", "warning", "discard", "error", "fatal", "pending"};
    if (__builtin_expect(status <= FMI_WARNING && status >= 0, 1))
        return HIL_OK;
    i->lost = status == FMI_FATAL; /* nothing of it may be called any more */
    return fmu_say(i, HIL_E_UNSUPPORTED, "%s gives %s", call, status >= 0 && status <= 5 ? words[status] : "no status");
}
