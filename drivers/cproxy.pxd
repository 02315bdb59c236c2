# The wire proxy (drivers/include/hil_drivers/proxy.h), as far as the binding needs it.
from cbus cimport hil_thread_options, int64_t, size_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "hil/ring.h" nogil:
    cdef struct hil_frame:
        uint32_t bytes
        uint16_t kind, group
        uint64_t tick


cdef extern from "hil_drivers/proxy.h" nogil:
    enum:
        HIL_PROXY_DATA_MAX
        HIL_PROXY_FAULTS_MAX
        HIL_PROXY_COUNTS
        HIL_PROXY_UNSET
    cdef struct hil_proxy_fault:
        int kind, unit, function, first, last, at, value, address, count, repair
        uint32_t ways, n_data
        uint64_t nth, every
        double probability
        int64_t from_ns, to_ns, time_ns
        uint8_t *data
    cdef struct hil_proxy_options:
        int protocol, capture
        const char *host
        const char *to_host
        uint16_t port, to_port
        uint64_t seed, ring_size
        const hil_proxy_fault *faults
        uint32_t n_faults
        int64_t silence_ns
    cdef struct hil_proxy_note:
        hil_frame head
        uint8_t way, side
        uint16_t fault, n_before, n_after
        uint64_t number
    cdef struct hil_proxy:
        pass
    const char *hil_proxy_count_name(unsigned k)
    int hil_proxy_new(const hil_proxy_options *options, int fd, int to_fd, hil_proxy **made)
    void hil_proxy_free(hil_proxy *p)
    int hil_proxy_start(hil_proxy *p, const hil_thread_options *thread)
    void hil_proxy_stop(hil_proxy *p)
    uint16_t hil_proxy_port(const hil_proxy *p)
    int64_t hil_proxy_start_ns(const hil_proxy *p)
    size_t hil_proxy_read(hil_proxy *p, void *out, size_t size)
    uint64_t hil_proxy_count(const hil_proxy *p, unsigned k)
    void hil_proxy_fault_counts(const hil_proxy *p, uint32_t k, uint64_t *matched, uint64_t *acted)
