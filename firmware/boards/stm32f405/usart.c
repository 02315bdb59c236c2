/* Two serial ports by interrupt, with a ring each way. PA9, PA10: USART1, the link. PA2, PA3: USART2, the field. */
#include "stm32.h"

#define RX_SIZE 2048u /* powers of two */
#define TX_SIZE 2048u /* more than the longest frame of the link */
#define ERRORS  (USART_SR_PE | USART_SR_FE | USART_SR_NF | USART_SR_ORE)

/* One writer and one reader for each index: no lock is needed for receiving. */
static struct port {
    struct usart *usart;
    volatile uint32_t rx_in, rx_out, tx_in, tx_out; /* counted on, not wrapped */
    volatile uint32_t lost;
    uint8_t rx[RX_SIZE], tx[TX_SIZE];
} ports[2];

static void pins_init(unsigned port)
{
    unsigned first = port == FW_PORT_LINK ? 9 : 2;
    for (unsigned pin = first; pin <= first + 1; pin++) {
        unsigned half = pin % 8 * 4;
        GPIOA->afr[pin / 8] = (GPIOA->afr[pin / 8] & ~(0xfu << half)) | (unsigned)AF_USART1_2 << half;
        GPIOA->moder = (GPIOA->moder & ~(3u << 2 * pin)) | (unsigned)GPIO_ALTERNATE << 2 * pin;
        GPIOA->pupdr = (GPIOA->pupdr & ~(3u << 2 * pin)) | (unsigned)GPIO_PULL_UP << 2 * pin;
        GPIOA->ospeedr |= (unsigned)GPIO_FAST << 2 * pin;
    }
}

void stm32_usart_init(unsigned port, struct stm32_serial serial)
{
    struct port *p = &ports[port];
    uint32_t clock = port == FW_PORT_LINK ? STM32_CORE_HZ / 2 : STM32_CORE_HZ / 4; /* APB2, APB1 */
    unsigned irq = port == FW_PORT_LINK ? IRQ_USART1 : IRQ_USART2;
    RCC_AHB1ENR |= RCC_AHB1_GPIOA;
    RCC_APB2ENR |= RCC_APB2_USART1;
    RCC_APB1ENR |= RCC_APB1_USART2;
    pins_init(port);
    p->usart = port == FW_PORT_LINK ? USART1 : USART2;
    p->usart->brr = (clock + serial.baud / 2) / serial.baud; /* 30.3.4: sixteenths, with 16 samples a bit */
    p->usart->cr1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXIE |
                    (serial.even_parity ? USART_CR1_PCE | USART_CR1_M : 0);
    NVIC_ISER(irq / 32) = BIT(irq % 32);
}

/* Reading DR after SR clears the error flags (30.6.1). A byte with a parity or framing error is not handed on. */
static void receive(struct port *p)
{
    for (uint32_t sr; (sr = p->usart->sr) & (USART_SR_RXNE | USART_SR_ORE);) {
        uint8_t byte = (uint8_t)p->usart->dr;
        if (sr & ERRORS)
            p->lost++;
        if (!(sr & USART_SR_RXNE) || (sr & (USART_SR_PE | USART_SR_FE)))
            continue;
        if (p->rx_in - p->rx_out < RX_SIZE)
            p->rx[p->rx_in++ % RX_SIZE] = byte;
        else
            p->lost++;
    }
}

/* Sends as long as there is room at once: on the chip a byte or two, then the interrupt goes on; an emulator takes all. */
static void transmit(struct port *p)
{
    while (p->tx_in != p->tx_out && p->usart->sr & USART_SR_TXE)
        p->usart->dr = p->tx[p->tx_out++ % TX_SIZE];
    if (p->tx_in != p->tx_out)
        p->usart->cr1 |= USART_CR1_TXIE;
    else
        p->usart->cr1 &= ~USART_CR1_TXIE;
}

static void serve(struct port *p)
{
    uint32_t begin = stm32_interrupt_begin();
    receive(p);
    if (p->usart->cr1 & USART_CR1_TXIE)
        transmit(p);
    stm32_interrupt_end(begin);
}

void stm32_on_usart1(void) { serve(&ports[FW_PORT_LINK]); }

void stm32_on_usart2(void) { serve(&ports[FW_PORT_FIELD]); }

size_t stm32_usart_read(unsigned port, uint8_t *bytes, size_t size)
{
    struct port *p = &ports[port];
    size_t n = 0;
    while (n < size && p->rx_out != p->rx_in)
        bytes[n++] = p->rx[p->rx_out++ % RX_SIZE];
    return n;
}

size_t stm32_usart_write(unsigned port, const uint8_t *bytes, size_t n)
{
    struct port *p = &ports[port];
    if (n > TX_SIZE - (p->tx_in - p->tx_out))
        return 0;
    for (size_t i = 0; i < n; i++)
        p->tx[(p->tx_in + i) % TX_SIZE] = bytes[i];
    uint32_t mask = irq_off(); /* the interrupt sends from the same ring */
    p->tx_in += (uint32_t)n;
    transmit(p);
    irq_restore(mask);
    return n;
}

uint32_t stm32_usart_lost(unsigned port) { return ports[port].lost; }

int stm32_usart_any(unsigned port) { return ports[port].rx_in != ports[port].rx_out; }
