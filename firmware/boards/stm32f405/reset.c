/* Why the board started. A reset on purpose leaves a note in memory that no start-up clears; without a note the chip's own
 * flags tell (RM0090 7.3.21). QEMU has no such flags: there, no note means power. */
#include <string.h>

#include "hil_drivers/link_protocol.h"
#include "stm32.h"

#define NOTE 0x4e4f5445u

/* After power-on this holds anything; the check word makes sure that anything is not taken for a note. */
static struct {
    uint32_t note, kind, check;
    uint32_t kept_check;
    uint32_t kept[FW_KEPT_SIZE / 4];
} memory __attribute__((section(".noinit")));

static uint32_t cause; /* of this start */

static uint32_t checked(uint32_t kind) { return ~(NOTE ^ kind * 0x9e3779b1u); }

static int note_is_sound(void) { return memory.note == NOTE && memory.check == checked(memory.kind); }

static uint32_t from_flags(void)
{
    uint32_t flags = RCC_CSR;
    RCC_CSR |= RCC_CSR_RMVF;
    if (flags & (RCC_CSR_IWDGRSTF | RCC_CSR_WWDGRSTF))
        return HIL_RESET_WATCHDOG;
    if (flags & RCC_CSR_PORRSTF) /* sets BORRSTF as well */
        return HIL_RESET_POWER;
    if (flags & RCC_CSR_BORRSTF)
        return HIL_RESET_BROWN_OUT;
    return flags & (RCC_CSR_SFTRSTF | RCC_CSR_PINRSTF) ? HIL_RESET_COLD : HIL_RESET_POWER;
}

static uint32_t sum_of_kept(void)
{
    uint32_t sum = NOTE;
    for (unsigned i = 0; i < FW_KEPT_SIZE / 4; i++)
        sum = (sum << 5 | sum >> 27) ^ memory.kept[i];
    return sum;
}

void stm32_reset_init(void)
{
    cause = note_is_sound() ? memory.kind : from_flags();
    memory.note = 0; /* told once */
    if (cause != HIL_RESET_WARM || memory.kept_check != sum_of_kept())
        memset(memory.kept, 0, sizeof memory.kept);
}

uint32_t stm32_reset_cause(void) { return cause; }

void stm32_reset(uint32_t kind)
{
    irq_off();
    stm32_outputs_safe();
    memory.note = NOTE;
    memory.kind = kind;
    memory.check = checked(kind);
    memory.kept_check = sum_of_kept();
    __asm volatile("dsb");
    SCB_AIRCR = SCB_AIRCR_RESET;
    for (;;) {
    } /* the reset takes a few cycles */
}

void *stm32_kept(void) { return memory.kept; }

/* Half a second by an oscillator of 17 to 47 kHz (data sheet, LSI): at the worst 340 ms, and the main loop comes round at
 * least every 100 ms. */
void stm32_watchdog_init(void)
{
    DBGMCU_APB1_FZ |= DBGMCU_IWDG;
    IWDG_KR = IWDG_UNLOCK;
    IWDG_PR = IWDG_PR_DIV32;
    IWDG_RLR = 500;
    IWDG_KR = IWDG_KICK;
    IWDG_KR = IWDG_START;
}

void stm32_watchdog_kick(void) { IWDG_KR = IWDG_KICK; }

/* Told as a hang, which it is to whoever waits for the outputs. */
void fw_fault(void) { stm32_reset(HIL_RESET_WATCHDOG); }
