/* What the laying out of a bank and the execution of requests share. */
#ifndef HIL_DRIVERS_MB_BANK_PRIVATE_H
#define HIL_DRIVERS_MB_BANK_PRIVATE_H

#include "hil_drivers/mb_bank.h"

enum { HIL_MB_WRITABLE = 1, HIL_MB_WRITTEN = 2 }; /* bits of a flag */

static inline unsigned hil_mb_cell_bytes(unsigned table) { return hil_reg_is_bit_table(table) ? 1 : 2; }

/* The run that holds all of [address, address + quantity), or NULL. */
const struct hil_mb_run *hil_mb_bank_find(const struct hil_mb_bank *b, unsigned table, uint32_t address,
                                          uint32_t quantity);

#endif
