/* Outputs as pulse width: output 0..3 -> TIM3 channel 1..4 -> PC6..PC9, 20 kHz. The range of an output (that of its codec on the
 * link) becomes 0 to 100 % duty, so a bridge that is driven both ways stands still at half. Further outputs have no pin. */
#include "stm32.h"

#define PINS   4u
#define PERIOD (STM32_CORE_HZ / 2 / 20000)

static struct {
    const struct fw_app *app;
    uint32_t safe[PINS]; /* computed beforehand: a fault handler has no time for doubles */
} outputs;

static uint32_t duty(unsigned i, double value)
{
    const struct hil_codec *range = &outputs.app->out[i];
    double share = (value - range->lo) / (range->hi - range->lo);
    if (!(share > 0.0)) /* no number, and no range, are no duty either */
        return 0;
    return share < 1.0 ? (uint32_t)(share * PERIOD) : PERIOD;
}

static unsigned pins(void) { return outputs.app->n_out < PINS ? outputs.app->n_out : PINS; }

static void pins_init(void)
{
    for (unsigned pin = 6; pin <= 9; pin++) {
        unsigned half = pin % 8 * 4;
        GPIOC->afr[pin / 8] = (GPIOC->afr[pin / 8] & ~(0xfu << half)) | (unsigned)AF_TIM3 << half;
        GPIOC->moder = (GPIOC->moder & ~(3u << 2 * pin)) | (unsigned)GPIO_ALTERNATE << 2 * pin;
    }
}

void stm32_outputs_init(const struct fw_app *app)
{
    outputs.app = app;
    for (unsigned i = 0; i < pins(); i++)
        outputs.safe[i] = duty(i, app->outputs[i].safe);
    RCC_AHB1ENR |= RCC_AHB1_GPIOC;
    RCC_APB1ENR |= RCC_APB1_TIM3;
    TIM3->arr = PERIOD - 1;
    TIM3->ccmr[0] = TIM3->ccmr[1] = TIM_CCMR_PWM1;
    stm32_outputs_safe();
    TIM3->egr = TIM_EGR_UG;
    TIM3->ccer = TIM_CCER_ALL;
    TIM3->cr1 = TIM_CR1_ARPE | TIM_CR1_CEN;
    pins_init(); /* last: until the duty is right the pins are inputs */
}

void stm32_drive(const double *values, unsigned n)
{
    for (unsigned i = 0; i < n && i < PINS; i++)
        TIM3->ccr[i] = duty(i, values[i]);
}

void stm32_outputs_safe(void)
{
    for (unsigned i = 0; i < PINS; i++)
        TIM3->ccr[i] = outputs.safe[i];
}
