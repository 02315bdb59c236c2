# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False, autotestdict=False
"""Binding of the adapter for FMUs. No logic; see core/include/hil/fmu_host.h."""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.string cimport memset

cimport cython

from array import array

from chil cimport *

from hil.errors import BenchError


@cython.no_gc_clear
cdef class Fmu:
    """An opened FMU from a `hil.fmi.opening.Opening`; `address` is its `struct hil_fmu`, for a program."""
    cdef hil_fmu *fmu
    cdef hil_fmu_description d
    cdef list keep
    cdef void *arrays[6]

    def __init__(self, opening):
        cdef char text[HIL_FMU_TEXT]
        if self.fmu != NULL:
            raise BenchError("it is open")
        self.keep = []
        memset(&self.d, 0, sizeof(self.d))
        self.d.library, self.d.name = self._text(opening.library), self._text(opening.name)
        self.d.token, self.d.resources = self._text(opening.token), self._text(opening.resources)
        self.d.version, self.d.abilities, self.d.hash = opening.version, opening.abilities, opening.hash
        self.d.tolerance, self.d.timeout_ms = opening.tolerance, opening.timeout_ms
        self.d.n_u, self.d.u = len(opening.inputs), self._variables(0, opening.inputs)
        self.d.n_y, self.d.y = len(opening.outputs), self._variables(1, opening.outputs)
        self.d.n_p, self.d.p = len(opening.params), self._variables(2, [variable for variable, _, _ in opening.params])
        self.d.p_names = self._ranges(opening.params)
        self.d.n_starts, self.d.starts = len(opening.starts), self._starts(opening.starts)
        self.d.host = self._host(opening.host)
        if hil_fmu_open(&self.d, &self.fmu, text):
            self.fmu = NULL
            raise BenchError((<bytes>text).decode("utf-8", "replace") or "there is no memory for it")

    def __dealloc__(self):
        if self.fmu != NULL:
            hil_fmu_close(self.fmu)
        for i in range(6):
            PyMem_Free(self.arrays[i])

    cdef const char *_text(self, str s):
        cdef bytes b = s.encode()
        self.keep.append(b)
        return PyBytes_AS_STRING(b)

    cdef void *_array(self, int which, size_t n, size_t each) except NULL:
        self.arrays[which] = PyMem_Calloc(n + 1, each)
        if self.arrays[which] == NULL:
            raise MemoryError()
        return self.arrays[which]

    cdef hil_fmu_variable *_variables(self, int which, variables) except NULL:
        cdef hil_fmu_variable *v = <hil_fmu_variable *>self._array(which, len(variables), sizeof(hil_fmu_variable))
        for i, (reference, kind) in enumerate(variables):
            v[i].reference, v[i].type = reference, kind
        return v

    cdef hil_model_name *_ranges(self, params) except NULL:
        cdef hil_model_name *names = <hil_model_name *>self._array(3, len(params), sizeof(hil_model_name))
        for i, (_, low, high) in enumerate(params):
            names[i].min, names[i].max = low, high
        return names

    cdef hil_fmu_start *_starts(self, starts) except NULL:
        cdef hil_fmu_start *s = <hil_fmu_start *>self._array(4, len(starts), sizeof(hil_fmu_start))
        for i, ((reference, kind), value) in enumerate(starts):
            s[i].variable.reference, s[i].variable.type = reference, kind
            if isinstance(value, str):
                s[i].text = self._text(value)
            else:
                s[i].value = value
        return s

    cdef const char **_host(self, command):
        if not command:
            return NULL
        cdef const char **argv = <const char **>self._array(5, len(command), sizeof(char *))
        for i, word in enumerate(command):
            argv[i] = self._text(word)
        return argv

    @property
    def address(self) -> int:
        return <size_t>self.fmu

    def serve(self, int fd) -> int:
        """Serves one instance over a socket until its other side closes; enum hil_err."""
        cdef int err
        with nogil:
            err = hil_fmu_serve(self.fmu, fd)
        return err

    def start(self, params) -> list:
        """Makes the instance of this object itself, or starts it anew; the outputs at time 0."""
        cdef double[::1] y = array("d", bytes(8 * (self.d.n_y + 1))), p = array("d", [*params, 0.0])
        cdef int err
        with nogil:
            err = self.fmu.reset(self.fmu.self, <void *>self.fmu, &p[0], &y[0])
        self._check(err)
        return [y[i] for i in range(self.d.n_y)]

    def step(self, inputs, double t_s, double dt_s) -> list:
        """One step of that instance; its outputs."""
        cdef double[::1] y = array("d", bytes(8 * (self.d.n_y + 1))), u = array("d", [*inputs, 0.0])
        cdef int err
        with nogil:
            err = self.fmu.step(self.fmu.self, <void *>self.fmu, &u[0], NULL, t_s, dt_s, &y[0])
        self._check(err)
        return [y[i] for i in range(self.d.n_y)]

    def save(self) -> bytes:
        """The state of that instance."""
        cdef const void *saved
        cdef size_t n
        self._check(self.fmu.save(self.fmu.self, <void *>self.fmu, &saved, &n))
        return (<const char *>saved)[:n]

    def load(self, bytes saved):
        self._check(self.fmu.load(self.fmu.self, <void *>self.fmu, PyBytes_AS_STRING(saved), len(saved)))

    def end(self):
        self.fmu.release(self.fmu.self, <void *>self.fmu)

    def measure(self, inputs, double dt_s, uint32_t n, int64_t most_ns) -> list:
        """Times in ns of up to n steps, from time 0 on."""
        cdef int64_t[::1] times = array("q", bytes(8 * (n + 1)))
        cdef double[::1] u = array("d", [*inputs, 0.0])
        cdef uint32_t made = 0
        cdef int err
        with nogil:
            err = hil_fmu_measure(self.fmu, <void *>self.fmu, &u[0], dt_s, n, most_ns, &times[0], &made)
        self._check(err)
        return [times[i] for i in range(made)]

    cdef int _check(self, int err) except -1:
        if err:
            text = self.fmu.failure(self.fmu.self, <void *>self.fmu)
            raise BenchError(text.decode("utf-8", "replace") or hil_err_text(err).decode())
        return 0
