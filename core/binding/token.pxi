# TokenPort: a tick token over a socket, around the exchange of a bus.

@cython.no_gc_clear
cdef class TokenPort:
    """A bus whose exchange gives a tick token over the socket `fd` in its middle: lock-step with an emulated device."""
    cdef hil_token_port t
    cdef object bus

    def __init__(self, bus, int fd, int timeout_ms=5000):
        self.bus = bus
        hil_token_port_init(&self.t, <hil_bus_port *><size_t>bus.port_ptr(), fd, timeout_ms)

    def port_ptr(self) -> int:
        return <size_t>&self.t.port
