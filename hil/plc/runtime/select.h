/* SEL MAX MIN LIMIT MUX. A MUX whose K chooses nothing stops the program. */
#ifndef ST_SELECT_H
#define ST_SELECT_H

#include "scan.h"
#include "text.h"
#include "types.h"

static inline uint8_t st_chooses(struct st_scan *scan, int64_t k, uint32_t count)
{
    if (k >= 0 && k < (int64_t)count)
        return 1;
    st_stop(scan, HIL_PLC_INDEX);
    return 0;
}

#define ST_SELECTION(tag, type, bits)                                                                                  \
    static inline type st_sel_##tag(uint8_t g, type in0, type in1) { return g ? in1 : in0; }                           \
    static inline type st_max_##tag(type a, type b) { return a > b ? a : b; }                                          \
    static inline type st_min_##tag(type a, type b) { return a < b ? a : b; }                                          \
    static inline type st_limit_##tag(type mn, type in, type mx) { return st_min_##tag(st_max_##tag(in, mn), mx); }    \
    static inline type st_mux_##tag(struct st_scan *scan, int64_t k, uint32_t count, type const *values)               \
    {                                                                                                                  \
        return st_chooses(scan, k, count) ? values[k] : 0;                                                             \
    }
ST_SCALARS(ST_SELECTION)

static inline void st_sel_string(char *to, uint32_t capacity, uint8_t g, st_text in0, st_text in1)
{
    st_move_string(to, capacity, g ? in1 : in0);
}

static inline st_text st_later(st_text a, st_text b) { return st_order(a, b) > 0 ? a : b; }
static inline st_text st_earlier(st_text a, st_text b) { return st_order(a, b) < 0 ? a : b; }

static inline void st_max_string(char *to, uint32_t capacity, st_text a, st_text b)
{
    st_move_string(to, capacity, st_later(a, b));
}

static inline void st_min_string(char *to, uint32_t capacity, st_text a, st_text b)
{
    st_move_string(to, capacity, st_earlier(a, b));
}

static inline void st_limit_string(char *to, uint32_t capacity, st_text mn, st_text in, st_text mx)
{
    st_move_string(to, capacity, st_earlier(st_later(in, mn), mx));
}

static inline void st_mux_string(struct st_scan *scan, char *to, uint32_t capacity, int64_t k, uint32_t count,
                                 st_text const *values)
{
    st_move_string(to, capacity, st_chooses(scan, k, count) ? values[k] : "");
}

#endif
