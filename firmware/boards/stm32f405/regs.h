/* The registers that this board uses, and no others. RM0090 is ST's reference manual (STM32F405, rev. 19), PM0214 the
 * Cortex-M4's programming manual; the section stands beside each block. */
#ifndef FW_STM32_REGS_H
#define FW_STM32_REGS_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define BIT(n)       (1u << (n))

/* ---- RM0090 7.3: reset and clock control ---- */
#define RCC_CR      REG(0x40023800) /* 7.3.1 */
#define RCC_PLLCFGR REG(0x40023804) /* 7.3.2 */
#define RCC_CFGR    REG(0x40023808) /* 7.3.3 */
#define RCC_AHB1ENR REG(0x40023830) /* 7.3.10 */
#define RCC_APB1ENR REG(0x40023840) /* 7.3.13 */
#define RCC_APB2ENR REG(0x40023844) /* 7.3.14 */
#define RCC_CSR     REG(0x40023874) /* 7.3.21 */

#define RCC_CR_HSION        BIT(0)
#define RCC_CR_HSEON        BIT(16)
#define RCC_CR_HSERDY       BIT(17)
#define RCC_CR_PLLON        BIT(24)
#define RCC_CR_PLLRDY       BIT(25)
#define RCC_PLLCFGR_HSE     BIT(22)
#define RCC_CFGR_SW_PLL     2u
#define RCC_CFGR_SWS        (3u << 2)
#define RCC_CFGR_SWS_PLL    (2u << 2)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_AHB1_GPIOA      BIT(0)
#define RCC_AHB1_GPIOC      BIT(2)
#define RCC_APB1_TIM2       BIT(0)
#define RCC_APB1_TIM3       BIT(1)
#define RCC_APB1_USART2     BIT(17)
#define RCC_APB1_PWR        BIT(28)
#define RCC_APB2_USART1     BIT(4)
#define RCC_CSR_LSION       BIT(0)
#define RCC_CSR_RMVF        BIT(24)
#define RCC_CSR_BORRSTF     BIT(25)
#define RCC_CSR_PINRSTF     BIT(26)
#define RCC_CSR_PORRSTF     BIT(27)
#define RCC_CSR_SFTRSTF     BIT(28)
#define RCC_CSR_IWDGRSTF    BIT(29)
#define RCC_CSR_WWDGRSTF    BIT(30)

/* ---- RM0090 5.4: power; 3.9: flash interface ---- */
#define PWR_CR             REG(0x40007000) /* 5.4.1 */
#define PWR_CR_VOS         BIT(14)         /* scale 1: needed above 144 MHz */
#define FLASH_ACR          REG(0x40023c00) /* 3.9.1 */
#define FLASH_ACR_5_WAITS  5u              /* table 10: 168 MHz at 2.7 to 3.6 V */
#define FLASH_ACR_PREFETCH BIT(8)
#define FLASH_ACR_ICACHE   BIT(9)
#define FLASH_ACR_DCACHE   BIT(10)

/* ---- RM0090 8.4: pins ---- */
struct gpio {
    volatile uint32_t moder, otyper, ospeedr, pupdr, idr, odr, bsrr, lckr, afr[2];
};
#define GPIOA ((struct gpio *)0x40020000)
#define GPIOC ((struct gpio *)0x40020800)
enum { GPIO_ALTERNATE = 2, GPIO_FAST = 2, GPIO_PULL_UP = 1, AF_TIM3 = 2, AF_USART1_2 = 7 };

/* ---- RM0090 30.6: USART ---- */
struct usart {
    volatile uint32_t sr, dr, brr, cr1, cr2, cr3, gtpr;
};
#define USART1         ((struct usart *)0x40011000)
#define USART2         ((struct usart *)0x40004400)
#define USART_SR_PE    BIT(0)
#define USART_SR_FE    BIT(1)
#define USART_SR_NF    BIT(2)
#define USART_SR_ORE   BIT(3)
#define USART_SR_RXNE  BIT(5)
#define USART_SR_TXE   BIT(7)
#define USART_CR1_RE   BIT(2)
#define USART_CR1_TE   BIT(3)
#define USART_CR1_RXIE BIT(5)
#define USART_CR1_TXIE BIT(7)
#define USART_CR1_PCE  BIT(10) /* parity: even as long as PS is 0 */
#define USART_CR1_M    BIT(12) /* 9 bits with the parity bit, so 8 of data */
#define USART_CR1_UE   BIT(13)

/* ---- RM0090 18.4: TIM2, TIM3 ---- */
struct timer {
    volatile uint32_t cr1, cr2, smcr, dier, sr, egr, ccmr[2], ccer, cnt, psc, arr, rcr, ccr[4];
};
#define TIM2          ((struct timer *)0x40000000)
#define TIM3          ((struct timer *)0x40000400)
#define TIM_CR1_CEN   BIT(0)
#define TIM_CR1_ARPE  BIT(7)
#define TIM_EGR_UG    BIT(0)
#define TIM_CCMR_PWM1 0x6868u /* both channels of the register: PWM mode 1, preload */
#define TIM_CCER_ALL  0x1111u

/* ---- RM0090 21.4: independent watchdog; 38.16.3: it stands still while a debugger halts the core ---- */
#define IWDG_KR        REG(0x40003000)
#define IWDG_PR        REG(0x40003004)
#define IWDG_RLR       REG(0x40003008)
#define IWDG_SR        REG(0x4000300c)
#define IWDG_KICK      0xaaaau
#define IWDG_UNLOCK    0x5555u
#define IWDG_START     0xccccu
#define IWDG_PR_DIV32  3u
#define DBGMCU_APB1_FZ REG(0xe0042008)
#define DBGMCU_IWDG    BIT(12)

/* ---- PM0214 4.5: SysTick; 4.3: NVIC; 4.4: system control; 4.6: FPU; ARMv7-M C1.8: DWT ---- */
#define SYST_CSR           REG(0xe000e010)
#define SYST_RVR           REG(0xe000e014)
#define SYST_CVR           REG(0xe000e018)
#define SYST_CSR_ENABLE    BIT(0)
#define SYST_CSR_TICKINT   BIT(1)
#define SYST_CSR_CORE      BIT(2)
#define SYST_MAX           0xffffffu
#define NVIC_ISER(n)       REG(0xe000e100 + 4 * (n))
#define SCB_ICSR           REG(0xe000ed04)
#define SCB_ICSR_PENDSTCLR BIT(25)
#define SCB_AIRCR          REG(0xe000ed0c)
#define SCB_AIRCR_RESET    (0x05fa0000u | BIT(2))
#define SCB_CPACR          REG(0xe000ed88)
#define SCB_CPACR_FPU      (0xfu << 20)
#define DEMCR              REG(0xe000edfc)
#define DEMCR_TRCENA       BIT(24)
#define DWT_CTRL           REG(0xe0001000)
#define DWT_CTRL_CYCCNTENA BIT(0)
#define DWT_CYCCNT         REG(0xe0001004)

#define IRQ_USART1 37u
#define IRQ_USART2 38u

/* Interrupts off and on again as they were. */
static inline uint32_t irq_off(void)
{
    uint32_t mask;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(mask)::"memory");
    return mask;
}
static inline void irq_restore(uint32_t mask) { __asm volatile("msr primask, %0" ::"r"(mask) : "memory"); }

#endif
