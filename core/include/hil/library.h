/* A role's controller as a function of this process (SIL): the same firmware sources, compiled for the host. Its whole
 * context is plain, relocatable data in the bench's state, so that snapshot, fork, replay and batch hold at SIL too. */
#ifndef HIL_LIBRARY_H
#define HIL_LIBRARY_H

#include "hil/types.h"

#define HIL_LIBRARY_ABI 1
#define HIL_LIBRARY_MAX 64 /* largest number of inputs, and of outputs: a step gathers them on the stack */

struct hil_library {
    uint32_t abi;
    uint32_t n_in, n_out; /* as the role's inputs and outputs, in their order */
    uint32_t size;        /* bytes of the context, a multiple of 8 */
    uint64_t hash;        /* of what it computes; enters the program's hash */
    /* Where the parameters of the role's blocks, in the order of the bench's description, lie in the context: an event that
     * changes one changes it here too. */
    uint32_t n_params;
    const uint32_t *params;
    const void *self; /* immutable: program and tables; outlives the bench's program */
    /* Writes the context before the first step into `size` bytes, aligned to 64. */
    void (*reset)(const void *self, void *context);
    /* One control step. In a tick: yes. The arrays do not overlap. */
    void (*step)(const void *self, void *context, const double *in, double *out);
};

#endif
