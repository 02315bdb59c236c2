/* Tells callgrind when to look: a library for a process that runs under it. Outside of valgrind both do nothing. */
#include <valgrind/callgrind.h>

void start_counting(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop_counting(void) { CALLGRIND_STOP_INSTRUMENTATION; }
