#include "log.h"

void fw_log_add(struct fw_log *l, int64_t time_ns, const char *text)
{
    if (l->n == FW_LOG_ENTRIES) {
        l->first = (uint8_t)((l->first + 1) % FW_LOG_ENTRIES);
        l->n--;
        l->lost++;
    }
    unsigned at = (l->first + l->n++) % FW_LOG_ENTRIES;
    l->entry[at].time_ns = time_ns;
    l->entry[at].text = text;
}

const char *fw_log_take(struct fw_log *l, int64_t *time_ns)
{
    if (l->n == 0)
        return (const char *)0;
    unsigned at = l->first;
    l->first = (uint8_t)((at + 1) % FW_LOG_ENTRIES);
    l->n--;
    *time_ns = l->entry[at].time_ns;
    return l->entry[at].text;
}
