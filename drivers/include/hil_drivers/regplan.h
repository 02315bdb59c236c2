/* The requests that carry a map over the wire in one cycle of a client: all writes, then all reads. Portable, no OS.
 *
 * Reads are merged and bridge at most `max_gap` unmapped addresses; writes are merged only without any gap; a multi-register
 * value is never split. Bits of a register are written with code 22, which leaves the other bits to the device, unless
 * HIL_REG_BITS_AS_WORD is set: then with code 16, unmapped bits being 0. */
#ifndef HIL_DRIVERS_REGPLAN_H
#define HIL_DRIVERS_REGPLAN_H

#include "hil_drivers/modbus.h"
#include "hil_drivers/regmap.h"

enum hil_reg_flags {
    HIL_REG_SINGLE_WRITES = 1, /* one coil or register alone is written with code 5 or 6 instead of 15 or 16 */
    HIL_REG_BITS_AS_WORD = 2,  /* see above */
    HIL_REG_COMBINE = 4        /* code 23 for pairs of a register write and a read of holding registers */
};

/* Largest requests a device takes; 0 means the specification's limit. */
struct hil_reg_limits {
    uint16_t max_gap;
    uint16_t read_bits, read_registers, write_bits, write_registers;
    uint16_t flags; /* enum hil_reg_flags */
};

/* One request. The tags it carries are order[first .. first + n) of their direction. */
struct hil_reg_request {
    uint16_t address, quantity;
    uint16_t first, n;
    uint16_t read; /* code 23: 1 + index of the read request that goes along; else 0 */
    uint8_t function;
    uint8_t done_by_other; /* a read that goes along with a write */
};

struct hil_regplan {
    const struct hil_regmap *map;
    struct hil_reg_request *requests; /* n_writes writes, then reads */
    uint16_t n, n_writes;
    uint16_t *in_order, *out_order;
};

size_t hil_regplan_size(const struct hil_regmap *map);
/* `mem` (hil_regplan_size bytes, aligned to 8) and `map` stay the caller's and must outlive the plan. The map has passed
 * hil_regmap_check. HIL_E_ARG: a limit is too small for the map's largest value. */
int hil_regplan_build(struct hil_regplan *plan, void *mem, const struct hil_regmap *map,
                      const struct hil_reg_limits *limits);

/* Writes the PDU of request r with the values of `out`, the image with number `seq`, and returns its length. With out = NULL
 * only reading requests can be encoded; what would write gives 0. In a tick: yes. */
size_t hil_regplan_encode(const struct hil_regplan *plan, unsigned r, const double *out, uint64_t seq, uint8_t *pdu);
/* Puts the values of an answer into `in`; an exception or data = NULL makes them NaN. In a tick: yes. */
void hil_regplan_accept(const struct hil_regplan *plan, unsigned r, const struct hil_mb_answer *answer, double *in);

#endif
