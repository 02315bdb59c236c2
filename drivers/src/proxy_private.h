/* What the parts of the proxy share. */
#ifndef PROXY_PRIVATE_H
#define PROXY_PRIVATE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "hil_drivers/proxy.h"

#define RX_MAX      4096
#define OUT_MAX     131072 /* what one read can become: every frame of it copied 9 times, and as much already waiting */
#define OUT_FREE    65536
#define HELD_MAX    64
#define REQUESTS    64 /* open transactions of a connection */
#define FROZEN_KEYS 16
#define MBAP_HEAD   6 /* transaction, protocol, length: what the length does not count */
#define PDU_MAX     253

struct proxy_request;

/* One frame on its way, and what is known of it. */
struct proxy_frame {
    uint8_t data[2 * HIL_PROXY_FRAME_MAX];
    size_t n;
    int way;
    int is_modbus;      /* the fields below and the functions of proxy_modbus.c hold */
    int head, tail;     /* bytes before and behind the PDU */
    int unit, function; /* function without the bit of exceptions */
    int is_exception;
    int address, quantity; /* -1: the request has none */
    uint16_t id;           /* Modbus TCP */
    uint64_t number;
    struct proxy_request *request; /* the transaction's, or NULL */
};

struct proxy_request {
    uint64_t number; /* 0: free */
    uint16_t id;
    int unit, function, address, quantity;
    int real_unit, real_address; /* -1: as it is; else what the client has asked for, before a masquerade, */
    int fault;                   /* by this one, 1 + its number */
};

/* A frame that waits. It is sent `first` bytes long at `due_ns`, then `piece` bytes each `gap_ns`. */
struct proxy_held {
    int64_t due_ns, gap_ns;
    uint64_t turn; /* order of arrival */
    size_t n, sent, first, piece;
    uint64_t number;
    uint16_t fault;
    uint8_t used, in_order, after_next;
    uint8_t data[2 * HIL_PROXY_FRAME_MAX];
};

struct proxy_stream {  /* one way of a connection */
    int ended;         /* the reading side has closed, */
    int told;          /* and the writing side was told */
    int muted;         /* half open: what comes is thrown away, */
    int64_t mute_ns;   /* until then */
    size_t passed;     /* bytes of the frame at the beginning of rx that have gone already: proxy_through.c */
    size_t rx_n, skip; /* skip: bytes to come that belong to a frame already given up, */
    size_t n_head;     /* of which not even the header was there: so many bytes of it were */
    uint8_t head[MBAP_HEAD];
    int64_t rx_due_ns;
    size_t out_from, out_to;
    unsigned n_held, n_in_order;
    uint64_t turn;
    uint64_t flood_left;
    size_t flood_n;
    int flood_fault;
    uint8_t rx[RX_MAX], out[OUT_MAX], flood[2 * HIL_PROXY_FRAME_MAX];
    struct proxy_held held[HELD_MAX];
};

struct proxy_session {
    int used, connecting;
    int lasting; /* a serial line, which is never closed, */
    int left;    /* and whose client, where it comes by TCP, has gone */
    int64_t connect_by_ns;
    int fd[2]; /* side 0 and 1; side 0 is -1 while nobody is at the end of a line */
    uint16_t number;
    unsigned next_request;
    struct proxy_request requests[REQUESTS];
    struct proxy_stream stream[2]; /* by way; way w reads from fd[w] and writes to fd[!w] */
};

struct proxy_frozen { /* the newest read of some registers while the fault does not act */
    int unit, function, address, quantity;
    int n; /* 0: free */
    uint8_t data[PDU_MAX];
};

struct proxy_fault_state {
    _Atomic uint64_t matched, acted;
    uint64_t draws;
    unsigned next_frozen;
    struct proxy_frozen *frozen; /* FROZEN_KEYS of them, or NULL */
};

