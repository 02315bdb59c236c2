/* One scan of a compiled program, as its functions see it. */
#ifndef ST_SCAN_H
#define ST_SCAN_H

#include "hil/plc.h"
#include <stdint.h>

struct st_scan {
    int64_t now_ns; /* since the program's start */
    struct hil_plc_fault fault;
};

/* The first reason stays. The compiler adds file and line after the statement. */
static inline void st_stop(struct st_scan *scan, enum hil_plc_stop reason)
{
    if (scan->fault.reason == HIL_PLC_RUNS)
        scan->fault.reason = (uint32_t)reason;
}

#endif
