/* What all functions of STRING build on. A text is bytes up to NUL; `capacity` is a declared length, its buffer one byte longer. */
#ifndef ST_TEXT_H
#define ST_TEXT_H

#include <stdint.h>

typedef const char *st_text;

static inline uint32_t st_length(st_text text)
{
    uint32_t n = 0;
    while (text[n])
        n++;
    return n;
}

/* Below 0, 0, above 0 as by the codes of the first characters that differ; a text comes after its own beginning. */
static inline int st_order(st_text a, st_text b)
{
    while (*a && *a == *b)
        a++, b++;
    return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

/* A text that is being written; what does not fit is cut. */
struct st_out {
    char *to;
    uint32_t capacity, length;
};

static inline struct st_out st_write(char *to, uint32_t capacity)
{
    to[0] = 0;
    return (struct st_out){to, capacity, 0};
}

static inline void st_put(struct st_out *out, char c)
{
    if (out->length == out->capacity)
        return;
    out->to[out->length++] = c;
    out->to[out->length] = 0;
}

/* The first `count` characters of `text`, or all if it has fewer. */
static inline void st_put_part(struct st_out *out, st_text text, uint32_t count)
{
    for (uint32_t i = 0; i < count && text[i]; i++)
        st_put(out, text[i]);
}

static inline void st_put_text(struct st_out *out, st_text text) { st_put_part(out, text, UINT32_MAX); }

/* At least `width` digits. */
static inline void st_put_number(struct st_out *out, uint64_t number, uint32_t base, uint32_t width)
{
    char digits[64];
    uint32_t n = 0;
    for (; number || n < width; number /= base)
        digits[n++] = "0123456789ABCDEF"[number % base];
    while (n)
        st_put(out, digits[--n]);
}

static inline void st_move_string(char *to, uint32_t capacity, st_text text)
{
    struct st_out out = st_write(to, capacity);
    st_put_text(&out, text);
}

/* ---- reading ---- */

static inline char st_upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }

static inline st_text st_skip_blanks(st_text at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

static inline uint8_t st_at_end(st_text at) { return *st_skip_blanks(at) == 0; }

/* Moves past `word`, in any case, if it stands there. */
static inline uint8_t st_accept(st_text *at, st_text word)
{
    uint32_t n = 0;
    while (word[n] && st_upper((*at)[n]) == word[n])
        n++;
    if (word[n])
        return 0;
    *at += n;
    return 1;
}

/* 0 .. base - 1, or `base` for any other character. */
static inline uint32_t st_digit(char c, uint32_t base)
{
    char u = st_upper(c);
    uint32_t value = u >= '0' && u <= '9'   ? (uint32_t)(u - '0')
                     : u >= 'A' && u <= 'F' ? (uint32_t)(u - 'A') + 10
                                            : base;
    return value < base ? value : base;
}

/* Moves past one digit, and past a single `_` that is followed by another. */
static inline uint8_t st_accept_digit(st_text *at, uint32_t base, uint32_t *digit)
{
    *digit = st_digit(**at, base);
    if (*digit == base)
        return 0;
    ++*at;
    if (**at == '_' && st_digit((*at)[1], base) < base)
        ++*at;
    return 1;
}

/* Digits as a number, at most UINT64_MAX; 0 if there is none. */
static inline uint8_t st_accept_number(st_text *at, uint32_t base, uint64_t *number)
{
    uint32_t digit, n = 0;
    for (*number = 0; st_accept_digit(at, base, &digit); n++)
        *number = *number > (UINT64_MAX - digit) / base ? UINT64_MAX : *number * base + digit;
    return n > 0;
}

/* -1 or 1. */
static inline int st_accept_sign(st_text *at)
{
    if (st_accept(at, "-"))
        return -1;
    st_accept(at, "+");
    return 1;
}

#endif
