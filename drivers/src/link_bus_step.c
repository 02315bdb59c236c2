#include "link_bus_private.h"

/* Waits for the answer to the step under way until then; HIL_OK also when it has not come. */
static int wait_for_answer(struct hil_link_bus *b, int64_t due_ns)
{
    int rc = HIL_OK;
    while (rc == HIL_OK && !b->answered && hil_now_ns() < due_ns) {
        if (b->prompt)
            hil_link_bus_read_promptly(b);
        else
            hil_link_bus_pump(b, due_ns);
        rc = hil_link_bus_check(b);
    }
    return rc;
}

static int run_step(struct hil_link_bus *b, int64_t begin_ns)
{
    const int64_t deadline = begin_ns + b->timeout_ns;
    const uint64_t frames = b->link.counters.frames_in;
    size_t n = hil_link_bus_pack(b, b->step, 0);
    for (unsigned tries = 1;; tries++) {
        hil_link_send_image(&b->link, b->image, n);
        int64_t now = tries == 1 ? begin_ns : hil_now_ns();
        int64_t due = now + b->rto.ns;
        int rc = wait_for_answer(b, due < deadline ? due : deadline);
        if (rc != HIL_OK)
            return rc;
        if (b->answered) {
            if (tries == 1)
                hil_rto_measure(&b->rto, b->received_ns - begin_ns);
            hil_link_bus_was_prompt(b, tries == 1);
            return HIL_OK;
        }
        if (due >= deadline) {
            hil_link_bus_timed_out(b, begin_ns, frames);
            return HIL_E_TIMEOUT;
        }
        hil_rto_expired(&b->rto);
        hil_link_bus_add(b, HIL_LBC_REPEATED_STEPS, 1);
    }
}

static int step(struct hil_link_bus *b, int64_t time_ns)
{
    int rc = b->mode != HIL_LINK_LOCKSTEP ? HIL_E_ARG : hil_link_bus_check(b);
    if (rc != HIL_OK)
        return rc;
    const struct hil_image *fresh = hil_box_take(&b->out);
    b->newest = fresh ? fresh : b->newest; /* the one taken before stays valid until a fresh one is */
    if (!b->newest)
        return HIL_OK;
    int64_t begin_ns = hil_now_ns();
    b->stepping = 1;
    b->answered = 0;
    rc = run_step(b, begin_ns);
    b->stepping = 0;
    if (rc != HIL_OK)
        return rc;
    b->step++;
    hil_histogram_add(&b->counters.round_trip, b->received_ns - begin_ns);
    hil_link_bus_publish(b, time_ns);
    hil_link_bus_add(b, HIL_LBC_CYCLES, 1);
    return HIL_OK;
}

int hil_link_bus_exchange(void *bus, int64_t time_ns)
{
    struct hil_link_bus *b = bus;
    pthread_mutex_lock(&b->lock);
    int rc = step(b, time_ns);
    hil_link_bus_add(b, HIL_LBC_FAILED_CYCLES, rc != HIL_OK);
    pthread_mutex_unlock(&b->lock);
    return rc;
}
