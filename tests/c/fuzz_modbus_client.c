/* libFuzzer: a device answers anything to the requests of a plan. What is accepted has the size that was asked for. */
#include <string.h>

#include "fuzz_plan.h"
#include "hil_drivers/mbap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_plan b;
    static uint8_t room[4096];
    if (size < 2 || size > sizeof room)
        return 0;
    fuzz_plan_build(&b, data[0]);
    memcpy(room, data + 2, size - 2);
    struct hil_mbap_stream s = {.data = room, .size = sizeof room, .tail = (uint32_t)size - 2};
    struct hil_mbap_frame f;
    for (unsigned r = data[1] % b.plan.n; hil_mbap_next(&s, &f) == HIL_MBAP_FRAME; r = (r + 1) % b.plan.n) {
        uint8_t sent[HIL_MB_PDU_MAX] = {0};
        struct hil_mb_answer a;
        if (!hil_regplan_encode(&b.plan, r, b.values, 1, sent) || hil_mb_answer_decode(sent, f.pdu, f.n, &a) != HIL_OK)
            continue;
        assert(a.exception || f.n == hil_mb_answer_size(sent));
        hil_regplan_accept(&b.plan, r, &a, b.values);
    }
    return 0;
}
