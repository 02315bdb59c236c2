/* The control task as a function of a host process (SIL): what hil/library.h asks for, on the firmware's own sources. */
#ifndef FW_LIBRARY_H
#define FW_LIBRARY_H

#include "hil/library.h"
#include "hil/program.h"

struct fw_library {
    struct hil_library table; /* give its address to the bench's program */
    const struct hil_program *program;
};

/* Builds the controller's program. `blocks` are those of the spec, with `types` as names; `params` has room for all
 * parameters of all blocks. `mem` (aligned to 64) and all else stay the caller's and must outlive the library.
 * HIL_OK, HIL_E_SIZE, or what hil_program_build says with `error` filled. */
int fw_library_init(struct fw_library *l, const struct hil_spec *spec, struct hil_block_spec *blocks,
                    const char *const *types, uint32_t *params, void *mem, size_t size, struct hil_build_error *error);
/* Bytes of `mem`, 0 when a type is not known. */
size_t fw_library_size(const struct hil_spec *spec, struct hil_block_spec *blocks, const char *const *types);

#endif
