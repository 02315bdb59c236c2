/* neighbour.h for Python, as a shared object. */
#include "neighbour.h"

int alone(void) { return alone_on_the_core(); }
