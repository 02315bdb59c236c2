/* The parts of this board to each other. The binary is the same for a real STM32F405 and for QEMU's netduinoplus2; where the
 * two differ, the firmware finds out (clock.c, time.c) instead of being told. */
#ifndef FW_STM32_H
#define FW_STM32_H

#include "app.h"
#include "board.h"
#include "regs.h"

#define STM32_CORE_HZ 168000000u

/* clock.c: 168 MHz from the crystal, else from the internal oscillator. */
enum stm32_clock { STM32_CLOCK_NONE, STM32_CLOCK_INTERNAL, STM32_CLOCK_CRYSTAL };
enum stm32_clock stm32_clock_init(void);

/* time.c: monotonic time from TIM2, wake-up by SysTick. */
void stm32_time_init(void);
int stm32_is_emulated(void);
int64_t stm32_now_ns(void);
/* Raises an interrupt at `ns`, or earlier: within SysTick's range, a tenth of a second. */
void stm32_alarm(int64_t ns);
void stm32_on_alarm(void);
uint32_t stm32_counter(void); /* of work, without what interrupts took */
uint32_t stm32_interrupt_begin(void);
void stm32_interrupt_end(uint32_t begin);
uint32_t stm32_counter_hz(void);

/* usart.c: both ports, by interrupt. */
struct stm32_serial {
    uint32_t baud;
    int even_parity;
};
void stm32_usart_init(unsigned port, struct stm32_serial serial);
size_t stm32_usart_read(unsigned port, uint8_t *bytes, size_t size);
size_t stm32_usart_write(unsigned port, const uint8_t *bytes, size_t n);
uint32_t stm32_usart_lost(unsigned port);
int stm32_usart_any(unsigned port); /* something to read */
void stm32_on_usart1(void);
void stm32_on_usart2(void);

/* outputs.c: the first four outputs as duty of TIM3's channels, PC6 to PC9. */
void stm32_outputs_init(const struct fw_app *app);
void stm32_drive(const double *outputs, unsigned n);
void stm32_outputs_safe(void);

/* reset.c: why the board started, and how it starts again. */
void stm32_reset_init(void);
uint32_t stm32_reset_cause(void);
__attribute__((noreturn)) void stm32_reset(uint32_t kind);
void *stm32_kept(void);
void stm32_watchdog_init(void);
void stm32_watchdog_kick(void);
/* Outputs safe, then a reset that tells of it. */
__attribute__((noreturn, used)) void fw_fault(void);

/* startup.c */
uint32_t stm32_stack_used(void);
uint32_t stm32_stack_size(void);

/* board.c: all of the above as a table; `app` decides what the field port speaks. */
const struct fw_board *stm32_board_init(const struct fw_app *app);
/* Sleeps until an interrupt, or until `ns`. */
void stm32_sleep(int64_t ns);

#endif
