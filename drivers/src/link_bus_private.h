/* What the files of the bus share. Functions with a leading comment "locked" are called with the lock held. */
#ifndef HIL_DRIVERS_LINK_BUS_PRIVATE_H
#define HIL_DRIVERS_LINK_BUS_PRIVATE_H

#include <termios.h>

#include "hil_drivers/link_bus.h"

#define HIL_LINK_BUS_ASKS    4   /* waiting at once; the device has room for twice as many answers */
#define HIL_LINK_BUS_REPORTS 32  /* not fetched yet */
#define HIL_LINK_BUS_SENT    256 /* images whose time of sending is remembered */

enum ask_state { ASK_FREE = 0, ASK_WAITS, ASK_ANSWERED, ASK_LOST };

struct hil_link_ask {
    enum ask_state state;
    struct hil_link_answer answer; /* its id before it is answered, too */
};

struct hil_link_sent {
    int64_t host_ns; /* 0: none */
    uint16_t seq;
};

struct hil_link_bus {
    struct hil_bus_port port;
    struct hil_box in, out;
    struct hil_codec *codec_in, *codec_out;
    unsigned n_in, n_out;
    size_t in_size, out_size; /* bytes of the values in an image */
    int64_t timeout_ns;
    int clock_tags;
    void *memory; /* codecs, boxes: one block */

    pthread_mutex_t lock; /* around everything below; taken for a read or a write, never while the thread waits */
    pthread_cond_t changed;
    struct hil_link link;
    struct hil_link_handler handler;
    struct hil_link_bus_counters counters;

    int fd; /* -1: closed or gone */
    int is_socket, gone_errno;
    int64_t received_ns;
    size_t tx_n, tx_at; /* bytes in tx, and how many of them are written */
    uint8_t tx[2 * HIL_LINK_MAX_FRAME];

    enum hil_link_mode mode;
    int lost_err;     /* why there is no session any more; HIL_OK: there has been none */
    uint16_t last_id; /* of a message */
    uint16_t own_id;  /* of the START or STOP that the thread has sent by itself; 0: none */
    int restart_due;
    struct hil_link_ask asks[HIL_LINK_BUS_ASKS];
    struct hil_link_answer reports[HIL_LINK_BUS_REPORTS];
    unsigned report_first, n_reports;

    const struct hil_image *newest; /* the bench's, NULL until there is one */
    uint8_t image[HIL_LINK_MAX_IMAGE];
    /* lock-step */
    uint32_t step;
    int stepping, answered; /* an exchange waits; its answer has been unpacked */
    struct hil_rto rto;
    int prompt, prompt_row; /* reads block; steps in a row that were answered at the first try */
    int has_timer;          /* 1: the terminal's timer is set, -1: it has none, 0: not tried */
    struct termios before;  /* the caller's settings of the terminal */
    /* free-running */
    struct hil_thread thread;
    int moving;            /* the thread moves the data */
    atomic_int loop_ended; /* the bench has run its last tick */
    int halted;            /* and the device knows: it sends nothing more, which is no loss */
    struct hil_bus_schedule schedule;
    struct hil_clock_sync clock;
    struct hil_link_sent sent[HIL_LINK_BUS_SENT];
    uint16_t echo;     /* newest of our images that the device has told of */
    unsigned unechoed; /* images sent since it told of a new one */
    int64_t heard_ns;  /* when it was last sure that both ways are open */
    int64_t retry_ns;  /* no new session before */
    int64_t image_ns;  /* time of the newest published image, 0: none yet */
};

static inline void hil_link_bus_add(struct hil_link_bus *b, enum hil_link_bus_count which, uint64_t n)
{
    b->counters.count[which] += n;
}

/* ---- link_bus_io.c: locked ---- */

/* Sends what is due, as far as the line takes it. */
void hil_link_bus_transmit(struct hil_link_bus *b);
/* Takes what is there; only when poll has said that there is something. */
void hil_link_bus_take(struct hil_link_bus *b);
/* What to wait for on the line. */
short hil_link_bus_events(const struct hil_link_bus *b);
/* One round of waiting, at most until due_ns, receiving and sending, in the caller's thread. */
void hil_link_bus_pump(struct hil_link_bus *b, int64_t due_ns);
/* Waits until something has changed or the time is over, whoever moves the data: HIL_OK or HIL_E_TIMEOUT. */
int hil_link_bus_wait(struct hil_link_bus *b, int64_t due_ns);
/* HIL_OK, or why there is no session: HIL_E_OS with errno. */
int hil_link_bus_check(const struct hil_link_bus *b);

/* ---- link_bus_prompt.c: locked ---- */

/* A step was answered at the first try, or not. */
void hil_link_bus_was_prompt(struct hil_link_bus *b, int prompt);
/* Sends what is due and reads once, for 0.1 s at most; only while b->prompt. */
void hil_link_bus_read_promptly(struct hil_link_bus *b);
/* Back to poll; _restore: and to the terminal as it was given. */
void hil_link_bus_patient(struct hil_link_bus *b);
void hil_link_bus_restore(struct hil_link_bus *b);

/* ---- link_bus_image.c: locked ---- */

/* Bench to device: the newest image behind a head of `mode`; returns the bytes in b->image. */
size_t hil_link_bus_pack(struct hil_link_bus *b, uint32_t tick, int64_t host_ns);
void hil_link_bus_on_image(void *bus, uint16_t seq, const uint8_t *data, size_t n, int64_t now_ns);
void hil_link_bus_publish(struct hil_link_bus *b, int64_t time_ns);

/* ---- link_bus_ask.c: locked ---- */

void hil_link_bus_on_message(void *bus, const uint8_t *data, size_t n, int64_t now_ns);
/* START, STOP, without waiting for the answer. */
void hil_link_bus_restart(struct hil_link_bus *b);
void hil_link_bus_halt(struct hil_link_bus *b);

/* ---- link_bus.c: locked ---- */

/* Offers the device a new session. */
void hil_link_bus_offer(struct hil_link_bus *b);
/* The session is over, whoever noticed: asks fail, waiting threads look. */
void hil_link_bus_lose(struct hil_link_bus *b, int err);
/* What was asked for at begin_ns, when `frames` had been received, has not come in time. A device from which nothing at all
 * has come for as long as the bus's timeout has gone: nobody waits for it again before the next connect. */
void hil_link_bus_timed_out(struct hil_link_bus *b, int64_t begin_ns, uint64_t frames);

#endif
