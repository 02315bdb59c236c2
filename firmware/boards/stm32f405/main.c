/* The firmware: one device of the application that was linked in. */
#include "device.h"
#include "stm32.h"

extern const struct fw_app fw_application;
extern char fw_arena[], fw_arena_end[]; /* layout.ld */

static struct fw_device device;

int main(void)
{
    const struct fw_board *board = stm32_board_init(&fw_application);
    fw_device_init(&device, &fw_application, board, fw_arena, (uintptr_t)fw_arena_end - (uintptr_t)fw_arena);
    for (;;)
        stm32_sleep(fw_device_poll(&device));
}
