/* All standard functions. Portable C11: no OS, no allocation, bounded time; may be called in a tick. */
#ifndef ST_STANDARD_H
#define ST_STANDARD_H

#include "arithmetic.h"
#include "numeric.h"

#endif
