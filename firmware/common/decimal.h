/* Numbers as text without the C library, whose printf and strtod for doubles a small newlib leaves out. */
#ifndef FW_DECIMAL_H
#define FW_DECIMAL_H

#include <stddef.h>

#define FW_DECIMAL_SIZE 16 /* bytes that a number takes at most, with its final zero */

/* Writes `value` with two decimals, halves away from zero: "-3.10". "nan", and "ovf" from 1e9 on. Returns its length. */
size_t fw_decimal_write(char text[FW_DECIMAL_SIZE], double value);
/* The number at the beginning of `text`, as C's atof: "1.5e1x" is 15, no number is 0. It knows no INF and NAN. */
double fw_decimal_read(const char *text);

#endif
