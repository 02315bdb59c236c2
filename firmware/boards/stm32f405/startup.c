/* Vector table, what happens before main, and what happens when the processor finds no way on. */
#include "stm32.h"

#define PAINT 0x5ac35ac3u
#define SLICE 32u /* words that are looked at in one go */

/* Places, named in layout.ld. */
extern char fw_guard[], fw_stack_bottom[], fw_stack_top[];
extern char fw_data[], fw_data_end[], fw_data_load[], fw_bss[], fw_bss_end[];
int main(void);

/* In assembly, as it may not touch the stack it paints: all of it, then C. */
__attribute__((naked, noreturn, used)) void fw_reset(void)
{
    __asm volatile("cpsid i\n"
                   "ldr r0, =fw_guard\n"
                   "ldr r1, =fw_stack_top\n"
                   "ldr r2, =%c0\n"
                   "mov sp, r1\n"
                   "0: str r2, [r0], #4\n"
                   "cmp r0, r1\n"
                   "blo 0b\n"
                   "b fw_begin\n" ::"i"(PAINT));
}

/* Plain loops: memcpy and memset are library code that nothing has made ready yet. The FPU goes first, as the compiler may
 * use its registers anywhere. */
__attribute__((noreturn, used)) void fw_begin(void)
{
    SCB_CPACR |= SCB_CPACR_FPU;
    __asm volatile("dsb\n isb");
    uintptr_t from = (uintptr_t)fw_data_load;
    for (uintptr_t to = (uintptr_t)fw_data; to < (uintptr_t)fw_data_end; to += 4, from += 4)
        REG(to) = REG(from);
    for (uintptr_t to = (uintptr_t)fw_bss; to < (uintptr_t)fw_bss_end; to += 4)
        REG(to) = 0;
    main();
    fw_fault();
}

/* A fault may have come from a stack that left the memory: begin on a fresh one. */
__attribute__((naked, noreturn, used)) static void on_fault(void)
{
    __asm volatile("cpsid i\n"
                   "ldr r0, =fw_stack_top\n"
                   "mov sp, r0\n"
                   "b fw_fault\n");
}

uint32_t stm32_stack_size(void) { return (uint32_t)((uintptr_t)fw_stack_top - (uintptr_t)fw_stack_bottom); }

/* The lowest word from `at` on that was ever written; `end` when none was. */
static uintptr_t lowest_written(uintptr_t at, uintptr_t end)
{
    while (at < end && REG(at) == PAINT)
        at += 4;
    return at;
}

/* Called in every round of the main loop, so it looks at a few words only: the guard, what lies right below the deepest point
 * known, and one more slice at each call, for what lies deeper behind a gap: after a hundred calls all has been seen. */
uint32_t stm32_stack_used(void)
{
    static uintptr_t deepest, slice;
    uintptr_t bottom = (uintptr_t)fw_stack_bottom, top = (uintptr_t)fw_stack_top;
    if (deepest == 0)
        deepest = lowest_written(bottom, top);
    for (uintptr_t before = 0; before != deepest && deepest >= bottom + 4 * SLICE;) {
        before = deepest;
        deepest = lowest_written(deepest - 4 * SLICE, deepest);
    }
    slice = slice < bottom || slice + 4 * SLICE > deepest ? bottom : slice;
    uintptr_t found = lowest_written(slice, slice + 4 * SLICE), guard = lowest_written((uintptr_t)fw_guard, bottom);
    if (found < slice + 4 * SLICE && found < deepest)
        deepest = found;
    slice += 4 * SLICE;
    return (uint32_t)(top - (guard < bottom ? guard : deepest));
}

typedef void (*vector)(void);

/* RM0090 table 61: 16 of the core, 82 of the chip. What has no handler is a fault: nothing else is ever enabled. */
__attribute__((section(".vectors"), used)) static const vector vectors[16 + 82] = {
    [0] = (vector)fw_stack_top,
    [1] = fw_reset,
    [2 ... 6] = on_fault,
    [11 ... 14] = on_fault,
    [15] = stm32_on_alarm,
    [16 ... 16 + IRQ_USART1 - 1] = on_fault,
    [16 + IRQ_USART1] = stm32_on_usart1,
    [16 + IRQ_USART2] = stm32_on_usart2,
    [16 + IRQ_USART2 + 1 ... 16 + 81] = on_fault,
};
