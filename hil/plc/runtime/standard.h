/* All standard functions. Portable C11: no OS, no allocation, bounded time; may be called in a tick. */
#ifndef ST_STANDARD_H
#define ST_STANDARD_H

#include "arithmetic.h"
#include "bcd.h"
#include "bits.h"
#include "compare.h"
#include "convert.h"
#include "dates.h"
#include "number_text.h"
#include "numeric.h"
#include "select.h"
#include "shortest.h"
#include "strings.h"
#include "time_text.h"

#endif
