# The bus of the microcontroller link (drivers/include/hil_drivers/link_bus.h), as far as the binding needs it.
from cbus cimport (hil_box, hil_bus_port, hil_bus_schedule, hil_codec, hil_histogram, hil_thread_options, int64_t, size_t, uint8_t,
                   uint16_t, uint64_t)


cdef extern from "hil/types.h" nogil:
    enum:
        HIL_E_SIZE
        HIL_E_ABI
    const char *hil_err_text(int err)


cdef extern from "hil_drivers/link.h" nogil:
    enum:
        HIL_LINK_MAX_MESSAGE
        HIL_LINK_COUNTERS
    cdef struct hil_link_counters:
        pass
    const char *hil_link_counter_name(unsigned k)


cdef extern from "hil_drivers/link_protocol.h" nogil:
    ctypedef int hil_link_mode "enum hil_link_mode"
    enum:
        HIL_LINK_FREE
        HIL_LINK_LOCKSTEP


cdef extern from "hil_drivers/clock_sync.h" nogil:
    cdef struct hil_clock_estimate:
        int64_t at_ns
        double offset_ns, drift, bound_ns
    int64_t hil_clock_to_host(const hil_clock_estimate *e, int64_t device_ns)
    int64_t hil_clock_to_device(const hil_clock_estimate *e, int64_t host_ns)


cdef extern from "hil_drivers/link_bus.h" nogil:
    enum:
        HIL_LBC_COUNT
    cdef struct hil_link_bus:
        pass
    cdef struct hil_link_bus_options:
        int fd
        int64_t timeout_ns
        int clock_tags
    cdef struct hil_link_answer:
        uint8_t report
        uint16_t id, n
        uint8_t *data
    cdef struct hil_link_bus_counters:
        uint64_t *count
        hil_link_counters link
        hil_histogram round_trip, age
    const char *hil_link_bus_count_name(unsigned count)
    int hil_link_bus_new(const hil_link_bus_options *options, const hil_codec *codecs_in, unsigned n_in,
                         const hil_codec *codecs_out, unsigned n_out, hil_link_bus **bus)
    void hil_link_bus_free(hil_link_bus *b)
    int hil_link_bus_connect(hil_link_bus *b, int64_t wait_ns)
    void hil_link_bus_close(hil_link_bus *b)
    int hil_link_bus_ask(hil_link_bus *b, uint8_t op, const uint8_t *payload, size_t n, int64_t timeout_ns,
                         hil_link_answer *answer)
    int hil_link_bus_describe(hil_link_bus *b, char *text, size_t size, size_t *n, int64_t timeout_ns)
    int hil_link_bus_begin(hil_link_bus *b, hil_link_mode mode, int reset, int64_t timeout_ns, hil_link_answer *answer)
    int hil_link_bus_report(hil_link_bus *b, hil_link_answer *report)
    int hil_link_bus_exchange(void *bus, int64_t time_ns)
    int hil_link_bus_start(hil_link_bus *b, const hil_bus_schedule *schedule, const hil_thread_options *thread)
    void hil_link_bus_stop(hil_link_bus *b)
    hil_bus_port *hil_link_bus_port(hil_link_bus *b)
    void hil_link_bus_count(hil_link_bus *b, hil_link_bus_counters *counters)
    int hil_link_bus_clock(hil_link_bus *b, hil_clock_estimate *e)
    int hil_link_bus_is_connected(hil_link_bus *b)
    int hil_link_bus_realtime(const hil_link_bus *b)
