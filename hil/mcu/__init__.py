"""Microcontroller rigs: a role's controller as firmware, in this process (SIL), emulated (PIL) or on a board (HIL)."""
