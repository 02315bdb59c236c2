/* The registers of a Modbus server, made from an I/O map, and the execution of requests on them. Portable, no OS; the same
 * code serves TCP and serial lines.
 *
 * What the bench writes (`out`) is read-only on the wire; what the bench reads (`in`) can be written and read back.
 * Addresses without a tag, and writes to read-only ones, answer exception 02. */
#ifndef HIL_DRIVERS_MB_BANK_H
#define HIL_DRIVERS_MB_BANK_H

#include "hil_drivers/modbus.h"
#include "hil_drivers/regmap.h"

/* A stretch of mapped addresses without a hole. */
struct hil_mb_run {
    uint32_t first, end; /* addresses [first, end) */
    uint32_t cell, flag; /* where they start in `cells` and `flags` */
};

struct hil_mb_bank {
    const struct hil_regmap *map;
    struct hil_mb_run *runs[HIL_REG_TABLES];
    uint32_t n_runs[HIL_REG_TABLES];
    uint8_t *cells; /* a register: 2 bytes, big-endian; a coil: 1 byte, 0 or 1 */
    uint8_t *flags; /* one for each register or coil: may be written, was written */
    uint32_t *in_cell, *out_cell, *in_flag;
    uint8_t exception; /* not 0: answered instead of executing a valid request (04 device failure, 06 busy ...) */
};

size_t hil_mb_bank_size(const struct hil_regmap *map);
/* `mem` (hil_mb_bank_size bytes, aligned to 8) and `map` stay the caller's and must outlive the bank. The map has passed
 * hil_regmap_check as server. All registers start as 0, not written. */
void hil_mb_bank_init(struct hil_mb_bank *bank, void *mem, const struct hil_regmap *map);

/* Puts the bench's values (image number `seq`) into the registers. In a tick: yes. */
void hil_mb_bank_set(struct hil_mb_bank *bank, const double *out, uint64_t seq);
/* Takes the values that were written over the wire; NaN for those that never were, or not wholly. In a tick: yes. */
void hil_mb_bank_get(const struct hil_mb_bank *bank, double *in);
/* As if nothing had been written yet; what was written can still be read back. In a tick: yes. */
void hil_mb_bank_forget(struct hil_mb_bank *bank);

/* Executes one request PDU and writes the answer (HIL_MB_PDU_MAX bytes); returns its length. *wrote is set to 1 when
 * registers were written, else left alone. In a tick: yes. */
size_t hil_mb_serve(struct hil_mb_bank *bank, const uint8_t *pdu, size_t n, uint8_t *answer, int *wrote);

#endif
