/* Integers, bit strings and BOOL to text and back. Written: decimal, 16#FF, TRUE. Read: a literal of any base with blanks around it; a
 * number that the type cannot hold becomes the nearest that it can, text that is no number becomes 0. */
#ifndef ST_NUMBER_TEXT_H
#define ST_NUMBER_TEXT_H

#include "convert.h"
#include "text.h"

static inline void st_string_of_u64(char *to, uint32_t capacity, uint64_t x)
{
    struct st_out out = st_write(to, capacity);
    st_put_number(&out, x, 10, 1);
}

static inline void st_string_of_i64(char *to, uint32_t capacity, int64_t x)
{
    struct st_out out = st_write(to, capacity);
    if (x < 0)
        st_put(&out, '-');
    st_put_number(&out, x < 0 ? 0 - (uint64_t)x : (uint64_t)x, 10, 1);
}

static inline void st_string_of_bool(char *to, uint32_t capacity, uint8_t x)
{
    st_move_string(to, capacity, x ? "TRUE" : "FALSE");
}

/* Two digits a byte. */
#define ST_STRING_OF_PATTERN(tag, type, bits)                                                                          \
    static inline void st_string_of_pattern_##tag(char *to, uint32_t capacity, type x)                                 \
    {                                                                                                                  \
        struct st_out out = st_write(to, capacity);                                                                    \
        st_put_text(&out, "16#");                                                                                      \
        st_put_number(&out, x, 16, 2 * sizeof x);                                                                      \
    }
ST_UNSIGNED(ST_STRING_OF_PATTERN)

/* Moves past `2#`, `8#` or `16#`. */
static inline uint32_t st_accept_base(st_text *at)
{
    return st_accept(at, "16#") ? 16 : st_accept(at, "8#") ? 8 : st_accept(at, "2#") ? 2 : 10;
}

/* The size of the number, at most UINT64_MAX; its sign. */
static inline uint64_t st_read_integer(st_text text, int *sign)
{
    uint64_t size;
    st_text at = st_skip_blanks(text);
    *sign = st_accept_sign(&at);
    uint32_t base = st_accept_base(&at);
    return st_accept_number(&at, base, &size) && st_at_end(at) ? size : 0;
}

static inline int64_t st_read_signed(st_text text)
{
    int sign;
    uint64_t size = st_read_integer(text, &sign);
    if (size > INT64_MAX)
        return sign < 0 ? INT64_MIN : INT64_MAX;
    return sign * (int64_t)size;
}

static inline uint64_t st_read_unsigned(st_text text)
{
    int sign;
    uint64_t size = st_read_integer(text, &sign);
    return sign < 0 ? 0 : size;
}

#define ST_SIGNED_OF_STRING(tag, type, bits)                                                                           \
    static inline type st_##tag##_of_string(st_text text) { return st_##tag##_within(st_read_signed(text)); }
ST_SIGNED(ST_SIGNED_OF_STRING)

#define ST_UNSIGNED_OF_STRING(tag, type, bits)                                                                         \
    static inline type st_##tag##_of_string(st_text text) { return st_##tag##_within(st_read_unsigned(text)); }
ST_UNSIGNED(ST_UNSIGNED_OF_STRING)

static inline uint8_t st_bool_of_string(st_text text)
{
    st_text at = st_skip_blanks(text);
    return (st_accept(&at, "TRUE") || st_accept(&at, "1")) && st_at_end(at);
}

#endif
