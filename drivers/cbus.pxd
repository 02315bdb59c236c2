# The drivers' headers (drivers/include/hil_drivers/*.h), as far as the binding needs them.
from libc.stddef cimport size_t
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "hil/types.h" nogil:
    enum:
        HIL_OK
        HIL_E_ARG
        HIL_E_OS
        HIL_E_TIMEOUT
        HIL_E_UNSUPPORTED


cdef extern from "hil/codec.h" nogil:
    cdef struct hil_codec:
        double scale, offset, lo, hi
        uint32_t kind


cdef extern from "hil/image.h" nogil:
    cdef struct hil_image:
        uint64_t seq
        int64_t time_ns
        uint32_t n
        double *v
    cdef struct hil_box:
        pass
    hil_image *hil_box_begin(hil_box *box)
    void hil_box_publish(hil_box *box)
    const hil_image *hil_box_take(hil_box *box)
    const hil_image *hil_box_peek(const hil_box *box)


cdef extern from "hil/port.h" nogil:
    # `in` is a word of Python, so the two members have other names here.
    cdef struct hil_bus_port:
        hil_box *box_in "in"
        hil_box *box_out "out"


cdef extern from "hil/histogram.h" nogil:
    enum:
        HIL_HISTOGRAM_BUCKETS
    cdef struct hil_histogram:
        uint64_t n, max_ns
        uint64_t *count


cdef extern from "hil_drivers/mb_counters.h" nogil:
    enum:
        HIL_MBC_BOTH
        HIL_MBC_CLIENT
        HIL_MBC_SERVER
        HIL_MBC_SERIAL
    cdef struct hil_mb_counters:
        uint64_t *count
        uint64_t *exceptions
        hil_histogram round_trip, age
    const char *hil_mb_count_name(unsigned count)


cdef extern from "hil_drivers/modbus.h" nogil:
    enum:
        HIL_MB_PDU_MAX
    cdef struct hil_mb_request:
        uint8_t function
        uint16_t address, quantity


cdef extern from "hil_drivers/regmap.h" nogil:
    enum:
        HIL_WHOLE_WORD
        HIL_REG_CLIENT
        HIL_REG_SERVER
    ctypedef int hil_reg_role "enum hil_reg_role"
    cdef struct hil_reg_tag:
        hil_codec codec
        uint16_t address
        uint8_t table, bit, word_little, byte_little, heartbeat, latch
    cdef struct hil_regmap:
        const hil_reg_tag *tags_in "in"
        const hil_reg_tag *tags_out "out"
        uint16_t n_in, n_out
    cdef struct hil_regmap_error:
        const char *why
        uint16_t tag, other
        uint8_t out, other_out, has_other
    int hil_regmap_check(const hil_regmap *map, hil_reg_role role, hil_regmap_error *error)


cdef extern from "hil_drivers/regplan.h" nogil:
    enum:
        HIL_REG_SINGLE_WRITES
        HIL_REG_BITS_AS_WORD
        HIL_REG_COMBINE
    cdef struct hil_reg_limits:
        uint16_t max_gap, read_bits, read_registers, write_bits, write_registers, flags
    cdef struct hil_reg_request:
        uint16_t address, quantity, n, read
        uint8_t function, done_by_other
    cdef struct hil_regplan:
        hil_reg_request *requests
        uint16_t n, n_writes
    size_t hil_regplan_size(const hil_regmap *map)
    int hil_regplan_build(hil_regplan *plan, void *mem, const hil_regmap *map, const hil_reg_limits *limits)


cdef extern from "hil_drivers/bus_thread.h" nogil:
    cdef struct hil_thread_options:
        int policy, priority, cpu
    int64_t hil_now_ns()


cdef extern from "hil_drivers/serial_port.h" nogil:
    cdef struct hil_serial_line:
        int fd
        const char *path
        int64_t bit_ns
        uint8_t char_bits
        int64_t slack_ns


cdef extern from "hil_drivers/bus_schedule.h" nogil:
    cdef struct hil_bus_schedule:
        int64_t start_ns, period_ns, phase_ns, tick_ns


cdef extern from "hil_drivers/mb_client.h" nogil:
    cdef struct hil_mb_client:
        pass
    cdef struct hil_mb_client_options:
        const char *host
        uint16_t port
        const hil_serial_line *line
        uint8_t unit, depth
        int64_t timeout_ns, turnaround_ns, backoff_ns, backoff_max_ns
        hil_reg_limits limits
    int hil_mb_client_new(const hil_mb_client_options *options, const hil_regmap *map, hil_mb_client **out)
    void hil_mb_client_free(hil_mb_client *c)
    int hil_mb_client_connect(hil_mb_client *c, int64_t wait_ns)
    int hil_mb_client_start(hil_mb_client *c, const hil_bus_schedule *schedule, const hil_thread_options *thread)
    void hil_mb_client_rest(hil_mb_client *c)
    void hil_mb_client_stop(hil_mb_client *c)
    int hil_mb_client_exchange(void *client, int64_t time_ns)
    int hil_mb_client_transact(hil_mb_client *c, const uint8_t *pdu, size_t n, uint8_t *answer, size_t *n_answer)
    int hil_mb_client_bench(hil_mb_client *c, const hil_mb_request *read, unsigned n, unsigned depth, int64_t *round_ns,
                            int64_t *total_ns)
    hil_bus_port *hil_mb_client_port(hil_mb_client *c)
    const hil_mb_counters *hil_mb_client_counters(const hil_mb_client *c)
    unsigned hil_mb_client_latch(const hil_mb_client *c)
    int hil_mb_client_connected(const hil_mb_client *c)
    int hil_mb_client_realtime(const hil_mb_client *c)


cdef extern from "hil_drivers/mb_server.h" nogil:
    cdef struct hil_mb_server:
        pass
    cdef struct hil_mb_server_options:
        const char *host
        uint16_t port
        int16_t unit
        uint16_t max_clients
        uint8_t lockstep
    int hil_mb_server_new(const hil_mb_server_options *options, const hil_regmap *map, hil_mb_server **out)
    void hil_mb_server_free(hil_mb_server *s)
    int hil_mb_server_start(hil_mb_server *s, const hil_thread_options *thread)
    void hil_mb_server_stop(hil_mb_server *s)
    void hil_mb_server_set_exception(hil_mb_server *s, uint8_t exception)
    uint16_t hil_mb_server_port_number(const hil_mb_server *s)
    hil_bus_port *hil_mb_server_port(hil_mb_server *s)
    const hil_mb_counters *hil_mb_server_counters(const hil_mb_server *s)
    unsigned hil_mb_server_clients(const hil_mb_server *s)
    int hil_mb_server_realtime(const hil_mb_server *s)


cdef extern from "hil_drivers/rtu_server.h" nogil:
    cdef struct hil_rtu_server:
        pass
    cdef struct hil_rtu_server_options:
        hil_serial_line line
        uint8_t unit, lockstep
    int hil_rtu_server_new(const hil_rtu_server_options *options, const hil_regmap *map, hil_rtu_server **out)
    void hil_rtu_server_free(hil_rtu_server *s)
    int hil_rtu_server_start(hil_rtu_server *s, const hil_thread_options *thread)
    void hil_rtu_server_stop(hil_rtu_server *s)
    void hil_rtu_server_set_exception(hil_rtu_server *s, uint8_t exception)
    hil_bus_port *hil_rtu_server_port(hil_rtu_server *s)
    const hil_mb_counters *hil_rtu_server_counters(const hil_rtu_server *s)
    int hil_rtu_server_connected(const hil_rtu_server *s)
    int hil_rtu_server_realtime(const hil_rtu_server *s)
