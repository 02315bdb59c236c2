"""Benches and recordings in a notebook: plots, pandas objects, and what a cell shows of them."""
