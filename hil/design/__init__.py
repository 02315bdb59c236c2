"""Controllers designed from models: computed once, before a bench runs, and kept as blocks of a rig file."""
