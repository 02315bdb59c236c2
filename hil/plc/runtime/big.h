/* Natural numbers of up to 4096 bits, for exact conversion between decimal and binary real numbers. */
#ifndef ST_BIG_H
#define ST_BIG_H

#include <stdint.h>

#define ST_BIG_WORDS 128

struct st_big {
    uint32_t n; /* words in use; the highest is not 0 */
    uint32_t word[ST_BIG_WORDS];
};

static inline void st_big_set(struct st_big *b, uint64_t value)
{
    b->word[0] = (uint32_t)value;
    b->word[1] = (uint32_t)(value >> 32);
    b->n = b->word[1] ? 2 : b->word[0] ? 1 : 0;
}

static inline void st_big_copy(struct st_big *to, const struct st_big *from)
{
    to->n = from->n;
    for (uint32_t i = 0; i < from->n; i++)
        to->word[i] = from->word[i];
}

/* b = b * factor + term. Callers stay below 4096 bits; beyond, high words would be lost. */
static inline void st_big_multiply(struct st_big *b, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;
    for (uint32_t i = 0; i < b->n; i++) {
        carry += (uint64_t)b->word[i] * factor;
        b->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && b->n < ST_BIG_WORDS)
        b->word[b->n++] = (uint32_t)carry;
}

static inline void st_big_multiply_by_power_of_ten(struct st_big *b, uint32_t exponent)
{
    for (; exponent >= 9; exponent -= 9)
        st_big_multiply(b, 1000000000, 0);
    for (; exponent > 0; exponent--)
        st_big_multiply(b, 10, 0);
}

static inline void st_big_shift(struct st_big *b, uint32_t bits)
{
    uint32_t words = bits / 32;
    st_big_multiply(b, UINT32_C(1) << bits % 32, 0);
    if (words == 0 || b->n == 0 || b->n + words > ST_BIG_WORDS)
        return;
    for (uint32_t i = b->n; i-- > 0;)
        b->word[i + words] = b->word[i];
    for (uint32_t i = 0; i < words; i++)
        b->word[i] = 0;
    b->n += words;
}

static inline uint32_t st_bit_length(uint64_t x)
{
    uint32_t n = 0;
    for (; x; x >>= 1)
        n++;
    return n;
}

static inline int32_t st_big_length(const struct st_big *b)
{
    return b->n ? (int32_t)((b->n - 1) * 32 + st_bit_length(b->word[b->n - 1])) : 0;
}

/* Below 0, 0, above 0. */
static inline int st_big_order(const struct st_big *a, const struct st_big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (uint32_t i = a->n; i-- > 0;)
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

/* a = a + b */
static inline void st_big_add(struct st_big *a, const struct st_big *b)
{
    uint64_t carry = 0;
    for (uint32_t i = 0; i < a->n || i < b->n; i++) {
        carry += (uint64_t)(i < a->n ? a->word[i] : 0) + (i < b->n ? b->word[i] : 0);
        a->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    a->n = a->n > b->n ? a->n : b->n;
    if (carry && a->n < ST_BIG_WORDS)
        a->word[a->n++] = (uint32_t)carry;
}

/* a = a - b, where a >= b */
static inline void st_big_subtract(struct st_big *a, const struct st_big *b)
{
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t difference = (uint64_t)a->word[i] - (i < b->n ? b->word[i] : 0) - borrow;
        a->word[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    while (a->n && a->word[a->n - 1] == 0)
        a->n--;
}

#endif
