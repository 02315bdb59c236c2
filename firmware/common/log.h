/* What happened on the device, for people: a few constant sentences with the time, told to the host as LOG reports. */
#ifndef FW_LOG_H
#define FW_LOG_H

#include <stdint.h>

#define FW_LOG_ENTRIES 16

struct fw_log {
    struct {
        int64_t time_ns; /* device clock */
        const char *text;
    } entry[FW_LOG_ENTRIES];
    uint8_t first, n;
    uint32_t lost; /* older ones that made room */
};

/* `text` lives for ever: a literal. The oldest goes when there is no room. */
void fw_log_add(struct fw_log *l, int64_t time_ns, const char *text);
/* The oldest one, which then is gone; NULL: there is none. */
const char *fw_log_take(struct fw_log *l, int64_t *time_ns);

#endif