struct hil_proxy {
    struct hil_proxy_options options;
    struct hil_proxy_fault faults[HIL_PROXY_FAULTS_MAX];
    struct proxy_fault_state states[HIL_PROXY_FAULTS_MAX];
    struct hil_thread thread;
    struct sockaddr_storage address, to_address;
    socklen_t address_size, to_address_size;
    int listen_fd;
    int refusing; /* the fault that refuses connections, or -1 */
    int64_t start_ns, now_ns, listen_again_ns;
    uint64_t transactions;
    uint16_t sessions_made;
    _Atomic uint64_t counts[HIL_PROXY_COUNTS];
    struct hil_ring ring;
    void *ring_memory;
    struct proxy_frame frame, before, answer;
    struct proxy_session *sessions;
};

/* What the faults want done with a frame, beside what they have written into it. */
struct proxy_verdict {
    int fault; /* the last one that acted, 1 + its number; 0: none */
    int drop, reset, in_order, after_next;
    int copies, flood;
    int64_t delay_ns, gap_ns, mute_ns;
    int mute;
    size_t first, piece;
    size_t n_answer;
    uint8_t answer[HIL_PROXY_FRAME_MAX];
};

/* ---- proxy_split.c ---- */
/* What a header of Modbus TCP says, at least MBAP_HEAD bytes: length of its frame, or SIZE_MAX: it is none. */
size_t proxy_mbap_size(const uint8_t *head);
/* Length of the frame at the beginning of n bytes, 0: more has to come, SIZE_MAX: this is no frame. */
size_t proxy_split(int protocol, int way, const uint8_t *data, size_t n);

/* ---- proxy_modbus.c ---- */
/* Fills in what the bytes say; for responses `r` is their request, or NULL. */
void proxy_look(int protocol, struct proxy_frame *f, const struct proxy_request *r);
static inline uint8_t *proxy_pdu(struct proxy_frame *f) { return f->data + f->head; }
static inline size_t proxy_pdu_size(const struct proxy_frame *f) { return f->n - (size_t)(f->head + f->tail); }
/* The PDU has n bytes from now on: length field or CRC follow. */
void proxy_resize_pdu(struct proxy_frame *f, size_t n);
/* Makes the CRC of RTU right; nothing over TCP. */
void proxy_seal(struct proxy_frame *f);
/* Whether the frame is a good answer with registers or bits in it, or a request to write some; where they stand. */
int proxy_is_read_answer(const struct proxy_frame *f);
int proxy_is_write(const struct proxy_frame *f);
static inline int proxy_get16(const uint8_t *b) { return b[0] << 8 | b[1]; }
static inline void proxy_put16(uint8_t *b, int v)
{
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}

/* ---- proxy_match.c ---- */
/* Whether fault k acts on the frame now; counts. */
int proxy_matches(struct hil_proxy *p, unsigned k, const struct proxy_frame *f);
/* The same without counting: its conditions on unit, function and registers. */
int proxy_in_scope(const struct hil_proxy_fault *t, const struct proxy_frame *f);
/* A number that depends on seed, fault and how many were drawn. */
uint64_t proxy_draw(struct hil_proxy *p, unsigned k);

/* ---- proxy_faults.c ---- */
/* Applies all faults of the plan, in its order. */
void proxy_apply(struct hil_proxy *p, struct proxy_session *s, struct proxy_frame *f, struct proxy_verdict *v);

/* ---- proxy_edit.c, proxy_meaning.c: what a kind does to a frame. 0: it cannot be done with this one. ---- */
struct proxy_act {
    struct hil_proxy *p;
    struct proxy_session *s;
    const struct hil_proxy_fault *t;
    unsigned k;
    struct proxy_frame *f;
    struct proxy_verdict *v;
};
int proxy_crc(struct proxy_act *a);
int proxy_bit_flip(struct proxy_act *a);
int proxy_truncate(struct proxy_act *a);
int proxy_extra(struct proxy_act *a);
int proxy_wrong_unit(struct proxy_act *a);
int proxy_wrong_function(struct proxy_act *a);
int proxy_wrong_transaction(struct proxy_act *a);
int proxy_wrong_length(struct proxy_act *a);
int proxy_exception(struct proxy_act *a);
int proxy_swapped(struct proxy_act *a);
int proxy_silent_accept(struct proxy_act *a);
int proxy_masquerade(struct proxy_act *a);
int proxy_thaw(struct proxy_act *a);
void proxy_remember(struct proxy_act *a);

