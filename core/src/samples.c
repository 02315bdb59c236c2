/* Sample frames back into columns; runs outside the loop. */
#include <string.h>

#include "hil/loop.h"

struct columns {
    int64_t *tick, *late_ns, *exec_ns;
    double *values;
    uint8_t *status;
};

static void copy_row(const unsigned char *at, size_t row, uint32_t n_values, uint32_t n_status,
                     const struct columns *to)
{
    struct hil_frame frame;
    struct hil_sample_head head;
    memcpy(&frame, at, sizeof frame);
    memcpy(&head, at + sizeof frame, sizeof head);
    at += sizeof frame + sizeof head;
    to->tick[row] = (int64_t)frame.tick;
    to->late_ns[row] = head.late_ns;
    to->exec_ns[row] = head.exec_ns;
    memcpy(to->values + row * n_values, at, n_values * sizeof(double));
    uint8_t *status = to->status + row * n_status;
    if (head.flags & 1)
        memcpy(status, at + n_values * sizeof(double), n_status);
    else
        memset(status, 0, n_status);
}

size_t hil_samples_unpack(const void *data, size_t size, uint16_t group, uint32_t n_values, uint32_t n_status,
                          int64_t *tick, int64_t *late_ns, int64_t *exec_ns, double *values, uint8_t *status)
{
    const unsigned char *at = data, *end = at + size;
    const struct columns to = {tick, late_ns, exec_ns, values, status};
    size_t rows = 0;
    while (at < end) {
        struct hil_frame frame;
        memcpy(&frame, at, sizeof frame);
        if (frame.group == group) {
            if (tick)
                copy_row(at, rows, n_values, n_status, &to);
            rows++;
        }
        at += frame.bytes;
    }
    return rows;
}
