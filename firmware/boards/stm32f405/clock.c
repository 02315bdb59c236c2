/* RM0090 7.2: HSE or HSI -> PLL -> 168 MHz core, 84 MHz APB2, 42 MHz APB1 (its timers 84 MHz). */
#include "stm32.h"

/* Frequency of the board's crystal: 8 MHz on most STM32F405 boards, 25 on the Netduino Plus 2, 12 on some. */
#ifndef FW_HSE_MHZ
#define FW_HSE_MHZ 8
#endif
#define HSI_MHZ 16
#define PLLCFGR(mhz, source)                                                                                           \
    ((uint32_t)(mhz) | 336u << 6 | 0u << 16 /* 336 MHz / 2 */ | (source) | 7u << 24 /* 48 MHz for USB */)

/* An emulator that has no RCC never says ready, and a board without crystal neither: no wait is without end. Longest start-up
 * of a crystal is some ms; this is more, even at 168 MHz. */
#define PATIENCE 400000u

static int wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < PATIENCE; i++)
        if ((*reg & mask) == value)
            return 1;
    return 0;
}

static int run_pll(uint32_t config)
{
    RCC_PLLCFGR = config;
    RCC_CR |= RCC_CR_PLLON;
    if (!wait_for(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY))
        return 0;
    RCC_CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2 | RCC_CFGR_SW_PLL;
    return wait_for(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL);
}

enum stm32_clock stm32_clock_init(void)
{
    RCC_APB1ENR |= RCC_APB1_PWR;
    PWR_CR |= PWR_CR_VOS;
    FLASH_ACR = FLASH_ACR_5_WAITS | FLASH_ACR_PREFETCH | FLASH_ACR_ICACHE | FLASH_ACR_DCACHE;
    RCC_CR |= RCC_CR_HSEON;
    if (!(RCC_CR & RCC_CR_HSEON))
        return STM32_CLOCK_NONE; /* a register that keeps nothing: no RCC here, the clock is what it is */
    int crystal = wait_for(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY);
    int runs = run_pll(crystal ? PLLCFGR(FW_HSE_MHZ, RCC_PLLCFGR_HSE) : PLLCFGR(HSI_MHZ, 0u));
    return !runs ? STM32_CLOCK_NONE : crystal ? STM32_CLOCK_CRYSTAL : STM32_CLOCK_INTERNAL;
}
