/* Time is TIM2: 32 bits, counted by hardware, so that no interrupt that comes late or is lost can lose time. SysTick wakes the
 * processor up. On the chip TIM2 runs at half the core's clock; an emulator may run it otherwise (QEMU: 1 GHz), so its rate is
 * measured against SysTick, which runs at the core's clock in both. */
#include "stm32.h"

#define CHIP_HZ     (STM32_CORE_HZ / 2)
#define EMULATOR_HZ 1000000000u
#define MEASURED    (STM32_CORE_HZ / 10000) /* 100 us */

static struct {
    uint32_t hz, last;               /* of TIM2: its rate, and its value when it was last read */
    uint32_t rest;                   /* 21sts of a ns */
    int64_t ns;                      /* at `last` */
    volatile uint32_t in_interrupts; /* counted there, both ports together; they do not nest */
    uint8_t cycles;                  /* the cycle counter runs */
} clock;

/* TIM2's ticks in MEASURED cycles. Between the two rates lies a factor of twelve: no care is needed. */
static uint32_t measure(void)
{
    SYST_RVR = SYST_MAX;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_CORE;
    while (SYST_CVR == 0) {
    } /* the first cycle loads it */
    uint32_t start = TIM2->cnt, from = SYST_CVR;
    while (((from - SYST_CVR) & SYST_MAX) < MEASURED) {
    }
    uint32_t ticks = TIM2->cnt - start;
    SYST_CSR = 0;
    return ticks;
}

static int cycles_count(void)
{
    DEMCR |= DEMCR_TRCENA;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    uint32_t before = DWT_CYCCNT;
    __asm volatile("nop\n nop\n nop\n nop");
    return DWT_CYCCNT != before;
}

void stm32_time_init(void)
{
    RCC_APB1ENR |= RCC_APB1_TIM2;
    TIM2->psc = 0;
    TIM2->arr = UINT32_MAX;
    TIM2->egr = TIM_EGR_UG;
    TIM2->cr1 = TIM_CR1_CEN;
    clock.hz = measure() < MEASURED ? CHIP_HZ : EMULATOR_HZ;
    clock.cycles = (uint8_t)cycles_count();
    clock.last = TIM2->cnt;
}

int stm32_is_emulated(void) { return clock.hz == EMULATOR_HZ; }

/* A tick of the chip's TIM2 is 250/21 ns (10^9 / 84 * 10^6). In 32 bits, as long as it is read every 0.2 s: a 64-bit division at
 * each reading would be felt. */
static uint64_t chip_ns(uint32_t ticks)
{
    if (ticks < 1u << 24) {
        uint32_t sum = ticks * 250 + clock.rest;
        clock.rest = sum % 21;
        return sum / 21;
    }
    uint64_t sum = (uint64_t)ticks * 250 + clock.rest;
    clock.rest = (uint32_t)(sum % 21);
    return sum / 21;
}

/* TIM2 wraps after 51 s (emulated: 4 s), and the main loop comes by at least every 100 ms. With interrupts off, as one that
 * reads the time in between would count a stretch twice. */
int64_t stm32_now_ns(void)
{
    uint32_t mask = irq_off();
    uint32_t now = TIM2->cnt, ticks = now - clock.last;
    clock.last = now;
    clock.ns += (int64_t)(stm32_is_emulated() ? ticks : chip_ns(ticks));
    int64_t ns = clock.ns;
    irq_restore(mask);
    return ns;
}

void stm32_alarm(int64_t ns)
{
    int64_t cycles = (ns - stm32_now_ns()) * 21 / 125; /* 168 * 10^6 / 10^9 */
    SYST_CSR = 0;
    SYST_RVR = cycles < 1 ? 1 : cycles < (int64_t)SYST_MAX ? (uint32_t)cycles : SYST_MAX;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CORE;
}

/* Once is enough: awake, the main loop looks at the time itself, and no interrupt is counted into a control step. */
void stm32_on_alarm(void) { SYST_CSR = 0; }

static uint32_t raw_counter(void) { return clock.cycles ? DWT_CYCCNT : TIM2->cnt; }

/* What a control step costs is counted without the bytes that arrive in the middle of it: they come when they come. */
uint32_t stm32_counter(void)
{
    uint32_t elsewhere, now;
    do {
        elsewhere = clock.in_interrupts;
        now = raw_counter();
    } while (elsewhere != clock.in_interrupts);
    return now - elsewhere;
}

uint32_t stm32_interrupt_begin(void) { return raw_counter(); }

void stm32_interrupt_end(uint32_t begin) { clock.in_interrupts += raw_counter() - begin; }

uint32_t stm32_counter_hz(void) { return clock.cycles ? STM32_CORE_HZ : clock.hz; }
