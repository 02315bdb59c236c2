#include "hil_drivers/link_bus.h"

static const char *const names[HIL_LBC_COUNT] = {
    [HIL_LBC_CYCLES] = "cycles",
    [HIL_LBC_FAILED_CYCLES] = "failed_cycles",
    [HIL_LBC_MISSED_CYCLES] = "missed_cycles",
    [HIL_LBC_IDLE_CYCLES] = "idle_cycles",
    [HIL_LBC_REPEATED_STEPS] = "repeated_steps",
    [HIL_LBC_IMAGES] = "images",
    [HIL_LBC_WRONG_SIZE] = "wrong_size",
    [HIL_LBC_WRONG_STEP] = "wrong_step",
    [HIL_LBC_SAFE_IMAGES] = "safe_images",
    [HIL_LBC_OVERRUNS] = "overruns",
    [HIL_LBC_ASKED] = "asked",
    [HIL_LBC_ANSWERS] = "answers",
    [HIL_LBC_REFUSALS] = "refusals",
    [HIL_LBC_LATE_ANSWERS] = "late_answers",
    [HIL_LBC_REPORTS] = "reports",
    [HIL_LBC_LOST_REPORTS] = "lost_reports",
    [HIL_LBC_CONNECTS] = "connects",
    [HIL_LBC_RECONNECTS] = "reconnects",
    [HIL_LBC_LOST_SESSIONS] = "lost_sessions",
    [HIL_LBC_CLOCK_RESTARTS] = "clock_restarts",
    [HIL_LBC_ERRORS_OS] = "errors_os",
};

const char *hil_link_bus_count_name(unsigned count) { return count < HIL_LBC_COUNT ? names[count] : NULL; }
