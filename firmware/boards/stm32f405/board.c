/* struct fw_board of this board, and sleeping. */
#include "stm32.h"

#define LINK_BAUD 921600u
/* Modbus over serial line V1.02, 2.2.1 and 2.5.1: 19200 bits a second with even parity, unless agreed otherwise. A text
 * protocol is spoken at 115200 8N1, as the Temperature Control Lab does. */
#define RTU_BAUD  19200u
#define TEXT_BAUD 115200u

static int64_t now_ns(void *self) { return (void)self, stm32_now_ns(); }
static size_t read(void *self, unsigned port, uint8_t *b, size_t size)
{
    return (void)self, stm32_usart_read(port, b, size);
}
static size_t write(void *self, unsigned port, const uint8_t *b, size_t n)
{
    return (void)self, stm32_usart_write(port, b, n);
}
static uint32_t lost(void *self, unsigned port) { return (void)self, stm32_usart_lost(port); }
static void drive(void *self, const double *outputs, unsigned n) { (void)self, stm32_drive(outputs, n); }
static uint32_t counter(void *self) { return (void)self, stm32_counter(); }
static void kick_watchdog(void *self) { (void)self, stm32_watchdog_kick(); }
static uint32_t reset_cause(void *self) { return (void)self, stm32_reset_cause(); }
static void reset(void *self, uint32_t kind) { (void)self, stm32_reset(kind); }
static uint32_t stack_used(void *self) { return (void)self, stm32_stack_used(); }

static struct fw_board board = {.now_ns = now_ns,
                                .read = read,
                                .write = write,
                                .lost = lost,
                                .drive = drive,
                                .counter = counter,
                                .kick_watchdog = kick_watchdog,
                                .reset_cause = reset_cause,
                                .reset = reset,
                                .stack_used = stack_used};

static struct stm32_serial field_serial(const struct fw_app *app)
{
    return app->map ? (struct stm32_serial){RTU_BAUD, 1} : (struct stm32_serial){TEXT_BAUD, 0};
}

const struct fw_board *stm32_board_init(const struct fw_app *app)
{
    stm32_reset_init();
    stm32_outputs_init(app); /* early: safe before all that takes time */
    stm32_clock_init();
    stm32_time_init();
    stm32_usart_init(FW_PORT_LINK, (struct stm32_serial){LINK_BAUD, 0});
    stm32_usart_init(FW_PORT_FIELD, field_serial(app));
    stm32_watchdog_init();
    board.counter_hz = stm32_counter_hz();
    board.stack_size = stm32_stack_size();
    board.kept = stm32_kept();
    /* Emulated bytes come when they come: between them no silence can be measured. */
    board.field_bit_ns = stm32_is_emulated() ? 0 : 1000000000 / field_serial(app).baud;
    irq_restore(0);
    return &board;
}

/* With interrupts off nothing can come between the look and the sleep, and WFI wakes up all the same (PM0214 2.5.2). */
void stm32_sleep(int64_t ns)
{
    uint32_t mask = irq_off();
    if (!stm32_usart_any(FW_PORT_LINK) && !stm32_usart_any(FW_PORT_FIELD) && ns > stm32_now_ns()) {
        stm32_alarm(ns);
        __asm volatile("dsb\n wfi");
        SYST_CSR = 0;
        SCB_ICSR = SCB_ICSR_PENDSTCLR;
    }
    irq_restore(mask);
}
