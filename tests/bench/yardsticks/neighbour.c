/* neighbour.h for Python, as a shared object. */
#include "neighbour.h"

int alone(void) { return alone_on_the_core(); }

/* Of the smallest so far; 0: it has not looked yet. */
double ratio(void) { return core_ratio; }
