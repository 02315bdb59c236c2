/* An application: tables that `hil` generates from a role of a rig (hil/mcu/tables.py). Read-only; no code but that of
 * compiled models. */
#ifndef FW_APP_H
#define FW_APP_H

#include "hil/program.h"
#include "hil_drivers/regmap.h"

struct fw_output {
    const char *name;
    double safe;
    int64_t max_age_ns; /* 0: never too old */
};

/* A parameter that SET can change: number in its list -> block and parameter. */
struct fw_param {
    uint16_t block, param;
};

struct fw_app;
struct fw_device;
/* What the field port speaks; NULL functions: nothing. */
struct fw_face {
    const char *name;
    size_t (*size)(const struct fw_app *app); /* bytes of d->face */
    void (*begin)(struct fw_device *d);
    void (*receive)(struct fw_device *d, const uint8_t *bytes, size_t n, int64_t now_ns);
    void (*poll)(struct fw_device *d, int64_t now_ns);
    int64_t (*next_ns)(const struct fw_device *d); /* when poll has something to do without a byte having come */
};

struct fw_app {
    const char *name;
    const char *description;          /* what DESCRIBE tells; see hil/mcu/description.py */
    const struct hil_spec *spec;      /* of the controller; role 1 is the bench on the other side */
    struct hil_block_spec *blocks;    /* of the spec; their types are filled in at the start */
    const char *const *types;         /* type name of each block */
    uint64_t program_hash;            /* what the host computed for the same spec */
    uint32_t state_size;              /* bytes of the controller's state */
    const struct hil_codec *in, *out; /* as they cross the link: role 1's outputs, role 1's inputs */
    const char *const *input_names;   /* in the order of `in` */
    const struct fw_output *outputs;
    const struct fw_param *params;
    uint16_t n_in, n_out, n_params;
    const struct fw_face *face;
    const struct hil_regmap *map; /* face Modbus RTU: `in` is what the master writes, in the order of `in` */
    uint8_t unit;                 /* face Modbus RTU: its address */
};

#endif
