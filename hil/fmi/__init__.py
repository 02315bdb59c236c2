"""FMUs (co-simulation, FMI 2.0 and 3.0) as blocks: unpacked and validated by FMPy, run by core/linux/fmu*.c."""
