/* The device's end of the link, see fuzz_link.h. */
#include "fuzz_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return fuzz(0, data, size); }
