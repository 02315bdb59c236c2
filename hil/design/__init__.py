"""Controllers designed from models: what is computed once, before a bench runs. The results are blocks of a rig file."""
