# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""A bus for devices that Python talks to: what hil/port.h asks for, and nothing behind it. No logic."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free

from cbus cimport hil_box, hil_box_begin, hil_box_publish, hil_box_take, hil_bus_port, hil_image


cdef extern from "hil/image.h" nogil:
    size_t hil_box_size(uint32_t n)
    void hil_box_init(hil_box *box, void *mem, uint32_t n)


cdef class ValuePort:
    """Two boxes of values. The loop holds one end, one Python thread the other; neither ever waits for the other.

    n_in values go to the loop (publish), n_out come from it (take_out); for an emulated device, which has a loop of its
    own, these are the device's inputs and outputs.
    """
    cdef hil_bus_port port
    cdef hil_box box_in, box_out
    cdef void *memory_in
    cdef void *memory_out
    cdef readonly int n_in, n_out

    def __cinit__(self, int n_in, int n_out):
        if n_in < 0 or n_out < 0 or n_in > 65535 or n_out > 65535:
            raise ValueError("a port has 0 to 65535 values each way")
        self.memory_in, self.memory_out = calloc(1, hil_box_size(n_in) + 8), calloc(1, hil_box_size(n_out) + 8)
        if self.memory_in == NULL or self.memory_out == NULL:
            raise MemoryError
        hil_box_init(&self.box_in, self.memory_in, n_in)
        hil_box_init(&self.box_out, self.memory_out, n_out)
        self.n_in, self.n_out = n_in, n_out
        self.port.box_in, self.port.box_out = &self.box_in, &self.box_out

    def __dealloc__(self):
        free(self.memory_in)
        free(self.memory_out)

    def publish(self, values, int64_t time_ns) -> None:
        """Gives values to the loop; NaN is a bad one. time_ns: when they were measured (now_ns() clock)."""
        cdef hil_image *image = hil_box_begin(&self.box_in)
        if len(values) != self.n_in:
            raise ValueError(f"{self.n_in} values are wanted, not {len(values)}")
        for i in range(self.n_in):
            image.v[i] = values[i]
        image.time_ns = time_ns
        hil_box_publish(&self.box_in)

    def take_out(self):
        """(number, time_ns, values) of the newest image from the loop, or None when there is none since the last call."""
        cdef const hil_image *image = hil_box_take(&self.box_out)
        if image == NULL:
            return None
        return image.seq, image.time_ns, [image.v[i] for i in range(image.n)]

    def port_ptr(self) -> int:
        """Address of the struct hil_bus_port, for the loop."""
        return <size_t>&self.port
