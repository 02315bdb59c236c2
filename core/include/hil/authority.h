/* Authority: what a twin may do to a set point, enforced in the tick by a block of type `authority`.
 *
 * A person's set point goes in, the effective one comes out. A twin's value takes its place only while an envelope
 * is granted and kept: range, rate, end, interlocks. Grants and requests are events of their own kind, so no parameter
 * and no `set` can widen them, and every one is recorded. Losing the authority latches: only a new grant brings it back. */
#ifndef HIL_AUTHORITY_H
#define HIL_AUTHORITY_H

/* `kind2` of an event HIL_EV_AUTHORITY. Its target is the byte offset of the block's state, HIL_ALL_AUTHORITIES for REVOKE. */
enum hil_authority_act {
    HIL_AUTHORITY_GRANT = 1,    /* v = low, high, rate in 1/s; `ticks`: the first tick without it */
    HIL_AUTHORITY_REQUEST = 2,  /* v[0] = value; `ticks`: the first tick without it */
    HIL_AUTHORITY_WITHDRAW = 3, /* back to the person's set point; the envelope stays */
    HIL_AUTHORITY_REVOKE = 4    /* no envelope, no request, and none that was staged for a later tick */
};
#define HIL_ALL_AUTHORITIES 0xffffffffu

/* Why the twin does not act: the block's output `reason`. */
enum hil_authority_reason {
    HIL_AUTHORITY_ACTS = 0,      /* it acts, or may and was not asked to */
    HIL_AUTHORITY_NONE = 1,      /* no envelope was granted */
    HIL_AUTHORITY_EXPIRED = 2,   /* the envelope's end has come */
    HIL_AUTHORITY_INTERLOCK = 3, /* an interlock is not 0, or not known */
    HIL_AUTHORITY_INPUT = 4,     /* the person's set point is stale, bad or no number */
    HIL_AUTHORITY_PERSON = 5,    /* a person set another value while the twin acted */
    HIL_AUTHORITY_REVOKED = 6,   /* taken back, as by `hil twin stop` */
    HIL_AUTHORITY_OVER = 7,      /* the request's own end has come; the envelope is still there */
    HIL_AUTHORITY_WITHDRAWN = 8  /* the twin took its request back; the envelope is still there */
};

#endif
