/* What a stimulus' table must be, before anything walks through it in a tick. */
#include "stimulus_table.h"

static const uint32_t sizes[ST_KINDS] = {
    [ST_IDLE] = ST_HEAD,      [ST_CONSTANT] = ST_HEAD + 1,    [ST_RAMP] = ST_HEAD + 2,
    [ST_SLOPE] = ST_HEAD + 2, [ST_SINE] = ST_HEAD + 4,        [ST_PULSE] = ST_HEAD + 4,
    [ST_SAW] = ST_HEAD + 4,   [ST_EXPONENTIAL] = ST_HEAD + 3, [ST_NOISE] = ST_HEAD + 4};

static int is_whole(double v, double from) { return v >= from && v < 0x1p53 && v == round_down(v); }

static int is_for_ever(double duration) { return duration >= 0x1p62; }

/* Words of a node that lies in front of `left` numbers; 0: it does not fit. */
static uint32_t size_of(const double *node, uint32_t left)
{
    return left >= ST_HEAD && is_whole(node[ST_SIZE], ST_HEAD) && node[ST_SIZE] <= left ? (uint32_t)node[ST_SIZE] : 0;
}

static const char *check_leaf(const double *node, uint32_t size)
{
    const double *p = node + ST_HEAD;
    int kind = (int)node[ST_KIND];
    if (size != sizes[kind])
        return "table: a segment has a wrong number of values";
    for (uint32_t i = 0; i + ST_HEAD < size; i++)
        if (!isfinite(p[i]))
            return "table: a value is not finite";
    if ((kind == ST_PULSE || kind == ST_SAW) && !(is_whole(p[2], 1) && is_whole(p[3], 0) && p[3] <= p[2]))
        return "table: the period must be 1 ns or more, and no part of it longer";
    if (kind == ST_EXPONENTIAL && !(p[2] > 0.0))
        return "table: the time constant must be larger than 0";
    if (kind == ST_NOISE && !(is_whole(p[2], 0) && is_whole(p[3], 1)))
        return "table: seed and interval must be whole numbers";
    return kind == ST_RAMP && is_for_ever(node[ST_DURATION]) ? "table: a ramp needs an end" : NULL;
}

static const char *check_data(const double *node, uint32_t size)
{
    if (size < ST_DATA_TIMES + 2 || !is_whole(node[ST_DATA_N], 1) || node[ST_DATA_N] > (size - ST_DATA_TIMES) / 2 ||
        size != ST_DATA_TIMES + 2 * (uint32_t)node[ST_DATA_N])
        return "table: data have a wrong number of values";
    uint32_t n = (uint32_t)node[ST_DATA_N];
    struct hil_array times = {.data = node + ST_DATA_TIMES, .n = n}, values = {.data = times.data + n, .n = n};
    if (times.data[0] != 0.0 || !strictly_increasing(&times) || !is_whole(times.data[n - 1], 0))
        return "table: times of data must begin at 0 and increase";
    return all_finite(&values) ? NULL : "table: a value is not finite";
}

/* Children fill their parent; a sequence names their places. */
static const char *check_children(const double *node, uint32_t size, uint32_t head, uint32_t n)
{
    double begin = 0.0;
    uint32_t at = head;
    for (uint32_t i = 0; i < n; i++) {
        const double *child = node + at, *entry = node + ST_SEQUENCE_CHILDREN + 2 * i;
        uint32_t words = at < size ? size_of(child, size - at) : 0;
        if (!words)
            return "table: a node does not fit into its parent";
        if (node[ST_KIND] == ST_SEQUENCE && (entry[0] != begin || entry[1] != at))
            return "table: a sequence does not name its children's places";
        begin += child[ST_DURATION];
        at += words;
    }
    return at == size ? NULL : "table: a node is larger than its children";
}

static const char *check_node(const double *node, uint32_t size, uint32_t *head)
{
    int kind = (int)node[ST_KIND];
    *head = ST_HEAD;
    if (kind <= ST_DATA) {
        *head = size;
        return kind == ST_DATA ? check_data(node, size) : check_leaf(node, size);
    }
    if (kind != ST_SEQUENCE) {
        const char *why = check_children(node, size, ST_HEAD, kind == ST_LOOP ? 1 : 2);
        int endless = kind == ST_LOOP && !why && is_for_ever(node[ST_HEAD + ST_DURATION]);
        return endless ? "table: what a loop repeats needs an end" : why;
    }
    if (size < ST_SEQUENCE_CHILDREN || !is_whole(node[ST_SEQUENCE_N], 1) || node[ST_SEQUENCE_N] > size / 2)
        return "table: a sequence without children";
    *head = ST_SEQUENCE_CHILDREN + 2 * (uint32_t)node[ST_SEQUENCE_N];
    return *head < size ? check_children(node, size, *head, (uint32_t)node[ST_SEQUENCE_N])
                        : "table: a node does not fit into its parent";
}

const char *stimulus_check(const double *table, uint32_t n)
{
    uint32_t ends[STIMULUS_NESTED], depth = 0, head;
    if (!n || size_of(table, n) != n)
        return "table: the first node must hold all others";
    for (uint32_t at = 0; at < n; at += head) {
        const double *node = table + at;
        uint32_t size = size_of(node, n - at);
        if (!size || !(node[ST_KIND] >= 0.0 && node[ST_KIND] < ST_KINDS) || node[ST_KIND] != (int)node[ST_KIND])
            return "table: there is no such node";
        if (!is_whole(node[ST_DURATION], 1) && !is_for_ever(node[ST_DURATION]))
            return "table: a duration must be a whole number of nanoseconds, 1 or more";
        const char *why = check_node(node, size, &head);
        if (why)
            return why;
        while (depth && at >= ends[depth - 1u])
            depth--;
        if (node[ST_KIND] >= ST_ADD) {
            if (depth == STIMULUS_NESTED)
                return "table: operations are nested too deeply";
            ends[depth++] = at + size;
        }
    }
    return NULL;
}
