"""Microcontroller rigs: the controller of a role as firmware, in this process (SIL), emulated (PIL) or on a board (HIL)."""