/* ---- proxy_tell.c ---- */
void proxy_tell_session(struct hil_proxy *p, const struct proxy_session *s, int kind, int reset);
void proxy_tell_frame(struct hil_proxy *p, const struct proxy_session *s, int way, int side, int fault, uint64_t number,
                      const uint8_t *data, size_t n);
void proxy_tell_act(struct hil_proxy *p, const struct proxy_session *s, unsigned k, const struct proxy_frame *before,
                    const uint8_t *after, size_t n_after);
static inline void proxy_add(struct hil_proxy *p, enum hil_proxy_count k, uint64_t n)
{
    /* Only one thread writes. */
    atomic_store_explicit(&p->counts[k], atomic_load_explicit(&p->counts[k], memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* ---- proxy_stream.c ---- */
/* Takes bytes that came, in rx; forwards whole frames. */
void proxy_take(struct hil_proxy *p, struct proxy_session *s, int way);
/* The silence behind an unfinished frame is over. */
void proxy_give_up(struct hil_proxy *p, struct proxy_session *s, int way);

/* ---- proxy_through.c ---- */
/* Sends what has not gone yet of the n bytes that came of a frame, unless a fault may act on it. */
void proxy_pass_through(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n);
/* The frame that went on as it came is over. */
void proxy_end_through(struct hil_proxy *p, struct proxy_session *s, int way);

/* ---- proxy_send.c ---- */
/* Puts bytes on their way without telling of them. */
void proxy_forward(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n);
/* Puts a frame on its way, as the verdict wants. */
void proxy_deliver(struct hil_proxy *p, struct proxy_session *s, int way, const uint8_t *data, size_t n,
                   uint64_t number, const struct proxy_verdict *v);
/* Sends what is due. */
void proxy_release(struct hil_proxy *p, struct proxy_session *s, int way);
/* When proxy_release has something to do; INT64_MAX: nothing waits. */
int64_t proxy_next_due(const struct proxy_stream *w);
static inline int proxy_is_empty(const struct proxy_stream *w)
{
    return w->out_from == w->out_to && !w->n_held && !w->flood_left;
}
/* Writes what can be written; negative when the connection broke. */
int proxy_flush(struct hil_proxy *p, struct proxy_session *s, int way);

/* ---- proxy_session.c ---- */
void proxy_accept(struct hil_proxy *p);
void proxy_adopt(struct hil_proxy *p, int fd, int to_fd);
void proxy_close(struct hil_proxy *p, struct proxy_session *s, int reset);
/* The connection to the other side is made, or not, or not in time. */
void proxy_connected(struct hil_proxy *p, struct proxy_session *s);
/* Something came at a side, or it ended. */
void proxy_readable(struct hil_proxy *p, struct proxy_session *s, int side);
/* Nothing is on its way and no transaction is open. */
void proxy_forget(struct proxy_session *s);
/* Ends what has ended on one side once everything before it has gone. */
void proxy_pass_end(struct hil_proxy *p, struct proxy_session *s);

/* ---- proxy_line.c ---- */
static inline int proxy_is_line(const struct hil_proxy *p, const struct proxy_session *s)
{
    return s->lasting && p->address_size != 0;
}
/* Takes who wants to be at the end of the line. */
void proxy_take_line(struct hil_proxy *p, struct proxy_session *s);
/* Who was there has gone. */
void proxy_leave_line(struct proxy_session *s);

/* ---- proxy_listen.c ---- */
int proxy_listen(struct hil_proxy *p);
void proxy_unlisten(struct hil_proxy *p);
/* Closes and opens the listener as the faults of kind `refused` want; when that changes next. */
int64_t proxy_refuse(struct hil_proxy *p);

#endif
