/* Tables of stimuli with numbers changed at random: what stimulus_check lets pass, stimulus_value walks through without a
 * step outside (the address sanitizer sees it) and without end (the test would not return). */
#include "block_harness.h"
#include "hil/random.h"

#include "../../core/src/blocks/stimulus_table.h"

#define ROUNDS 200000u

/* A loop over a sequence of a sum (a sine, a pulse) and data; written by hand from stimulus_table.h. */
static const double sound[] = {ST_LOOP,     42, 6000, ST_SEQUENCE, 39, 3000, 2,   0, 8,   1000, 28, /* */
                               ST_ADD,      20, 1000, ST_SINE,     7,  1000, 0.5, 1, 3e5, 0,        /* */
                               ST_MULTIPLY, 10, 1000, ST_CONSTANT, 4,  1000, 2,                     /* */
                               ST_IDLE,     3,  1000, ST_DATA,     11, 2000, 1,   3, 0,   500,  2000, 1, 2, 3};
enum { N = sizeof sound / sizeof *sound };
static const double values[] = {-1, 0,  0.5, 1,  2,  3,  4,   7,    8,    9,      10,  11,
                                12, 13, 14,  28, 39, 42, 500, 3000, 1e18, -1e300, NAN, INFINITY};
enum { VALUES = sizeof values / sizeof *values };

static unsigned draw(uint64_t key, uint64_t *n, unsigned below)
{
    return (unsigned)(hil_random_at(key, (*n)++) % below);
}

static void the_sound_table_gives_its_values(void)
{
    double y = -1;
    CHECK(stimulus_check(sound, N) == NULL);
    CHECK(!stimulus_value(sound, 10, &y)); /* the product is idle, so the sum is */
    CHECK(stimulus_value(sound, 1250, &y));
    CHECK_SAME(y, 1.5);
    CHECK(stimulus_value(sound, 3000 + 2000, &y));
    CHECK_NEAR(y, 2.0 + 500.0 / 1500.0, 1e-15);
    CHECK(!stimulus_value(sound, 6000, &y));
}

static void a_changed_table_is_refused_or_walked_safely(void)
{
    uint64_t key = hil_random_key(8, 0), n = 0;
    unsigned refused = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned length = draw(key, &n, 8) ? N : draw(key, &n, N + 1u);
        double *table = malloc((length ? length : 1u) * sizeof *table); /* of its exact size, for the sanitizer */
        memcpy(table, sound, length * sizeof *table);
        for (unsigned changes = length ? 1 + draw(key, &n, 3) : 0; changes; changes--)
            table[draw(key, &n, length)] = values[draw(key, &n, VALUES)];
        if (stimulus_check(table, length)) {
            refused++;
        } else {
            double y;
            for (int64_t ns = 0; ns < 7000; ns += 250)
                (void)stimulus_value(table, ns, &y);
            (void)stimulus_value(table, INT64_MAX, &y);
        }
        free(table);
    }
    CHECK(refused > ROUNDS / 4 && refused < ROUNDS);
}

int main(void)
{
    the_sound_table_gives_its_values();
    a_changed_table_is_refused_or_walked_safely();
    return failures != 0;
}
