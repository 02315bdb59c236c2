#include "hil_drivers/mb_counters.h"

static const char *const names[HIL_MBC_SERVER] = {
    [HIL_MBC_REQUESTS] = "requests",
    [HIL_MBC_ANSWERS] = "answers",
    [HIL_MBC_EXCEPTIONS] = "exceptions",
    [HIL_MBC_WRONG_UNIT] = "wrong_unit",
    [HIL_MBC_MALFORMED] = "malformed",
    [HIL_MBC_BYTES_SENT] = "bytes_sent",
    [HIL_MBC_BYTES_RECEIVED] = "bytes_received",
    [HIL_MBC_IMAGES] = "images",
    [HIL_MBC_ERRORS_OS] = "errors_os",
    [HIL_MBC_CYCLES] = "cycles",
    [HIL_MBC_FAILED_CYCLES] = "failed_cycles",
    [HIL_MBC_MISSED_CYCLES] = "missed_cycles",
    [HIL_MBC_TIMEOUTS] = "timeouts",
    [HIL_MBC_WRONG_TRANSACTION] = "wrong_transaction",
    [HIL_MBC_LATE_ANSWERS] = "late_answers",
    [HIL_MBC_CONNECTS] = "connects",
    [HIL_MBC_FAILED_CONNECTS] = "failed_connects",
    [HIL_MBC_DISCONNECTS] = "disconnects",
    [HIL_MBC_RECONNECTS] = "reconnects",
    [HIL_MBC_REFUSED_WRITES] = "refused_writes",
    [HIL_MBC_ACCEPTED] = "accepted",
    [HIL_MBC_CLOSED_BY_PEER] = "closed_by_peer",
    [HIL_MBC_CLOSED_JUNK] = "closed_junk",
    [HIL_MBC_EVICTED] = "evicted",
    [HIL_MBC_REFUSED] = "refused",
    [HIL_MBC_BACK_PRESSURE] = "back_pressure",
};

const char *hil_mb_count_name(unsigned count) { return count < HIL_MBC_SERVER ? names[count] : NULL; }
