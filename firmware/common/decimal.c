#include "decimal.h"

#include <stdint.h>
#include <string.h>

#define MOST_DIGITS   18  /* what fits into 64 bits; digits behind them change no double */
#define MOST_EXPONENT 330 /* beyond every double: more is infinite or 0, and loops stay bounded */

static size_t write_word(char *text, const char word[4])
{
    memcpy(text, word, 4);
    return 3;
}

size_t fw_decimal_write(char text[FW_DECIMAL_SIZE], double value)
{
    if (value != value)
        return write_word(text, "nan");
    if (value >= 1e9 || value <= -1e9)
        return write_word(text, "ovf");
    uint64_t hundredths = (uint64_t)((value < 0 ? -value : value) * 100.0 + 0.5);
    char reversed[FW_DECIMAL_SIZE];
    size_t digits = 0, n = 0;
    for (; digits < 3 || hundredths; hundredths /= 10)
        reversed[digits++] = (char)('0' + hundredths % 10);
    if (value < 0)
        text[n++] = '-';
    while (digits > 2)
        text[n++] = reversed[--digits];
    text[n++] = '.';
    text[n++] = reversed[1];
    text[n++] = reversed[0];
    text[n] = 0;
    return n;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits from `*text` on into `*mantissa`; returns by how many powers of ten it has become too small. */
static int read_digits(const char **text, uint64_t *mantissa, unsigned *taken)
{
    int dropped = 0;
    for (; is_digit(**text); ++*text) {
        if (*taken == MOST_DIGITS) {
            dropped += dropped < MOST_EXPONENT;
            continue;
        }
        *mantissa = *mantissa * 10 + (uint64_t)(**text - '0');
        *taken += *mantissa != 0;
    }
    return dropped;
}

static int read_exponent(const char *text)
{
    if (*text != 'e' && *text != 'E')
        return 0;
    int negative = *++text == '-', exponent = 0;
    text += *text == '-' || *text == '+';
    for (; is_digit(*text) && exponent < MOST_EXPONENT; text++)
        exponent = exponent * 10 + (*text - '0');
    return negative ? -exponent : exponent;
}

/* One rounding for what people write: powers up to 1e22 are exact. */
static double scaled(double value, int exponent)
{
    double power = 1.0;
    int n = exponent < 0 ? -exponent : exponent;
    for (n = n < MOST_EXPONENT ? n : MOST_EXPONENT; n; n--)
        power *= 10.0;
    return exponent < 0 ? value / power : value * power;
}

double fw_decimal_read(const char *text)
{
    int negative = *text == '-';
    text += *text == '-' || *text == '+';
    uint64_t mantissa = 0;
    unsigned taken = 0;
    int exponent = read_digits(&text, &mantissa, &taken);
    if (*text == '.') {
        const char *first = ++text;
        int dropped = read_digits(&text, &mantissa, &taken);
        exponent -= (int)(text - first) - dropped;
    }
    if (mantissa == 0)
        return 0.0;
    double value = scaled((double)mantissa, exponent + read_exponent(text));
    return negative ? -value : value;
}
